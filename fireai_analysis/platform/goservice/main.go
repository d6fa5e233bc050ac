// The Go service of the embedded Fire-AI platform: classification, evidence, CRDT results.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	requestDeadline = 25 * time.Second
	stopDeadline    = 5 * time.Second
	maxConnections  = 30
	minConnections  = 5
)

func main() {
	httpFD := flag.Uint("http-fd", 0, "listening socket of the service, inherited")
	pprofFD := flag.Uint("pprof-fd", 0, "listening socket of net/http/pprof, inherited")
	flag.Parse()
	if err := run(*httpFD, *pprofFD); err != nil {
		slog.Error("stopped", "error", err)
		os.Exit(1)
	}
}

func run(httpFD, pprofFD uint) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx = untilEOF(ctx, os.Stdin)
	pool, err := openPool(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	secret, evidenceDir := os.Getenv("INTERNAL_JWT_SECRET_KEY"), os.Getenv("FIREAI_EVIDENCE_DIR")
	if secret == "" || evidenceDir == "" {
		return errors.New("INTERNAL_JWT_SECRET_KEY and FIREAI_EVIDENCE_DIR must be set")
	}
	service := newService(pool, []byte(secret), evidenceDir)
	failed := make(chan error, 2)
	servers := []*http.Server{newServer(service.routes()), newServer(pprofRoutes())}
	for i, fd := range []uint{httpFD, pprofFD} {
		listener, err := net.FileListener(os.NewFile(uintptr(fd), "listener"))
		if err != nil {
			return err
		}
		go func() { failed <- servers[i].Serve(listener) }()
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.Background(), stopDeadline)
	defer cancel()
	return errors.Join(err, servers[0].Shutdown(deadline), servers[1].Close())
}

// untilEOF returns a context that also ends when the supervisor's pipe closes.
func untilEOF(ctx context.Context, pipe io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, pipe)
		cancel()
	}()
	return ctx
}

func openPool(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("DATABASE_URL is missing or malformed")
	}
	config.MaxConns, config.MinConns = maxConnections, minConnections
	config.ConnConfig.RuntimeParams["application_name"] = "fireai-go"
	return pgxpool.NewWithConfig(ctx, config)
}

// newServer allows long keep-alive, so that no idle connection is closed under a client that is about to use it.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		IdleTimeout:       10 * time.Minute,
	}
}

func pprofRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

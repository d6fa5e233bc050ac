package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

type service struct {
	pool        *pgxpool.Pool
	secret      []byte
	evidenceDir string
	counters    *counters
	started     time.Time
	writers     *writers
}

// answer is a finished response; problem is one that is an error.
type answer struct {
	status int
	body   []byte
}

type problem struct {
	status        int
	code, message string
}

func (p *problem) Error() string { return p.message }

// parts are the exclusive times of one request, for Server-Timing.
type parts struct {
	start                 time.Time
	pool, db, crdt        time.Duration
	pooled, asked, joined bool
}

type handler func(*http.Request, *parts) (answer, error)

func newService(pool *pgxpool.Pool, secret []byte, evidenceDir string) *service {
	s := &service{pool: pool, secret: secret, evidenceDir: evidenceDir, counters: newCounters(), started: time.Now()}
	s.writers = newWriters(s.commitWrites)
	return s
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /health", s.counted("/health", s.health))
	mux.Handle("POST /v1/classify", s.counted("/v1/classify", s.authenticated(s.classify)))
	mux.Handle("POST /v1/evidence", s.counted("/v1/evidence", s.authenticated(s.evidence)))
	mux.Handle("POST "+resultsEndpoint, s.counted(resultsEndpoint, s.authenticated(s.results)))
	mux.Handle("GET /v1/tests/sessions/{session_id}", s.answered(s.authenticated(s.session)))
	mux.HandleFunc("GET /memory", s.memory)
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

func (s *service) health(*http.Request, *parts) (answer, error) {
	return jsonAnswer(http.StatusOK, map[string]string{"status": "healthy", "service": "go"})
}

// counted counts a request as it arrives and answers it.
func (s *service) counted(endpoint string, handle handler) http.Handler {
	next := s.answered(handle)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.counters.add(r.Method, endpoint, r.Header.Get(doorHeader))
		next.ServeHTTP(w, r)
	})
}

// answered gives a request a deadline and writes its answer with the times it took.
func (s *service) answered(handle handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		times := &parts{start: time.Now()}
		ctx, cancel := context.WithTimeout(r.Context(), requestDeadline)
		defer cancel()
		result, err := handle(r.WithContext(ctx), times)
		if err != nil {
			result = errorAnswer(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Server-Timing", times.header())
		w.WriteHeader(result.status)
		_, _ = w.Write(result.body)
	})
}

func (p *parts) header() string {
	own := time.Since(p.start) - p.pool - p.db - p.crdt
	var text strings.Builder
	fmt.Fprintf(&text, "go;dur=%.3f", milliseconds(own))
	if p.pooled {
		fmt.Fprintf(&text, ", pool;dur=%.3f", milliseconds(p.pool))
	}
	if p.asked {
		fmt.Fprintf(&text, ", db;dur=%.3f", milliseconds(p.db))
	}
	if p.joined {
		fmt.Fprintf(&text, ", crdt;dur=%.3f", milliseconds(p.crdt))
	}
	return text.String()
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// acquire takes a connection of the pool and books the wait for it.
func (s *service) acquire(ctx context.Context, times *parts) (*pgxpool.Conn, error) {
	begin := time.Now()
	connection, err := s.pool.Acquire(ctx)
	times.pool, times.pooled = times.pool+time.Since(begin), true
	if err != nil {
		return nil, &problem{http.StatusServiceUnavailable, "no_connection", "no database connection in time"}
	}
	return connection, nil
}

// database books the time of one round trip to PostgreSQL.
func (p *parts) database(begin time.Time) { p.db, p.asked = p.db+time.Since(begin), true }

func jsonAnswer(status int, value any) (answer, error) {
	body, err := json.Marshal(value)
	return answer{status, body}, err
}

// errorAnswer maps an error to its status; what is not foreseen is logged and answered with 500.
func errorAnswer(err error) answer {
	found := classifyError(err)
	if found.status == http.StatusInternalServerError {
		slog.Error("request failed", "error", err)
	}
	body, _ := json.Marshal(map[string]any{"error": map[string]string{"code": found.code, "message": found.message}})
	return answer{found.status, body}
}

// isConnectionError tells a database that is gone, stopping or full from one that refused a statement.
func isConnectionError(err error) bool {
	var database *pgconn.PgError
	if errors.As(err, &database) {
		return slices.Contains([]string{"08", "53", "57"}, database.Code[:2])
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func classifyError(err error) *problem {
	var known *problem
	var tooLarge *http.MaxBytesError
	var database *pgconn.PgError
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &tooLarge):
		return &problem{http.StatusRequestEntityTooLarge, "too_large", "the request is too large"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &problem{http.StatusGatewayTimeout, "deadline", "not finished in time"}
	case errors.As(err, &database) && database.Code == "23503":
		return &problem{http.StatusNotFound, "unknown_session", "the session does not exist"}
	case isConnectionError(err):
		return &problem{http.StatusServiceUnavailable, "no_database", "the database cannot be reached"}
	case isDataError(err):
		return &problem{http.StatusUnprocessableEntity, "bad_data", "the database cannot hold a value of this request"}
	}
	return &problem{http.StatusInternalServerError, "internal", "internal error"}
}

package main

import (
	"encoding/json"
	"math"
	"net/http"
	"os"
	"runtime"
	"runtime/metrics"
	"sort"
	"sync"
	"time"
)

// counters count requests as they arrive, by method, endpoint and door.
type counters struct {
	mutex  sync.Mutex
	counts map[requestKind]int64
}

type requestKind struct{ method, endpoint, door string }

type requestCount struct {
	Method   string `json:"method"`
	Endpoint string `json:"endpoint"`
	Door     string `json:"door"`
	Count    int64  `json:"requests_count"`
}

func newCounters() *counters { return &counters{counts: map[requestKind]int64{}} }

func (c *counters) add(method, endpoint, proxiedBy string) {
	door := "go"
	if proxiedBy == "fastapi" {
		door = "fastapi"
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts[requestKind{method, endpoint, door}]++
}

func (c *counters) list() []requestCount {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	rows := make([]requestCount, 0, len(c.counts))
	for kind, count := range c.counts {
		rows = append(rows, requestCount{kind.method, kind.endpoint, kind.door, count})
	}
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].Endpoint != rows[j].Endpoint {
			return rows[i].Endpoint < rows[j].Endpoint
		}
		return rows[i].Door < rows[j].Door
	})
	return rows
}

// memory answers with the contract's figures; MB is 2^20 bytes there, as in the Go runtime's own habit.
func (s *service) memory(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	mb := func(bytes uint64) float64 { return float64(bytes) / (1 << 20) }
	writeJSON(w, map[string]any{
		"alloc_mb": mb(m.Alloc), "total_alloc_mb": mb(m.TotalAlloc), "sys_mb": mb(m.Sys), "num_gc": m.NumGC,
		"gc_cpu_fraction": m.GCCPUFraction, "heap_alloc_mb": mb(m.HeapAlloc), "heap_sys_mb": mb(m.HeapSys),
		"heap_idle_mb": mb(m.HeapIdle), "heap_inuse_mb": mb(m.HeapInuse), "num_goroutines": runtime.NumGoroutine(),
		"timestamp": time.Now().UTC().Format(time.RFC3339),
	})
}

// metrics answers with runtime/metrics, the pool's Stat and the request counts.
func (s *service) metrics(w http.ResponseWriter, _ *http.Request) {
	values := readRuntime()
	writeJSON(w, map[string]any{
		"pid": os.Getpid(), "start_ns": s.started.UnixNano(), "t_ns": time.Now().UnixNano(),
		"go_version": runtime.Version(),
		"runtime":    runtimeColumns(values),
		"histograms": map[string]any{
			"gc_pause":      histogramJSON(values[gcPauses].Float64Histogram()),
			"sched_latency": histogramJSON(values[schedLatencies].Float64Histogram()),
		},
		"pool":     s.poolColumns(),
		"requests": s.counters.list(),
	})
}

func (s *service) poolColumns() map[string]any {
	stat := s.pool.Stat()
	return map[string]any{
		"max_count": stat.MaxConns(), "total_count": stat.TotalConns(), "idle_count": stat.IdleConns(),
		"acquired_count": stat.AcquiredConns(), "acquires_count": stat.AcquireCount(),
		"acquire_wait_s":              stat.AcquireDuration().Seconds(),
		"empty_acquires_count":        stat.EmptyAcquireCount(),
		"canceled_acquires_count":     stat.CanceledAcquireCount(),
		"new_connections_count":       stat.NewConnsCount(),
		"destroyed_connections_count": stat.MaxIdleDestroyCount() + stat.MaxLifetimeDestroyCount(),
	}
}

const (
	gcPauses       = "/sched/pauses/total/gc:seconds"
	schedLatencies = "/sched/latencies:seconds"
)

var runtimeNames = map[string]string{
	"live_heap_bytes":    "/gc/heap/live:bytes",
	"heap_objects_bytes": "/memory/classes/heap/objects:bytes",
	"total_bytes":        "/memory/classes/total:bytes",
	"released_bytes":     "/memory/classes/heap/released:bytes",
	"stack_bytes":        "/memory/classes/heap/stacks:bytes",
	"gc_count":           "/gc/cycles/total:gc-cycles",
	"gc_cpu_s":           "/cpu/classes/gc/total:cpu-seconds",
	"total_cpu_s":        "/cpu/classes/total:cpu-seconds",
	"goroutines_count":   "/sched/goroutines:goroutines",
	"alloc_bytes_total":  "/gc/heap/allocs:bytes",
	"alloc_count_total":  "/gc/heap/allocs:objects",
}

func readRuntime() map[string]metrics.Value {
	samples := []metrics.Sample{{Name: gcPauses}, {Name: schedLatencies}}
	for _, name := range runtimeNames {
		samples = append(samples, metrics.Sample{Name: name})
	}
	metrics.Read(samples)
	values := map[string]metrics.Value{}
	for _, sample := range samples {
		values[sample.Name] = sample.Value
	}
	return values
}

func runtimeColumns(values map[string]metrics.Value) map[string]any {
	columns := map[string]any{}
	for column, name := range runtimeNames {
		switch value := values[name]; value.Kind() {
		case metrics.KindUint64:
			columns[column] = value.Uint64()
		case metrics.KindFloat64:
			columns[column] = value.Float64()
		default:
			columns[column] = nil
		}
	}
	pauses := values[gcPauses].Float64Histogram()
	count, longest := uint64(0), 0.0
	for i, n := range pauses.Counts {
		count += n
		if n > 0 {
			longest = bucketTop(pauses.Buckets[i], pauses.Buckets[i+1])
		}
	}
	columns["gc_pause_count"], columns["gc_pause_max_us"] = count, longest*1e6
	return columns
}

// bucketTop is the upper bound of a bucket, or its lower one where the upper is infinite.
func bucketTop(low, high float64) float64 {
	if math.IsInf(high, 1) {
		return low
	}
	return high
}

// histogramJSON writes infinite bounds as null.
func histogramJSON(histogram *metrics.Float64Histogram) map[string]any {
	bounds := make([]*float64, len(histogram.Buckets))
	for i, bound := range histogram.Buckets {
		if !math.IsInf(bound, 0) {
			bounds[i] = &bound
		}
	}
	return map[string]any{"bounds_s": bounds, "counts": histogram.Counts}
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

"""Tables of what the platform used: memory, garbage collection, pool, database, parts of a request."""

from __future__ import annotations

from fireai_analysis.narrative.words import PARTS
from fireai_analysis.results import ScenarioResult, SizeGrowth, Span
from fireai_analysis.tables.table import Table, figures, interval_text, keyed, listing, mb_text, share_text
from fireai_analysis.units import NOT_MEASURED, Limits, bytes_text, mib_to_mb, ms_text, number_text

PROCESSES = {
    "fastapi": "FastAPI service",
    "postgres": "PostgreSQL",
    "generator": "Load generator",
    "sampler": "Samplers",
}
SHOWN_FROM = "Would have shown"


def memory(result: ScenarioResult, limits: Limits) -> Table:
    """Return memory of the Go service in MB and MiB, the peak of every process, and what growth would have shown."""
    heap, go, growth = result.live_heap_mib, result.go, result.growth
    limit, fastapi = limits.get("go_memory"), growth.python_resident_set
    rows = [
        *_span("Go service, resident set", result.memory_mib, growth.resident_set, limit),
        *_span("Go service, live heap", heap, growth.live_heap, limit),
        *(
            (
                f"{PROCESSES.get(name, name)}, resident set, MB",
                "–",
                number_text(mib_to_mb(peak), 1),
                "–",
                "–",
                _shown_from(fastapi)[0] if name == "fastapi" else "–",
            )
            for name, peak in result.processes_peak_mib.items()
            if name != "go"
        ),
    ]
    interval = interval_text(heap.slope_interval, lambda slope: number_text(slope, 2))
    note = (
        f"Live heap slope {number_text(heap.slope_mib_per_h, 2, 'MiB/h')}, 95 % interval {interval}. High-water mark "
        f"of the Go process {bytes_text(go.high_water_end_bytes, limit)} ({go.high_water_source or NOT_MEASURED}). "
        f"{SHOWN_FROM}: the smallest steady growth that a run of this length and noise brings to light."
    )
    columns = ("Memory", "Initial", "Peak", "Final", "Growth", SHOWN_FROM)
    return listing(result, "memory", title="Memory", columns=columns, rows=rows, note=note)


def garbage_collection(result: ScenarioResult) -> Table:
    """Return garbage collection and goroutines of the Go service."""
    go, pauses, goroutines = result.go, result.go.gc_pause_ms, result.go.goroutines
    least = _at_least(number_text(result.growth.goroutines.detectable_per_h, 1, "an hour"))
    rows = [
        ("Collections", number_text(go.gc_count, 0), "go.gc_count"),
        ("Collections a minute", number_text(go.gc_per_min, 1), "go.gc_per_min"),
        ("CPU share of collection", share_text(go.gc_cpu_ratio), "go.gc_cpu_ratio"),
        ("Pause, median", number_text(pauses.p50, 3, "ms"), "go.gc_pause_ms.p50"),
        ("Pause, P99", number_text(pauses.p99, 3, "ms"), "go.gc_pause_ms.p99"),
        ("Pause, longest", number_text(pauses.max, 3, "ms"), "go.gc_pause_ms.max"),
        ("Scheduling latency, P99", number_text(go.sched_latency_p99_ms, 3, "ms"), "go.sched_latency_p99_ms"),
        ("Goroutines at first", number_text(goroutines.initial, 0), "go.goroutines.initial"),
        ("Goroutines at most", number_text(goroutines.peak, 0), "go.goroutines.peak"),
        ("Goroutines at the end", number_text(goroutines.final, 0), "go.goroutines.final"),
        (f"Goroutines, growth: {SHOWN_FROM.lower()}", least, "growth.goroutines.detectable_per_h"),
    ]
    note = "Pauses are upper bounds of the runtime's histogram buckets."
    return figures(result, "gc", title="Garbage collection and goroutines", rows=rows, note=note)


def stability(result: ScenarioResult) -> Table:
    """Return what tells whether the platform stays up: leak, goroutines, restarts, connections."""
    heap, go, connections = result.live_heap_mib, result.go, result.connections
    yes_no = {True: "yes", False: "no", None: NOT_MEASURED}
    slope_interval = interval_text(heap.slope_interval, lambda slope: number_text(slope, 2, "MiB/h"))
    rows = [
        ("Resident set, growth over the run", mb_text(result.memory_mib.growth), "memory_mib.growth"),
        ("Live heap, slope", number_text(heap.slope_mib_per_h, 2, "MiB/h"), "live_heap_mib.slope_mib_per_h"),
        ("Live heap, 95 % interval of the slope", slope_interval, "live_heap_mib.slope_interval"),
        ("Goroutines at first", number_text(go.goroutines.initial, 0), "go.goroutines.initial"),
        ("Goroutines at the end", number_text(go.goroutines.final, 0), "go.goroutines.final"),
        ("Restarted during the run", yes_no[go.restarted], "go.restarted"),
        ("Database connections at first", number_text(connections.initial_count, 0), "connections.initial_count"),
        ("Database connections at the end", number_text(connections.final_count, 0), "connections.final_count"),
        ("Connection errors", number_text(connections.errors_count, 0), "connections.errors_count"),
        ("Connections stable over this run", yes_no[connections.stable], "connections.stable"),
    ]
    return figures(result, "stability", title="Memory and connections over the run", rows=rows, note="")


def pool(result: ScenarioResult) -> Table:
    """Return use of the Go service's connection pool, and connections of the database."""
    use, connections = result.pool, result.connections
    stable = {True: "stable over this run", False: "unstable", None: NOT_MEASURED}[connections.stable]
    rows = [
        ("Pool size", number_text(use.max_count, 0), "pool.max_count"),
        ("In use at most", number_text(use.peak_acquired_count, 0), "pool.peak_acquired_count"),
        ("Utilization, peak", share_text(use.peak_utilization_ratio), "pool.peak_utilization_ratio"),
        ("Utilization, mean", share_text(use.mean_utilization_ratio), "pool.mean_utilization_ratio"),
        ("Acquisitions", number_text(use.acquires_count, 0), "pool.acquires_count"),
        ("Acquisitions that waited", number_text(use.waited_acquires_count, 0), "pool.waited_acquires_count"),
        ("Mean wait of an acquisition", number_text(use.mean_wait_ms, 3, "ms"), "pool.mean_wait_ms"),
        ("Connections opened", number_text(use.new_connections_count, 0), "pool.new_connections_count"),
        ("Database connections at most", number_text(connections.peak_count, 0), "connections.peak_count"),
        ("Connection errors", number_text(connections.errors_count, 0), "connections.errors_count"),
        ("Connection stability", stable, "connections.stable"),
    ]
    return figures(result, "pool", title="Connection pool and connections", rows=rows, note="")


def statements(result: ScenarioResult) -> Table:
    """Return the statements that took most of the database's time."""
    rows = [
        (
            entry.query,
            number_text(entry.calls_count, 0),
            number_text(entry.total_ms, 1, "ms"),
            number_text(entry.mean_ms, 3, "ms"),
            number_text(entry.rows_count, 0),
        )
        for entry in result.database.statements
    ]
    note = "Over the run, from pg_stat_statements; texts normalised." if rows else "No statement statistics were read."
    columns = ("Statement", "Calls", "Total", "Mean", "Rows")
    table = listing(result, "statements", title="Statements by total time", columns=columns, rows=rows, note=note)
    return keyed(table, result, "database.statements")


def waits(result: ScenarioResult) -> Table:
    """Return what sessions of the database were doing or waiting for."""
    database = result.database
    rows = [
        (entry.event, number_text(entry.sessions_mean, 3), number_text(entry.samples_count, 0))
        for entry in database.waits
    ]
    note = (
        f"Over {number_text(database.samples_count, 0)} samples. Commits {number_text(database.commits_count, 0)}, "
        f"rollbacks {number_text(database.rollbacks_count, 0)}, deadlocks {number_text(database.deadlocks_count, 0)}, "
        f"lock waits {number_text(database.lock_waits_count, 0)}, cache hits {share_text(database.cache_hit_ratio)}."
        if database.samples_count
        else "The database was not sampled."
    )
    columns = ("Wait event", "Sessions, mean", "Samples")
    return listing(result, "waits", title="Database sessions by wait event", columns=columns, rows=rows, note=note)


def layers(result: ScenarioResult) -> Table:
    """Return the exclusive time of each part of a request, and its share of the slow tail."""
    rows = [
        (
            PARTS.get(part, part),
            ms_text(layer.mean),
            ms_text(layer.p50),
            ms_text(layer.p95),
            share_text(layer.share_of_tail_ratio),
        )
        for part, layer in result.layers_ms.items()
    ]
    note = "Exclusive times from the Server-Timing header." if rows else "The target sent no Server-Timing header."
    columns = ("Part", "Mean", "P50", "P95", "Share of the slow tail")
    return listing(result, "layers", title="Time by part of the platform", columns=columns, rows=rows, note=note)


def _span(name: str, span: Span, growth: SizeGrowth, limit_bytes: float | None) -> list[tuple[str, ...]]:
    values = (span.initial, span.peak, span.final)
    in_mb, in_mib = _shown_from(growth)
    return [
        (
            f"{name}, MB",
            *(mb_text(value, limit_bytes).removesuffix(" MB") for value in values),
            mb_text(span.growth).removesuffix(" MB"),
            in_mb,
        ),
        (f"{name}, MiB", *(number_text(value, 1) for value in (*values, span.growth)), in_mib),
    ]


def _shown_from(growth: SizeGrowth) -> tuple[str, str]:
    """Return the smallest growth that the run would have shown, in MB and in MiB an hour."""
    least = growth.detectable_mib_per_h
    in_mb = None if least is None else mib_to_mb(least)
    return _at_least(number_text(in_mb, 2, "MB/h")), _at_least(number_text(least, 2, "MiB/h"))


def _at_least(text: str) -> str:
    return text if text == NOT_MEASURED else f"≥ {text}"

"""Values that are shown once a scenario: heap, garbage collection, goroutines, pool, database, layers, host."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fireai_analysis import narrative
from fireai_analysis.narrative.words import span_text
from fireai_analysis.publish.skeleton import Value
from fireai_analysis.publish.source import Source
from fireai_analysis.results import ScenarioResult
from fireai_analysis.tables.table import mb_text, share_text
from fireai_analysis.units import BYTES_PER_KB, bytes_text, number_text

Values = dict[str, Value]
count = partial(number_text, digits=0)

NO_GO = "the Go runtime could not be sampled"
NO_GC = "no garbage collection ran"
NO_POOL = "the connection pool could not be sampled"
NO_HOST = "the host could not be sampled"
NO_DATABASE = "the statistics of PostgreSQL were not read"


def values(source: Source) -> Values:
    """Return the values whose slots start with `*.`, for one scenario."""
    return {**_go(source), **_database(source), **_host(source), **_layers(source)}


def _go(source: Source) -> Values:
    heap = {
        f"heap_{name}": source.value(f"live_heap_mib.{name}", mb_text, NO_GO) for name in ("initial", "peak", "final")
    }
    goroutines = {
        f"goroutines_{name}": source.value(f"go.goroutines.{name}", count, NO_GO)
        for name in ("initial", "peak", "final")
    }
    return {
        **heap,
        "heap_slope": source.words(_slope, "live_heap_mib.slope_mib_per_h", "too few collections for a slope"),
        "gc_count": source.words(_gc_count, "go.gc_count", NO_GO),
        "gc_cpu": source.value("go.gc_cpu_ratio", share_text, NO_GC if source.at("go.gc_count") == 0 else NO_GO),
        "gc_pause": source.words(_gc_pause, "go.gc_pause_ms", NO_GO),
        "memory_efficiency": source.value("go.live_to_total_ratio", share_text, NO_GO),
        **goroutines,
        "goroutine_leaks": source.words(narrative.goroutine_leaks, "go.goroutines", NO_GO),
    }


def _database(source: Source) -> Values:
    return {
        "pool_utilization": source.words(_pool, "pool.peak_utilization_ratio", NO_POOL),
        "query_performance": source.words(narrative.query_performance, "database.statements", NO_DATABASE),
        "lock_contention": source.words(narrative.lock_contention, "database.lock_waits_count", NO_DATABASE),
        "index_usage": source.words(narrative.index_usage, "database.index_scans", NO_DATABASE),
    }


def _host(source: Source) -> Values:
    pairs: tuple[tuple[str, Callable[[ScenarioResult], str | None], str], ...] = (
        ("cpu", _cpu, "cpu_mean_ratio"),
        ("memory_use", _memory, "memory_peak_ratio"),
        ("network", _network, "net_received_bytes_per_s"),
        ("disk", _disk, "disk_written_bytes_per_s"),
    )
    return {name: source.words(make, f"host.{path}", NO_HOST) for name, make, path in pairs}


def _layers(source: Source) -> Values:
    return {
        f"layer_{part}": source.words(
            partial(_layer, part), f"layers_ms.{part}", f"no usable Server-Timing part `{part}` was recorded"
        )
        for part in ("app", "go", "validation", "crdt")
    }


def _slope(result: ScenarioResult) -> str | None:
    heap = result.live_heap_mib
    if heap.slope_mib_per_h is None:
        return None
    text = number_text(heap.slope_mib_per_h, 2, "MiB/h")
    return text if heap.slope_interval is None else f"{text} ({span_text(heap.slope_interval, 2, 'MiB/h')})"


def _gc_count(result: ScenarioResult) -> str | None:
    go = result.go
    if go.gc_count is None:
        return None
    rate = "" if go.gc_per_min is None else f" ({number_text(go.gc_per_min, 1)} a minute)"
    return f"{count(go.gc_count)}{rate}"


def _gc_pause(result: ScenarioResult) -> str | None:
    pauses = result.go.gc_pause_ms
    if pauses.p50 is None and pauses.max is None:
        return None
    return f"P50 {number_text(pauses.p50, 3, 'ms')}, longest {number_text(pauses.max, 3, 'ms')}"


def _pool(result: ScenarioResult) -> str | None:
    pool = result.pool
    if pool.peak_utilization_ratio is None:
        return None
    text = f"{share_text(pool.peak_utilization_ratio)} at most ({pool.peak_acquired_count} of {pool.max_count})"
    return (
        text if pool.mean_utilization_ratio is None else f"{text}, {share_text(pool.mean_utilization_ratio)} on average"
    )


def _cpu(result: ScenarioResult) -> str | None:
    host = result.host
    if host.cpu_mean_ratio is None:
        return None
    return f"{share_text(host.cpu_mean_ratio)} on average, {share_text(host.cpu_peak_ratio)} at most"


def _memory(result: ScenarioResult) -> str | None:
    host = result.host
    if host.memory_peak_ratio is None:
        return None
    size = "" if host.memory_peak_bytes is None else f" ({bytes_text(host.memory_peak_bytes)})"
    return f"{share_text(host.memory_peak_ratio)} at most{size}"


def _network(result: ScenarioResult) -> str | None:
    host = result.host
    return _rates((host.net_received_bytes_per_s, "received"), (host.net_sent_bytes_per_s, "sent"))


def _disk(result: ScenarioResult) -> str | None:
    host = result.host
    return _rates((host.disk_read_bytes_per_s, "read"), (host.disk_written_bytes_per_s, "written"))


def _rates(*pairs: tuple[float | None, str]) -> str | None:
    if any(rate is None for rate, _ in pairs):
        return None
    return ", ".join(
        f"{number_text(rate / BYTES_PER_KB, 0, 'kB/s')} {word}" for rate, word in pairs if rate is not None
    )


def _layer(part: str, result: ScenarioResult) -> str | None:
    layer = result.layers_ms.get(part)
    if layer is None or layer.mean is None:
        return None
    text = f"mean {number_text(layer.mean, 2, 'ms')}, P95 {number_text(layer.p95, 2, 'ms')}"
    share = layer.share_of_tail_ratio
    return text if share is None else f"{text}, {share_text(share)} of the slow tail"

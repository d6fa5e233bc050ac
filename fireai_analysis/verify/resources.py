"""Memory, runtime, pool, host and database recomputed from the samples; keys are those below a scenario's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import (
    NS_PER_S,
    Floats,
    Run,
    finite,
    numbers,
    quotient,
    rise,
    whole_number,
    words,
)
from fireai_analysis.verify.traffic import Figures

MIB = 1_048_576
GROWING = ("gc_count", "alloc_bytes_total", "total_cpu_s")
TARGET = ("go", "fastapi", "postgres")


def largest(values: Floats) -> float | None:
    """Return the largest number; None where there is none."""
    seen = finite(values)
    return float(seen.max()) if len(seen) else None


def average(values: Floats) -> float | None:
    """Return the mean of the numbers; None where there is none."""
    seen = finite(values)
    return math.fsum(seen) / len(seen) if len(seen) else None


def span(values: Floats) -> dict[str, float | None]:
    """Return first, largest, last and last less first; all None without numbers."""
    seen = finite(values)
    if not len(seen):
        return dict.fromkeys(("initial", "peak", "final", "growth"))
    first, last = float(seen[0]), float(seen[-1])
    return {"initial": first, "peak": float(seen.max()), "final": last, "growth": last - first}


def memory(run: Run) -> Figures:
    """Return resident set, live heap and high-water marks of the Go process, and the peak of every process."""
    go, runtime = run.process("go"), run.during("go")
    heap = span(numbers(runtime, "live_heap_bytes") / MIB)
    return {
        "memory_mib": span(numbers(go, "rss_bytes") / MIB),
        **{f"live_heap_mib.{name}": value for name, value in heap.items()},
        **marks(run),
        "processes_peak_mib": _peaks(run),
    }


def marks(run: Run) -> Figures:
    """Return the marks of the Go process at start and end, where they were read, and the largest sample."""
    everything = run.process("go", everywhere=True)
    seen = finite(numbers(everything, "high_water_bytes"))
    noted, first = (_positive(run.facts.get(f"go_high_water_{name}_bytes")) for name in ("end", "start"))
    ends = ([] if noted is None else [noted]) + ([int(seen.max())] if len(seen) else [])
    source = run.facts.get("go_high_water_source") if noted is not None else None
    started = None if everything is None else everything["start_ns"].iloc[0]
    return {
        "go.high_water_start_bytes": first if first is not None else (int(seen[0]) if len(seen) else None),
        "go.high_water_end_bytes": max(ends) if ends else None,
        "go.high_water_source": str(source or "VmHWM") if ends else None,
        "go.restarted": restarted(run)["go"],
        "facts.go_sampled_peak_bytes": _sampled_peak(run),
        "facts.go_process_started_ns": int(started) if started is not None and started > 0 else None,
    }


def _positive(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _sampled_peak(run: Run) -> int | None:
    sizes = finite(numbers(run.process("go"), "rss_bytes"))
    if not len(sizes):
        runtime = run.during("go")
        sizes = finite(numbers(runtime, "total_bytes") - numbers(runtime, "released_bytes"))
    return int(sizes.max()) if len(sizes) else None


def _peaks(run: Run) -> dict[str, float]:
    frame = run.during("processes")
    names = [] if frame is None else sorted(set(words(frame, "process")))
    peaks = {name: largest(numbers(run.process(name), "rss_bytes")) for name in names}
    return {name: size / MIB for name, size in peaks.items() if size is not None}


def restarted(run: Run) -> dict[str, bool | None]:
    """Return whether each process of the target was replaced: another pid or start, or a counter that fell."""
    found: dict[str, bool | None] = {}
    for name in TARGET:
        own = run.process(name, everywhere=True)
        found[name] = None if own is None else _several(own)
    runtime = run.table("go")
    if runtime is not None:
        runtime = runtime.sort_values("t_ns", kind="stable")
        fell = any(np.any(np.diff(finite(numbers(runtime, column))) < 0) for column in GROWING)
        found["go"] = bool(found["go"]) or _several(runtime) or fell
    return found


def _several(frame: pd.DataFrame) -> bool:
    return any(len(set(frame[name].dropna())) > 1 for name in ("pid", "start_ns") if name in frame)


def runtime(run: Run) -> Figures:
    """Return garbage collection, goroutines and scheduling of the Go runtime."""
    frame = run.during("go")
    if frame is None:
        return {}
    count, counted = rise(numbers(frame, "gc_count")), finite(numbers(frame, "goroutines_count"))
    minutes = (int(frame["t_ns"].max()) - int(frame["t_ns"].min())) / NS_PER_S / 60
    heap, total = numbers(frame, "live_heap_bytes"), numbers(frame, "total_bytes")
    shares = heap[total > 0] / total[total > 0]
    pauses, waits = _histogram(run, "gc_pause"), _histogram(run, "sched_latency")
    edges = (counted[0], counted.max(), counted[-1]) if len(counted) else ()
    return {
        "go.gc_count": whole_number(count),
        "go.gc_per_min": quotient(count, minutes),
        "go.gc_cpu_ratio": quotient(rise(numbers(frame, "gc_cpu_s")), rise(numbers(frame, "total_cpu_s"))),
        **{f"go.gc_pause_ms.{name}": bucket_ms(pauses, share) for name, share in PAUSES.items()},
        **{
            f"go.goroutines.{name}": int(value)
            for name, value in zip(("initial", "peak", "final"), edges, strict=False)
        },
        "go.sched_latency_p99_ms": bucket_ms(waits, 990),
        "go.live_to_total_ratio": average(shares),
    }


PAUSES = {"p50": 500, "p99": 990, "max": 1000}
Histogram = tuple[list[float], list[int]]


def _histogram(run: Run, name: str) -> Histogram | None:
    """Return bucket bounds in s and how much each bucket grew from the first snapshot to the last."""
    frame = run.spanning("go_histograms")
    own = None if frame is None else frame[[one == name for one in words(frame, "name")]]
    if own is None or len(own) < 2:
        return None
    bounds = [float(one) for one in own["bounds_s"].iloc[-1]]
    first, last = ([int(one) for one in own["counts"].iloc[place]] for place in (0, -1))
    if len(first) != len(last) or len(bounds) != len(last) + 1:
        return None
    grown = [after - before for before, after in zip(first, last, strict=True)]
    return (bounds, grown) if min(grown) >= 0 and sum(grown) > 0 else None


def bucket_ms(histogram: Histogram | None, per_mille: int) -> float | None:
    """Return the upper bound in ms of the bucket that holds a rank; its lower bound where the upper is infinite.

    Examples
    --------
    >>> bucket_ms(([0.0, 0.001, 0.002, math.inf], [9, 1, 0]), 500), bucket_ms(([0.0, 0.001, math.inf], [9, 1]), 1000)
    (1.0, 1.0)
    """
    if histogram is None:
        return None
    bounds, grown = histogram
    left = max(1, -(-sum(grown) * per_mille // 1000))
    for place, count in enumerate(grown):
        left -= count
        if left <= 0:
            edge = bounds[place + 1] if math.isfinite(bounds[place + 1]) else bounds[place]
            return edge * 1000 if math.isfinite(edge) else None
    return None


def pool_and_host(run: Run) -> Figures:
    """Return the use of the connection pool and of the machine."""
    found: Figures = {}
    pool, host = run.during("pool"), run.during("host")
    if pool is not None:
        acquired, sizes = numbers(pool, "acquired_count"), numbers(pool, "max_count")
        used, acquires = acquired / sizes, rise(numbers(pool, "acquires_count"))
        wait_s = quotient(rise(numbers(pool, "acquire_wait_s")), acquires)
        found |= {
            "pool.max_count": whole_number(float(finite(sizes)[-1])) if len(finite(sizes)) else None,
            "pool.peak_acquired_count": whole_number(largest(acquired)),
            "pool.peak_utilization_ratio": largest(used),
            "pool.mean_utilization_ratio": average(used),
            "pool.acquires_count": whole_number(acquires),
            "pool.waited_acquires_count": whole_number(rise(numbers(pool, "empty_acquires_count"))),
            "pool.mean_wait_ms": None if wait_s is None else wait_s * 1000,
            "pool.new_connections_count": whole_number(rise(numbers(pool, "new_connections_count"))),
        }
    if host is not None:
        seconds, memory = (int(host["t_ns"].max()) - int(host["t_ns"].min())) / NS_PER_S, "memory_used_bytes"
        found |= {
            "host.cpu_mean_ratio": average(numbers(host, "cpu_ratio")),
            "host.cpu_peak_ratio": largest(numbers(host, "cpu_ratio")),
            "host.steal_mean_ratio": average(numbers(host, "steal_ratio")),
            "host.memory_peak_ratio": largest(numbers(host, memory) / numbers(host, "memory_total_bytes")),
            "host.memory_peak_bytes": whole_number(largest(numbers(host, memory))),
        }
        for kind in ("net_received", "net_sent", "disk_read", "disk_written"):
            found[f"host.{kind}_bytes_per_s"] = quotient(rise(numbers(host, f"{kind}_bytes")), seconds)
    return found


def database(run: Run, connection_errors_count: int) -> Figures:
    """Return connections, statements, waits, locks and scans of PostgreSQL."""
    totals, ticks = run.spanning("postgres_database"), run.during("postgres_connections")
    hits, reads = (rise(numbers(totals, f"block_{kind}_count")) for kind in ("hit", "read"))
    seen = [int(one) for one in finite(numbers(ticks, "connections_count"))]
    scans = {kind: _scans(run, "postgres_tables", "relation", f"{kind}_scan_count") for kind in ("seq", "index")}
    unused = _scans(run, "postgres_indexes", "index", "scan_count")
    counters = {f"{kind}s_count": whole_number(rise(numbers(totals, f"{kind}_count"))) for kind in COUNTERS}
    return {
        "connections.initial_count": seen[0] if seen else None,
        "connections.peak_count": max(seen) if seen else None,
        "connections.final_count": seen[-1] if seen else None,
        "connections.errors_count": connection_errors_count,
        "connections.stable": connection_errors_count == 0 if seen else None,
        **{f"database.{name}": count for name, count in counters.items()},
        "database.cache_hit_ratio": None if hits is None or reads is None else quotient(hits, hits + reads),
        "database.lock_waits_count": _lock_waits(run),
        "database.samples_count": None if ticks is None else len(ticks),
        "database.seq_scans": scans["seq"],
        "database.index_scans": scans["index"],
        "database.unused_indexes": [name for name, count in unused.items() if count == 0],
        "database.waits": _waits(run),
        "database.statements": _statements(run),
    }


COUNTERS = ("commit", "rollback", "deadlock")


def _scans(run: Run, table: str, key: str, column: str) -> dict[str, int]:
    frame = run.spanning(table)
    if frame is None or key not in frame or column not in frame:
        return {}
    grown = {}
    for name in sorted(set(words(frame, key))):
        own = frame[[one == name for one in words(frame, key)]]
        grown[name] = whole_number(rise(numbers(own, column)))
    return {name: count for name, count in grown.items() if count is not None}


def _lock_waits(run: Run) -> int | None:
    """Return how many waits for a lock were seen: a wait goes on while the time waited grows from tick to tick."""
    frame = run.during("postgres_locks")
    if frame is None:
        gaps = run.table("gaps")
        lost = gaps is not None and "postgres_locks" in words(gaps, "sampler")
        return 0 if run.during("postgres_connections") is not None and not lost else None
    before: dict[tuple[str, str], float] = {}
    count = 0
    rows = zip(words(frame, "pid"), words(frame, "relation"), numbers(frame, "waited_ms").tolist(), strict=True)
    for pid, relation, waited_ms in rows:
        count += not waited_ms > before.get((pid, relation), math.inf)
        before[pid, relation] = waited_ms
    return count


def _waits(run: Run) -> list[Figures]:
    ticks, activity = run.during("postgres_connections"), run.during("postgres_activity")
    if ticks is None or activity is None:
        return []
    counted: dict[str, int] = {}
    columns = (words(activity, name) for name in ("state", "wait_type", "wait_event"))
    for state, kind, event in zip(*columns, strict=True):
        idle = state.startswith("idle in transaction")
        name = "idle in transaction" if idle else f"{kind}:{event}" if kind else "CPU"
        if idle or state == "active":
            counted[name] = counted.get(name, 0) + 1
    most = sorted(counted.items(), key=lambda item: -item[1])[:20]
    return [{"event": name, "sessions_mean": count / len(ticks), "samples_count": count} for name, count in most]


def _statements(run: Run) -> list[Figures]:
    """Return the twenty statements that took most time: last snapshot less the first, over all their rows."""
    frame = run.spanning("postgres_statements")
    if frame is None or "query_id" not in frame:
        return []
    names = ("calls_count", "exec_ms", "rows_count")
    sums: dict[tuple[int, int], Floats] = {}
    texts: dict[int, str] = {}
    keys = frame["query_id"].astype("Int64").fillna(-1)
    lines = zip(frame["t_ns"], keys, words(frame, "query"), *(numbers(frame, name) for name in names), strict=True)
    for t_ns, key, text, *values in lines:
        sums[t_ns, key] = sums.get((t_ns, key), np.zeros(3)) + np.nan_to_num(np.array(values))
        texts[key] = text
    first_ns, last_ns = frame["t_ns"].min(), frame["t_ns"].max()
    grown = {
        key: values - (sums.get((first_ns, key), np.zeros(3)) if last_ns > first_ns else values)
        for (t_ns, key), values in sums.items()
        if t_ns == last_ns
    }
    kept = [(key, values) for key, values in grown.items() if values.min() >= 0 and values[0] > 0]
    kept.sort(key=lambda item: -item[1][1])
    return [
        {"query": texts[key], "calls_count": round(calls), "total_ms": total_ms}
        | {"mean_ms": total_ms / calls, "rows_count": round(rows)}
        for key, (calls, total_ms, rows) in kept[:20]
    ]

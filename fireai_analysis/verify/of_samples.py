"""The samples behind a figure: the one that it is, among those before and after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import NS_PER_S, Run, numbers
from fireai_analysis.verify.picked import Picked

MIB = 1_048_576

COLUMNS: dict[str, tuple[str, tuple[str, ...]]] = {
    "memory_mib": ("processes", ("rss_bytes",)),
    "processes_peak_mib": ("processes", ("rss_bytes",)),
    "live_heap_mib": ("go", ("live_heap_bytes",)),
    "growth.live_heap": ("go", ("live_heap_bytes",)),
    "growth.heap_return": ("go", ("live_heap_bytes", "gc_count")),
    "growth.resident_set": ("processes", ("rss_bytes",)),
    "growth.crossing": ("processes", ("rss_bytes",)),
    "growth.python": ("processes", ("rss_bytes",)),
    "growth.goroutines": ("go", ("goroutines_count",)),
    "go.goroutines": ("go", ("goroutines_count",)),
    "go.high_water": ("processes", ("high_water_bytes", "rss_bytes")),
    "go.restarted": ("processes", ("pid", "start_ns")),
    "go.gc_pause_ms": ("go_histograms", ("name",)),
    "go.sched_latency_p99_ms": ("go_histograms", ("name",)),
    "go.gc_cpu_ratio": ("go", ("gc_cpu_s", "total_cpu_s")),
    "go.gc_": ("go", ("gc_count",)),
    "go.live_to_total_ratio": ("go", ("live_heap_bytes", "total_bytes")),
    "connections": ("postgres_connections", ("connections_count",)),
    "pool.acquires": ("pool", ("acquires_count",)),
    "pool.waited": ("pool", ("empty_acquires_count",)),
    "pool.mean_wait": ("pool", ("acquire_wait_s", "acquires_count")),
    "pool.new_": ("pool", ("new_connections_count",)),
    "pool": ("pool", ("acquired_count", "max_count")),
    "host.cpu": ("host", ("cpu_ratio",)),
    "host.steal": ("host", ("steal_ratio",)),
    "host.memory": ("host", ("memory_used_bytes", "memory_total_bytes")),
    "host.net_received": ("host", ("net_received_bytes",)),
    "host.net_sent": ("host", ("net_sent_bytes",)),
    "host.disk_read": ("host", ("disk_read_bytes",)),
    "host.disk_written": ("host", ("disk_written_bytes",)),
    "database.statements": ("postgres_statements", ("query_id", "calls_count", "exec_ms", "rows_count", "query")),
    "database.waits": ("postgres_activity", ("state", "wait_type", "wait_event")),
    "database.lock_waits": ("postgres_locks", ("pid", "relation", "waited_ms")),
    "database.seq_scans": ("postgres_tables", ("relation", "seq_scan_count")),
    "database.index_scans": ("postgres_tables", ("relation", "index_scan_count")),
    "database.unused": ("postgres_indexes", ("index", "scan_count")),
    "database.samples": ("postgres_connections", ("connections_count",)),
    "database.cache": ("postgres_database", ("block_hit_count", "block_read_count")),
    "database.commits": ("postgres_database", ("commit_count",)),
    "database.rollbacks": ("postgres_database", ("rollback_count",)),
    "database.deadlocks": ("postgres_database", ("deadlock_count",)),
    "generator.cpu": ("generator", ("cpu_ratio",)),
    "generator.steal": ("generator", ("steal_ratio",)),
    "generator.loop_lag_p99": ("generator", ("loop_lag_p99_ms",)),
    "generator.loop_lag_max": ("generator", ("loop_lag_max_ms",)),
    "generator.in_flight_peak": ("generator", ("in_flight_count",)),
    "generator.sockets": ("generator", ("sockets_count",)),
    "generator.gap": ("generator", ("gap_p95_ms",)),
    "facts.go_sampled": ("processes", ("rss_bytes",)),
}
"""Table and columns of the figures whose keys begin so; the first that fits counts."""

OWN_PROCESS = (
    "memory_mib",
    "growth.resident_set",
    "growth.crossing",
    "go.high_water",
    "go.restarted",
    "facts.go_sampled",
)
LARGEST = ("peak", "max", "high_water", "sampled")
SNAPSHOTS = ("go_histograms", "postgres_statements", "postgres_tables", "postgres_indexes", "postgres_database")


def pick(run: Run, key: str, reported: Any) -> Picked | None:
    """Return the samples of a figure below a scenario; None where it stands on none."""
    found = next((place for beginning, place in COLUMNS.items() if key.startswith(beginning)), None)
    if found is None:
        return None
    table, columns = found
    frame = _frame(run, table, key)
    if frame is None or run.window_ns is None:
        return None
    at_s = (frame["t_ns"].to_numpy(dtype=np.int64) - run.window_ns[0]) / NS_PER_S
    kept = [name for name in columns if name in frame]
    shown = pd.concat([pd.DataFrame({"at_s": np.round(at_s, 3)}, index=frame.index), frame[kept]], axis=1)
    for name in kept:
        if name in ("rss_bytes", "live_heap_bytes", "high_water_bytes"):
            shown[name.replace("_bytes", "_mib")] = numbers(frame, name) / MIB
    whole = pd.concat([shown, frame[[name for name in frame if name not in shown]]], axis=1)
    return _marked(whole, numbers(frame, kept[0]) if kept else np.array([]), key)


def _frame(run: Run, table: str, key: str) -> pd.DataFrame | None:
    if key.startswith(OWN_PROCESS):
        return run.process("go", everywhere=not key.startswith(("memory_mib", "growth")))
    if key.startswith("growth.python"):
        return run.process("fastapi")
    if key.startswith("growth.") and table == "go":
        return run.table(table)
    if key.startswith("processes_peak_mib."):
        return run.process(key.partition(".")[2])
    frame = run.spanning(table) if table in SNAPSHOTS else run.during(table)
    if frame is not None and table == "go_histograms":
        wanted = "sched_latency" if "sched" in key else "gc_pause"
        frame = frame[(frame["name"] == wanted).to_numpy(dtype=bool)]
    return frame


def _marked(frame: pd.DataFrame, values: np.ndarray, key: str) -> Picked:
    """Return the samples, and which of them the figure is: the largest, the first or the last one."""
    notes = {"samples": f"{len(frame):,}"}
    seen = np.flatnonzero(np.isfinite(values)) if values.dtype.kind == "f" else np.array([], dtype=int)
    last = key.rpartition(".")[2]
    if not len(seen) or last == "growth":
        return Picked(frame, notes)
    if any(word in key for word in LARGEST):
        place = int(seen[np.argmax(values[seen])])
    elif last.startswith(("initial", "final")):
        place = int(seen[0] if last.startswith("initial") else seen[-1])
    else:
        return Picked(frame, notes)
    return Picked(frame, notes, frame.index[place])

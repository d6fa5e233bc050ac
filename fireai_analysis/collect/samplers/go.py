"""The Go service: its runtime and its connection pool, from `/metrics`, or from `/memory` where there is no other.

`/memory` gives MiB (2**20 bytes), as the Go runtime counts. Of it: `heap_alloc_mb` is the size of the heap objects,
`sys_mb` all memory mapped, `total_alloc_mb` all ever allocated. It has no live heap, no pauses, no process: null.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.fetch import fetch, fetch_json
from fireai_analysis.collect.samplers.source import Reading, Row, real, whole
from fireai_analysis.errors import CollectionError
from fireai_analysis.schemas import SAMPLES
from fireai_analysis.units import BYTES_PER_MIB

METRICS, MEMORY = "/metrics", "/memory"
HISTOGRAMS = ("gc_pause", "sched_latency")
_OWN = ("t_ns", "pid", "start_ns")


class GoSource:
    """Reads the Go service.

    Parameters
    ----------
    base_url : str
        Address of the service.
    clock : Clock
        Source of time stamps.
    """

    name = "go"

    def __init__(self, base_url: str, clock: Clock) -> None:
        self._url, self._clock = base_url, clock
        self._has_metrics: bool | None = None

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Return runtime and pool; histograms with a snapshot."""
        if self._has_metrics is None:
            self._has_metrics = fetch(self._url + METRICS, deadline_s).status != 404
        if not self._has_metrics:
            memory = fetch_json(self._url + MEMORY, deadline_s)
            return Reading({"go": [memory_row(memory, self._clock.now_ns())]})
        content = fetch_json(self._url + METRICS, deadline_s)
        t_ns = self._clock.now_ns()
        tables = {"go": [runtime_row(content, t_ns)]}
        if isinstance(content.get("pool"), dict):
            tables["pool"] = [typed("pool", content["pool"]) | {"t_ns": t_ns}]
        if snapshot:
            tables["go_histograms"] = histogram_rows(content, t_ns)
        return Reading(tables)

    def close(self) -> None:
        """Nothing is held."""


def runtime_row(content: dict[str, Any], t_ns: int) -> Row:
    """Return the row of table `go` from an answer of `/metrics`."""
    runtime = content.get("runtime")
    if not isinstance(runtime, dict):
        raise CollectionError("/metrics has no runtime")
    identity = {"t_ns": t_ns, "pid": whole(content.get("pid")), "start_ns": whole(content.get("start_ns"))}
    return typed("go", runtime) | identity


def memory_row(content: dict[str, Any], t_ns: int) -> Row:
    """Return the row of table `go` from an answer of `/memory`.

    Examples
    --------
    >>> row = memory_row({"sys_mb": 2.0, "num_gc": 7, "heap_alloc_mb": 1.5}, 0)
    >>> row["total_bytes"], row["gc_count"], row["heap_objects_bytes"], row["live_heap_bytes"]
    (2097152, 7, 1572864, None)
    """
    if "sys_mb" not in content and "heap_alloc_mb" not in content:
        raise CollectionError("/memory has neither sys_mb nor heap_alloc_mb")
    sizes = {"heap_objects_bytes": "heap_alloc_mb", "total_bytes": "sys_mb", "alloc_bytes_total": "total_alloc_mb"}
    row: Row = dict.fromkeys(SAMPLES["go"].names)
    for column, key in sizes.items():
        size_mib = real(content.get(key))
        row[column] = None if size_mib is None else round(size_mib * BYTES_PER_MIB)
    counts = {"gc_count": whole(content.get("num_gc")), "goroutines_count": whole(content.get("num_goroutines"))}
    return row | counts | {"t_ns": t_ns}


def typed(table: str, content: dict[str, Any]) -> Row:
    """Return the columns of a table out of a JSON object; what has the wrong type is null."""
    return {
        field.name: (real if pa.types.is_floating(field.type) else whole)(content.get(field.name))
        for field in SAMPLES[table]
        if field.name not in _OWN
    }


def histogram_rows(content: dict[str, Any], t_ns: int) -> list[Row]:
    """Return the rows of table `go_histograms`; a null bound at an end is infinite."""
    histograms = content.get("histograms")
    rows = []
    for name in HISTOGRAMS if isinstance(histograms, dict) else ():
        given = histograms.get(name) if isinstance(histograms, dict) else None
        bounds, counts = (given.get("bounds_s"), given.get("counts")) if isinstance(given, dict) else (None, None)
        if not isinstance(bounds, list) or not isinstance(counts, list) or len(bounds) != len(counts) + 1:
            continue
        whole_counts = [whole(count) for count in counts]
        if None not in whole_counts:
            rows.append({"t_ns": t_ns, "name": name, "bounds_s": bounds, "counts": whole_counts})
    return rows

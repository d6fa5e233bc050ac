"""Memory of a Go service: polls of `/memory` as JSON lines or CSV, and texts of `/debug/pprof/heap?debug=1`.

The figures are those of `runtime.MemStats`; MB is 2**20 bytes there. None of them is the live heap, which only a
collection knows, nor the resident set; `MaxRSS` of the text is the high-water mark of the resident set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fireai_analysis.ingest.batches import objects
from fireai_analysis.ingest.csv_records import header, named
from fireai_analysis.ingest.found import Format, Item, Refused, Told
from fireai_analysis.ingest.reported import count
from fireai_analysis.ingest.sampled import Sample, gathered, moment_ns, taken_ns, whole
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.units import BYTES_PER_MIB

POLLED = {
    "heap_alloc_mb": "heap_objects_bytes",
    "sys_mb": "total_bytes",
    "total_alloc_mb": "alloc_bytes_total",
}
TIMES = ("timestamp", "time", "t", "ts")
POLL_NOTE = "/memory tells neither the live heap nor the resident set of the Go process, nor what it gave back."
PRINTED = {
    "HeapAlloc": "heap_objects_bytes",
    "Sys": "total_bytes",
    "HeapReleased": "released_bytes",
}
"""Not the counters: the text tells no time, and a counter at a wrong time would look like a restart."""
HEAP_BEGIN = b"heap profile: "

_PRINTED = re.compile(rb"^# (\w+) = (\d{1,19})(?: / (\d{1,19}))?\s*$", re.MULTILINE)


def recognises_lines(head: Head) -> bool:
    """Whether the first line is an object with the names of `/memory`."""
    first = next(iter(head.lines(1)), "").lstrip()
    return first.startswith("{") and _is_polled(re.findall(r'"(\w+)"\s*:', first))


def recognises_csv(head: Head) -> bool:
    """Whether the first line names columns of `/memory`."""
    return _is_polled(header(head))


def recognises_heap(head: Head) -> bool:
    """Whether the file is the text of a heap profile."""
    return head.data.startswith(HEAP_BEGIN)


def read_lines(source: Source) -> Iterator[Item]:
    """Yield samples of JSON lines."""
    yield from gathered(source, _from_lines(source))
    yield Told(notes=(POLL_NOTE,))


def read_csv(source: Source) -> Iterator[Item]:
    """Yield samples of a CSV."""
    yield from gathered(source, _from_csv(source))
    yield Told(notes=(POLL_NOTE,))


def read_heap(source: Source) -> Iterator[Item]:
    """Yield the one sample of the text of a heap profile."""
    t_ns, note = taken_ns(source.path)
    printed = {name.decode(): (first, second) for name, first, second in _PRINTED.findall(source.whole())}
    runtime: dict[str, Any] = {column: int(printed[name][0]) for name, column in PRINTED.items() if name in printed}
    if "Stack" in printed:
        runtime["stack_bytes"] = int(printed["Stack"][0])
    samples: list[Sample] = [("go", {"t_ns": t_ns, **runtime})] if runtime else []
    if "MaxRSS" in printed:
        mark = {"t_ns": t_ns, "process": "go", "high_water_bytes": int(printed["MaxRSS"][0])}
        samples.append(("processes", mark))
    yield from gathered(source, samples)
    yield Told(notes=(note,))


def _is_polled(names: list[str]) -> bool:
    return "heap_alloc_mb" in names and any(name in names for name in TIMES)


def _from_lines(source: Source) -> Iterator[Sample | Item]:
    for found in objects(source):
        yield found if isinstance(found, Refused) else _polled(*found)


def _from_csv(source: Source) -> Iterator[Sample | Item]:
    for found in named(source):
        yield found if isinstance(found, Refused) else _polled(*found)


def _polled(found: Mapping[str, Any], place: int) -> Sample | Refused:
    t_ns = next((moment_ns(found[name]) for name in TIMES if name in found), None)
    if t_ns is None:
        return Refused("time is not a time", place)
    values = {column: whole(found.get(name), BYTES_PER_MIB) for name, column in POLLED.items()}
    if values["heap_objects_bytes"] is None:
        return Refused("heap_alloc_mb is not a number", place)
    more = {"gc_count": count(found.get("num_gc")), "goroutines_count": count(found.get("num_goroutines"))}
    return "go", {"t_ns": t_ns, **values, **more}


FORMATS = (
    Format("go-memory-json", "polls of /memory, JSON lines", "Go service", "series", recognises_lines, read_lines),
    Format("go-memory-csv", "polls of /memory, CSV", "Go service", "series", recognises_csv, read_csv),
    Format("go-heap-text", "heap profile as text (heap?debug=1)", "Go pprof", "series", recognises_heap, read_heap),
)

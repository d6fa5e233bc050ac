"""Memory of the processes: resident set, high-water mark, live heap, restarts, and the curve over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Floats, floats, known, nanoseconds, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.leak import Leak, detect
from fireai_analysis.results import LiveHeap, Span
from fireai_analysis.units import BYTES_PER_MB, BYTES_PER_MIB, NS_PER_S

TARGET_PROCESSES = ("go", "fastapi", "postgres")
CUMULATIVE_GO = ("gc_count", "alloc_bytes_total", "total_cpu_s")


@dataclass(frozen=True)
class HighWater:
    """The largest resident set of the Go process, as the kernel keeps it, in bytes.

    Attributes
    ----------
    start_bytes, end_bytes : int or None
        Mark at the start and at the end of the run.
    sampled_bytes : int or None
        Largest sampled resident set (where there is none: runtime total less released memory).
    source : str or None
        Where the mark was read; None where there is no mark.
    process_started_ns : int or None
        Start of the process that the mark belongs to.
    """

    start_bytes: int | None
    end_bytes: int | None
    sampled_bytes: int | None
    source: str | None
    process_started_ns: int | None


def of_process(data: RunData, process: str) -> pd.DataFrame | None:
    """Return the samples of one process inside the window; None where there are none."""
    frame = data.during("processes")
    if frame is None:
        return None
    own = frame[texts(frame, "process") == process]
    return None if own.empty else own.reset_index(drop=True)


def span_mib(values_bytes: Floats) -> Span:
    """Return first, largest, last value and growth in MiB; all null without values."""
    sizes = known(values_bytes) / BYTES_PER_MIB
    if not len(sizes):
        return Span()
    first, last = float(sizes[0]), float(sizes[-1])
    return Span(initial=first, peak=float(sizes.max()), final=last, growth=last - first)


def resident_set(data: RunData) -> Span:
    """Return the sampled resident set of the Go service in MiB."""
    frame = of_process(data, "go")
    return Span() if frame is None else span_mib(floats(frame, "rss_bytes"))


def live_heap(data: RunData, leak: Leak) -> LiveHeap:
    """Return the live heap of the Go service in MiB, with its slope."""
    frame = data.during("go")
    span = Span() if frame is None else span_mib(floats(frame, "live_heap_bytes"))
    return LiveHeap(**span.model_dump(), slope_mib_per_h=leak.slope_mib_per_h, slope_interval=leak.interval_mib_per_h)


def leak(data: RunData) -> Leak:
    """Return whether the live heap of the Go service grows without end."""
    frame, process = data.during("go"), of_process(data, "go")
    if frame is None or process is None:
        return Leak(None)
    return detect(
        seconds(data, frame), floats(frame, "live_heap_bytes"), (seconds(data, process), floats(process, "rss_bytes"))
    )


def seconds(data: RunData, frame: pd.DataFrame) -> Floats:
    """Return the instants of samples in seconds after the window's start."""
    window = data.window
    started = window.started_ns if window else 0
    return (nanoseconds(frame, "t_ns") - started) / NS_PER_S


def peaks_mib(data: RunData) -> dict[str, float]:
    """Return the largest sampled resident set of each process in MiB."""
    frame = data.during("processes")
    if frame is None:
        return {}
    largest = frame.assign(size=floats(frame, "rss_bytes")).groupby(texts(frame, "process"))["size"].max()
    return {str(name): float(size) / BYTES_PER_MIB for name, size in largest.items() if math.isfinite(size)}


def high_water(data: RunData) -> HighWater:
    """Return the high-water mark of the Go process: as the collector read it, or as sampled where larger."""
    facts, everything = data.manifest.facts, data.sample("processes")
    go = None if everything is None else everything[texts(everything, "process") == "go"].sort_values("t_ns")
    marks = np.array([]) if go is None else known(floats(go, "high_water_bytes"))
    starts = np.array([]) if go is None else nanoseconds(go, "start_ns")
    noted = _fact(facts, "go_high_water_end_bytes")
    ends = [*([noted] if noted is not None else []), *([int(marks.max())] if len(marks) else [])]
    first = _fact(facts, "go_high_water_start_bytes")
    source = facts.get("go_high_water_source") if noted is not None else None
    return HighWater(
        start_bytes=first if first is not None else (int(marks[0]) if len(marks) else None),
        end_bytes=max(ends) if ends else None,
        sampled_bytes=_sampled_bytes(data),
        source=str(source or "VmHWM") if ends else None,
        process_started_ns=int(starts[0]) if len(starts) and starts[0] > 0 else None,
    )


def _sampled_bytes(data: RunData) -> int | None:
    process, runtime = of_process(data, "go"), data.during("go")
    sizes = np.array([]) if process is None else known(floats(process, "rss_bytes"))
    if not len(sizes) and runtime is not None:
        sizes = known(floats(runtime, "total_bytes") - floats(runtime, "released_bytes"))
    return int(sizes.max()) if len(sizes) else None


def _fact(facts: dict[str, Any], name: str) -> int | None:
    value = facts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def restarts(data: RunData) -> dict[str, bool | None]:
    """Return for each process of the target whether it was replaced during the run; None where it was not seen."""
    found = {name: _replaced(data.sample("processes"), name) for name in TARGET_PROCESSES}
    runtime = data.sample("go")
    if runtime is not None:
        found["go"] = bool(found["go"]) or _several(runtime) or _fell(runtime)
    return found


def _replaced(frame: pd.DataFrame | None, process: str) -> bool | None:
    if frame is None:
        return None
    own = frame[texts(frame, "process") == process]
    return None if own.empty else _several(own)


def _several(frame: pd.DataFrame) -> bool:
    return any(column in frame and frame[column].dropna().nunique() > 1 for column in ("pid", "start_ns"))


def _fell(runtime: pd.DataFrame) -> bool:
    ordered = runtime.sort_values("t_ns", kind="stable")
    return any(bool((np.diff(known(floats(ordered, column))) < 0).any()) for column in CUMULATIVE_GO)


def curve(data: RunData) -> pd.DataFrame:
    """Return memory in MB (10**6 bytes) and goroutines over time, at the ticks of whoever was sampled."""
    columns: dict[str, pd.Series[float]] = {}
    runtime = data.during("go")
    if runtime is not None:
        sources = {"go_live_heap_mb": "live_heap_bytes", "go_total_mb": "total_bytes"}
        for name, column in sources.items():
            columns[name] = _series(data, runtime, floats(runtime, column) / BYTES_PER_MB)
        columns["goroutines_count"] = _series(data, runtime, floats(runtime, "goroutines_count"))
    for process in TARGET_PROCESSES:
        frame = of_process(data, process)
        if frame is not None:
            columns[f"{process}_rss_mb"] = _series(data, frame, floats(frame, "rss_bytes") / BYTES_PER_MB)
    names = [
        *("go_rss_mb", "go_live_heap_mb", "go_total_mb"),
        *("fastapi_rss_mb", "postgres_rss_mb", "goroutines_count"),
    ]
    table = pd.DataFrame(columns).reindex(columns=names).astype("float64").sort_index()
    return table.rename_axis("t_s").reset_index()


def _series(data: RunData, frame: pd.DataFrame, values: Floats) -> pd.Series[float]:
    """Return values by second; ticks of several samplers meet on the nearest tenth."""
    at = np.round(seconds(data, frame), 1)
    series = pd.Series(values, index=at, dtype="float64")
    return series.groupby(level=0).max()

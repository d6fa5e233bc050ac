"""Garbage collection, goroutines and scheduling of the Go service, from cumulative counters and histograms."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Floats, floats, increase, known, ratio, texts, whole
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.memory import HighWater, restarts
from fireai_analysis.results import CountSpan, GoRuntime, PauseQuantiles
from fireai_analysis.units import NS_PER_S

MS_PER_S = 1000


def measure(data: RunData, mark: HighWater) -> GoRuntime:
    """Return what the Go runtime did during the judged window; the high-water mark is handed through."""
    blank = GoRuntime(
        high_water_start_bytes=mark.start_bytes,
        high_water_end_bytes=mark.end_bytes,
        high_water_source=mark.source,
        restarted=restarts(data)["go"],
    )
    frame = data.during("go")
    return blank if frame is None else blank.model_copy(update=_figures(data, frame))


def _figures(data: RunData, frame: pd.DataFrame) -> dict[str, Any]:
    pauses, scheduling = _histogram(data, "gc_pause"), _histogram(data, "sched_latency")
    count = increase(floats(frame, "gc_count"))
    minutes = float(np.ptp(frame["t_ns"].to_numpy(dtype=np.int64))) / NS_PER_S / 60
    return {
        "gc_count": whole(count),
        "gc_per_min": ratio(count, minutes),
        "gc_cpu_ratio": ratio(increase(floats(frame, "gc_cpu_s")), increase(floats(frame, "total_cpu_s"))),
        "gc_pause_ms": PauseQuantiles(
            p50=_bound_ms(pauses, Fraction(1, 2)), p99=_bound_ms(pauses, Fraction(99, 100)), max=_bound_ms(pauses, 1)
        ),
        "goroutines": _span(floats(frame, "goroutines_count")),
        "sched_latency_p99_ms": _bound_ms(scheduling, Fraction(99, 100)),
        "live_to_total_ratio": _mean_ratio(floats(frame, "live_heap_bytes"), floats(frame, "total_bytes")),
    }


def _span(counts: Floats) -> CountSpan:
    seen = known(counts)
    return CountSpan(initial=int(seen[0]), peak=int(seen.max()), final=int(seen[-1])) if len(seen) else CountSpan()


def _mean_ratio(parts: Floats, totals: Floats) -> float | None:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = known(parts / totals)
    return float(shares.mean()) if len(shares) else None


def _histogram(data: RunData, name: str) -> tuple[Floats, Floats] | None:
    """Return bucket bounds in s and how much each bucket grew; None where there are not two snapshots that agree."""
    frame = data.around("go_histograms")
    if frame is None:
        return None
    own = frame[texts(frame, "name") == name].dropna(subset=["bounds_s", "counts"])
    if len(own) < 2:
        return None
    bounds = np.asarray(own["bounds_s"].iloc[-1], dtype=np.float64)
    first, last = (np.asarray(own["counts"].iloc[place], dtype=np.float64) for place in (0, -1))
    if len(first) != len(last) or len(bounds) != len(last) + 1:
        return None
    grown = last - first
    return (bounds, grown) if bool((grown >= 0).all()) and grown.sum() > 0 else None


def _bound_ms(histogram: tuple[Floats, Floats] | None, q: Fraction | int) -> float | None:
    """Return the upper bound of the bucket that holds the quantile in ms; the lower one where the upper is infinite."""
    if histogram is None:
        return None
    bounds, grown = histogram
    rank = max(1, math.ceil(int(grown.sum()) * q))
    place = int(np.searchsorted(np.cumsum(grown), rank, "left"))
    upper = float(bounds[place + 1])
    chosen = upper if math.isfinite(upper) else float(bounds[place])
    return chosen * MS_PER_S if math.isfinite(chosen) else None

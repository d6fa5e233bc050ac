"""What of the target grows without end under load: heap, resident sets, goroutines, and the sites that allocate.

The same rule (`trend.py`) on each quantity. The Python service has no floor such as a live heap after collection, so
its resident set is what is looked at: an alarm there is weaker evidence, and no criterion is judged on it.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from fireai_analysis.analyze import memory
from fireai_analysis.analyze.columns import Floats, Ints, floats, known, nanoseconds
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.leak import SMALLEST_BYTES_PER_H, Leak
from fireai_analysis.analyze.trend import Trend, middle, trend
from fireai_analysis.errors import AnalysisError
from fireai_analysis.pprof import sites
from fireai_analysis.results import GoroutineGrowth, Growth, HeapReturn, SiteGrowth, SizeGrowth
from fireai_analysis.units import BYTES_PER_MIB, NS_PER_S, S_PER_HOUR

BYTES_PER_KIB = 1024
MATTERS_PER_REQUEST = 1 / 1000
"""Goroutines that a request leaves behind: fewer do not matter."""
DRAINED_S = 120.0
SLACK_COUNT, SLACK_RATIO = 10, 0.05
COLLECTIONS = 2
"""Collections after which a live heap tells of the time after the load: the first may have begun under it."""
MOST_SITES = 5
OWN_SITES = ("runtime/pprof.", "compress/flate.")
"""What the profiler itself holds."""


def measure(data: RunData, leak: Leak, *, limit_bytes: float) -> Growth:
    """Return what grew in a run.

    Parameters
    ----------
    data : RunData
        What was recorded.
    leak : Leak
        The verdict on the live heap.
    limit_bytes : float
        Limit of the resident set of the Go service, which a leak is forecast to cross.
    """
    mark = memory.high_water(data)
    high_water = mark.end_bytes or mark.sampled_bytes
    return Growth(
        live_heap=SizeGrowth(
            label=leak.label,
            slope_mib_per_h=leak.slope_mib_per_h,
            interval_mib_per_h=leak.interval_mib_per_h,
            detectable_mib_per_h=leak.detectable_mib_per_h,
        ),
        resident_set=_resident_set(data, "go"),
        python_resident_set=_resident_set(data, "fastapi"),
        goroutines=goroutines(data),
        crossing=leak.forecast(limit_bytes, high_water) if high_water else leak.forecast(math.inf, 0.0),
        heap_return=heap_return(data),
        heap_sites=heap_sites(data),
    )


def _resident_set(data: RunData, process: str) -> SizeGrowth:
    frame = memory.of_process(data, process)
    found = None if frame is None else _trend_of(data, frame, "rss_bytes")
    if found is None:
        return SizeGrowth()
    low, high = found.interval_per_h
    return SizeGrowth(
        label=found.label,
        slope_mib_per_h=found.slope_per_h / BYTES_PER_MIB,
        interval_mib_per_h=(low / BYTES_PER_MIB, high / BYTES_PER_MIB),
        detectable_mib_per_h=found.detectable_per_h / BYTES_PER_MIB,
    )


def _trend_of(data: RunData, frame: pd.DataFrame, column: str) -> Trend | None:
    at_s = memory.seconds(data, frame)
    return trend(at_s, floats(frame, column), smallest_per_h=SMALLEST_BYTES_PER_H, of_cell=middle)


def goroutines(data: RunData) -> GoroutineGrowth:
    """Return whether goroutines pile up: their floor in each 120 s under load, and whether they end after it.

    Growth matters from one goroutine in 1,000 requests. They have returned where a sample after the load shows no more
    than before it and 10, or 5 %, on top; that they have not is said only from 2 min after the load on.
    """
    frame = data.during("go")
    before, after = _edge(data, "goroutines_count")
    ended = GoroutineGrowth(
        before_count=None if before is None else int(before),
        after_count=None if after is None else int(after),
        returned=_returned(data, before, after),
    )
    if frame is None or data.window is None:
        return ended
    requests_per_h = len(data.requests) / data.window.duration_s * S_PER_HOUR
    smallest = requests_per_h * MATTERS_PER_REQUEST
    at_s, counts = memory.seconds(data, frame), floats(frame, "goroutines_count")
    found = trend(at_s, counts, smallest_per_h=smallest, of_cell=lambda cell: float(cell.min()))
    if found is None:
        return ended
    return ended.model_copy(
        update={
            "label": found.label,
            "slope_per_h": found.slope_per_h,
            "interval_per_h": found.interval_per_h,
            "detectable_per_h": found.detectable_per_h,
            "per_1000_requests": found.slope_per_h / requests_per_h * 1000 if requests_per_h else None,
        }
    )


def _returned(data: RunData, before: float | None, after: float | None) -> bool | None:
    if before is None or after is None:
        return None
    if after <= before + max(SLACK_COUNT, SLACK_RATIO * before):
        return True
    frame = data.sample("go")
    late = frame is not None and bool((_after_load_s(data, frame) >= DRAINED_S).any())
    return False if late else None


def _load_end_ns(data: RunData) -> int | None:
    """Return when the load ended: with the judged window, or with the generator's last second after it."""
    window, generator = data.window, data.sample("generator")
    if window is None:
        return None
    last = 0 if generator is None else int(nanoseconds(generator, "t_ns").max())
    return max(window.ended_ns, last)


def _after_load_s(data: RunData, frame: pd.DataFrame) -> Floats:
    end = _load_end_ns(data)
    times: Ints = nanoseconds(frame, "t_ns")
    return np.full(len(frame), -np.inf) if end is None else (times - end) / NS_PER_S


def _edge(data: RunData, column: str) -> tuple[float | None, float | None]:
    """Return the last value before the window and the last one after the load; None where there is none."""
    frame, window = data.sample("go"), data.window
    if frame is None or window is None:
        return None, None
    ordered = frame.sort_values("t_ns", kind="stable", ignore_index=True)
    values = floats(ordered, column)
    early = known(values[nanoseconds(ordered, "t_ns") < window.started_ns])
    late = known(values[_after_load_s(data, ordered) > 0])
    return (float(early[-1]) if len(early) else None), (float(late[-1]) if len(late) else None)


def heap_return(data: RunData) -> HeapReturn:
    """Return the live heap before the load and after it; null until two collections have followed the load."""
    before, after = _edge(data, "live_heap_bytes")
    if _collections_after(data) < COLLECTIONS:
        after = None
    kept = None if before is None or after is None or not len(data.requests) else after - before
    return HeapReturn(
        before_mib=None if before is None else before / BYTES_PER_MIB,
        after_mib=None if after is None else after / BYTES_PER_MIB,
        kept_kib_per_1000_requests=None if kept is None else kept / BYTES_PER_KIB / len(data.requests) * 1000,
    )


def _collections_after(data: RunData) -> float:
    frame = data.sample("go")
    if frame is None:
        return 0.0
    ordered = frame.sort_values("t_ns", kind="stable", ignore_index=True)
    counts, after = floats(ordered, "gc_count"), _after_load_s(data, ordered) > 0
    under, late = known(counts[~after]), known(counts[after])
    return float(late[-1] - under[-1]) if len(under) and len(late) else 0.0


def heap_sites(data: RunData) -> tuple[SiteGrowth, ...]:
    """Return the functions whose heap in use grew most from the profile before the load to the one after it.

    The share is that of the growth of all functions that grew. Empty where either profile is missing or unreadable.
    """
    try:
        before, after = (sites(data.heap_profiles[moment], "inuse_space") for moment in ("before", "after"))
    except (KeyError, AnalysisError):
        return ()
    grown = {
        site: size - before[site]
        for site, size in after.items()
        if size > before[site] and not site.startswith(OWN_SITES)
    }
    total, largest = sum(grown.values()), sorted(grown.items(), key=lambda one: (-one[1], one[0]))[:MOST_SITES]
    return tuple(SiteGrowth(site=site, grown_bytes=size, share_ratio=size / total) for site, size in largest)

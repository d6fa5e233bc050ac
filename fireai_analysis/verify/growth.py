"""What grows without end, a second time: trends of memory and goroutines, what came back, and when a limit is crossed.

A trend is told from one value for each 120 s after the warm-up (Theil-Sen slope, EWC-8 error); a line must fit clearly
better than one step, and hold in the second half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fireai_analysis.verify.bounds import T_975, line, place
from fireai_analysis.verify.evidence import NS_PER_S, Floats, Run, finite, numbers
from fireai_analysis.verify.traffic import Figures

MIB, KIB, MB = 1_048_576, 1024, 1_000_000
CELL_S = 120.0


@dataclass(frozen=True)
class Course:
    """How a quantity grew in an hour: label, slope, its interval, and the smallest growth that would have shown."""

    label: str
    slope: float
    interval: tuple[float, float]
    detectable: float
    line: tuple[float, float]


def median(values: Floats) -> float:
    """Return the median by nearest rank.

    Examples
    --------
    >>> median(np.array([4.0, 1.0, 3.0, 2.0]))
    2.0
    """
    return float(np.sort(values)[place(len(values), 500) - 1])


def cells(at_s: Floats, values: Floats, of_cell: Callable[[Floats], float]) -> tuple[Floats, Floats]:
    """Return time in hours and a value for each 120 s after the warm-up: 30 min, at most an eighth of it all."""
    known = np.isfinite(values)
    at_s, values = at_s[known], values[known]
    if not len(values):
        return np.array([]), np.array([])
    since = at_s - at_s[0]
    warm = since >= min(1800.0, since[-1] / 8)
    number = np.floor(since[warm] / CELL_S)
    told = sorted(set(number.tolist()))
    found = [of_cell(values[warm][number == one]) for one in told]
    return (np.array(told) + 0.5) * CELL_S / 3600, np.array(found)


def course(at_s: Floats, values: Floats, smallest: float, of_cell: Callable[[Floats], float] = median) -> Course | None:
    """Return how a quantity grew; None for fewer than thirty cells."""
    hours, found = cells(at_s, values, of_cell)
    whole = line(hours, found) if len(found) >= 30 else None
    if whole is None:
        return None
    half = len(found) // 2
    second = line(hours[half:], found[half:]) or _least_squares(hours[half:], found[half:])
    first, last = np.triu_indices(len(found), 1)
    estimate = float(np.median((found[last] - found[first]) / (hours[last] - hours[first])))
    half_width = T_975 * whole[1]
    return Course(
        label=_label(hours, found, whole, second, smallest),
        slope=estimate,
        interval=(min(whole[0] - half_width, estimate), max(whole[0] + half_width, estimate)),
        detectable=max(smallest, _shows(whole[1], 0.025), _shows(second[1], 0.05)),
        line=(whole[0], whole[1]),
    )


def _shows(error: float, p_value: float) -> float:
    return error * float(stats.t.ppf(1 - p_value, 8) + stats.t.ppf(0.9, 8))


def _least_squares(hours: Floats, found: Floats) -> tuple[float, float]:
    told = stats.linregress(hours, found)
    return float(told.slope), float(told.stderr)


def _p_rising(slope: float, error: float) -> float:
    if error == 0:
        return 0.0 if slope > 0 else 1.0
    return float(stats.t.sf(slope / error, 8))


def _label(
    hours: Floats, found: Floats, whole: tuple[float, float], second: tuple[float, float], smallest: float
) -> str:
    step = min(
        float(np.var(found[:cut]) * cut + np.var(found[cut:]) * (len(found) - cut)) for cut in range(1, len(found))
    )
    bent, rise = min(_bent(hours, found, begin) for begin in hours[:-5])
    bends = 1.2 * bent < step and rise > smallest
    if _p_rising(*whole) >= 0.025 or whole[0] <= smallest:
        return "DETECTED" if bends and bent <= 0.3 * float(np.var(found)) * len(found) else "NONE"
    slope, intercept = np.polyfit(hours, found, 1)
    left = float(np.sum((found - slope * hours - intercept) ** 2))
    if not bends and left / max(step, 1e-9) >= 1.3:
        return "STEP"
    return "RAMPING" if _p_rising(*second) >= 0.05 or second[0] < whole[0] / 2 else "DETECTED"


def _bent(hours: Floats, found: Floats, begin: float) -> tuple[float, float]:
    """Return squared error and slope of a level that rises in a line from an instant on, and does not fall."""
    shape = np.column_stack([np.ones_like(hours), np.clip(hours - begin, 0.0, None)])
    (level, slope), *_ = np.linalg.lstsq(shape, found, rcond=None)
    if slope <= 0:
        return float(np.var(found)) * len(found), 0.0
    return float(np.sum((found - shape @ (level, slope)) ** 2)), float(slope)


def figures(run: Run, limit_bytes: float, high_water_bytes: int | None) -> Figures:
    """Return the figures below `growth.`, the slope of the live heap, and the label and forecast of a leak."""
    go, runtime = run.process("go"), run.during("go")
    heap = _course(run, runtime, "live_heap_bytes") if go is not None else None
    resident = _course(run, go, "rss_bytes")
    crossing = _crossing(run, heap, go, limit_bytes, high_water_bytes)
    return {
        **_sized("growth.live_heap", heap),
        **_sized("growth.resident_set", resident),
        **_sized("growth.python_resident_set", _course(run, run.process("fastapi"), "rss_bytes")),
        **{f"growth.crossing.{name}": value for name, value in crossing.items()},
        **_goroutines(run, runtime),
        **_returned_heap(run),
        "live_heap_mib.slope_mib_per_h": None if heap is None else heap.slope / MIB,
        "live_heap_mib.slope_interval": None if heap is None else [one / MIB for one in heap.interval],
        "facts.leak_label": None if heap is None else heap.label,
        "facts.leak_days_to_limit": crossing["earliest_days"],
    }


def _seconds(run: Run, frame: pd.DataFrame) -> Floats:
    started = run.window_ns[0] if run.window_ns else 0
    return (frame["t_ns"].to_numpy(dtype=np.int64) - started) / NS_PER_S


def _course(run: Run, frame: pd.DataFrame | None, column: str) -> Course | None:
    return None if frame is None else course(_seconds(run, frame), numbers(frame, column), MB)


def _sized(key: str, found: Course | None) -> Figures:
    names = ("label", "slope_mib_per_h", "interval_mib_per_h", "detectable_mib_per_h")
    if found is None:
        return dict.fromkeys(f"{key}.{name}" for name in names)
    values = (found.label, found.slope / MIB, [one / MIB for one in found.interval], found.detectable / MIB)
    return {f"{key}.{name}": value for name, value in zip(names, values, strict=True)}


def _crossing(
    run: Run, heap: Course | None, go: pd.DataFrame | None, limit_bytes: float, high_water_bytes: int | None
) -> dict[str, float | None]:
    """Return the days until a leak brings the resident set over its limit: at the slope, and at both bounds of it.

    Each is that of the resident set or of the live heap, whichever is larger.
    """
    told = None if go is None else line(*cells(_seconds(run, go), numbers(go, "rss_bytes"), median))
    if heap is None or heap.label != "DETECTED" or not high_water_bytes:
        return dict.fromkeys(("days", "earliest_days", "latest_days"))
    left, (slope, error) = max(0.0, limit_bytes - high_water_bytes), told or (-np.inf, 0.0)
    speeds = {
        "days": max(heap.slope, slope),
        "earliest_days": max(heap.interval[1], slope + T_975 * error),
        "latest_days": max(heap.interval[0], slope - T_975 * error),
    }
    return {name: left / speed / 24 if speed > 0 else None for name, speed in speeds.items()}


def _edges(run: Run, column: str) -> tuple[float | None, float | None]:
    """Return the last value before the window and the last one after the load ended."""
    frame, window, generator = run.table("go"), run.window_ns, run.table("generator")
    if frame is None or window is None:
        return None, None
    ordered = frame.sort_values("t_ns", kind="stable")
    ended = _load_ended_ns(window[1], generator)
    before = finite(numbers(ordered[ordered["t_ns"] < window[0]], column))
    after = finite(numbers(ordered[ordered["t_ns"] > ended], column))
    return (float(before[-1]) if len(before) else None), (float(after[-1]) if len(after) else None)


def _load_ended_ns(ended_ns: int, generator: pd.DataFrame | None) -> int:
    return ended_ns if generator is None else max(ended_ns, int(generator["t_ns"].max()))


def _goroutines(run: Run, runtime: pd.DataFrame | None) -> Figures:
    before, after = _edges(run, "goroutines_count")
    found: Figures = {
        "growth.goroutines.before_count": None if before is None else int(before),
        "growth.goroutines.after_count": None if after is None else int(after),
        "growth.goroutines.returned": _came_back(run, before, after),
    }
    names = ("label", "slope_per_h", "interval_per_h", "detectable_per_h", "per_1000_requests")
    rows = run.table("requests")
    per_h = 0.0 if rows is None or not run.duration_s else len(rows) / run.duration_s * 3600
    told = None
    if runtime is not None:
        counts = numbers(runtime, "goroutines_count")
        told = course(_seconds(run, runtime), counts, per_h / 1000, lambda cell: float(cell.min()))
    if told is None:
        return found | dict.fromkeys(f"growth.goroutines.{name}" for name in names)
    values = (told.label, told.slope, list(told.interval), told.detectable, told.slope / per_h * 1000)
    return found | {f"growth.goroutines.{name}": value for name, value in zip(names, values, strict=True)}


def _came_back(run: Run, before: float | None, after: float | None) -> bool | None:
    if before is None or after is None or run.window_ns is None:
        return None
    if after <= before + max(10, before / 20):
        return True
    frame = run.table("go")
    ended = _load_ended_ns(run.window_ns[1], run.table("generator"))
    late = frame is not None and bool((frame["t_ns"] - ended >= 120 * NS_PER_S).any())
    return False if late else None


def _returned_heap(run: Run) -> Figures:
    before, after = _edges(run, "live_heap_bytes")
    frame, rows, window = run.table("go"), run.table("requests"), run.window_ns
    if frame is not None and window is not None:
        ordered, ended = frame.sort_values("t_ns", kind="stable"), _load_ended_ns(window[1], run.table("generator"))
        under, late = (
            finite(numbers(ordered[which], "gc_count")) for which in (ordered["t_ns"] <= ended, ordered["t_ns"] > ended)
        )
        if not len(under) or not len(late) or late[-1] - under[-1] < 2:
            after = None
    kept = None if before is None or after is None or rows is None else (after - before) / KIB / len(rows) * 1000
    return {
        "growth.heap_return.before_mib": None if before is None else before / MIB,
        "growth.heap_return.after_mib": None if after is None else after / MIB,
        "growth.heap_return.kept_kib_per_1000_requests": kept,
    }

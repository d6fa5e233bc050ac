"""Whether the live heap grows without end, and when the resident set would cross a limit (rule MEM).

A leak is a slope that holds on the whole window and on its second half, is larger than 1 MB/h, and is not better
explained by one step. Judged on 120 s medians of the live heap after each garbage collection: trend tests on the raw
heap or resident set call healthy services leaking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from fireai_analysis.analyze import cosine
from fireai_analysis.analyze.columns import Floats
from fireai_analysis.results import Interval
from fireai_analysis.units import BYTES_PER_MB, BYTES_PER_MIB, S_PER_HOUR

CELL_S = 120.0
LARGEST_WARM_UP_S = 1800.0
FEWEST_CELLS = 30
WHOLE_P, HALF_P = 0.025, 0.05
SMALLEST_BYTES_PER_H = BYTES_PER_MB
STEP_ADVANTAGE = 1.3
RAMPING_SHARE = 0.5

Label = Literal["NONE", "STEP", "RAMPING", "DETECTED"]


@dataclass(frozen=True)
class Leak:
    """What became of the live heap.

    Attributes
    ----------
    label : {'NONE', 'STEP', 'RAMPING', 'DETECTED'} or None
        None where the run is too short or not sampled.
    slope_mib_per_h, interval_mib_per_h : float, pair of float, or None
        Theil-Sen slope of the live heap; the 95 % interval is that of the least-squares slope (EWC-8), widened to it.
    rss_interval_bytes_per_h : pair of float or None
        95 % interval of the slope of the resident set, the input of the forecast.
    """

    label: Label | None
    slope_mib_per_h: float | None = None
    interval_mib_per_h: Interval | None = None
    rss_interval_bytes_per_h: tuple[float, float] | None = None

    def days_to(self, limit_bytes: float, high_water_bytes: float) -> float | None:
        """Return the earliest day on which a leak would cross the limit; None where none is forecast."""
        if self.label != "DETECTED" or self.rss_interval_bytes_per_h is None:
            return None
        fastest = self.rss_interval_bytes_per_h[1]
        return max(0.0, limit_bytes - high_water_bytes) / fastest / 24 if fastest > 0 else None


def detect(at_s: Floats, live_bytes: Floats, rss: tuple[Floats, Floats]) -> Leak:
    """Return the verdict on a leak.

    Parameters
    ----------
    at_s, live_bytes : numpy.ndarray
        Live heap over time, s after the window's start.
    rss : pair of numpy.ndarray
        Times and resident set of the same process.
    """
    hours, medians = cell_medians(at_s, live_bytes)
    if len(medians) < FEWEST_CELLS:
        return Leak(None)
    whole = cosine.slope(hours, medians)
    if whole is None:
        return Leak(None)
    estimate = float(stats.theilslopes(medians, hours).slope)
    low, high = whole.interval
    rss_line = cosine.slope(*cell_medians(*rss))
    return Leak(
        label=_label(hours, medians, whole),
        slope_mib_per_h=estimate / BYTES_PER_MIB,
        interval_mib_per_h=(min(low, estimate) / BYTES_PER_MIB, max(high, estimate) / BYTES_PER_MIB),
        rss_interval_bytes_per_h=rss_line.interval if rss_line else None,
    )


def cell_medians(at_s: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return time in hours and median of each 120 s after the warm-up (30 min, at most an eighth of what there is)."""
    known = np.isfinite(values) & np.isfinite(at_s)
    at_s, values = at_s[known], values[known]
    if not len(values):
        return np.array([]), np.array([])
    at_s = at_s - at_s[0]
    warm = at_s >= min(LARGEST_WARM_UP_S, float(at_s[-1]) / 8)
    at_s, values = at_s[warm], values[warm]
    cell = (at_s // CELL_S).astype(np.int64)
    numbers, starts = np.unique(cell, return_index=True)
    medians = np.array([np.median(part) for part in np.split(values, starts[1:])])
    return (numbers + 0.5) * CELL_S / S_PER_HOUR, medians


def _label(hours: Floats, medians: Floats, whole: cosine.Slope) -> Label:
    half = len(hours) // 2
    second = cosine.slope(hours[half:], medians[half:]) or _plain(hours[half:], medians[half:])
    if not (whole.p_rising() < WHOLE_P and whole.slope > SMALLEST_BYTES_PER_H):
        return "NONE"
    if _line_error(hours, medians) / max(_step_error(medians), 1e-9) >= STEP_ADVANTAGE:
        return "STEP"
    if second.p_rising() >= HALF_P or second.slope < RAMPING_SHARE * whole.slope:
        return "RAMPING"
    return "DETECTED"


def _plain(hours: Floats, medians: Floats) -> cosine.Slope:
    line = stats.linregress(hours, medians)
    return cosine.Slope(float(line.slope), float(line.stderr))


def _line_error(hours: Floats, medians: Floats) -> float:
    fitted = np.polyval(np.polyfit(hours, medians, 1), hours)
    return float(((medians - fitted) ** 2).sum())


def _step_error(medians: Floats) -> float:
    """Return the smallest squared error of two constant levels, by prefix sums."""
    count = len(medians)
    sums, squares = np.cumsum(medians), np.cumsum(medians**2)
    left = np.arange(1, count)
    first = squares[:-1] - sums[:-1] ** 2 / left
    rest = (squares[-1] - squares[:-1]) - (sums[-1] - sums[:-1]) ** 2 / (count - left)
    return float(np.min(first + rest))

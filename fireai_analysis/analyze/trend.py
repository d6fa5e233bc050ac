"""Whether a quantity grows without end under a steady load (rule MEM).

Growth is a least-squares slope (EWC-8 error) that rises on the whole window and on its second half, is larger than what
matters, and is not better explained by one step. Growth that begins late is no line, and looks like a step: it is told
by a level that bends upwards. A Theil-Sen slope (Sen, J. Am. Stat. Assoc. 1968) is what is printed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from fireai_analysis.analyze import cosine
from fireai_analysis.analyze.columns import Floats
from fireai_analysis.results import GrowthLabel
from fireai_analysis.units import S_PER_HOUR

CELL_S = 120.0
LARGEST_WARM_UP_S = 1800.0
FEWEST_CELLS = 30
WHOLE_P, HALF_P = 0.025, 0.05
STEP_ADVANTAGE = 1.3
RAMPING_SHARE = 0.5
BEND_ADVANTAGE, BEND_SHARE = 1.2, 0.7
"""How much better than a step a bend must be, and the share of the variance that it must explain; noise of 30 min
reaches 0.59 (the largest of 200 healthy runs).
"""
FEWEST_BENT_CELLS = 5
POWER = 0.9


@dataclass(frozen=True)
class Trend:
    """How a quantity grew, in its own unit an hour.

    Attributes
    ----------
    label : {'NONE', 'STEP', 'RAMPING', 'DETECTED'}
        Whether it grows without end; RAMPING slows down, and STEP rose once.
    slope_per_h : float
        Theil-Sen slope.
    interval_per_h : pair of float
        95 % interval of the least-squares slope (EWC-8), widened to the Theil-Sen slope.
    detectable_per_h : float
        Smallest steady growth that this run would have shown: each of both tests sees it in about 90 %. Both together
        see it in 75 % or more, in 68 and 54 % where noise lasts 10 and 30 min (measured in `tests/calibrate`).
    """

    label: GrowthLabel
    slope_per_h: float
    interval_per_h: tuple[float, float]
    detectable_per_h: float


def trend(at_s: Floats, values: Floats, *, smallest_per_h: float, of_cell: Callable[[Floats], float]) -> Trend | None:
    """Return how a quantity grew; None where there are fewer than 30 cells of 120 s after the warm-up.

    Parameters
    ----------
    at_s, values : numpy.ndarray
        Samples over time, s; NaN is left out.
    smallest_per_h : float
        Growth an hour that does not matter.
    of_cell : callable
        What stands for a cell: `middle` or its smallest value (a floor).

    Examples
    --------
    >>> at_s = np.arange(0.0, 14_400.0, 5.0)
    >>> found = trend(at_s, 50 + at_s / 360 + np.sin(at_s), smallest_per_h=1.0, of_cell=middle)
    >>> found.label, round(found.slope_per_h, 1)
    ('DETECTED', 10.0)
    """
    hours, cells = by_cell(at_s, values, of_cell)
    whole = cosine.slope(hours, cells) if len(cells) >= FEWEST_CELLS else None
    if whole is None:
        return None
    half = len(hours) // 2
    second = cosine.slope(hours[half:], cells[half:]) or _plain(hours[half:], cells[half:])
    estimate, (low, high) = float(stats.theilslopes(cells, hours).slope), whole.interval
    return Trend(
        label=_label(hours, cells, whole, second, smallest_per_h),
        slope_per_h=estimate,
        interval_per_h=(min(low, estimate), max(high, estimate)),
        detectable_per_h=max(smallest_per_h, detectable(whole.error, WHOLE_P), detectable(second.error, HALF_P)),
    )


def detectable(error: float, p: float) -> float:
    """Return the smallest slope that is significant at `p` with a probability of about 90 %, from its error.

    The quantile of the test and that of the power, both of Student's t with eight degrees of freedom, times the error.

    Examples
    --------
    >>> round(detectable(1.0, 0.025), 3)
    3.703
    """
    return float(stats.t.isf(p, cosine.PROJECTIONS) + stats.t.ppf(POWER, cosine.PROJECTIONS)) * error


def middle(values: Floats) -> float:
    """Return the median of values, by nearest rank.

    Examples
    --------
    >>> middle(np.array([4.0, 1.0, 3.0, 2.0]))
    2.0
    """
    place = (len(values) + 1) // 2 - 1
    return float(np.partition(values, place)[place])


def by_cell(at_s: Floats, values: Floats, of_cell: Callable[[Floats], float]) -> tuple[Floats, Floats]:
    """Return time in hours and what stands for each 120 s after the warm-up (30 min, at most an eighth of it all)."""
    known = np.isfinite(values) & np.isfinite(at_s)
    at_s, values = at_s[known], values[known]
    if not len(values):
        return np.array([]), np.array([])
    at_s = at_s - at_s[0]
    warm = at_s >= min(LARGEST_WARM_UP_S, float(at_s[-1]) / 8)
    at_s, values = at_s[warm], values[warm]
    numbers, starts = np.unique((at_s // CELL_S).astype(np.int64), return_index=True)
    found = np.array([of_cell(part) for part in np.split(values, starts[1:])])
    return (numbers + 0.5) * CELL_S / S_PER_HOUR, found


def _label(
    hours: Floats, cells: Floats, whole: cosine.Slope, second: cosine.Slope, smallest_per_h: float
) -> GrowthLabel:
    bend, step_error = _bend(hours, cells), _step_error(cells)
    bends = BEND_ADVANTAGE * bend.error < step_error and bend.slope > smallest_per_h
    if not (whole.p_rising() < WHOLE_P and whole.slope > smallest_per_h):
        return "DETECTED" if bends and bend.explained >= BEND_SHARE else "NONE"
    if not bends and _line_error(hours, cells) / max(step_error, 1e-9) >= STEP_ADVANTAGE:
        return "STEP"
    if second.p_rising() >= HALF_P or second.slope < RAMPING_SHARE * whole.slope:
        return "RAMPING"
    return "DETECTED"


@dataclass(frozen=True)
class _Bend:
    """A level that from one cell on rises in a line: squared error, rise an hour, and share of the variance."""

    error: float
    slope: float
    explained: float


def _bend(hours: Floats, cells: Floats) -> _Bend:
    """Return the bend of the smallest squared error, with at least five cells after it."""
    values = cells - cells.mean()
    total = float(values @ values)
    best = _Bend(total, 0.0, 0.0)
    for begin in hours[:-FEWEST_BENT_CELLS]:
        after = np.maximum(0.0, hours - begin)
        after -= after.mean()
        slope = max(0.0, float(after @ values) / float(after @ after))
        error = float(np.sum((values - slope * after) ** 2))
        if error < best.error:
            best = _Bend(error, slope, 1 - error / total)
    return best


def _plain(hours: Floats, cells: Floats) -> cosine.Slope:
    line = stats.linregress(hours, cells)
    return cosine.Slope(float(line.slope), float(line.stderr))


def _line_error(hours: Floats, cells: Floats) -> float:
    fitted = np.polyval(np.polyfit(hours, cells, 1), hours)
    return float(((cells - fitted) ** 2).sum())


def _step_error(cells: Floats) -> float:
    """Return the smallest squared error of two constant levels, by prefix sums."""
    count = len(cells)
    sums, squares = np.cumsum(cells), np.cumsum(cells**2)
    left = np.arange(1, count)
    first = squares[:-1] - sums[:-1] ** 2 / left
    rest = (squares[-1] - squares[:-1]) - (sums[-1] - sums[:-1]) ** 2 / (count - left)
    return float(np.min(first + rest))

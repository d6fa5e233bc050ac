"""Warm-up cut and drift of a long run.

MSER (White, Simulation 1997; Hoad, Robinson and Davies, J. Oper. Res. Soc. 2010): the cut that minimises the standard
error of the rest, on cells of 10 s of the logarithm of their p95. MSER also cuts a steady run wherever it began with a
few slow requests by chance, and so makes every p95 a little better than it was (with bursts the interval of a 1 h run
then holds in 88 %, not 93 %); hence a cut is made only where what it leaves out differs from the rest by more than
chance explains (`stands_out`). The drift gate is an EWC-8 slope on 48 cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fireai_analysis.analyze import cells, cosine
from fireai_analysis.analyze.columns import Floats
from fireai_analysis.analyze.intervals import LONG_RUN_S, Series
from fireai_analysis.analyze.quantiles import P95, rank

CELL_S = 10.0
FEWEST_REST_CELLS = 2 * cosine.PROJECTIONS
LARGEST_CUT_RATIO = 0.25
CUT_P = 0.001
DRIFT_CELLS = 48
DRIFT_P = 0.01
DRIFT_RATIO = 0.10


@dataclass(frozen=True)
class Steady:
    """How a run settled.

    Attributes
    ----------
    cut_s : float
        Warm-up to leave out, seconds from the window's start.
    steady : bool or None
        Whether the rest is steady; None where the run is too short to tell.
    detail : str
        In words.
    """

    cut_s: float
    steady: bool | None
    detail: str


def settle(series: Series) -> Steady:
    """Return the warm-up cut and whether the rest is steady; one under 30 min is neither cut nor called steady."""
    if series.duration_s < LONG_RUN_S or not len(series.values_us):
        return Steady(0.0, None, f"a run under {LONG_RUN_S / 60:.0f} min is not cut, and too short to be called steady")
    curve = cell_log_p95(series, cells.count_of(series.duration_s, CELL_S))
    cut = mser_cut(curve)
    cut = cut if stands_out(curve, cut) else 0
    if cut > LARGEST_CUT_RATIO * len(curve):
        return Steady(0.0, False, f"no steady state: the warm-up takes more than {LARGEST_CUT_RATIO:.0%} of the run")
    cut_s = cut * CELL_S
    drift = _drift(series.after(cut_s))
    return Steady(cut_s, drift is None, drift or f"steady after {cut_s:.0f} s of warm-up")


def cell_log_p95(series: Series, count: int) -> Floats:
    """Return the natural logarithm of each cell's p95 (nearest rank) in µs; cells without requests are left out.

    An infinite p95 counts as ten times the slowest answer, so that it weighs and stays a number.
    """
    cell = cells.cell_of(series.at_s, series.duration_s / count, count)
    values = series.values_us[np.argsort(cell, kind="stable")]
    parts = np.split(values, np.cumsum(np.bincount(cell, minlength=count))[:-1])
    places = [(part, rank(len(part), P95) - 1) for part in parts if len(part)]
    found = np.array([np.partition(part, place)[place] for part, place in places])
    finite = series.values_us[np.isfinite(series.values_us)]
    ceiling = 10 * float(finite.max()) if len(finite) else 1.0
    logs: Floats = np.log(np.minimum(found, ceiling))
    return logs


def mser_cut(curve: Floats) -> int:
    """Return how many leading cells to leave out, searched over the first half.

    Examples
    --------
    >>> mser_cut(np.array([9.0] * 5 + [1.0, 1.1] * 50))
    5
    """
    reversed_curve = curve[::-1] - curve.mean()
    sizes = np.arange(1, len(curve) + 1)
    variances = np.cumsum(reversed_curve**2) / sizes - (np.cumsum(reversed_curve) / sizes) ** 2
    errors = (np.maximum(variances, 0.0) / sizes)[::-1]
    return int(np.argmin(np.round(errors[: max(1, len(curve) // 2)], 15)))


def stands_out(curve: Floats, cut: int) -> bool:
    """Return whether the leading cells differ from the rest by more than chance explains (two-sided p < 0.001).

    The error of the difference of both means comes from the variance of the rest: the larger of the plain and of the
    long-run one (EWC-8), with Student's t of eight degrees of freedom.

    Examples
    --------
    >>> stands_out(np.array([9.0] * 5 + [1.0, 1.1] * 50), 5), stands_out(np.array([1.0, 1.1] * 50), 5)
    (True, False)
    """
    if not cut or len(curve) - cut < FEWEST_REST_CELLS:
        return False
    rest = curve[cut:]
    variance = max(cosine.long_run_variance(rest), float(np.var(rest)))
    error = math.sqrt(variance * (1 / cut + 1 / len(rest)))
    return cosine.Slope(float(curve[:cut].mean() - rest.mean()), error).p_changing() < CUT_P


def _drift(series: Series) -> str | None:
    curve = cell_log_p95(series, DRIFT_CELLS)
    line = cosine.slope(np.arange(len(curve), dtype=np.float64), curve)
    if line is None:
        return "too few requests to see whether it drifts"
    total = math.expm1(abs(line.slope) * len(curve))
    if line.p_changing() < DRIFT_P and total > DRIFT_RATIO:
        return f"the p95 drifts by {total:.0%} over the run (p {line.p_changing():.3f})"
    return None

"""Intervals of a p95 and of a ratio when neighbours resemble each other (rule LAT).

The exceedance form: whether each request lies over a value is 0 or 1; their cell sums, less the share expected, are a
series whose EWC-8 long-run variance gives the error of the share, and so the ranks that enclose the quantile. The
interval of independent values is a floor: the wider of the two holds.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import stats

from fireai_analysis.analyze import cells, cosine
from fireai_analysis.analyze.columns import Flags, Floats
from fireai_analysis.analyze.quantiles import CONFIDENCE, P95, order_statistic_ranks, rank, unordered_rank
from fireai_analysis.results import Interval
from fireai_analysis.units import US_PER_MS

MOST_CELLS = 1800
FEWEST_CELLS = 2 * cosine.PROJECTIONS
LONG_RUN_S = 1800.0
CORRELATION_TIMES = 30
ALLOWED_RATIO = 0.05
"""Share of the requests that a p95 leaves out."""
PARTS = 3


@dataclass(frozen=True)
class Series:
    """Durations over time: when each request was due (s after the start), and how long it took (µs, may be inf)."""

    at_s: Floats
    values_us: Floats
    duration_s: float

    @cached_property
    def ordered_us(self) -> Floats:
        """The durations, ascending."""
        return np.sort(self.values_us)

    @cached_property
    def around_p95(self) -> tuple[Floats, ...]:
        """Exceedances of the p95 itself and of what lies just below it: they differ where values are tied."""
        at = float(self.ordered_us[rank(len(self.values_us), P95) - 1])
        found = (exceedances(self, at), exceedances(self, float(np.nextafter(at, -np.inf))))
        return tuple(counts for counts in found if counts is not None)

    def after(self, cut_s: float) -> Series:
        """Return what was due after a cut, counted from there; the series itself where nothing is cut."""
        if cut_s <= 0:
            return self
        keep = self.at_s >= cut_s
        return Series(self.at_s[keep] - cut_s, self.values_us[keep], self.duration_s - cut_s)


def _cells(duration_s: float) -> tuple[float, int]:
    cell_s = max(1.0, duration_s / MOST_CELLS)
    return cell_s, cells.count_of(duration_s, cell_s)


def exceedances(series: Series, value_us: float) -> Floats | None:
    """Return, for each cell, how many requests lie over a value less how many the whole run's share expects."""
    cell_s, count = _cells(series.duration_s)
    if count < FEWEST_CELLS:
        return None
    over = (series.values_us > value_us).astype(np.float64)
    there = cells.totals(series.at_s, cell_s, count)
    excess: Floats = cells.totals(series.at_s, cell_s, count, over) - over.mean() * there
    return excess


def p95_ranks(series: Series) -> tuple[int, int] | None:
    """Return the ranks that enclose the p95 at 95 %, by the wider of both rules; n + 1 stands for beyond the largest.

    By EWC-8 the upper bound holds at 97.5 %, the lower one at 99 %. None where n cannot carry an interval.
    """
    n_count = len(series.values_us)
    plain = order_statistic_ranks(n_count, P95)
    if plain is None:
        return None
    if not series.around_p95:
        return plain
    error = max(cosine.sum_error(counts) for counts in series.around_p95)
    low = math.floor(n_count * 0.95 - cosine.T_LOWER * error)
    high = math.ceil(n_count * 0.95 + cosine.T_CRITICAL * error)
    return max(1, min(plain[0], low)), min(n_count + 1, max(plain[1], high))


def p95_interval(series: Series, *, no_answer_us: float) -> Interval | None:
    """Return the 95 % interval of the p95 in ms; None where n is too small.

    Parameters
    ----------
    series : Series
        The judged requests.
    no_answer_us : float
        The least an unanswered request took: where the lower bound falls among them, it stands at this.
    """
    ranks = p95_ranks(series)
    if ranks is None:
        return None
    ordered = np.append(series.ordered_us, np.inf)
    low, high = float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1])
    low = _least(ordered, no_answer_us) if math.isinf(low) else low
    return low / US_PER_MS, (None if math.isinf(high) else high / US_PER_MS)


def _least(values_us: Floats, no_answer_us: float) -> float:
    answered = values_us[np.isfinite(values_us)]
    return max(no_answer_us, float(answered.max()) if len(answered) else 0.0)


def p95_violation_interval(series: Series, *, no_answer_us: float) -> Interval | None:
    """Return an interval so wide that what lies beyond it is proven at any run length.

    The hull of the 95 % interval of the p95 and of the p95 of each third of the run: even the best third counts.
    It proves violations only; a pass is never judged on it.
    """
    whole = p95_interval(series, no_answer_us=no_answer_us)
    if whole is None:
        return None
    lows, highs = [whole[0]], [whole[1]]
    edges = np.linspace(0, series.duration_s, PARTS + 1)
    for start, end in itertools.pairwise(edges.tolist()):
        part = series.values_us[(series.at_s >= start) & (series.at_s < end)]
        value = unordered_rank(part, P95)
        if value is None:
            return None
        lows.append((_least(part, no_answer_us) if math.isinf(value) else value) / US_PER_MS)
        highs.append(None if math.isinf(value) else value / US_PER_MS)
    finite = [high for high in highs if high is not None]
    return min(lows), (max(finite) if len(finite) == len(highs) else None)


def episodes_over(series: Series, value_us: float) -> int:
    """Return in how many separate stretches of cells more than the allowed 5 % of the requests lie over a value."""
    cell_s, count = _cells(series.duration_s)
    there = cells.totals(series.at_s, cell_s, count)
    over = cells.totals(series.at_s, cell_s, count, (series.values_us > value_us).astype(np.float64))
    hot = over > ALLOWED_RATIO * there
    return int(hot[0]) + int((hot[1:] & ~hot[:-1]).sum())


def most_episodes(seen_count: int) -> float:
    """Return how many episodes a run like this may hold, where so many were seen: the 97.5 % bound of a Poisson mean.

    Garwood, Biometrika 1936: half the quantile of chi-squared with 2 (n + 1) degrees of freedom. Where none was seen it
    is 3.7, the rule of three at 97.5 %.

    Examples
    --------
    >>> round(most_episodes(0), 2), round(most_episodes(10), 2)
    (3.69, 18.39)
    """
    return float(stats.chi2.ppf(1 - (1 - CONFIDENCE) / 2, 2 * (seen_count + 1)) / 2)


def refusal(series: Series) -> str | None:
    """Return why this run carries no interval of its p95, or None where it does (rule LAT, item 4)."""
    n_count = len(series.values_us)
    if order_statistic_ranks(n_count, P95) is None:
        return f"{n_count} judged requests are too few for an interval of the p95 (72 are needed)"
    if series.duration_s < LONG_RUN_S:
        return (
            f"a run of {series.duration_s:.0f} s is too short for an interval of the steady p95 "
            f"({LONG_RUN_S:.0f} s are needed); the figure is a census of this episode"
        )
    correlation_s = max(map(cosine.correlation_cells, series.around_p95)) * _cells(series.duration_s)[0]
    if series.duration_s < CORRELATION_TIMES * correlation_s:
        return (
            f"slow requests come in clusters of about {correlation_s:.0f} s; an interval needs a run of "
            f"{CORRELATION_TIMES} times that"
        )
    return None


def clopper_pearson(hit_count: int, n_count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share of independent hits (Clopper and Pearson, Biometrika 1934).

    Examples
    --------
    >>> low, high = clopper_pearson(50, 1000)
    >>> round(low, 4), round(high, 4)
    (0.0373, 0.0654)
    """
    tail, misses_count = (1 - CONFIDENCE) / 2, n_count - hit_count
    low = float(stats.beta.ppf(tail, hit_count, misses_count + 1)) if hit_count else 0.0
    return low, float(stats.beta.isf(tail, hit_count + 1, misses_count)) if misses_count else 1.0


def ratio_interval(at_s: Floats, hits: Flags, duration_s: float) -> Interval | None:
    """Return the 95 % interval of a share: Clopper-Pearson, or EWC-8 on cells where that is wider. None without rows.

    Examples
    --------
    >>> low, high = ratio_interval(np.arange(100.0), np.zeros(100, dtype=bool), 100.0)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    n_count, hit_count = len(hits), int(hits.sum())
    if not n_count:
        return None
    low, high = clopper_pearson(hit_count, n_count)
    counts = exceedances(Series(at_s, hits.astype(np.float64), duration_s), 0.5)
    if counts is not None:
        half = cosine.T_CRITICAL * cosine.sum_error(counts) / n_count
        low, high = min(low, hit_count / n_count - half), max(high, hit_count / n_count + half)
    return max(0.0, low), min(1.0, high)

"""Exact nearest-rank quantiles and their intervals. Infinite values (requests without an answer) take part.

Quantile: the ceil(n q)-th smallest value (type 1 of Hyndman and Fan, The American Statistician 1996), no interpolation.
It is refused where the rank would be the largest value: a maximum is no p99.9.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from scipy import stats

from fireai_analysis.analyze.columns import Floats
from fireai_analysis.results import Quantiles
from fireai_analysis.units import US_PER_MS

LEVELS = {
    "p50": Fraction(1, 2),
    "p90": Fraction(9, 10),
    "p95": Fraction(95, 100),
    "p99": Fraction(99, 100),
    "p999": Fraction(999, 1000),
}
P95 = LEVELS["p95"]
CONFIDENCE = 0.95


def rank(n_count: int, q: Fraction) -> int:
    """Return the nearest rank, 1 .. n: ceil(n q), in whole numbers.

    Examples
    --------
    >>> rank(100, Fraction(95, 100)), rank(101, Fraction(95, 100)), rank(1, Fraction(1, 2))
    (95, 96, 1)
    """
    return max(1, math.ceil(n_count * q))


def nearest_rank(ordered: Floats, q: Fraction) -> float | None:
    """Return the quantile of ascending values; None where its rank would be the largest value.

    Examples
    --------
    >>> values = np.arange(1.0, 101.0)
    >>> nearest_rank(values, Fraction(95, 100)), nearest_rank(values, Fraction(999, 1000))
    (95.0, None)
    """
    place = rank(len(ordered), q)
    return float(ordered[place - 1]) if place < len(ordered) else None


def unordered_rank(values: Floats, q: Fraction) -> float | None:
    """Return the quantile of values in any order, as `nearest_rank`.

    Examples
    --------
    >>> unordered_rank(np.arange(100.0, 0.0, -1.0), Fraction(95, 100))
    95.0
    """
    place = rank(len(values), q)
    return float(np.partition(values, place - 1)[place - 1]) if place < len(values) else None


def summary_ms(values_us: Floats) -> Quantiles:
    """Return the quantiles, largest value and mean of durations in µs as ms; an infinite figure is null.

    Examples
    --------
    >>> summary_ms(np.array([1000.0, 2000.0, np.inf])).p50
    2.0
    >>> summary_ms(np.array([1000.0, 2000.0, np.inf])).max is None
    True
    """
    if not len(values_us):
        return Quantiles()
    ordered = np.sort(values_us)
    figures = {name: nearest_rank(ordered, q) for name, q in LEVELS.items()}
    figures |= {"max": float(ordered[-1]), "mean": float(ordered.mean())}
    return Quantiles(**{name: finite(value) for name, value in figures.items()})


def finite(value_us: float | None) -> float | None:
    """Return a duration in µs as ms, and null where it is infinite or unknown."""
    return None if value_us is None or not math.isfinite(value_us) else value_us / US_PER_MS


def order_statistic_ranks(n_count: int, q: Fraction) -> tuple[int, int] | None:
    """Return the ranks whose values enclose the quantile of independent values at 95 %; None where n is too small.

    Exact binomial argument: the number of values at or below the quantile is Bin(n, q), 2.5 % on either side.

    Examples
    --------
    >>> order_statistic_ranks(71, Fraction(95, 100)) is None, order_statistic_ranks(72, Fraction(95, 100))
    (True, (64, 72))
    """
    tail = (1 - CONFIDENCE) / 2
    low = int(stats.binom.ppf(tail, n_count, float(q)))
    high = int(stats.binom.ppf(1 - tail, n_count, float(q))) + 1
    return (low, high) if low >= 1 and high <= n_count else None

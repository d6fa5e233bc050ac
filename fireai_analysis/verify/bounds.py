"""Ranks, intervals and slopes by the checker's own formulas: whole numbers for ranks, a cosine transform for EWC-8.

Sources: nearest rank is type 1 of Hyndman and Fan (1996); Clopper and Pearson (1934) by quantiles of the beta
distribution; EWC-8 after Lazarus, Lewis, Stock and Watson (2018); MSER after White (1997).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import fft, stats

from fireai_analysis.verify.evidence import Floats

PER_MILLE = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999}
LONG_S = 1800.0
T_975 = float(stats.t.ppf(0.975, 8))
T_990 = float(stats.t.ppf(0.99, 8))
Interval = tuple[float, float | None]


def place(n_count: int, per_mille: int) -> int:
    """Return the nearest rank from 1: the smallest whole number that is at least n times the share.

    Examples
    --------
    >>> place(100, 950), place(101, 950), place(3, 500)
    (95, 96, 2)
    """
    return max(1, -(-n_count * per_mille // 1000))


def at_rank(ordered: Floats, per_mille: int) -> float | None:
    """Return the value at a nearest rank; None where that would be the largest value.

    Examples
    --------
    >>> at_rank(np.arange(1.0, 101.0), 950), at_rank(np.arange(1.0, 101.0), 999)
    (95.0, None)
    """
    rank = place(len(ordered), per_mille)
    return float(ordered[rank - 1]) if rank < len(ordered) else None


def plain_ranks(n_count: int) -> tuple[int, int] | None:
    """Return the ranks that enclose the p95 of independent values at 95 %; None where n is too small.

    Examples
    --------
    >>> plain_ranks(71) is None, plain_ranks(72)
    (True, (64, 72))
    """
    if not n_count:
        return None
    low, high = (int(stats.binom.ppf(tail, n_count, 0.95)) for tail in (0.025, 0.975))
    return (low, high + 1) if low >= 1 and high < n_count else None


def ms(value_us: float | None) -> float | None:
    """Return microseconds as ms, None where it is unknown or infinite."""
    return None if value_us is None or not math.isfinite(value_us) else value_us / 1000


def quantiles_ms(values_us: Floats) -> dict[str, float | None]:
    """Return quantiles, largest value and mean in ms; None where n is too small or the figure is infinite."""
    ordered = np.sort(values_us)
    found = {name: ms(at_rank(ordered, share)) for name, share in PER_MILLE.items()}
    if not len(ordered):
        return {**found, "max": None, "mean": None}
    total = math.inf if math.isinf(ordered[-1]) else math.fsum(ordered)
    return {**found, "max": ms(float(ordered[-1])), "mean": ms(total / len(ordered))}


# -- series whose neighbours resemble each other


def sum_error(series: Floats) -> float:
    """Return the standard error of the sum of a series, by its first eight cosine terms."""
    terms = fft.dct(series, type=2)[1:9] / 2 * math.sqrt(2 / len(series))
    return math.sqrt(len(series) * float(np.mean(terms**2)))


def excess(at_s: Floats, over: Floats, duration_s: float) -> Floats | None:
    """Return hits less the expected ones, by cells of at least a second; None for fewer than sixteen cells."""
    cell_s = max(1.0, duration_s / 1800)
    count = max(1, math.ceil(duration_s / cell_s - 1e-9))
    if count < 16:
        return None
    cell = np.clip((at_s / cell_s).astype(np.int64), 0, count - 1)
    hits, there = np.zeros(count), np.zeros(count)
    np.add.at(hits, cell, over)
    np.add.at(there, cell, 1.0)
    return hits - float(over.mean()) * there


def share_interval(at_s: Floats, hits: Floats, duration_s: float) -> Interval | None:
    """Return the 95 % interval of a share: Clopper-Pearson, or EWC-8 where that is wider."""
    n_count, hit_count = len(hits), int(hits.sum())
    if not n_count:
        return None
    low = float(stats.beta.ppf(0.025, hit_count, n_count - hit_count + 1)) if hit_count else 0.0
    high = float(stats.beta.ppf(0.975, hit_count + 1, n_count - hit_count)) if hit_count < n_count else 1.0
    series = excess(at_s, hits, duration_s)
    if series is not None:
        half = T_975 * sum_error(series) / n_count
        low, high = min(low, hit_count / n_count - half), max(high, hit_count / n_count + half)
    return max(0.0, low), min(1.0, high)


@dataclass(frozen=True)
class Durations:
    """Durations of the judged requests: when due (s), how long (µs, infinite without an answer)."""

    at_s: Floats
    values_us: Floats
    duration_s: float
    no_answer_us: float

    def p95_interval(self) -> Interval | None:
        """Return the 95 % interval of the p95 in ms; None where n cannot carry one."""
        n_count = len(self.values_us)
        plain = plain_ranks(n_count)
        if plain is None:
            return None
        low, high = plain
        around = self._around()
        if around:
            error = max(map(sum_error, around))
            low = max(1, min(low, math.floor(n_count * 0.95 - T_990 * error)))
            high = min(n_count + 1, max(high, math.ceil(n_count * 0.95 + T_975 * error)))
        ordered = np.sort(self.values_us)
        lower = float(ordered[low - 1])
        upper = float(ordered[high - 1]) if high <= n_count else math.inf
        return self._unless_infinite(lower, ordered) / 1000, None if math.isinf(upper) else upper / 1000

    def _around(self) -> list[Floats]:
        at = float(np.sort(self.values_us)[place(len(self.values_us), 950) - 1])
        levels = (at, float(np.nextafter(at, -np.inf)))
        found = [excess(self.at_s, (self.values_us > level).astype(float), self.duration_s) for level in levels]
        return [series for series in found if series is not None]

    def _unless_infinite(self, value_us: float, ordered: Floats) -> float:
        if not math.isinf(value_us):
            return value_us
        answered = ordered[np.isfinite(ordered)]
        return max(self.no_answer_us, float(answered[-1]) if len(answered) else 0.0)

    def hull(self) -> Interval | None:
        """Return the span of the interval and of the p95 of each third: what lies beyond it is proven at any length."""
        whole = self.p95_interval()
        if whole is None:
            return None
        lows, highs = [whole[0]], [math.inf if whole[1] is None else whole[1]]
        edges = np.linspace(0, self.duration_s, 4)
        for start, end in pairwise(edges.tolist()):
            third = np.sort(self.values_us[(self.at_s >= start) & (self.at_s < end)])
            value = at_rank(third, 950)
            if value is None:
                return None
            lows.append(self._unless_infinite(value, third) / 1000)
            highs.append(value / 1000)
        return min(lows), None if math.isinf(max(highs)) else max(highs)

    def carries_interval(self) -> bool:
        """Whether the run is long enough to claim an interval: half an hour, and thirty times its clusters."""
        if self.p95_interval() is None or self.duration_s < LONG_S:
            return False
        cell_s = max(1.0, self.duration_s / 1800)
        times = [_correlation(series) * cell_s for series in self._around()]
        return self.duration_s >= 30 * max(times)


def _correlation(series: Floats) -> float:
    plain = float(np.var(series))
    return 1.0 if plain == 0 else max(1.0, sum_error(series) ** 2 / len(series) / plain)


# -- warm-up and drift


def settle(at_s: Floats, values_us: Floats, duration_s: float) -> tuple[float, bool | None]:
    """Return the warm-up to leave out in s and whether the rest is steady; under half an hour neither is said."""
    if duration_s < LONG_S or not len(values_us):
        return 0.0, None
    curve = _log_p95(at_s, values_us, duration_s, max(1, math.ceil(duration_s / 10 - 1e-9)))
    errors = [float(np.var(curve[cut:])) / (len(curve) - cut) for cut in range(max(1, len(curve) // 2))]
    cut = int(np.argmin(np.round(errors, 15)))
    cut = cut if _stands_out(curve, cut) else 0
    if cut > len(curve) / 4:
        return 0.0, False
    cut_s, kept = cut * 10.0, at_s >= cut * 10.0
    return cut_s, not _drifts(at_s[kept] - cut_s, values_us[kept], duration_s - cut_s)


def _stands_out(curve: Floats, cut: int) -> bool:
    """Whether the start differs from the rest by more than chance explains (two-sided p under a thousandth)."""
    rest = curve[cut:]
    if not cut or len(rest) < 16:
        return False
    variance = max(sum_error(rest) ** 2 / len(rest), float(np.var(rest)))
    apart, error = float(np.mean(curve[:cut]) - np.mean(rest)), math.sqrt(variance / cut + variance / len(rest))
    return apart != 0 if error == 0 else 2 * float(stats.t.sf(abs(apart) / error, 8)) < 0.001


def _log_p95(at_s: Floats, values_us: Floats, duration_s: float, count: int) -> Floats:
    cell = np.clip((at_s / (duration_s / count)).astype(np.int64), 0, count - 1)
    finite = values_us[np.isfinite(values_us)]
    most = 10 * float(finite.max()) if len(finite) else 1.0
    parts = (np.sort(values_us[cell == number]) for number in range(count))
    return np.array([math.log(min(part[place(len(part), 950) - 1], most)) for part in parts if len(part)])


def _drifts(at_s: Floats, values_us: Floats, duration_s: float) -> bool:
    curve = _log_p95(at_s, values_us, duration_s, 48)
    found = line(np.arange(len(curve), dtype=np.float64), curve)
    if found is None:
        return True
    slope, error = found
    p_value = (1.0 if slope == 0 else 0.0) if error == 0 else 2 * float(stats.t.sf(abs(slope / error), 8))
    return p_value < 0.01 and math.expm1(abs(slope) * len(curve)) > 0.10


def line(x: Floats, y: Floats) -> tuple[float, float] | None:
    """Return the least-squares slope and its EWC-8 error; None for fewer than twenty values.

    Examples
    --------
    >>> slope, error = line(np.arange(40.0), 3 * np.arange(40.0))
    >>> round(slope, 9), round(error, 9)
    (3.0, 0.0)
    """
    if len(x) < 20 or x.max() == x.min():
        return None
    slope, intercept = np.polyfit(x, y, 1)
    from_mean = x - x.mean()
    scores = from_mean * (y - intercept - slope * x)
    return float(slope), sum_error(scores) / float(np.sum(from_mean**2))

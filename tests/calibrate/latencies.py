"""Latency series whose true p95 is known: log-normal (sigma 0.45, median 100 ms), correlated in different ways.

`iid` independent · `ar` autoregressive from request to request (0.9) · `slow20`, `slow50` a fifth (half) of the
variance moves with a correlation time of 30 s (60 s) · `bursts` 3 % of the time everything takes four times as long,
for 6 s on average · `regimes` a quarter of the time half as long again, for 60 s on average · `wave` a load that
comes and goes, 20 % up and down with a period of 20 min and a random phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import optimize, signal, stats

from fireai_analysis.analyze.intervals import Series

Floats = npt.NDArray[np.float64]
SIGMA, MEDIAN_US = 0.45, 100_000.0
WAVE_S, WAVE_HEIGHT = 1200.0, math.log(1.2)
LENGTHS = {"1 h": (3600.0, 35.0), "4 h": (14_400.0, 1.2)}
"""Duration in s and arrivals a second: peak (Poisson) and sustained (fixed)."""
BURSTS, REGIMES = (4.0, 0.03, 6.0), (1.5, 0.25, 60.0)
"""Factor of the slow state, share of time in it, mean stay in s."""


def run_of(model: str, length: str, rng: np.random.Generator) -> Series:
    """Return the judged requests of one simulated run."""
    duration_s, rate_rps = LENGTHS[length]
    if length == "1 h":
        at_s = np.cumsum(rng.exponential(1 / rate_rps, round(1.1 * rate_rps * duration_s)))
        at_s = at_s[at_s < duration_s]
    else:
        at_s = np.arange(round(rate_rps * duration_s)) / rate_rps
    logs = MODELS[model](at_s, duration_s, rng)
    return Series(at_s, np.round(MEDIAN_US * np.exp(logs)), duration_s)


def true_p95_us(model: str) -> float:
    """Return the true p95 of a series in µs, from its mixture of log-normals."""
    factors, shares = _mixture(model)

    def below(log_us: float) -> float:
        return float(np.sum(shares * stats.norm.cdf((log_us - np.log(factors)) / SIGMA))) - 0.95

    return MEDIAN_US * math.exp(optimize.brentq(below, -5.0, 5.0))


def _mixture(model: str) -> tuple[Floats, Floats]:
    if model == "wave":
        angles = (np.arange(2000) + 0.5) / 2000 * 2 * np.pi
        return np.exp(WAVE_HEIGHT * np.sin(angles)), np.full(2000, 1 / 2000)
    factor, part, _ = {"bursts": BURSTS, "regimes": REGIMES}.get(model, (1.0, 0.0, 0.0))
    return np.array([1.0, factor]), np.array([1 - part, part])


def _iid(at_s: Floats, duration_s: float, rng: np.random.Generator) -> Floats:
    return SIGMA * rng.standard_normal(len(at_s))


def _ar(at_s: Floats, duration_s: float, rng: np.random.Generator) -> Floats:
    return SIGMA * stationary(len(at_s), 0.9, rng)


def stationary(count: int, phi: float, rng: np.random.Generator) -> Floats:
    """Return a stationary AR(1) of unit variance."""
    noise = rng.standard_normal(count) * math.sqrt(1 - phi**2)
    noise[0] /= math.sqrt(1 - phi**2)
    found: Floats = signal.lfilter([1], [1, -phi], noise)
    return found


def _slow(part: float, time_s: float) -> Callable[[Floats, float, np.random.Generator], Floats]:
    def logs(at_s: Floats, duration_s: float, rng: np.random.Generator) -> Floats:
        level = stationary(int(duration_s) + 1, math.exp(-1 / time_s), rng)[at_s.astype(np.int64)]
        return SIGMA * (math.sqrt(part) * level + math.sqrt(1 - part) * rng.standard_normal(len(at_s)))

    return logs


def _switching(factor: float, part: float, stay_s: float) -> Callable[[Floats, float, np.random.Generator], Floats]:
    def logs(at_s: Floats, duration_s: float, rng: np.random.Generator) -> Floats:
        slow = in_slow_state(at_s, part, stay_s, rng)
        return SIGMA * rng.standard_normal(len(at_s)) + math.log(factor) * slow

    return logs


def in_slow_state(at_s: Floats, part: float, stay_s: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return whether each instant lies in the slow one of two states with exponential stays."""
    stays = np.array([stay_s, stay_s * (1 - part) / part])
    first = 0 if rng.random() < part else 1
    count = int(4 * (at_s[-1] + 1) / stays.sum()) + 40
    lengths = rng.exponential(stays[(np.arange(2 * count) + first) % 2])
    passed = np.searchsorted(np.cumsum(lengths), at_s, "right")
    return (passed + first) % 2 == 0


def _wave(at_s: Floats, duration_s: float, rng: np.random.Generator) -> Floats:
    phase = rng.uniform(0, 2 * np.pi)
    return SIGMA * rng.standard_normal(len(at_s)) + WAVE_HEIGHT * np.sin(2 * np.pi * at_s / WAVE_S + phase)


MODELS: dict[str, Callable[[Floats, float, np.random.Generator], Floats]] = {
    "iid": _iid,
    "ar": _ar,
    "slow20": _slow(0.2, 30.0),
    "slow50": _slow(0.5, 60.0),
    "bursts": _switching(*BURSTS),
    "regimes": _switching(*REGIMES),
    "wave": _wave,
}

"""Live heaps over 4 h, sampled every 5 s, whose true growth is known: 60 MB and 30 MB more after the start.

Noise: `A`, `B`, `C` autoregressive, 3 MB, correlation time 2, 10, 30 min · `D` as A, collected only every 2 min · `E`
as A, collected all the time · `H` 5 MB, 5 min · `I` a wave of 5 MB with a period of 40 min and 1 MB of noise · `J`
bursts of load that hold 15 MB more for a minute, a tenth of the time, and 2 MB of noise. Noise and a course that is
no leak: `F` A and a cache of 40 MB that fills (time constant 40 min) · `G` A and one step of 10 MB at a random time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.calibrate.latencies import in_slow_state, stationary

Floats = npt.NDArray[np.float64]
MB, TICK_S, HOUR_S = 1e6, 5.0, 3600.0
BASE_MB, START_MB, START_S = 60.0, 30.0, 300.0
CACHE_MB, CACHE_S, STEP_MB = 40.0, 2400.0, 10.0
WAVE_MB, WAVE_S = 5.0, 2400.0
BURST_MB, BURST_PART, BURST_S = 15.0, 0.1, 60.0


@dataclass(frozen=True)
class Noise:
    """Standard deviation in MB, correlation time and time between collections in s."""

    sd_mb: float
    time_s: float
    collected_s: float = 45.0


NOISES = {
    "A": Noise(3.0, 120.0),
    "B": Noise(3.0, 600.0),
    "C": Noise(3.0, 1800.0),
    "D": Noise(3.0, 120.0, 120.0),
    "E": Noise(3.0, 120.0, TICK_S),
    "H": Noise(5.0, 300.0),
    "I": Noise(1.0, 120.0),
    "J": Noise(2.0, 120.0),
}
COURSES = ("F", "G")


def heap(name: str, leak_mb_per_h: float, rng: np.random.Generator, hours: float = 4.0) -> tuple[Floats, Floats]:
    """Return times in s and the live heap in bytes as the service tells it: as of its last collection."""
    at_s = np.arange(0, hours * HOUR_S + TICK_S / 2, TICK_S)
    noise = NOISES.get(name, NOISES["A"])
    live = BASE_MB + START_MB * (1 - np.exp(-at_s / START_S)) + leak_mb_per_h * at_s / HOUR_S
    live = live + noise.sd_mb * stationary(len(at_s), math.exp(-TICK_S / noise.time_s), rng) + _course(name, at_s, rng)
    collected = np.arange(len(at_s)) - np.floor((at_s + rng.uniform(0, noise.collected_s)) % noise.collected_s / TICK_S)
    return at_s, MB * np.maximum(live, 1.0)[np.maximum(collected, 0).astype(np.int64)]


def _course(name: str, at_s: Floats, rng: np.random.Generator) -> Floats | float:
    if name == "F":
        return CACHE_MB * (1 - np.exp(-at_s / CACHE_S))
    if name == "G":
        return np.where(at_s >= rng.uniform(2400.0, at_s[-1] - 1200.0), STEP_MB, 0.0)
    if name == "I":
        return WAVE_MB * np.sin(2 * np.pi * at_s / WAVE_S + rng.uniform(0, 2 * np.pi))
    return BURST_MB * in_slow_state(at_s, BURST_PART, BURST_S, rng) if name == "J" else 0.0


def resident(live_bytes: Floats, rng: np.random.Generator) -> Floats:
    """Return a resident set: up to twice the live heap between collections, 20 MB beside it, 4 MB of noise."""
    return 2 * live_bytes + 20 * MB + 4 * MB * stationary(len(live_bytes), math.exp(-TICK_S / 300.0), rng)

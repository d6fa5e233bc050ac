"""Absolute, seeded, open arrival schedules: pure functions of a scenario and a seed.

An open schedule says when each request is due before the run begins; a slow answer never moves a later arrival
(Schroeder, Wierman, Harchol-Balter, NSDI 2006). `fixed` arrivals stand 1/rate apart; under a rate curve the k-th is due
when the area under the curve reaches k. `poisson` arrivals are a Poisson process: their number is Poisson distributed
and, given the number, the instants are independent, uniform over the window at a constant rate and with the curve as
their density otherwise (inversion of the cumulative rate; Devroye, Non-Uniform Random Variate Generation, VI.1.3).
`waves`: every wave period each user writes once, the users in random order and evenly spaced over the wave's spread.
A closed loop draws no schedule: `loop.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fireai_analysis.collect.rate_curve import Cumulative
from fireai_analysis.spec import Scenario
from fireai_analysis.units import NS_PER_S

Int64s = npt.NDArray[np.int64]

_OFFSETS, _ENTRIES, _USERS = 1, 2, 3
_WHOLE = 1e-9
"""Area under a curve that rounding may have added to a whole number of arrivals."""


@dataclass(frozen=True)
class Plan:
    """The arrivals of one window, in order of time.

    Attributes
    ----------
    indexes : numpy.ndarray of int64
        Number of each arrival in the whole schedule; a worker holds every `workers`-th.
    offsets_ns : numpy.ndarray of int64
        When each is due, in ns from the window's start.
    users, entries, waves : numpy.ndarray of int64
        User of each arrival (0 .. users - 1), its entry of the mix, and its wave (0 where there are no waves).
    """

    indexes: Int64s
    offsets_ns: Int64s
    users: Int64s
    entries: Int64s
    waves: Int64s

    def __len__(self) -> int:
        return len(self.indexes)


def draw(scenario: Scenario, seed: int, *, worker: int = 0, workers: int = 1) -> Int64s:
    """Return when the arrivals of a worker are due.

    Parameters
    ----------
    scenario : Scenario
        Rate, duration and kind of arrivals.
    seed : int
        At least 0; the same seed gives the same schedule.
    worker, workers : int
        Which share of the arrivals: every `workers`-th, beginning with `worker`.

    Returns
    -------
    numpy.ndarray of int64
        Nanoseconds from the window's start, sorted, each at least 0 and less than the duration.

    Examples
    --------
    >>> from fireai_analysis.scenarios import load_scenario
    >>> two = load_scenario("sustained").model_copy(update={"duration_s": 2.0, "rate_rps": 2.0})
    >>> draw(two, 1).tolist()
    [0, 500000000, 1000000000, 1500000000]
    """
    return plan(scenario, seed, worker=worker, workers=workers).offsets_ns


def plan(scenario: Scenario, seed: int, *, worker: int = 0, workers: int = 1) -> Plan:
    """Return the arrivals of a worker with user, mix entry and wave of each; none of a closed loop. As `draw`."""
    if not 0 <= worker < workers:
        raise ValueError(f"worker {worker} of {workers}")
    users, waves = None, None
    if scenario.load_model == "closed":
        offsets = np.zeros(0, dtype=np.int64)
    elif scenario.arrivals == "waves":
        offsets, users, waves = _waves(scenario, seed)
    elif scenario.arrivals == "poisson":
        offsets = _poisson(scenario, seed)
    else:
        offsets = _fixed(scenario)
    count = len(offsets)
    users = np.arange(count, dtype=np.int64) % scenario.users if users is None else users
    waves = np.zeros(count, dtype=np.int64) if waves is None else waves
    share = slice(worker, None, workers)
    entries = _entries(scenario, seed, count)
    indexes = np.arange(count, dtype=np.int64)
    return Plan(indexes[share], offsets[share], users[share], entries[share], waves[share])


def wave_count(scenario: Scenario) -> int:
    """Return how many waves begin inside the window; 0 for other arrivals."""
    if scenario.wave_period_s is None:
        return 0
    return math.ceil(scenario.duration_s / scenario.wave_period_s)


def _generator(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, stream])


def _window_ns(scenario: Scenario) -> int:
    return round(scenario.duration_s * NS_PER_S)


def _fixed(scenario: Scenario) -> Int64s:
    if scenario.curve is not None:
        cumulative = Cumulative(scenario.curve)
        numbers = np.arange(math.ceil(cumulative.total - _WHOLE), dtype=np.float64)
        return _inside(scenario, cumulative.times_s(numbers))
    offsets: Int64s = np.floor(np.arange(scenario.intended_count) * (NS_PER_S / scenario.rate_rps)).astype(np.int64)
    return offsets[offsets < _window_ns(scenario)]


def _poisson(scenario: Scenario, seed: int) -> Int64s:
    generator = _generator(seed, _OFFSETS)
    if scenario.curve is not None:
        cumulative = Cumulative(scenario.curve)
        numbers = generator.uniform(0.0, cumulative.total, size=int(generator.poisson(cumulative.total)))
        return np.sort(_inside(scenario, cumulative.times_s(numbers)))
    count = int(generator.poisson(scenario.rate_rps * scenario.duration_s))
    offsets: Int64s = generator.integers(0, _window_ns(scenario), size=count, dtype=np.int64)
    return np.sort(offsets)


def _inside(scenario: Scenario, times_s: npt.NDArray[np.float64]) -> Int64s:
    """Return instants in ns; one that rounding put on the window's end falls due just before it."""
    offsets: Int64s = np.floor(times_s * NS_PER_S).astype(np.int64)
    return np.minimum(offsets, _window_ns(scenario) - 1)


def _waves(scenario: Scenario, seed: int) -> tuple[Int64s, Int64s, Int64s]:
    period_s, spread_s = scenario.wave_period_s, scenario.wave_spread_s
    if period_s is None or spread_s is None:
        raise ValueError("waves need wave_period_s and wave_spread_s")
    count, generator = wave_count(scenario), _generator(seed, _USERS)
    within = np.floor(np.arange(scenario.users) * (spread_s * NS_PER_S / scenario.users)).astype(np.int64)
    starts = (np.arange(count) * round(period_s * NS_PER_S)).astype(np.int64)
    offsets = (starts[:, None] + within[None, :]).ravel()
    users = np.concatenate([generator.permutation(scenario.users) for _ in range(count)]).astype(np.int64)
    waves = np.repeat(np.arange(count, dtype=np.int64), scenario.users)
    order = np.argsort(offsets, kind="stable")
    inside = order[offsets[order] < _window_ns(scenario)]
    return offsets[inside], users[inside], waves[inside]


def _entries(scenario: Scenario, seed: int, count: int) -> Int64s:
    weights = np.array([entry.weight for entry in scenario.mix])
    chosen = _generator(seed, _ENTRIES).choice(len(weights), size=count, p=weights / weights.sum())
    return chosen.astype(np.int64)

"""A generator that stands still, once or often: whatever that does to arrivals or to the P95, some check tells.

So the largest loop lag of a run, and the number in flight, need no limit of their own: a lag that delays nothing does
no harm, and one that does shows in the arrivals that were sent late.
"""

import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.validity.effect import slow_errors, stall_effect
from fireai_analysis.analyze.validity.generator import late_starts
from fireai_analysis.analyze.validity.schedule import arrivals
from tests import made
from tests.analyze.gate_cases import drawn, stalled

HOUR_S = 3600.0
LATE_RATIO, MOVED_RATIO = 0.01, 0.035
"""What must be told. The check compares at 3 %, with an estimate that is good to a few thousandths here."""

SPREADS = st.sampled_from([0.1, 0.2, 0.35, 0.5, 0.8, 1.0])


def service_ms(spread: float, seed: int) -> np.ndarray:
    """Log-normal answers around 100 ms, one for each arrival of the hour."""
    draw = np.random.default_rng(seed)
    return 100 * np.exp(spread * draw.standard_normal(len(drawn("peak", "full").requests)))


def p95_ms(values: np.ndarray) -> float:
    """Return the P95 of the judged requests."""
    judged = np.sort(values[drawn("peak", "full").requests["judged"].to_numpy(dtype=bool)])
    return float(judged[math.ceil(0.95 * len(judged)) - 1])


def harm(data: RunData, answers_ms: np.ndarray) -> tuple[float, float]:
    """Return the share of arrivals that were sent more than 15 ms late, and by how much of itself the P95 moved."""
    lags_ns = data.requests["sent_ns"].to_numpy(dtype=np.int64) - data.requests["intended_ns"].to_numpy()
    moved = p95_ms(data.requests["response_us"].to_numpy(dtype=float) / 1000) / p95_ms(answers_ms + 0.5) - 1
    return float((lags_ns > 15_000_000).mean()), moved


def told(data: RunData) -> list[str]:
    rows = Rows(data.requests, data.window)
    found = (late_starts(data, rows), arrivals(data, rows), stall_effect(data, rows))
    return [one.check for one in found if one.ok is False]


@settings(max_examples=30, deadline=None)
@given(st.floats(0.0, 3500.0), st.floats(0.01, 100.0), SPREADS, st.integers(0, 99))
def test_one_stall_that_does_harm_is_told(at_s: float, long_s: float, spread: float, seed: int) -> None:
    answers_ms = service_ms(spread, seed)
    data = stalled(drawn("peak", "full"), np.array([at_s]), long_s, answers_ms)
    late, moved = harm(data, answers_ms)
    assert (late <= LATE_RATIO and moved <= MOVED_RATIO) or told(data), (late, moved)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.02, 5.0), st.floats(0.0, 0.02), SPREADS, st.integers(0, 99))
def test_many_stalls_that_do_harm_are_told(long_s: float, share: float, spread: float, seed: int) -> None:
    answers_ms = service_ms(spread, seed)
    begins_s = np.random.default_rng(seed).uniform(0, HOUR_S - 10, 1 + int(share * HOUR_S / long_s))
    data = stalled(drawn("peak", "full"), begins_s, long_s, answers_ms)
    late, moved = harm(data, answers_ms)
    assert (late <= LATE_RATIO and moved <= MOVED_RATIO) or told(data), (late, moved)


@settings(max_examples=20, deadline=None)
@given(SPREADS, st.integers(0, 99))
def test_a_generator_that_never_stood_still_is_silent(spread: float, seed: int) -> None:
    data = stalled(drawn("peak", "full"), np.array([-9.0]), 1.0, service_ms(spread, seed))
    assert told(data) == []


def test_one_lag_of_two_seconds_in_an_hour_does_no_harm() -> None:
    answers_ms = service_ms(0.5, 1)
    data = stalled(drawn("peak", "full"), np.array([1800.0]), 2.0, answers_ms)
    late, moved = harm(data, answers_ms)
    assert late < 0.001
    assert moved < 0.003
    assert told(data) == []


def test_the_figures_without_the_stalls_are_told() -> None:
    answers_ms = service_ms(0.8, 2)
    data = stalled(drawn("peak", "full"), np.arange(50.0, 3500.0, 100.0), 1.0, answers_ms)
    check = stall_effect(data, Rows(data.requests, data.window))
    assert check.ok is False
    with_ms, without_ms = (float(part.split()[0]) for part in check.detail.split("P95 ")[1].split(", "))
    assert with_ms == round(p95_ms(data.requests["response_us"].to_numpy(dtype=float) / 1000), 1)
    assert abs(without_ms / p95_ms(answers_ms) - 1) < 0.01


def test_nothing_left_is_no_evidence() -> None:
    data = stalled(made.healthy("peak", "smoke"), np.array([0.0]), 40.0, np.full(1050, 100.0))
    assert stall_effect(data, Rows(data.requests, data.window)).ok is None


def test_a_p95_without_answers_is_told_as_infinite() -> None:
    data = made.healthy("peak", "smoke")
    failed = replace(data, requests=made.failing(data.requests, 5, error="timeout"))
    rows = Rows(failed.requests, failed.window)
    assert stall_effect(failed, rows).detail.endswith("P95 infinite, infinite without them")
    assert (stall_effect(failed, rows).ok, slow_errors(rows).ok) == (True, True)

"""The simulated truth against queues whose answer is known."""

import numpy as np
import pytest

from tests.truth import Stall, closed_loop, open_loop


def test_a_stall_by_hand() -> None:
    arrivals, services = np.array([0.0, 3.0, 4.0, 9.0]), np.full(4, 1.0)
    assert open_loop(arrivals, services, 1, [Stall(3.5, 6.0)]).tolist() == [1.0, 3.5, 3.5, 1.0]
    assert open_loop(arrivals, services, 2, [Stall(3.5, 6.0)]).tolist() == [1.0, 3.5, 3.0, 1.0]


def test_two_stalls() -> None:
    answered = open_loop(np.array([0.0, 7.5]), np.array([4.0, 1.0]), 1, [Stall(7, 8), Stall(1, 3)])
    assert answered.tolist() == [6.0, 1.5]


def test_one_server_with_poisson_arrivals_is_the_formula_of_pollaczek_and_khinchine() -> None:
    chance = np.random.default_rng(1)
    arrivals, service_s = np.sort(chance.uniform(0, 20_000, 140_000)), 0.1
    load = 7.0 * service_s
    mean = service_s + load * service_s / (2 * (1 - load))
    assert open_loop(arrivals, np.full(len(arrivals), service_s), 1, []).mean() == pytest.approx(mean, rel=0.02)


def test_a_closed_loop_hides_the_stall() -> None:
    """10 s of 300 s at 166 rps: 3.3 % of open arrivals wait; of the closed ones, one for each user."""
    chance = np.random.default_rng(1)
    arrivals = np.sort(chance.uniform(0, 300, 49_800))
    stall, services = [Stall(100, 110)], np.full(len(arrivals), 0.05)
    open_s = open_loop(arrivals, services, 200, stall)
    closed_s = closed_loop(users=200, think_s=1.15, service_s=lambda: 0.05, servers=200, stalls=stall, duration_s=300)
    assert (open_s > 0.3).mean() == pytest.approx(10 / 300, rel=0.05)
    assert np.quantile(open_s, 0.99) == pytest.approx(7.05, rel=0.05)
    assert (closed_s > 0.3).sum() == pytest.approx(200, abs=2)
    assert np.quantile(closed_s, 0.99) < 0.06

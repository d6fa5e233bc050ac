"""Arrival schedules: known answers, then what holds for every seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.schedule import draw, plan, wave_count
from fireai_analysis.scenarios import SCENARIO_NAMES, load_profile, load_scenario, scaled
from fireai_analysis.spec import Scenario
from fireai_analysis.units import NS_PER_S

SMOKE = load_profile("smoke")


def smoke(name: str, **changes: object) -> Scenario:
    return scaled(load_scenario(name), SMOKE).model_copy(update=changes)


def test_fixed_arrivals_of_the_ticket() -> None:
    offsets = draw(load_scenario("sustained"), 1)
    assert len(offsets) == 17_280
    assert set(np.diff(offsets)) == {833_333_333, 833_333_334}
    assert offsets[-1] == pytest.approx(17_279 / 1.2 * NS_PER_S, abs=2)


def test_waves_of_the_ticket() -> None:
    arrivals = plan(load_scenario("crdt_stress"), 1)
    assert len(arrivals) == 30_000
    for wave in range(30):
        of_wave = arrivals.waves == wave
        assert sorted(arrivals.users[of_wave]) == list(range(1000))
        offsets = arrivals.offsets_ns[of_wave] - wave * 20 * NS_PER_S
        assert (offsets[0], offsets[-1]) == (0, 999_000_000)
    first, second = arrivals.users[:1000], arrivals.users[1000:2000]
    assert (first != second).any()
    assert (first != np.arange(1000)).any()


def test_poisson_count_and_gaps() -> None:
    scenario = load_scenario("peak")
    offsets = draw(scenario, 1)
    assert abs(len(offsets) - 126_000) < 5 * np.sqrt(126_000)
    gaps_s = np.diff(offsets) / NS_PER_S
    assert gaps_s.mean() == pytest.approx(1 / 35, rel=0.02)
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(1, rel=0.02)  # exponential gaps
    per_s = np.bincount(offsets // NS_PER_S, minlength=3600)
    assert per_s.var() / per_s.mean() == pytest.approx(1, abs=0.1)  # index of dispersion of a Poisson process


def test_weights_of_the_mix() -> None:
    scenario = load_scenario("peak")
    counted = np.bincount(plan(scenario, 3).entries, minlength=len(scenario.mix))
    weights = np.array([entry.weight for entry in scenario.mix])
    assert counted / counted.sum() == pytest.approx(weights / weights.sum(), abs=0.01)


def test_users_take_turns() -> None:
    assert plan(smoke("sustained"), 1).users[:7].tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_a_wave_cut_by_the_end_of_the_window() -> None:
    arrivals = plan(smoke("crdt_stress", duration_s=20.5), 1)
    assert len(arrivals) == 1500
    assert wave_count(smoke("crdt_stress", duration_s=20.5)) == 2


@given(st.sampled_from(SCENARIO_NAMES), st.integers(0, 2**31), st.integers(1, 4))
def test_every_schedule(name: str, seed: int, workers: int) -> None:
    scenario = smoke(name, users=20)
    whole = plan(scenario, seed)
    assert (np.diff(whole.offsets_ns) >= 0).all()
    assert ((whole.offsets_ns >= 0) & (whole.offsets_ns < scenario.duration_s * NS_PER_S)).all()
    assert ((whole.users >= 0) & (whole.users < scenario.users)).all()
    assert (whole.entries < len(scenario.mix)).all()
    shares = [plan(scenario, seed, worker=worker, workers=workers) for worker in range(workers)]
    indexes = np.concatenate([share.indexes for share in shares])
    assert sorted(indexes) == list(range(len(whole)))
    for share in shares:
        assert (share.offsets_ns == whole.offsets_ns[share.indexes]).all()
        assert (share.users == whole.users[share.indexes]).all()


def test_seeds_differ_and_repeat() -> None:
    scenario = smoke("peak")
    assert draw(scenario, 1).tolist() == draw(scenario, 1).tolist()
    assert draw(scenario, 1).tolist() != draw(scenario, 2).tolist()


def test_a_worker_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="worker 2 of 2"):
        draw(smoke("peak"), 1, worker=2, workers=2)

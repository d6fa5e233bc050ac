"""Arrivals under a rate curve: known answers, then what holds for every curve and seed."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from fireai_analysis.bundle import read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.collect.rate_curve import Cumulative
from fireai_analysis.collect.schedule import plan
from fireai_analysis.rates import RatePoint, mean_rps, stretched
from fireai_analysis.scenarios import load_scenario
from fireai_analysis.spec import Scenario, ScenarioChange
from fireai_analysis.units import NS_PER_S
from tests.collect.stub import SECRETS, run_bundle, stub, target_at

FALSE_ALARM = 1e-9


def points(*pairs: tuple[float, float]) -> tuple[RatePoint, ...]:
    return tuple(RatePoint(t_s=t_s, rate_rps=rate_rps) for t_s, rate_rps in pairs)


def under(curve: tuple[RatePoint, ...], arrivals: str, users: int = 7) -> Scenario:
    changes = {
        "curve": curve, "arrivals": arrivals, "users": users, "duration_s": curve[-1].t_s, "rate_rps": mean_rps(curve)
    }  # fmt: skip
    return Scenario.model_validate(dict(load_scenario("peak")) | changes)


@st.composite
def curves(draw: st.DrawFn) -> tuple[RatePoint, ...]:
    steps = draw(st.lists(st.sampled_from([0.0, 0.25, 1.0, 3.0, 7.5]), min_size=1, max_size=6))
    rates = draw(st.lists(st.floats(0, 60).map(lambda rate: round(rate, 2)), min_size=len(steps) + 1, max_size=7))
    at_s = np.concatenate([[0.0], np.cumsum([*steps[:-1], max(steps[-1], 1.0)])])
    curve = points(*zip(at_s.tolist(), rates, strict=False))
    return curve if mean_rps(curve) > 0.5 else (*curve[:-1], RatePoint(t_s=curve[-1].t_s, rate_rps=60))


def due_until(scenario: Scenario, seed: int, t_s: np.ndarray) -> np.ndarray:
    return np.searchsorted(plan(scenario, seed).offsets_ns, t_s * NS_PER_S, "left")


def test_a_ramp_of_fixed_arrivals() -> None:
    offsets = plan(under(points((0, 0), (10, 10)), "fixed"), 1).offsets_ns
    assert len(offsets) == 50
    assert offsets / NS_PER_S == pytest.approx(np.sqrt(2 * np.arange(50)), abs=1e-6)


def test_a_constant_curve_is_the_constant_rate() -> None:
    flat = under(points((0, 12.5), (8, 12.5)), "fixed")
    constant = flat.model_copy(update={"curve": None})
    assert np.abs(plan(flat, 1).offsets_ns - plan(constant, 1).offsets_ns).max() <= 1


@pytest.mark.parametrize("arrivals", ["fixed", "poisson"])
def test_nothing_arrives_where_the_rate_is_zero(arrivals: str) -> None:
    offsets = plan(under(points((0, 0), (3, 0), (3, 40), (5, 40), (5, 0), (9, 0)), arrivals), 1).offsets_ns / NS_PER_S
    assert len(offsets) > 40
    assert offsets.min() >= 3
    assert offsets.max() <= 5


@given(curves(), st.sampled_from(["fixed", "poisson"]), st.integers(0, 2**31), st.integers(1, 4))
def test_every_curve(curve: tuple[RatePoint, ...], arrivals: str, seed: int, workers: int) -> None:
    scenario = under(curve, arrivals)
    whole = plan(scenario, seed)
    assert (np.diff(whole.offsets_ns) >= 0).all()
    assert ((whole.offsets_ns >= 0) & (whole.offsets_ns < scenario.duration_s * NS_PER_S)).all()
    assert (whole.offsets_ns == plan(scenario, seed).offsets_ns).all()
    assert (whole.users == np.arange(len(whole)) % scenario.users).all()
    shares = [plan(scenario, seed, worker=worker, workers=workers) for worker in range(workers)]
    assert sorted(np.concatenate([share.indexes for share in shares])) == list(range(len(whole)))
    assert all((share.offsets_ns == whole.offsets_ns[share.indexes]).all() for share in shares)


@given(curves(), st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_fixed_arrivals_stay_within_one_of_the_curve(curve: tuple[RatePoint, ...], places: list[float]) -> None:
    at_s = np.array(places) * curve[-1].t_s
    due = due_until(under(curve, "fixed"), 0, at_s)
    assert np.abs(due - Cumulative(curve).counts(at_s)).max() <= 1 + 1e-6


@given(curves(), st.floats(0, 1))
def test_the_inverse_undoes_the_count(curve: tuple[RatePoint, ...], place: float) -> None:
    cumulative = Cumulative(curve)
    wanted = np.array([place * cumulative.total])
    assert cumulative.counts(cumulative.times_s(wanted)) == pytest.approx(wanted, rel=1e-9, abs=1e-9)


@given(curves(), st.integers(0, 2**31))
def test_poisson_arrivals_follow_the_curve(curve: tuple[RatePoint, ...], seed: int) -> None:
    cumulative = Cumulative(stretched(curve, 1.0, 2000 / Cumulative(curve).total))
    scenario = under(stretched(curve, 1.0, 2000 / Cumulative(curve).total), "poisson")
    edges = cumulative.times_s(np.linspace(0, cumulative.total, 21))
    edges[-1] = scenario.duration_s
    expected = np.diff(cumulative.counts(edges))
    counted = np.diff(due_until(scenario, seed, edges))
    wide = expected > 20  # a jump may make a cell of no width
    distance = ((counted - expected)[wide] ** 2 / expected[wide]).sum()
    assert distance < chi2.isf(FALSE_ALARM, wide.sum())


def test_the_chi_square_sees_a_wrong_curve() -> None:
    right, wrong = points((0, 30), (60, 40)), points((0, 45), (60, 25))
    edges = np.linspace(0, 60, 21)
    expected = np.diff(Cumulative(right).counts(edges))
    counted = np.diff(due_until(under(wrong, "poisson"), 1, edges))
    assert ((counted - expected) ** 2 / expected).sum() > chi2.isf(FALSE_ALARM, 20)


@given(curves(), st.floats(0.1, 10), st.floats(0.1, 10))
def test_a_profile_stretches_the_curve(curve: tuple[RatePoint, ...], longer: float, more: float) -> None:
    scenario = under(curve, "fixed")
    change = ScenarioChange(duration_s=scenario.duration_s * longer, rate_rps=scenario.rate_rps * more)
    changed = scenario.changed(change)
    assert changed.curve is not None
    assert mean_rps(changed.curve) == pytest.approx(changed.rate_rps)
    assert changed.peak_rate_rps == pytest.approx(scenario.peak_rate_rps * more)
    assert abs(len(plan(changed, 0)) - changed.rate_rps * changed.duration_s) <= 1


@pytest.mark.real
def test_a_generator_follows_the_curve(tmp_path: Path) -> None:
    curve = points((0, 5), (1, 5), (1, 60), (2, 60), (2, 5), (3, 5))
    changes = {"duration_s": 3.0, "rate_rps": mean_rps(curve), "curve": curve}
    with stub() as url:
        bundle = run_bundle(tmp_path, target_at(url), "peak", **changes)
        assert start(bundle, {**os.environ, **SECRETS}).wait(300) == 0, (bundle.raw_dir / "locust.log").read_text()
    finalize(bundle)
    frame, spec = bundle.requests(), bundle.manifest.spec
    offsets = frame["intended_ns"] - read_json(bundle.raw_dir / PROGRESS)["started_ns"]
    assert offsets.tolist() == plan(spec.scenario, spec.seed).offsets_ns.tolist()
    assert frame["ok"].all()
    assert (offsets // NS_PER_S == 1).mean() > 0.7

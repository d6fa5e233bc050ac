"""Warm-up cut and drift gate on planted series."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.intervals import Series
from fireai_analysis.analyze.steady_state import cell_log_p95, mser_cut, settle, stands_out


def run(shape: np.ndarray, duration_s: float = 3600.0, seed: int = 3) -> Series:
    """Log-normal latencies, 10 a second, times a shape over time."""
    n_count = int(duration_s * 10)
    values = 100_000 * np.random.default_rng(seed).lognormal(0, 0.4, n_count)
    factor = np.interp(np.linspace(0, 1, n_count), np.linspace(0, 1, len(shape)), shape)
    return Series(np.arange(n_count) / 10, values * factor, duration_s)


@pytest.mark.parametrize("seed", range(8))
def test_steady_run_is_hardly_cut(seed: int) -> None:
    steady = settle(run(np.ones(2), seed=seed))
    assert steady.steady is True
    assert steady.cut_s <= 900


def test_cold_start_is_cut() -> None:
    cold = np.ones(3600)
    cold[:120] = 3.0
    steady = settle(run(cold))
    assert steady.steady is True
    assert 100 <= steady.cut_s <= 200


def test_a_warm_up_over_a_quarter_is_no_steady_state() -> None:
    cold = np.ones(3600)
    cold[:1500] = 3.0
    steady = settle(run(cold))
    assert (steady.steady, steady.cut_s) == (False, 0.0)
    assert "no steady state" in steady.detail


def test_drift_is_seen() -> None:
    steady = settle(run(np.linspace(1.0, 1.4, 100)))
    assert steady.steady is False


@pytest.mark.parametrize("duration_s", [30.0, 600.0])
def test_short_runs_are_neither_cut_nor_called_steady(duration_s: float) -> None:
    steady = settle(run(np.ones(2), duration_s))
    assert (steady.cut_s, steady.steady) == (0.0, None)


def test_unanswered_stretches_stay_a_number() -> None:
    series = run(np.ones(2))
    values = series.values_us.copy()
    values[10_000:12_000] = np.inf
    assert settle(Series(series.at_s, values, series.duration_s)).detail


@pytest.mark.parametrize("seed", range(6))
def test_a_slow_start_by_chance_is_no_warm_up(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = np.where(np.repeat(rng.random(360) < 0.08, 10), 3.0, 1.0)
    shape[:10] = 3.0
    curve = cell_log_p95(run(shape, seed=seed), 360)
    assert mser_cut(curve) > 0, "without the test of significance the start would be cut"
    assert settle(run(shape, seed=seed)).cut_s == 0.0


@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(-5.0, 5.0))
@settings(max_examples=50)
def test_whether_a_start_stands_out_does_not_depend_on_the_level(seed: int, cut: int, level: float) -> None:
    curve = np.random.default_rng(seed).standard_normal(360)
    assert stands_out(curve + level, cut) == stands_out(curve, cut)
    assert stands_out(curve + np.where(np.arange(360) < cut, 50.0, 0.0), cut)

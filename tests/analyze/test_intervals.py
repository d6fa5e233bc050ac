"""Intervals of a p95 and of a ratio: known answers, coverage on series whose truth is known, refusals."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from fireai_analysis.analyze import cosine
from fireai_analysis.analyze.intervals import (
    Series,
    clopper_pearson,
    episodes_over,
    most_episodes,
    p95_interval,
    p95_ranks,
    p95_violation_interval,
    ratio_interval,
    refusal,
)
from fireai_analysis.analyze.quantiles import P95, order_statistic_ranks

NO_ANSWER_US = 30_000_000.0


def series(values_us: np.ndarray, duration_s: float) -> Series:
    return Series(np.arange(len(values_us)) * duration_s / len(values_us), values_us, duration_s)


def correlated(rng: np.random.Generator, n_count: int, phi: float) -> np.ndarray:
    """Log-normal latencies whose logarithms are a stationary AR(1)."""
    noise = rng.standard_normal(n_count + 2000) * math.sqrt(1 - phi**2)
    return 100_000 * np.exp(0.45 * signal.lfilter([1], [1, -phi], noise)[2000:])


TRUE_P95_US = 100_000 * math.exp(0.45 * stats.norm.ppf(0.95))


@pytest.mark.parametrize(
    ("phi", "n_count", "duration_s"), [(0.0, 17_280, 14_400), (0.9, 17_280, 14_400), (0.999, 126_000, 3600)]
)
def test_coverage_on_long_runs(phi: float, n_count: int, duration_s: float) -> None:
    rng = np.random.default_rng(11)
    runs, held, plain_held = 60, 0, 0
    for _ in range(runs):
        values = correlated(rng, n_count, phi)
        low, high = p95_interval(series(values, duration_s), no_answer_us=NO_ANSWER_US) or (0, 0)
        held += low <= TRUE_P95_US / 1000 <= (high or math.inf)
        ordered, ranks = np.sort(values), order_statistic_ranks(n_count, P95) or (1, 1)
        plain_held += ordered[ranks[0] - 1] <= TRUE_P95_US <= ordered[ranks[1] - 1]
    assert held / runs >= 0.88
    if phi == 0.999:
        assert plain_held / runs < 0.5, "the textbook interval must fail here, or the series is no test"


@given(st.integers(72, 2000), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_never_narrower_than_for_independent_values(n_count: int, seed: int) -> None:
    values = np.random.default_rng(seed).lognormal(11, 0.5, n_count)
    low, high = p95_ranks(series(values, 3600.0)) or (0, 0)
    plain = order_statistic_ranks(n_count, P95) or (0, 0)
    assert low <= plain[0] < plain[1] <= high


def test_constant_latency_has_a_point_interval() -> None:
    assert p95_interval(series(np.full(1000, 200_000.0), 3600), no_answer_us=NO_ANSWER_US) == (200.0, 200.0)


def test_unanswered_requests_open_the_upper_bound() -> None:
    values = np.where(np.arange(1000) % 20 == 19, np.inf, 100_000.0)
    assert p95_interval(series(values, 3600), no_answer_us=NO_ANSWER_US) == (100.0, None)


def test_where_most_go_unanswered_the_lower_bound_is_the_patience() -> None:
    values = np.where(np.arange(1000) % 2 == 1, np.inf, 100_000.0)
    assert p95_interval(series(values, 3600), no_answer_us=NO_ANSWER_US) == (30_000.0, None)


def test_71_values_carry_no_interval() -> None:
    short = series(np.full(71, 1.0), 3600)
    assert p95_interval(short, no_answer_us=NO_ANSWER_US) is None
    assert p95_violation_interval(short, no_answer_us=NO_ANSWER_US) is None
    assert "71 judged requests" in (refusal(short) or "")


@pytest.mark.parametrize("duration_s", [300.0, 600.0, 1799.0])
def test_short_runs_carry_no_interval(duration_s: float) -> None:
    assert "too short" in (refusal(series(np.full(30_000, 1.0), duration_s)) or "")


def test_one_long_cluster_carries_no_interval() -> None:
    values = np.where(np.arange(36_000) < 3_600, 900_000.0, 100_000.0)
    assert "clusters" in (refusal(series(values, 3600)) or "")


def test_the_best_third_keeps_a_violation_unproven() -> None:
    values = np.concatenate([np.full(1000, 250_000.0), np.full(2000, 900_000.0)])
    low, _ = p95_violation_interval(series(values, 30), no_answer_us=NO_ANSWER_US) or (0, 0)
    assert low == 250.0
    low, _ = p95_violation_interval(series(np.full(3000, 900_000.0), 30), no_answer_us=NO_ANSWER_US) or (0, 0)
    assert low == 900.0


def test_ratio_interval_is_clopper_pearson_where_cells_agree() -> None:
    hits = np.arange(1000) % 20 == 0
    low, high = ratio_interval(np.arange(1000.0), hits, 1000.0) or (0, 0)
    exact = stats.binomtest(50, 1000).proportion_ci(0.95, method="exact")
    assert (low, high) == pytest.approx((exact.low, exact.high))


def test_clustered_errors_widen_the_ratio_interval() -> None:
    at_s = np.arange(1000.0)
    even, burst = at_s % 10 == 0, at_s < 100
    spread = [
        (high or 1) - low for low, high in (ratio_interval(at_s, hits, 1000.0) or (0, 0) for hits in (even, burst))
    ]
    assert spread[1] > 2 * spread[0]


@given(st.lists(st.booleans(), min_size=1, max_size=400))
def test_ratio_interval_holds_the_ratio(hits: list[bool]) -> None:
    low, high = ratio_interval(np.arange(len(hits), dtype=float), np.array(hits), float(len(hits))) or (1, 0)
    assert 0 <= low <= sum(hits) / len(hits) <= (high or 0) <= 1


def test_no_rows_no_ratio() -> None:
    assert ratio_interval(np.array([]), np.array([], dtype=bool), 60.0) is None


def test_long_run_variance_of_white_noise_is_its_variance() -> None:
    noise = np.random.default_rng(5).standard_normal((400, 200))
    assert np.mean([cosine.long_run_variance(row) for row in noise]) == pytest.approx(1.0, rel=0.05)


def test_slope_of_a_noisy_line() -> None:
    rng, x = np.random.default_rng(6), np.arange(100.0)
    inside = 0
    for _ in range(100):
        low, high = (cosine.slope(x, 3 * x + 10 * rng.standard_normal(100)) or cosine.Slope(0, 0)).interval
        inside += low <= 3 <= high
    assert inside >= 88


@given(st.integers(1, 3000), st.data())
@settings(max_examples=60, deadline=None)
def test_clopper_pearson_is_that_of_scipy(n_count: int, data: st.DataObject) -> None:
    hit_count = data.draw(st.integers(0, n_count))
    exact = stats.binomtest(hit_count, n_count).proportion_ci(0.95, method="exact")
    assert clopper_pearson(hit_count, n_count) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_episodes_are_stretches_with_more_than_5_percent_over() -> None:
    values = np.full(36_000, 100_000.0)
    for start_s in (100, 900, 905, 3599):
        values[start_s * 10 : start_s * 10 + 20] = 900_000.0
    values[20_000:30_000:400] = 900_000.0  # one in forty: allowed
    assert episodes_over(series(values, 3600.0), 300_000.0) == 4
    assert episodes_over(series(values, 3600.0), 900_000.0) == 0
    assert episodes_over(series(values, 3600.0), 50_000.0) == 1


@given(st.integers(0, 200))
def test_a_run_with_as_many_episodes_as_the_bound_shows_so_few_in_2_5_percent(seen: int) -> None:
    assert stats.poisson.cdf(seen, most_episodes(seen)) == pytest.approx(0.025)


def test_a_third_without_answers_is_no_smaller_than_the_patience() -> None:
    values = np.concatenate([np.full(2000, np.inf), np.full(1000, 100_000.0)])
    assert p95_violation_interval(series(values, 30), no_answer_us=NO_ANSWER_US) == (100.0, None)
    unanswered = np.full(3000, np.inf)
    unanswered[::2] = 31_000_000.0
    low, high = p95_violation_interval(series(unanswered, 30), no_answer_us=NO_ANSWER_US) or (0, 0)
    assert (low, high) == (31_000.0, None)

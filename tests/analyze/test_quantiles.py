"""Nearest-rank quantiles and the ranks that enclose them."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fireai_analysis.analyze.quantiles import (
    LEVELS,
    P95,
    nearest_rank,
    order_statistic_ranks,
    rank,
    summary_ms,
    unordered_rank,
)

QUANTILES = st.sampled_from(sorted(LEVELS.values()))


@pytest.mark.parametrize(
    ("n_count", "expected"), [(1, 1), (20, 19), (21, 20), (100, 95), (101, 96), (126_000, 119_700)]
)
def test_rank_is_the_ceiling_of_n_q(n_count: int, expected: int) -> None:
    assert rank(n_count, P95) == expected


@pytest.mark.parametrize(("name", "fewest"), [("p50", 2), ("p90", 10), ("p95", 20), ("p99", 100), ("p999", 1000)])
def test_a_quantile_is_never_the_maximum(name: str, fewest: int) -> None:
    values = np.arange(fewest, dtype=float)
    assert nearest_rank(values, LEVELS[name]) is not None
    assert nearest_rank(values[:-1], LEVELS[name]) is None


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=300), QUANTILES)
def test_it_is_a_value_and_splits_the_others(values: list[float], q: Fraction) -> None:
    ordered = np.sort(np.array(values))
    found = nearest_rank(ordered, q)
    if found is None:
        assert len(values) <= 1 / (1 - q)
        return
    assert found in values
    assert (ordered <= found).sum() >= q * len(values)
    assert (ordered < found).sum() < q * len(values)


@pytest.mark.parametrize(("q", "fewest"), [(0.95, 72), (0.99, 368), (0.999, 3688)])
def test_fewest_values_that_carry_an_interval(q: float, fewest: int) -> None:
    exact = Fraction(q).limit_denominator(1000)
    assert order_statistic_ranks(fewest - 1, exact) is None
    low, high = order_statistic_ranks(fewest, exact) or (0, 0)
    assert 1 <= low < high <= fewest


@given(st.integers(72, 5000))
def test_enclosing_ranks_hold_95_percent(n_count: int) -> None:
    low, high = order_statistic_ranks(n_count, P95) or (0, 0)
    held = stats.binom.cdf(high - 1, n_count, 0.95) - stats.binom.cdf(low - 1, n_count, 0.95)
    assert held >= 0.95


def test_infinite_figures_are_null_and_finite_ones_stay() -> None:
    values = np.concatenate([np.full(94, 100_000.0), np.full(6, math.inf)])
    found = summary_ms(values)
    assert (found.p50, found.p90, found.p95, found.p99, found.max, found.mean) == (100.0, 100.0, None, None, None, None)


def test_no_value_no_figure() -> None:
    assert set(summary_ms(np.array([])).model_dump().values()) == {None}


@given(st.lists(st.floats(0, 1e9) | st.just(math.inf), min_size=1, max_size=300), QUANTILES)
def test_the_order_of_values_does_not_matter(values: list[float], q: Fraction) -> None:
    assert unordered_rank(np.array(values), q) == nearest_rank(np.sort(np.array(values)), q)

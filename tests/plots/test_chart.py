"""Rules that all charts share: the range of an axis, places of labels, gaps of sampled lines."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.plots.chart import LOG_FROM_RANGE, YAxis, sampled, spread, y_axis

values = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=60)


def test_one_outlier_does_not_flatten_a_linear_axis() -> None:
    assert y_axis([10.0] * 99 + [10_000.0]).high < 40
    assert y_axis([10.0] * 5 + [100.0]).high > 100  # too few points to call one an outlier


def test_nothing_known_still_gives_an_axis() -> None:
    assert y_axis([None, math.inf]) == YAxis(0.0, 1.1)


@given(values, st.floats(1, 1000))
def test_a_log_axis_shows_every_value_and_the_limit(known: list[float], limit: float) -> None:
    axis = y_axis(known, limit=limit, may_be_log=True)
    shown = [*known, limit]
    assert axis.log == (max(shown) > LOG_FROM_RANGE * min(shown))
    if axis.log:
        assert all(0 <= axis.fraction(value) <= 1 for value in shown)
    else:
        assert axis.low == 0
        assert axis.high >= limit


@given(st.floats(0.01, 10), st.floats(1.5, 1e6), st.floats(0, 1), st.booleans())
def test_place_and_value_are_inverse(low: float, factor: float, fraction: float, log: bool) -> None:
    axis = YAxis(low, low * factor, log)
    assert math.isclose(axis.fraction(axis.at(fraction)), fraction, abs_tol=1e-6)


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.01, 0.1))
def test_labels_never_overlap_nor_leave_the_panel(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap)
    ordered = sorted(placed)
    assert all(after - before >= gap - 1e-3 for before, after in pairwise(ordered))
    assert all(-1e-6 <= place <= 1 + 1e-6 for place in placed)
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    assert [placed[index] for index in order] == ordered


@given(st.lists(st.none() | st.floats(0, 100), max_size=50))
def test_a_steady_sampler_with_few_losses_keeps_all_points(series: list[float | None]) -> None:
    x, y = sampled([float(second) for second in range(len(series))], series)
    assert [value for value in y if value is not None] == [value for value in series if value is not None]
    assert x == sorted(x)

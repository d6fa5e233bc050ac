"""What grows without end: rule MEM on any quantity, forecasts, goroutines, the return after the load, sites."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze import growth
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.leak import Leak
from fireai_analysis.analyze.trend import by_cell, detectable, middle, trend
from fireai_analysis.pprof import _message_class
from tests import made
from tests.made import MIB, S

AT_S = np.arange(0.0, 14_400.0, 5.0)


def profile(**sizes: int) -> bytes:
    """A heap profile of functions and the bytes that each holds."""
    names = ["", "inuse_space", "bytes", *sizes]
    content = _message_class()()
    content.string_table.extend(names)
    content.sample_type.add(type=1, unit=2)
    for number, size in enumerate(sizes.values(), start=1):
        content.function.add(id=number, name=number + 2)
        content.location.add(id=number).line.add(function_id=number)
        content.sample.add(location_id=[number], value=[size])
    return bytes(content.SerializeToString())


def extended(data: RunData, minutes: float, before: dict[str, int], after: dict[str, int]) -> RunData:
    """A run whose Go samples begin 1 min before the load and end some minutes after it, with values of their own."""
    frame = data.samples["go"]
    first, last = frame.iloc[[0]], frame.iloc[[-1]]
    early = first.assign(t_ns=made.STARTED_NS - 60 * S, **before)
    late = [last.assign(t_ns=data.manifest.ended_ns + round(minutes * 60 * S * part), **after) for part in (0.5, 1.0)]
    return replace(data, samples={**data.samples, "go": pd.concat([early, frame, *late], ignore_index=True)})


def with_go(data: RunData, **columns: np.ndarray) -> RunData:
    return made.with_sample(data, "go", **columns)


# -- the rule


@pytest.mark.parametrize(
    ("course", "label"),
    [
        (np.zeros(len(AT_S)), "NONE"),
        (AT_S / 3600 * 0.5, "NONE"),
        (AT_S / 3600 * 4, "DETECTED"),
        (np.where(AT_S > 7200, 10.0, 0.0), "STEP"),
        (np.where(AT_S > 13_000, 10.0, 0.0), "NONE"),
        (np.maximum(0.0, AT_S - 10_800) / 3600 * 20, "DETECTED"),
        (np.maximum(0.0, AT_S - 12_600) / 3600 * 50, "DETECTED"),
        (np.clip(AT_S - 7200, 0.0, 600.0) / 600 * 10, "STEP"),
        (40 * (1 - np.exp(-AT_S / 3600)), "RAMPING"),
        (-AT_S / 3600 * 4, "NONE"),
    ],
)
def test_labels_of_courses_without_noise(course: np.ndarray, label: str) -> None:
    found = trend(AT_S, 50 + course + 0.1 * np.sin(AT_S), smallest_per_h=1.0, of_cell=middle)
    assert found is not None
    assert found.label == label


def test_slope_and_interval_of_a_line_are_known() -> None:
    found = trend(AT_S, 50 + AT_S / 360, smallest_per_h=1.0, of_cell=middle)
    assert found is not None
    assert found.slope_per_h == pytest.approx(10.0)
    assert found.interval_per_h == pytest.approx((10.0, 10.0))
    assert found.detectable_per_h == 1.0


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 100.0), st.floats(-1e6, 1e6))
@settings(max_examples=25, deadline=None)
def test_the_rule_knows_no_unit_and_no_level(seed: int, scale: float, level: float) -> None:
    values = 3 * np.random.default_rng(seed).standard_normal(len(AT_S)) + AT_S / 3600 * 5
    plain = trend(AT_S, values, smallest_per_h=1.0, of_cell=middle)
    other = trend(AT_S, level + scale * values, smallest_per_h=scale, of_cell=middle)
    assert plain is not None
    assert other is not None
    assert other.label == plain.label
    assert other.slope_per_h == pytest.approx(scale * plain.slope_per_h, rel=1e-3)
    assert other.interval_per_h == pytest.approx([scale * one for one in plain.interval_per_h], rel=1e-3)
    assert other.detectable_per_h == pytest.approx(scale * plain.detectable_per_h, rel=1e-3)


def test_what_is_detectable_is_mostly_detected() -> None:
    rng, seen = np.random.default_rng(3), 0
    for _ in range(40):
        clean = trend(AT_S, 9 * rng.standard_normal(len(AT_S)), smallest_per_h=0.01, of_cell=middle)
        assert clean is not None
        course = clean.detectable_per_h * AT_S / 3600
        grown = trend(AT_S, 9 * rng.standard_normal(len(AT_S)) + course, smallest_per_h=0.01, of_cell=middle)
        seen += grown is not None and grown.label == "DETECTED"
    assert 30 <= seen


def test_detectable_grows_with_the_error_and_with_the_level_asked_for() -> None:
    assert detectable(2.0, 0.025) == 2 * detectable(1.0, 0.025)
    assert detectable(1.0, 0.01) > detectable(1.0, 0.05)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_the_middle_is_the_nearest_rank(values: list[float]) -> None:
    assert middle(np.array(values)) == sorted(values)[math.ceil(len(values) / 2) - 1]


def test_cells_leave_out_the_warm_up_and_gaps() -> None:
    values = np.where(AT_S < 1800, 99.0, 1.0)
    values[::7] = np.nan
    hours, cells = by_cell(AT_S, values, middle)
    assert set(cells) == {1.0}
    assert hours[0] == pytest.approx(1860 / 3600)


def test_too_few_cells_tell_nothing() -> None:
    short = AT_S < 3600
    assert trend(AT_S[short], AT_S[short], smallest_per_h=0.0, of_cell=middle) is None


# -- the forecast


def test_a_forecast_is_what_is_left_over_the_slope() -> None:
    leak = Leak("DETECTED", rss_slope_bytes_per_h=1.5e6, rss_interval_bytes_per_h=(1e6, 2e6))
    found = leak.forecast(512e6, 416e6)
    assert found.earliest_days == pytest.approx(2.0)
    assert found.days == pytest.approx(96e6 / 1.5e6 / 24)
    assert found.latest_days == pytest.approx(4.0)


def test_no_finite_crossing_where_the_slope_may_be_none() -> None:
    leak = Leak("DETECTED", rss_slope_bytes_per_h=1e6, rss_interval_bytes_per_h=(-1e5, 2e6))
    assert leak.forecast(512e6, 416e6).latest_days is None
    assert Leak("STEP", rss_slope_bytes_per_h=1e6, rss_interval_bytes_per_h=(1e5, 2e6)).forecast(5e8, 4e8).days is None


def test_the_faster_of_live_heap_and_resident_set_is_forecast() -> None:
    """2 MiB/h (1 to 3) of live heap below a resident set that falls, that rises faster, and that was not seen."""
    live = Leak("DETECTED", slope_mib_per_h=2.0, interval_mib_per_h=(1.0, 3.0))
    falling, alone = replace(live, rss_slope_bytes_per_h=-1e6, rss_interval_bytes_per_h=(-2e6, -5e5)), live
    for leak in (falling, alone):
        found = leak.forecast(512e6, 512e6 - 144 * MIB)
        assert (found.earliest_days, found.days, found.latest_days) == (2.0, 3.0, 6.0)
    faster = replace(live, rss_slope_bytes_per_h=6.0 * MIB, rss_interval_bytes_per_h=(-1.0 * MIB, 12.0 * MIB))
    found = faster.forecast(512e6, 512e6 - 144 * MIB)
    assert (found.earliest_days, found.days, found.latest_days) == (0.5, 1.0, 6.0)


@given(st.floats(0, 1e9), st.floats(-1e7, 1e7), st.floats(0, 1e7))
def test_a_forecast_keeps_its_order(high_water: float, slope: float, half: float) -> None:
    leak = Leak("DETECTED", rss_slope_bytes_per_h=slope, rss_interval_bytes_per_h=(slope - half, slope + half))
    found = leak.forecast(512e6, high_water)
    ordered = [math.inf if one is None else one for one in (found.earliest_days, found.days, found.latest_days)]
    assert ordered == sorted(ordered)
    assert min(ordered) >= 0


# -- goroutines


def sustained() -> RunData:
    return made.healthy_run("sustained")


def test_goroutines_that_pile_up_are_told_a_thousand_requests() -> None:
    data = sustained()
    ticks = np.arange(len(data.samples["go"]))
    found = growth.goroutines(with_go(data, goroutines_count=40 + ticks // 20 + ticks % 7))
    assert found.label == "DETECTED"
    assert found.slope_per_h == pytest.approx(36, rel=0.05)
    assert found.per_1000_requests == pytest.approx(36 / 4320 * 1000, rel=0.05)


def test_goroutines_that_come_and_go_are_no_leak() -> None:
    data = sustained()
    ticks = np.arange(len(data.samples["go"]))
    assert growth.goroutines(with_go(data, goroutines_count=40 + ticks // 20 * (ticks % 13 == 0))).label == "NONE"


@pytest.mark.parametrize(
    ("before", "after", "minutes", "returned"),
    [(40, 50, 1.0, True), (40, 51, 1.0, None), (40, 51, 3.0, False), (400, 420, 3.0, True), (400, 421, 3.0, False)],
)
def test_return_of_goroutines(before: int, after: int, minutes: float, returned: bool | None) -> None:
    counts = ({"goroutines_count": before}, {"goroutines_count": after})
    found = growth.goroutines(extended(made.healthy("peak", "smoke"), minutes, *counts))
    assert (found.before_count, found.after_count, found.returned) == (before, after, returned)


def test_without_samples_beside_the_load_nothing_is_said_of_a_return() -> None:
    found = growth.goroutines(made.healthy("peak", "smoke"))
    assert (found.before_count, found.after_count, found.returned) == (None, None, None)


# -- the return after the load


def test_what_a_thousand_requests_left_behind() -> None:
    data = made.healthy("peak", "smoke")
    last = int(data.samples["go"]["gc_count"].iloc[-1])
    left = extended(data, 3.0, {"live_heap_bytes": 20 * MIB}, {"live_heap_bytes": 41 * MIB, "gc_count": last + 2})
    found = growth.heap_return(left)
    assert (found.before_mib, found.after_mib) == (20.0, 41.0)
    assert found.kept_kib_per_1000_requests == pytest.approx(21 * 1024 / 1.05)
    again = extended(data, 3.0, {"live_heap_bytes": 20 * MIB}, {"live_heap_bytes": 41 * MIB, "gc_count": last + 1})
    assert growth.heap_return(again).after_mib is None, "one collection may have begun under the load"


# -- sites


def test_sites_by_their_share_of_the_growth() -> None:
    data = replace(
        made.healthy("peak", "smoke"),
        heap_profiles={
            "before": profile(a=100, b=50, gone=70),
            "after": profile(a=400, b=150, c=0, **{"runtime/pprof.x": 900}),
        },
    )
    found = growth.heap_sites(data)
    assert [(one.site, one.grown_bytes, one.share_ratio) for one in found] == [("a", 300, 0.75), ("b", 100, 0.25)]


@pytest.mark.parametrize("profiles", [{}, {"after": profile(a=1)}, {"before": b"broken", "after": profile(a=1)}])
def test_without_both_profiles_no_site_is_named(profiles: dict[str, bytes]) -> None:
    assert growth.heap_sites(replace(made.healthy("peak", "smoke"), heap_profiles=profiles)) == ()


# -- the whole


def test_a_leaking_run_is_told_in_all_its_parts() -> None:
    result = made.result(made.healthy("sustained", growth_mib_per_h=20.0))
    found = result.growth
    assert found.live_heap.label == "DETECTED"
    assert found.live_heap.slope_mib_per_h == pytest.approx(20.0, rel=0.02)
    assert found.resident_set.slope_mib_per_h == pytest.approx(20.0, rel=0.02)
    assert (found.python_resident_set.label, found.goroutines.label) == ("NONE", "NONE")
    assert found.crossing.earliest_days == result.facts["leak_days_to_limit"]
    assert (found.crossing.days or 0) >= (found.crossing.earliest_days or math.inf)


def test_a_healthy_run_forecasts_nothing_and_tells_what_it_would_have_seen() -> None:
    found = made.healthy_result("sustained").growth
    assert found.live_heap.label == "NONE"
    assert found.crossing.model_dump() == {"days": None, "earliest_days": None, "latest_days": None}
    assert (found.live_heap.detectable_mib_per_h or 0) > 0


def test_the_error_budget_is_the_share_of_the_allowed_errors() -> None:
    data = made.healthy("peak", "smoke")
    assert made.result(data).error_budget_used_ratio == 0.0
    failed = made.with_requests(data, made.failing(data.requests, 40))
    assert made.result(failed).error_budget_used_ratio == pytest.approx(26 / 1050 / 0.05)

"""Latency of made runs: exact figures, a second computation, values that cannot be, small and unanswered runs."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze import latency
from fireai_analysis.analyze.population import Rows
from tests import made

SMOKE = {"profile": "smoke"}


def rows(frame: pd.DataFrame, name: str = "peak", profile: str = "smoke") -> Rows:
    window = made.healthy(name, profile).window
    assert window is not None
    return Rows(frame, window)


def measure(frame: pd.DataFrame) -> latency.Latency:
    return latency.measure(rows(frame), limit_ms=300.0, no_answer_ms=30_000.0)


def smoke_frame() -> pd.DataFrame:
    return made.requests(made.manifest("peak", "smoke"))


def test_exact_figures_of_a_made_run() -> None:
    result = made.result(made.healthy("peak"))
    assert (result.response_ms.p50, result.response_ms.p95, result.response_ms.p99) == (100.0, 200.0, 250.0)
    assert (result.response_ms.max, result.response_ms.mean) == (250.0, 108.0)
    assert (result.service_ms.p95, result.service_ms.max) == (199.5, 249.5)
    assert (result.judged_count, result.within_limit_ratio) == (126_000, 1.0)
    assert result.response_p95 is not None
    assert result.response_p95.interval == (200.0, 200.0)


@given(
    st.lists(
        st.tuples(st.integers(1, 60_000), st.sampled_from(["ok", "error", "timeout", "never"])),
        min_size=1,
        max_size=200,
    )
)
@settings(max_examples=30, deadline=None)
def test_equal_to_a_second_computation(drawn: list[tuple[int, str]]) -> None:
    frame = smoke_frame().iloc[: len(drawn)].copy()
    kinds = np.array([kind for _, kind in drawn])
    frame["response_us"] = pd.array([value * 1000 for value, _ in drawn], dtype="Int32")
    frame["service_us"] = frame["response_us"] - 500
    frame["ok"] = kinds == "ok"
    frame["error"] = np.where(kinds == "ok", None, np.where(kinds == "timeout", "timeout", "status 500"))
    frame.loc[kinds == "never", ["sent_ns", "service_us", "response_us"]] = pd.NA
    found = measure(frame)
    values = sorted(value if kind == "ok" else math.inf for value, kind in drawn if kind != "error")
    assert found.judged_count == len(values)
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p95", 0.95)):
        place = math.ceil(round(share * len(values), 9)) if values else 0
        expected = values[place - 1] if 0 < place < len(values) and math.isfinite(values[place - 1]) else None
        assert getattr(found.response, name) == expected
    good = sum(kind == "ok" and value <= 300 for value, kind in drawn)
    assert found.within_limit_ratio == pytest.approx(good / len(drawn))


def test_timeouts_and_unsent_requests_make_the_p95_infinite() -> None:
    for error in ("timeout", "never sent"):
        found = measure(made.failing(smoke_frame(), 10, error=error))
        assert found.p95.infinite
        assert found.p95.value is None
        assert found.response.p50 == 100.0
        assert "never answered" in found.warnings[0]


def test_fast_errors_are_left_out_but_lower_the_share_of_good_answers() -> None:
    frame = made.failing(smoke_frame(), 10)
    good = frame["ok"].to_numpy(dtype=bool)
    expected = measure(frame[good]).p95.value
    frame.loc[~good, ["response_us", "service_us"]] = 2000
    found = measure(frame)
    assert (found.p95.value, found.judged_count) == (expected, 945)
    assert found.within_limit_ratio == pytest.approx(0.9)


def test_health_requests_do_not_count() -> None:
    frame = smoke_frame()
    frame.loc[::2, "judged"] = False
    frame.loc[::2, "response_us"] = 1000
    assert measure(frame).judged_count == len(frame) // 2
    assert measure(frame).response.p50 == 100.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -5.0, 0.0])
@pytest.mark.parametrize("column", ["response_us", "service_us"])
def test_impossible_durations_are_counted_and_never_lower_a_p95(column: str, bad: float) -> None:
    frame = smoke_frame().astype({"response_us": "float64", "service_us": "float64"})
    frame.loc[frame.index[::10], column] = bad
    found = measure(frame)
    assert any("cannot be" in warning for warning in found.warnings)
    p95 = found.p95 if column == "response_us" else None
    assert p95 is None or p95.infinite


def test_a_response_shorter_than_its_service_time_is_impossible() -> None:
    frame = smoke_frame()
    frame.loc[5, "service_us"] = frame.loc[5, "response_us"] + 100
    assert int(rows(frame).impossible.sum()) == 1


def test_small_runs_show_no_tail() -> None:
    found = measure(smoke_frame().iloc[:19])
    assert (found.response.p50, found.response.p95, found.response.p99) == (100.0, None, None)
    assert found.p95.value is None
    assert not found.p95.infinite


def test_windows_hold_every_request() -> None:
    table = latency.windows(rows(made.failing(smoke_frame(), 50)), 35.0)
    assert int(table["requests_count"].sum()) == 1050
    assert int(table["failures_count"].sum()) == 21
    assert table["p50_ms"].eq(100.0).all()
    assert table["t_s"].tolist() == sorted(table["t_s"])


def test_tail_ends_with_the_largest_value() -> None:
    table = latency.tail(rows(smoke_frame()), 0.0).set_index("quantile")
    assert table.loc[0.95, "response_ms"] == 200.0
    assert table.loc[1.0, "response_ms"] == 250.0
    assert table["response_ms"].is_monotonic_increasing


def test_endpoints_add_up() -> None:
    frame = smoke_frame()
    frame.loc[frame.index[:300], ["endpoint", "door"]] = ["/health", "go"]
    found = latency.endpoints(rows(made.failing(frame, 2)))
    assert [(one.endpoint, one.requests_count, one.failures_count) for one in found] == [
        ("/health", 300, 150),
        ("/v1/classify", 750, 375),
    ]
    assert len(latency.endpoint_table(found)) == 2


def test_warm_up_is_left_out_and_told() -> None:
    data = made.healthy("peak")
    frame = data.requests.copy()
    cold = np.arange(len(frame)) < 35 * 300
    frame.loc[cold, "response_us"] = frame.loc[cold, "response_us"] * 4
    found = made.result(made.with_requests(data, frame))
    assert found.warm_up_s == pytest.approx(300, abs=20)
    assert found.response_ms.p95 == 200.0
    assert "with the warm-up the p95 is 400.0 ms" in str(found.response_p95 and found.response_p95.note)


def test_slow_errors_left_out_are_told() -> None:
    frame = made.failing(smoke_frame(), 10)
    frame.loc[frame["ok"] == False, "response_us"] = 9_000_000  # noqa: E712
    assert any("failed answers took longer" in warning for warning in measure(frame).warnings)


@pytest.mark.parametrize("limit_ms", [99.0, 150.0, 200.0, 249.0, 300.0])
def test_beside_its_limit_a_p95_has_the_share_over_it(limit_ms: float) -> None:
    run = made.healthy_run("peak")
    assert run.window is not None
    found = latency.measure(Rows(run.requests, run.window), limit_ms=limit_ms, no_answer_ms=30_000.0).p95
    share = float((made.LATENCIES_MS > limit_ms).mean())
    low, high = found.over_limit_interval or (1.0, 0.0)
    assert low <= share <= (high or 0.0)
    assert found.over_limit_ratio == share
    assert (found.episodes_most_count or 0) > (found.episodes_count or 0)


def test_a_short_run_claims_no_share_over_the_limit() -> None:
    found = measure(smoke_frame()).p95
    assert found.over_limit_interval is None
    assert found.episodes_count == 0

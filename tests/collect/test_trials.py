"""What a calibration makes of its trials: known biases, known capacities, and what is not healthy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.journal import Row
from fireai_analysis.collect.trials import (
    LADDER_RPS,
    Bias,
    bias,
    capacity_rps,
    figures,
    is_healthy,
    is_within,
    middle,
)
from fireai_analysis.units import NS_PER_MS


def row(
    arrival: int = 0, *, service_ms: float = 20.5, timing: str = "app;dur=20", late_ms: int = 0, error: int = 0
) -> Row:
    sent_ns = late_ms * NS_PER_MS
    return Row(1, 0, 200, arrival, 0, 0, sent_ns, sent_ns + round(service_ms * NS_PER_MS), 10, error, timing)


def tick(**changes: float | None) -> dict[str, float | None]:
    return {"loop_lag_p99_ms": 2.0, "cpu_ratio": 0.3, **changes}


def test_the_bias_compares_p95_with_p95_of_the_same_requests() -> None:
    rows = [row(number, service_ms=20 + number, timing=f"app;dur={19 + number}") for number in range(1, 101)]
    found = bias([*rows, row(service_ms=900, timing="")])
    assert found == Bias(client_p95_ms=115.0, server_p95_ms=114.0, requests_count=100)
    assert (found.ms, found.ratio) == (1.0, pytest.approx(1 / 114))


@pytest.mark.parametrize("rows", [[], [row(timing="")], [row(timing="other;dur=1")]])
def test_no_server_time_no_bias(rows: list[Row]) -> None:
    assert bias(rows) is None
    assert figures([], 100.0)["p95_bias_ratio"] is None


def test_the_middle_trial_speaks_and_all_are_kept() -> None:
    biases = [Bias(20.0 + ms, 20.0, 10) for ms in (4.0, 0.4, 0.2)]
    found = figures(biases, 700.0)
    assert found["p95_bias_ratio"] == pytest.approx(0.02)
    assert found["p95_bias_ratios"] == pytest.approx([0.2, 0.02, 0.01])
    assert (found["requests_count"], found["capacity_rps"]) == (30, 700.0)
    assert middle([]) is None
    assert is_within(found["p95_bias_ratio"])


HEALTHY = [row(number) for number in range(100)]


@pytest.mark.parametrize(
    ("ticks", "rows", "healthy"),
    [
        ([tick(), tick(loop_lag_p99_ms=15.0, cpu_ratio=0.8)], HEALTHY, True),
        ([tick(), tick(loop_lag_p99_ms=15.1)], HEALTHY, False),
        ([tick(cpu_ratio=0.81), tick()], HEALTHY, False),
        ([tick(loop_lag_p99_ms=None)], HEALTHY, False),
        ([], HEALTHY, False),
        ([tick()], HEALTHY[1:], False),
        ([tick()], [*HEALTHY[1:], row(late_ms=16)], True),
        ([tick()], [*HEALTHY[2:], row(late_ms=16), row(late_ms=16)], False),
        ([tick()], [*HEALTHY[1:], row(error=1)], False),
    ],
)
def test_what_is_healthy(ticks: list[dict[str, float | None]], rows: list[Row], healthy: bool) -> None:
    assert is_healthy(ticks, rows, 100) is healthy


@given(limit=st.floats(0, 3000))
def test_capacity_is_the_highest_healthy_rate(limit: float) -> None:
    tried: list[float] = []

    def healthy_at(rate: float) -> bool:
        tried.append(rate)
        return rate <= limit

    assert capacity_rps(healthy_at) == max((rate for rate in LADDER_RPS if rate <= limit), default=0.0)
    assert len(tried) <= 8


def test_one_bad_moment_is_no_limit() -> None:
    answers = iter([False, True, True, True, True])
    assert capacity_rps(lambda rate: next(answers), (100.0, 200.0, 400.0)) == 400.0

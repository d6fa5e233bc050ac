"""Rates and errors of made runs."""

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze import throughput
from fireai_analysis.analyze.population import Rows
from tests import made


def smoke(frame: pd.DataFrame | None = None) -> Rows:
    data = made.healthy("peak", "smoke")
    assert data.window is not None
    return Rows(data.requests if frame is None else frame, data.window)


def test_rates_of_a_healthy_run() -> None:
    traffic = throughput.measure(smoke())
    assert (traffic.requests_count, traffic.sent_count, traffic.offered_rps) == (1050, 1050, 35.0)
    late = (smoke().end_s > 30).sum()
    assert traffic.achieved_rps == pytest.approx((1050 - late) / 30)
    assert (traffic.error_ratio, traffic.worst_minute_ratio, traffic.errors) == (0.0, 0.0, {})
    assert traffic.statuses == {"200": 1050}


@pytest.mark.parametrize(
    ("error", "expected"),
    [("status 500", (105, 0, 0)), ("timeout", (0, 105, 0)), ("never sent", (0, 0, 105))],
)
def test_every_kind_of_failure_enters_the_error_ratio(error: str, expected: tuple[int, int, int]) -> None:
    traffic = throughput.measure(smoke(made.failing(smoke().frame, 10, error=error)))
    assert (traffic.failures_count, traffic.timeouts_count, traffic.never_sent_count) == expected
    assert traffic.error_ratio == 0.1
    assert traffic.errors == {error: 105}
    assert traffic.error_interval is not None
    assert traffic.error_interval[0] < 0.1 < (traffic.error_interval[1] or 0)


def test_an_unsent_row_is_never_ok() -> None:
    frame = smoke().frame.copy()
    frame.loc[0, "sent_ns"] = pd.NA
    assert throughput.measure(smoke(frame)).error_ratio == pytest.approx(1 / 1050)


def test_connection_errors_are_told_apart() -> None:
    frame = made.failing(smoke().frame, 10, error="connection reset", status=0)
    assert throughput.measure(smoke(frame)).connection_errors_count == 105


def test_worst_minute_sees_a_burst() -> None:
    data = made.healthy("peak", "rehearsal")
    frame = data.requests.copy()
    burst = (np.arange(len(frame)) >= 35 * 90) & (np.arange(len(frame)) < 35 * 120)
    frame.loc[burst, "ok"] = False
    assert data.window is not None
    assert throughput.worst_minute_ratio(Rows(frame, data.window)) == pytest.approx(0.5)


def test_wrong_statuses() -> None:
    frame = made.failing(smoke().frame, 50, status=401)
    assert throughput.wrong_ratio(smoke(frame)) == pytest.approx(0.02)


def test_windows_integrate_to_the_totals() -> None:
    table = throughput.windows(smoke(made.failing(smoke().frame, 10)), 35.0)
    assert table["offered_rps"].sum() == pytest.approx(1050)
    assert table["failed_rps"].sum() == pytest.approx(105)

"""What lies between service and response time: chosen rows, known answers."""

import numpy as np
import pytest

from fireai_analysis.analyze.delay import measure
from fireai_analysis.analyze.population import Rows
from fireai_analysis.results import Quantiles
from tests import made

NONE = Quantiles()


def rows_of(changes: dict[str, object] | None = None, every: int = 1) -> Rows:
    data = made.healthy("peak", "smoke", **({"manifest": changes} if changes else {}))
    assert data.window is not None
    return Rows(data.requests.iloc[::every].reset_index(drop=True), data.window)


def stalled(rows: Rows, begin_s: float, end_s: float) -> Rows:
    """The same rows, but nothing is answered between two instants."""
    frame = rows.frame.copy()
    met = (rows.at_s >= begin_s) & (rows.at_s < end_s)
    more_us = np.round((end_s - rows.at_s) * 1e6).astype(np.int64)
    for column in ("service_us", "response_us"):
        frame.loc[met, column] = frame.loc[met, column] + more_us[met]
    return Rows(frame, rows.window)


def test_differences_of_quantiles() -> None:
    found = measure(rows_of(), Quantiles(p95=200.0, p99=250.5), Quantiles(p95=199.5, p99=249.0), 50)
    assert (found.p95_ms, found.p99_ms) == (0.5, 1.5)
    unknown = measure(rows_of(), Quantiles(p95=200.0), Quantiles(), 50)
    assert (unknown.p95_ms, unknown.p99_ms) == (None, None)


def test_late_requests_are_counted() -> None:
    rows = rows_of()
    frame = rows.frame.copy()
    frame.loc[:9, "sent_ns"] = frame.loc[:9, "intended_ns"] + 15_000_001
    frame.loc[10, "sent_ns"] = frame.loc[10, "intended_ns"] + 15_000_000
    frame.loc[11, "sent_ns"] = frame.loc[11, "intended_ns"] + 40_000_000
    frame = made.failing(frame, len(frame), error="never sent")
    found = measure(Rows(frame, rows.window), NONE, NONE, 50)
    assert found.late_count == 11
    assert found.late_ratio == 11 / (len(frame) - 1)
    assert found.latest_ms == pytest.approx(40.0)


def test_the_worst_moment_of_a_stall() -> None:
    """35 rps for 4 s: 140 requests wait, of which 50 users could have sent 50."""
    found = measure(stalled(rows_of(), 10.0, 14.0), NONE, NONE, 50)
    assert found.worst_at_s == pytest.approx(14.0, abs=0.1)
    assert found.worst_in_flight_count == pytest.approx(142, abs=5)
    assert found.hidden_count == (found.worst_in_flight_count or 0) - 50
    assert found.worst_waited_ms == pytest.approx(4150, abs=150)


def test_without_a_stall_nothing_is_hidden() -> None:
    found = measure(rows_of(), NONE, NONE, 50)
    assert found.hidden_count == 0
    assert (found.worst_in_flight_count or 0) < 12
    assert (found.worst_waited_ms or 0) <= 250


def test_the_worst_moment_is_the_naive_one() -> None:
    rows = stalled(rows_of(every=3), 3.0, 5.0)
    begins = rows.at_s + rows.send_lag_s
    ends = rows.at_s + rows.frame["response_us"].to_numpy(float) / 1e6
    naive = max(int(((begins <= at) & (ends > at)).sum()) for at in begins)
    assert measure(rows, NONE, NONE, 5).worst_in_flight_count == naive


def test_nothing_was_sent() -> None:
    rows = rows_of()
    found = measure(Rows(made.failing(rows.frame, 1, error="never sent"), rows.window), NONE, NONE, 50)
    assert (found.late_count, found.late_ratio, found.worst_in_flight_count) == (None, None, None)

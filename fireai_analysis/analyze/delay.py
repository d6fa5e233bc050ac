"""What lies between service time and response time, and what a stall did: from the rows of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from fireai_analysis.analyze.columns import floats
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.quantiles import finite
from fireai_analysis.results import Delay, Quantiles

MS_PER_S, US_PER_S = 1e3, 1e6
LATE_MS = 15.0
"""A request sent later than this after it was due is a late one."""


def measure(rows: Rows, response: Quantiles, service: Quantiles, users: int | None) -> Delay:
    """Return the difference of the two latencies, the late requests, and the worst moment.

    Parameters
    ----------
    rows : Rows
        All rows of the run.
    response, service : Quantiles
        Of the judged requests.
    users : int or None
        How many requests a closed loop could have had in flight: each of its users waits for an answer. None: it is not
        known how the load was made, and so neither what was late nor what a closed loop would have hidden.
    """
    if users is None:
        return Delay(**_worst_moment(rows, len(rows)) | {"hidden_count": None})
    lags_ms = rows.send_lag_s[rows.sent] * MS_PER_S
    late = lags_ms > LATE_MS
    return Delay(
        p95_ms=_between(response.p95, service.p95),
        p99_ms=_between(response.p99, service.p99),
        late_count=int(late.sum()) if len(lags_ms) else None,
        late_ratio=float(late.mean()) if len(lags_ms) else None,
        latest_ms=float(lags_ms.max()) if len(lags_ms) else None,
        **_worst_moment(rows, users),
    )


def _between(response: float | None, service: float | None) -> float | None:
    return None if response is None or service is None else response - service


def _worst_moment(rows: Rows, users: int) -> dict[str, Any]:
    """Return when most requests were in flight, how many, how long the slowest took, and how many exceed the users."""
    begins = (rows.at_s + rows.send_lag_s)[rows.sent]
    ends = rows.at_s[rows.sent] + floats(rows.frame, "response_us")[rows.sent] / US_PER_S
    if not len(begins):
        return {}
    sent, ended = np.sort(begins), np.sort(ends)
    in_flight = np.arange(1, len(sent) + 1) - np.searchsorted(ended, sent, "right")
    moment_s = float(sent[int(in_flight.argmax())])
    there = (begins <= moment_s) & (ends > moment_s)
    count = int(there.sum())
    if not count:
        return {}
    return {
        "worst_at_s": moment_s,
        "worst_in_flight_count": count,
        "worst_waited_ms": finite(float((ends - begins)[there].max()) * US_PER_S),
        "hidden_count": max(0, count - users),
    }

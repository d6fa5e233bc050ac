"""Offered and achieved rate, and what went wrong with requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fireai_analysis.analyze import cells
from fireai_analysis.analyze.columns import floats
from fireai_analysis.analyze.intervals import ratio_interval
from fireai_analysis.analyze.population import Rows
from fireai_analysis.results import Interval

WRONG_STATUSES = (401, 403, 404, 415, 422, 429)
MINUTE_S = 60
TIMED_OUT, NEVER_SENT, NOT_NAMED = "timeout", "never sent", "not named"
CONNECTION_ERRORS = ("connect", "connection", "host unreachable", "network unreachable", "tls", "name not resolved")


@dataclass(frozen=True)
class Traffic:
    """What was offered, achieved and failed in the judged window.

    Attributes
    ----------
    offered_rps : float
        Intended requests a second: arrivals that the schedule drew.
    achieved_rps : float
        Requests a second that were sent and answered, rightly or wrongly, inside the window.
    error_ratio : float
        (failed + timed out + never sent) / intended.
    worst_minute_ratio : float
        Largest error ratio of any 60 s of intended arrivals; of the whole run where it is shorter.
    """

    requests_count: int
    sent_count: int
    failures_count: int
    timeouts_count: int
    never_sent_count: int
    offered_rps: float
    achieved_rps: float
    error_ratio: float | None
    error_interval: Interval | None
    worst_minute_ratio: float | None
    statuses: dict[str, int]
    errors: dict[str, int]
    connection_errors_count: int


def measure(rows: Rows) -> Traffic:
    """Return rates and errors of a run."""
    bad, duration_s = ~rows.ok, rows.window.duration_s
    in_time = rows.answered & (rows.end_s <= duration_s)
    errors = Counter(_error_names(rows))
    return Traffic(
        requests_count=len(rows),
        sent_count=int(rows.sent.sum()),
        failures_count=int((bad & rows.sent & ~rows.timed_out).sum()),
        timeouts_count=int(rows.timed_out.sum()),
        never_sent_count=int((~rows.sent).sum()),
        offered_rps=len(rows) / duration_s,
        achieved_rps=int(in_time.sum()) / duration_s,
        error_ratio=float(bad.mean()) if len(rows) else None,
        error_interval=ratio_interval(rows.at_s, bad, duration_s),
        worst_minute_ratio=worst_minute_ratio(rows),
        statuses=_statuses(rows),
        errors=dict(sorted(errors.items(), key=lambda item: (-item[1], item[0]))),
        connection_errors_count=sum(count for name, count in errors.items() if name.startswith(CONNECTION_ERRORS)),
    )


def _statuses(rows: Rows) -> dict[str, int]:
    """Return answers by status, 0 where there was none; of another tool those whose status it tells."""
    known = ~np.isnan(floats(rows.frame, "status")) if rows.foreign else np.ones(len(rows), dtype=np.bool_)
    return {str(status): count for status, count in sorted(Counter(rows.statuses[known].astype(int)).items())}


def _error_names(rows: Rows) -> list[str]:
    named = np.where(~rows.sent, NEVER_SENT, np.where(rows.errors == "", NOT_NAMED, rows.errors))
    return [str(name) for name in named[~rows.ok]]


def worst_minute_ratio(rows: Rows) -> float | None:
    """Return the largest error ratio of any 60 s, by whole seconds; None without rows."""
    if not len(rows):
        return None
    count = cells.count_of(rows.window.duration_s, 1.0)
    there = cells.totals(rows.at_s, 1.0, count)
    bad = cells.totals(rows.at_s, 1.0, count, (~rows.ok).astype(np.float64))
    span = np.ones(min(MINUTE_S, count))
    sums, bads = np.convolve(there, span, "valid"), np.convolve(bad, span, "valid")
    return float(np.max(np.round(bads[sums > 0]) / np.round(sums[sums > 0])))


def wrong_ratio(rows: Rows) -> float | None:
    """Return the share of intended requests answered 401, 403, 404, 415, 422 or 429; None without rows."""
    return float(np.isin(rows.statuses, WRONG_STATUSES).mean()) if len(rows) else None


def windows(rows: Rows, rate_rps: float) -> pd.DataFrame:
    """Return offered, achieved and failed requests a second, by cells of time.

    Offered and failed requests stand where they were intended, achieved ones where their answer was complete.
    """
    duration_s = rows.window.duration_s
    cell_s = cells.drawing_cell_s(duration_s, rate_rps)
    count = cells.count_of(duration_s, cell_s)
    in_time = rows.answered & (rows.end_s <= duration_s)
    starts = np.arange(count) * float(cell_s)
    lengths = np.minimum(cell_s, duration_s - starts)
    return pd.DataFrame(
        {
            "t_s": starts,
            "offered_rps": cells.totals(rows.at_s, cell_s, count) / lengths,
            "achieved_rps": cells.totals(rows.end_s[in_time], cell_s, count) / lengths,
            "failed_rps": cells.totals(rows.at_s[~rows.ok], cell_s, count) / lengths,
        }
    )

"""Locust's `*_stats_history.csv`: running totals every second or two, from which start, end and users are taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fireai_analysis.ingest.batches import END_NS, FIRST_NS
from fireai_analysis.ingest.csv_records import count, readable
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told, Totals
from fireai_analysis.ingest.locust_table import Row, columns, figures, rows, times_are_whole
from fireai_analysis.ingest.source import Head, Source

NEEDED = frozenset(("timestamp", "name", "requests", "failures", "median"))
RUNNING = "running totals of Locust's history: no requests"
LAST = (
    "These totals are those of the last row of Locust's history; its percentiles may be of 10 s only and are not taken."
)
RESTARTED = "The counts of Locust's history fall: its statistics were reset, or several runs are in one file."


@dataclass
class _Course:
    """What the rows of all told up to now."""

    first_s: int | None = None
    last_s: int | None = None
    users: int | None = None
    requests: int = 0
    failures: int = 0
    restarted: bool = False
    last: Row | None = None

    def add(self, row: Row) -> None:
        """Take the next row of all; raises ValueError with a reason where it cannot be taken."""
        at_s = count(row.cells["timestamp"], "timestamp")
        if not FIRST_NS <= at_s * 10**9 < END_NS:
            raise ValueError("time is impossible")
        requests, failures = row.count("requests") or 0, row.count("failures") or 0
        users = row.count("users")
        if users is not None and users < 2**31:
            self.users = max(users, self.users or 0)
        self.first_s = at_s if self.first_s is None else min(at_s, self.first_s)
        self.last_s = at_s if self.last_s is None else max(at_s, self.last_s)
        self.restarted |= requests < self.requests
        self.requests, self.failures, self.last = requests, failures, row


def _recognises(head: Head) -> bool:
    return columns(head) >= NEEDED


def _read(source: Source) -> Iterator[Item]:
    course = _Course()
    taken = 0
    for one in readable(source, rows(source, NEEDED)):
        if isinstance(one, Refused):
            yield one
            continue
        try:
            if one.is_all:
                course.add(one)
            taken += 1
        except ValueError as error:
            yield Refused(str(error), one.line)
    if course.last is None or course.first_s is None or course.last_s is None:
        raise source.refusal("has no row of all endpoints that can be read")
    yield LeftOut(RUNNING, taken)
    yield _totals(course, course.last)
    notes = (LAST, *((RESTARTED,) if course.restarted else ()))
    yield Told(started_ns=course.first_s * 10**9, ended_ns=course.last_s * 10**9, users_count=course.users, notes=notes)


def _totals(course: _Course, last: Row) -> Totals:
    """Return the last running totals; without times where the last row holds none that can be read."""
    try:
        times = figures(Row(last.line, last.ended, last.cells, {}), cut=times_are_whole(last))
    except ValueError:
        return Totals(None, None, course.requests, course.failures)
    if not course.requests:
        return Totals(None, None, course.requests, course.failures)
    return Totals(
        None,
        None,
        course.requests,
        course.failures,
        quantiles_ms=times.quantiles,
        mean_ms=times.mean,
        min_ms=times.low,
        max_ms=times.high,
    )


FORMAT = Format("locust-history", "Locust history, CSV", "Locust", "totals", recognises=_recognises, read=_read)

"""Locust's statistics as JSON: `--json` and `--json-file`, and the reports of its workers as Taurus keeps them.

Both hold counts of response times by Locust's rounded steps: exact counts of ranges, so that any percentile is a range.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fireai_analysis.ingest.batches import END_NS, FIRST_NS
from fireai_analysis.ingest.csv_records import LARGEST_COUNT, MOST_REFUSED
from fireai_analysis.ingest.found import Bounds, Counts, Format, Histogram, Item, LeftOut, Refused, Told, Totals
from fireai_analysis.ingest.locust_csv import ADDED, MAYBE_ADDED, ODD_STEPS
from fireai_analysis.ingest.locust_steps import is_step, range_us
from fireai_analysis.ingest.reported import number, text
from fireai_analysis.ingest.source import Head, Source

MOST_ENTRIES, MOST_STEPS = 100_000, 10_000
LONGEST_STEP_MS = 10**9
_START = re.compile(r"^\[[ \t\r]*$|^\[\s*\{", re.MULTILINE)

ROUNDED = (
    "Locust counts response times in steps of 1 ms below 100 ms, 10 ms below 1 s, 100 ms below 10 s and 1 s above:"
    " percentiles are ranges that wide."
)
CUT = "The times are whole milliseconds, as Locust's fast client cuts them: each can be up to 1 ms longer."
BROKEN_SUM = "The counts by step of {0} endpoints do not sum to their requests: the file was changed or is damaged."
BESIDE = "other output before or after the JSON of Locust: lines"


@dataclass
class _Entry:
    """One endpoint, summed over the reports of it."""

    endpoint: str
    method: str | None
    requests: int = 0
    none: int = 0  # requests without a response time
    failures: int = 0
    total_ms: float = 0.0
    low_ms: float | None = None
    high_ms: float | None = None
    steps: dict[int, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)


@dataclass
class _Found:
    """All endpoints and the times of the run."""

    entries: dict[tuple[str, str | None], _Entry] = field(default_factory=dict)
    cut: bool = True
    old: bool = False
    started_ns: int | None = None
    ended_ns: int | None = None
    users: dict[str, int] = field(default_factory=dict)
    most_users: int | None = None

    def entry(self, told: dict[str, Any]) -> _Entry:
        """Return the entry of an endpoint; raises ValueError with a reason where it has no name."""
        name = told.get("name")
        if not isinstance(name, str):
            raise ValueError("entry has no name")
        key = text(name) or "", text(told.get("method"))
        if key not in self.entries and len(self.entries) == MOST_ENTRIES:
            raise ValueError("more endpoints than can be held")
        return self.entries.setdefault(key, _Entry(*key))

    def add(self, told: dict[str, Any]) -> None:
        """Add what one report says of one endpoint; raises ValueError with a reason, then nothing was added."""
        requests, failures = _count(told, "num_requests"), _count(told, "num_failures")
        none = _count(told, "num_none_requests") if "num_none_requests" in told else 0
        total_ms = _number(told, "total_response_time")
        low, high = told.get("min_response_time"), told.get("max_response_time")
        steps = _steps(told.get("response_times"))
        entry = self.entry(told)
        entry.requests = _sum(entry.requests, requests)
        entry.failures = _sum(entry.failures, failures)
        entry.none = _sum(entry.none, none)
        entry.total_ms += total_ms
        for step, times in steps.items():
            entry.steps[step] = _sum(entry.steps.get(step, 0), times)
        self.old |= "num_none_requests" not in told
        if requests > none and (low_ms := number(low)) is not None and (high_ms := number(high)) is not None:
            entry.low_ms = low_ms if entry.low_ms is None else min(low_ms, entry.low_ms)
            entry.high_ms = high_ms if entry.high_ms is None else max(high_ms, entry.high_ms)
            self.cut &= isinstance(low, int) and isinstance(high, int)
        self._time(told)

    def _time(self, told: dict[str, Any]) -> None:
        start, end = _time_ns(told.get("start_time")), _time_ns(told.get("last_request_timestamp"))
        if start is not None:
            self.started_ns = start if self.started_ns is None else min(start, self.started_ns)
        if end is not None:
            self.ended_ns = end if self.ended_ns is None else max(end, self.ended_ns)

    def add_errors(self, told: Any) -> None:
        """Add the texts of failures of one report; raises ValueError with a reason."""
        for error in told.values() if isinstance(told, dict) else ():
            if not isinstance(error, dict):
                raise ValueError("error is no object")
            name = "occurrences" if "occurrences" in error else "occurences"  # up to 0.9; codespell:ignore
            times = _count(error, name)
            errors = self.entry(error).errors
            cause = text(error.get("error")) or "?"
            errors[cause] = _sum(errors.get(cause, 0), times)

    def add_users(self, report: dict[str, Any]) -> None:
        """Add the users of one worker at this moment."""
        users = number(report.get("user_count"))
        worker = text(report.get("client_id")) or ""
        if users is not None and users < 2**31 and (worker in self.users or len(self.users) < MOST_ENTRIES):
            self.users[worker] = int(users)
            self.most_users = max(self.most_users or 0, min(sum(self.users.values()), 2**31 - 1))


def _count(told: dict[str, Any], name: str, what: str | None = None) -> int:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LARGEST_COUNT:
        raise ValueError(f"{what or name} is not a count")
    return value


def _sum(one: int, other: int) -> int:
    if one + other >= LARGEST_COUNT:
        raise ValueError("a count is not possible")
    return one + other


def _number(told: dict[str, Any], name: str) -> float:
    value = number(told.get(name))
    if value is None:
        raise ValueError(f"{name} is not a number")
    return value


def _time_ns(value: Any) -> int | None:
    at_s = number(value)
    at_ns = None if at_s is None else round(at_s * 1e6) * 1000  # a float of this size holds microseconds
    return at_ns if at_ns is not None and FIRST_NS <= at_ns < END_NS else None


def _steps(told: Any) -> dict[int, int]:
    """Return counts by step; Locust writes a step as the text of a number, which may end with .0."""
    if not isinstance(told, dict) or len(told) > MOST_STEPS:
        raise ValueError("response_times is no object of counts")
    found: dict[int, int] = {}
    for name in told:
        step = number(name)
        if step is None or step != int(step) or step > LONGEST_STEP_MS:
            raise ValueError("response_times has a time that is not one")
        found[int(step)] = _count(told, name, "a number of response_times")
    return found


def _is_lines(head: Head) -> bool:
    return head.data.lstrip().startswith(b"{") and b'"stats"' in head.data and _has_counts(head)


def _is_list(head: Head) -> bool:
    return _START.search(head.text) is not None and not _is_lines(head) and _has_counts(head)


def _has_counts(head: Head) -> bool:
    return b'"response_times"' in head.data and b'"num_requests"' in head.data


def _read_list(source: Source) -> Iterator[Item]:
    document = source.whole().decode("utf-8", "backslashreplace")
    start = _START.search(document)
    if not start:
        raise source.refusal("has no list of statistics")
    try:
        told, end = json.JSONDecoder(parse_constant=_refuse).raw_decode(document, start.start())
    except (ValueError, RecursionError) as error:
        raise source.refusal(f"is not JSON ({str(error)[:120]})") from None
    beside = [*document[: start.start()].splitlines(), *document[end:].splitlines()]
    if lines := sum(1 for line in beside if line.strip()):
        yield LeftOut(BESIDE, lines)
    found = _Found()
    for entry in told:
        yield from _added(found, entry, None)
    yield from _items(source, found)


def _read_lines(source: Source) -> Iterator[Item]:
    found = _Found()
    refused = 0
    for line, data in source.lines():
        if not data.strip():
            continue
        if refused >= MOST_REFUSED and not found.entries:
            raise source.refusal(f"has no report of a worker in its first {line - 1:,} lines", line=line)
        entries = []
        try:
            report = _report(data)
            entries = report["stats"]
            found.add_errors(report.get("errors"))
            found.add_users(report)
        except ValueError as error:
            refused += 1
            yield Refused(str(error), line)
        for entry in entries:
            yield from _added(found, entry, line)
    yield from _items(source, found)


def _report(data: bytes) -> dict[str, Any]:
    """Return the report of a worker; raises ValueError with a reason where the line is none."""
    try:
        report = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    if not isinstance(report, dict) or not isinstance(report.get("stats"), list):
        raise ValueError("is no report of a worker")
    return report


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _added(found: _Found, told: Any, line: int | None) -> Iterator[Refused]:
    try:
        if not isinstance(told, dict):
            raise ValueError("entry is no object")
        found.add(told)
    except ValueError as error:
        yield Refused(str(error), line)


def _items(source: Source, found: _Found) -> Iterator[Item]:
    entries = list(found.entries.values())
    if not entries:
        raise source.refusal("has no statistics of an endpoint that can be read")
    beside = any(entry.failures > entry.requests for entry in entries)
    odd = not all(is_step(step) for entry in entries for step in entry.steps)
    for entry in entries:
        if not odd:
            yield _histogram(entry, cut=found.cut, beside=beside)
        yield _totals(entry, cut=found.cut, beside=beside)
    yield Told(
        started_ns=found.started_ns,
        ended_ns=found.ended_ns,
        users_count=found.most_users,
        notes=tuple(_notes(found, beside=beside, odd=odd)),
    )


def _histogram(entry: _Entry, *, cut: bool, beside: bool) -> Histogram:
    steps = sorted(entry.steps)
    ranges = np.array([range_us(step, cut=cut) for step in steps], dtype=np.int64).reshape(-1, 2)
    counts: Counts = np.array([entry.steps[step] for step in steps], dtype=np.int64)
    failures = 0 if beside else entry.failures  # counted beside the others, their times are in no step
    return Histogram(entry.endpoint, entry.method, ranges[:, 0], ranges[:, 1], counts, failures)


def _totals(entry: _Entry, *, cut: bool, beside: bool) -> Totals:
    timed = entry.requests - entry.none
    mean_ms = entry.total_ms / timed if timed > 0 else None
    return Totals(
        entry.endpoint,
        entry.method,
        entry.requests + entry.failures if beside else entry.requests,
        entry.failures,
        mean_ms=_upwards(mean_ms, cut=cut),
        min_ms=_upwards(entry.low_ms, cut=cut),
        max_ms=_upwards(entry.high_ms, cut=cut),
        errors=entry.errors,
    )


def _upwards(value_ms: float | None, *, cut: bool) -> Bounds | None:
    return None if value_ms is None else Bounds(value_ms, value_ms + cut)


def _notes(found: _Found, *, beside: bool, odd: bool) -> Iterator[str]:
    entries = found.entries.values()
    yield ODD_STEPS if odd else ROUNDED
    if found.cut and any(entry.steps for entry in entries):
        yield CUT
    if beside:
        yield ADDED
    elif found.old and any(entry.failures for entry in entries):
        yield MAYBE_ADDED
    broken = sum(sum(entry.steps.values()) != entry.requests - entry.none for entry in entries)
    if broken:
        yield BROKEN_SUM.format(broken)


FORMATS = (
    Format("locust-json", "Locust statistics, JSON", "Locust", "histogram", recognises=_is_list, read=_read_list),
    Format(
        "locust-workers",
        "Locust reports of workers, JSON lines",
        "Locust",
        "histogram",
        recognises=_is_lines,
        read=_read_lines,
    ),
)

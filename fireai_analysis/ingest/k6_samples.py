"""Samples of k6 become requests: one of `http_req_duration` each, judged by its own tag or by what follows it.

k6 writes nine samples a request, all with the same tags and the time at which the request ended (`httpext.Trail`). The
one of the duration is complete by itself, unless k6 was told not to write the tag `expected_response`: then the sample
of `http_req_failed` that follows before the next duration says how k6 judged it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fireai_analysis.ingest.batches import Request, impossible
from fireai_analysis.ingest.found import Item, LeftOut, Refused, Told
from fireai_analysis.ingest.moments import rfc3339_ns

DURATION, FAILED, COUNTED, USERS = "http_req_duration", "http_req_failed", "http_reqs", "vus"
DROPPED = "dropped_iterations"
WANTED = frozenset((DURATION, FAILED, COUNTED, USERS, DROPPED))
OTHER_PROTOCOLS = ("grpc_req_duration", "browser_http_req_duration")
PARTS = "k6 samples about parts of a request, such as the time to connect"
NO_REQUESTS = "k6 samples that are no requests, such as iterations, checks and users"
NOT_HTTP = "gRPC calls and requests of a browser, which are not read"
LARGEST = 10.0**15
"""No duration in milliseconds, no count and no number of users is larger."""
_UNITS_NS = ((11, 10**9), (14, 10**6), (17, 10**3), (20, 1))  # by the digits of a time between 2000 and 2100
_VU = re.compile(r"(?:^|&)vu=(\d{1,9})(?:&|$)", re.ASCII)

ENDS = (
    "k6 stamps a request with the time of its end, it was sent its duration earlier; the time to get a connection"
    " is not part of it."
)
WHOLE_SECONDS = "The times of this file are whole seconds: when a request was sent is known to the second."
NO_CONNECTION = "{0:,} requests got no connection: k6 gives them 0 ms, here they have no service time."
BY_STATUS = "k6 did not judge {0:,} requests: those with status 0 or from 400 were taken as failed."
NEVER_SENT = "k6 dropped {0:,} iterations that it was to start: their requests were never sent and are in no count."
COUNTS_DIFFER = (
    "k6 counted {0:,} requests and {1:,} failures, the file holds {2:,} durations, {3:,} of failed requests."
)


class Sample(NamedTuple):
    """One sample of a metric in `WANTED`; `tags` without those that are empty."""

    line: int
    metric: str
    end_ns: int
    value: float
    tags: Mapping[str, str]


class Sums(NamedTuple):
    """The samples of `COUNTED` or `FAILED` that were added up without being taken apart."""

    metric: str
    total: int


def left_out(metric: str) -> LeftOut:
    """Return why a sample of another metric than those in `WANTED` is no request."""
    if metric in OTHER_PROTOCOLS:
        return LeftOut(NOT_HTTP)
    return LeftOut(PARTS if metric.startswith("http_req") else NO_REQUESTS)


def time_ns(text: str) -> int | None:
    """Return a time in any format that k6 offers for CSV, in UTC nanoseconds; None where it is none.

    Examples
    --------
    >>> time_ns("1633706790"), time_ns("1633706790123"), time_ns("2021-10-08T17:26:30+02:00")
    (1633706790000000000, 1633706790123000000, 1633706790000000000)
    """
    if text.isascii() and text.isdigit():
        return next((int(text) * unit_ns for digits, unit_ns in _UNITS_NS if len(text) < digits), None)
    return rfc3339_ns(text)


@dataclass
class _Course:
    """What the samples told up to now."""

    waiting: Sample | None = None
    users: float = 0
    durations: int = 0
    failures: int = 0
    counted: float = 0
    counted_failures: int = 0
    dropped: float = 0
    unconnected: int = 0
    by_status: int = 0
    whole_seconds: bool = True
    seen: set[str] = field(default_factory=set)

    def take(self, sample: Sample) -> Iterator[Request | Refused | LeftOut]:
        self.seen.add(sample.metric)
        if sample.metric == DURATION:
            yield from self.flush()
            self.durations += 1
            self.whole_seconds &= sample.end_ns % 10**9 == 0
            expected = sample.tags.get("expected_response")
            if expected in ("true", "false"):
                yield self._request(sample, ok=expected == "true")
            else:
                self.waiting = sample
            return
        if sample.metric == FAILED:
            yield from self._failed(sample)
        elif sample.metric == COUNTED:
            self.counted += sample.value
        elif sample.metric == DROPPED:
            self.dropped += sample.value
        else:
            self.users = max(self.users, sample.value)
        yield left_out(sample.metric)

    def add(self, sums: Sums) -> None:
        """Take samples that were added up."""
        self.seen.add(sums.metric)
        if sums.metric == COUNTED:
            self.counted += sums.total
        else:
            self.counted_failures += sums.total

    def _failed(self, sample: Sample) -> Iterator[Request | Refused]:
        failed = sample.value != 0
        self.counted_failures += failed
        waiting = self.waiting
        if waiting and waiting.end_ns == sample.end_ns and waiting.tags == sample.tags:
            self.waiting = None
            yield self._request(waiting, ok=not failed)

    def flush(self) -> Iterator[Request | Refused]:
        """Yield the request that nothing followed that says how k6 judged it: by its status."""
        sample, self.waiting = self.waiting, None
        if sample is None:
            return
        status, has_error = _status(sample.tags.get("status")), "error" in sample.tags
        if status is None and not has_error:
            yield Refused("nothing tells whether the request failed", sample.line)
            return
        self.by_status += 1
        yield self._request(sample, ok=status is not None and 0 < status < 400 and not has_error)

    def _request(self, sample: Sample, *, ok: bool) -> Request | Refused:
        status = _status(sample.tags.get("status"))
        duration_us: int | None = round(sample.value * 1000)
        sent_ns = sample.end_ns - round(sample.value * 1e6)
        if reason := impossible(sent_ns, duration_us):
            return Refused(reason, sample.line)
        if not duration_us and status == 0:
            duration_us = None
            self.unconnected += 1
        self.failures += not ok
        return Request(
            sent_ns,
            duration_us,
            ok,
            endpoint=sample.tags.get("name") or sample.tags.get("url"),
            method=sample.tags.get("method"),
            status=status,
            error=None if ok else _error(sample.tags),
            user=_user(sample.tags),
        )

    def told(self) -> Told:
        notes = [ENDS]
        if self.whole_seconds:
            notes.append(WHOLE_SECONDS)
        if self.unconnected:
            notes.append(NO_CONNECTION.format(self.unconnected))
        if self.by_status:
            notes.append(BY_STATUS.format(self.by_status))
        if self.dropped > 0:
            notes.append(NEVER_SENT.format(round(self.dropped)))
        counted = round(self.counted) if COUNTED in self.seen else self.durations
        failed = self.counted_failures if FAILED in self.seen else self.failures
        if (counted, failed) != (self.durations, self.failures):
            notes.append(COUNTS_DIFFER.format(counted, failed, self.durations, self.failures))
        users = round(self.users) if USERS in self.seen else None
        return Told(users_count=users, notes=tuple(notes))


def requests(samples: Iterable[Sample | Sums | Refused | LeftOut]) -> Iterator[Request | Item]:
    """Yield a request for each duration, and what the file tells of its run; what is no sample passes as it is."""
    course = _Course()
    for one in samples:
        if isinstance(one, Sample):
            yield from course.take(one)
        elif isinstance(one, Sums):
            course.add(one)
        else:
            yield one
    yield from course.flush()
    yield course.told()


def _status(text: str | None) -> int | None:
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _error(tags: Mapping[str, str]) -> str | None:
    if "error" in tags:
        return tags["error"]
    code = tags.get("error_code")
    return None if code is None else f"k6 error code {code}"


def _user(tags: Mapping[str, str]) -> int | None:
    """Return the virtual user from 0; k6 numbers them from 1, in a tag or, since 0.45, in the metadata."""
    text = tags.get("vu", "")
    found = _VU.search(f"vu={text}" if text else tags.get("metadata", ""))
    return max(int(found[1]) - 1, 0) if found else None

"""vegeta's results as JSON lines and as CSV (`vegeta encode --to json|csv`): one request each, nanoseconds.

CSV has no header: time, status, latency, bytes out, bytes in, error, body (base64), attack, sequence and, in later
versions, method, URL, headers. vegeta itself counts a status of 200 to 399 as success.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fireai_analysis.ingest.batches import END_NS, FIRST_NS, TIMEOUT, Request, gathered, impossible, objects
from fireai_analysis.ingest.csv_records import records
from fireai_analysis.ingest.found import Bounds, Format, Item, Refused, Told, Totals
from fireai_analysis.ingest.moments import rfc3339_ns
from fireai_analysis.ingest.reported import around, count, number, part, text
from fireai_analysis.ingest.source import Head, Source

ROW_NOTES = (
    "vegeta's time of a request begins when it was sent, not when it was due: it is service time.",
    "vegeta's success is a status from 200 to 399.",
)
REPORT_NOTES = (
    "vegeta estimates percentiles (t-digest); its encoded results give exact ones.",
    *ROW_NOTES,
)
QUANTILES = {"50th": 0.5, "90th": 0.9, "95th": 0.95, "99th": 0.99}
LEAST_COLUMNS = 6

_CSV_LINE = re.compile(r"\d{18,19},\d{1,3},\d+,\d+,\d+,", re.ASCII)
_TIMED_OUT = re.compile(r"timeout|timed out|deadline exceeded", re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,19}", re.ASCII)


def recognises_json(head: Head) -> bool:
    """Whether the first line is an object with the fields of a result."""
    first = next(iter(head.lines(1)), "").lstrip()
    return first.startswith("{") and all(f'"{key}":' in first for key in ("code", "timestamp", "latency", "bytes_in"))


def recognises_csv(head: Head) -> bool:
    """Whether the first line begins with a time in nanoseconds, a status and three whole numbers."""
    return bool(_CSV_LINE.match(next(iter(head.lines(1)), "")))


def recognises_report(head: Head) -> bool:
    """Whether the file is the object of `vegeta report -type=json`."""
    return head.text.lstrip().startswith("{") and all(
        f'"{key}"' in head.text for key in ("latencies", "bytes_in", "status_codes")
    )


def read_json(source: Source) -> Iterator[Item]:
    """Yield the requests of JSON lines."""
    yield from gathered(source, _json_records(source))
    yield Told(notes=ROW_NOTES)


def read_csv(source: Source) -> Iterator[Item]:
    """Yield the requests of a CSV."""
    yield from gathered(source, _csv_records(source))
    yield Told(notes=ROW_NOTES)


def read_report(source: Source) -> Iterator[Item]:
    """Yield the totals of a report."""
    report = source.json()
    times, requests = part(report, "latencies"), count(part(report).get("requests"))
    if requests is None:
        raise source.refusal("tells no number of requests")
    statuses = {
        int(status): found
        for status, value in part(report, "status_codes").items()
        if re.fullmatch(r"\d{1,3}", status, re.ASCII) and (found := count(value)) is not None
    }
    succeeded = sum(found for status, found in statuses.items() if 200 <= status < 400)
    quantiles = {probability: bounds for key, probability in QUANTILES.items() if (bounds := _ms(times.get(key)))}
    if not requests:  # its times are zeros that nobody measured
        times, quantiles = {}, {}
    yield Totals(
        None,
        None,
        requests,
        max(requests - succeeded, 0),
        quantiles,
        _ms(times.get("mean")),
        _ms(times.get("min")),
        _ms(times.get("max")),
        statuses,
    )
    yield Told(started_ns=_moment(report.get("earliest")), ended_ns=_moment(report.get("end")), notes=REPORT_NOTES)


def _json_records(source: Source) -> Iterator[Request | Item]:
    for found in objects(source):
        if isinstance(found, Refused):
            yield found
            continue
        request = _json_request(found[0])
        yield Refused(request, found[1]) if isinstance(request, str) else request


def _json_request(found: dict[str, Any]) -> Request | str:
    sent_ns = _moment(found.get("timestamp"), any_time=True)
    latency_ns, status = count(found.get("latency")), count(found.get("code"))
    if sent_ns is None:
        return "time is not a time"
    if latency_ns is None:
        return "elapsed is not a number" if number(found.get("latency")) is None else "elapsed is impossible"
    if status is None or status > 999:
        return "status is not a number"
    error, size, method, url = (found.get(key) for key in ("error", "bytes_in", "method", "url"))
    return _request((sent_ns, latency_ns), status, error, count(size), method, url)


def _csv_records(source: Source) -> Iterator[Request | Item]:
    for record in records(source):
        if isinstance(record, Refused):
            yield record
            continue
        request = _csv_request(record.fields) if len(record.fields) >= LEAST_COLUMNS else "not enough columns"
        if isinstance(request, str):
            yield Refused(request if record.ended else "truncated last line", record.line)
        else:
            yield request


def _csv_request(fields: list[str]) -> Request | str:
    moment, code, latency, _, size = fields[:5]
    if not _WHOLE.fullmatch(moment):
        return "time is not a time"
    if not _WHOLE.fullmatch(latency):
        return "elapsed is not a number"
    if not re.fullmatch(r"\d{1,3}", code, re.ASCII):
        return "status is not a number"
    method, url = fields[9:11] if len(fields) >= 11 else (None, None)
    return _request((int(moment), int(latency)), int(code), fields[5], count(size), method, url)


def _request(times: tuple[int, int], status: int, error: Any, size: int | None, method: Any, url: Any) -> Request | str:
    """Return a request, or why it cannot be one; `times` are when it was sent and its latency, in nanoseconds."""
    sent_ns, service_us = times[0], (times[1] + 500) // 1000
    if reason := impossible(sent_ns, service_us):
        return reason
    ok = 200 <= status < 400
    said = None if ok else text(error) or f"status {status}"
    if said and status == 0 and _TIMED_OUT.search(said.rpartition('": ')[2]):
        said = TIMEOUT
    return Request(sent_ns, service_us, ok, text(url), text(method), status, said, size)


def _ms(nanoseconds: Any) -> Bounds | None:
    return around(nanoseconds, 0, scale=1e-6)


def _moment(value: Any, *, any_time: bool = False) -> int | None:
    found = rfc3339_ns(value) if isinstance(value, str) else None
    return found if found is not None and (any_time or FIRST_NS <= found < END_NS) else None


FORMATS = (
    Format("vegeta-json", "vegeta results, JSON lines", "vegeta", "rows", recognises_json, read_json),
    Format("vegeta-csv", "vegeta results, CSV", "vegeta", "rows", recognises_csv, read_csv),
    Format("vegeta-report", "vegeta report, JSON", "vegeta", "totals", recognises_report, read_report),
)

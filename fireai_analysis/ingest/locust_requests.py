"""Locust's log of every request (`locust.contrib.csv_request_logger`, since 2.44), one file a worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fireai_analysis.ingest.batches import Request, gathered, impossible
from fireai_analysis.ingest.csv_records import Record, count, decimal, header, readable, records
from fireai_analysis.ingest.found import Format, Item, Refused, Told
from fireai_analysis.ingest.source import Head, Source

COLUMNS = ("timestamp", "request_type", "name", "response_time_ms", "response_length", "status_code", "exception")
LARGEST = 10.0**12
"""No time in seconds or milliseconds is larger."""

ROUNDED = "Locust's log of requests rounds a response time to 10 microseconds."
UNTIMED = "{0:,} requests have no response time in Locust's log; they have no service time here."
NO_STATUS = "{0:,} requests that did not fail have status 0 in Locust's log: no HTTP, or a status that was not kept."


def _recognises(head: Head) -> bool:
    return header(head) == list(COLUMNS)


def _read(source: Source) -> Iterator[Item]:
    return gathered(source, readable(source, _requests(source)))


def _requests(source: Source) -> Iterator[Request | Item]:
    names: list[str] = []
    untimed = without_status = 0
    for one in records(source):
        if isinstance(one, Refused):
            yield one
            continue
        if not names:
            names = [name.strip().lower() for name in one.fields]
            if missing := [name for name in COLUMNS if name not in names]:
                raise source.refusal(f"has no column {missing[0]}", line=one.line)
            continue
        request = _request(one, names)
        if isinstance(request, Request):
            untimed += request.service_us is None
            without_status += request.status is None
        yield request
    notes = (
        ROUNDED,
        *((UNTIMED.format(untimed),) if untimed else ()),
        *((NO_STATUS.format(without_status),) if without_status else ()),
    )
    yield Told(notes=notes)


def _request(record: Record, names: list[str]) -> Request | Refused:
    if len(record.fields) != len(names):
        wide = len(record.fields) > len(names)
        return Refused("too many columns" if wide else "not enough columns", record.line)
    if not record.ended:  # Locust ends every row: this one was being written
        return Refused("truncated last line", record.line)
    try:
        return _taken(dict(zip(names, record.fields, strict=True)))
    except ValueError as error:
        return Refused(str(error), record.line)


def _taken(cells: Mapping[str, str]) -> Request:
    """Return a row as a request; raises ValueError with the reason where it is none."""
    at_s, elapsed = decimal(cells["timestamp"], "time"), cells["response_time_ms"].strip()
    elapsed_ms = decimal(elapsed, "elapsed") if elapsed else None
    if max(abs(at_s), abs(elapsed_ms or 0)) > LARGEST:
        raise ValueError("time is impossible")
    sent_ns = round(at_s * 1e6) * 1000
    service_us = None if elapsed_ms is None else round(elapsed_ms * 1000)
    if reason := impossible(sent_ns, service_us):
        raise ValueError(reason)
    size, status, error = _size(cells["response_length"]), _status(cells["status_code"]), cells["exception"]
    return Request(
        sent_ns,
        service_us,
        not error,
        endpoint=cells["name"] or None,
        method=cells["request_type"] or None,
        status=None if status == 0 and not error else status,
        error=error or None,
        response_bytes=size,
    )


def _status(text: str) -> int | None:
    if not text.strip():
        return None
    status = count(text, "status")
    if status > 999:
        raise ValueError("status is not one")
    return status


def _size(text: str) -> int | None:
    return count(text, "size") if text.strip() and text.strip() != "None" else None


FORMAT = Format("locust-requests", "Locust log of requests, CSV", "Locust", "rows", recognises=_recognises, read=_read)

"""Locust's `*_failures.csv` and `*_exceptions.csv`: what failed, by text, beside the statistics of the same run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from fireai_analysis.ingest.csv_records import Record, count, header, readable, records
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told, Totals
from fireai_analysis.ingest.locust_table import NO_METHOD
from fireai_analysis.ingest.source import Head, Source

FAILURES = ("method", "name", "error", "occurrences")
EXCEPTIONS = ("count", "message", "traceback", "nodes")
MOST_TEXTS = 100_000
MOST_NAMED, LONGEST_NAMED = 5, 200
TASKS = "exceptions in tasks, which Locust counts neither as requests nor as failures"

_Errors = dict[tuple[str, str | None], dict[str, int]]


def _is_failures(head: Head) -> bool:
    return header(head)[: len(FAILURES)] == list(FAILURES)


def _is_exceptions(head: Head) -> bool:
    return header(head)[: len(EXCEPTIONS)] == list(EXCEPTIONS)


def _rows(source: Source, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]] | Refused]:
    """Yield line and cells of each row that has a field for every column."""
    old = source.head().data.lstrip().startswith(b'"')  # written up to 1.0: no line end after the last row
    names: list[str] = []
    for one in records(source):
        if isinstance(one, Refused):
            yield one
        elif not names:
            names = [name.strip().lower() for name in one.fields]
            if missing := [name for name in needed if name not in names]:
                raise source.refusal(f"has no column {missing[0]}", line=one.line)
        else:
            reason = _reason(one, len(names), old=old)
            yield Refused(reason, one.line) if reason else (one.line, dict(zip(names, one.fields, strict=True)))


def _reason(record: Record, width: int, *, old: bool) -> str | None:
    if len(record.fields) != width:
        return "not enough columns" if len(record.fields) < width else "too many columns"
    return None if record.ended or old else "truncated last line"


def _read_failures(source: Source) -> Iterator[Item]:
    errors: _Errors = {}
    for number, one in enumerate(readable(source, _rows(source, FAILURES))):
        if isinstance(one, Refused):
            yield one
            continue
        if number == MOST_TEXTS:
            raise source.refusal(f"has more than {MOST_TEXTS:,} rows", line=one[0])
        try:
            _add(errors, one[1])
        except ValueError as error:
            yield Refused(str(error), one[0])
    yield from (
        Totals(endpoint, method, None, sum(texts.values()), errors=texts)
        for (endpoint, method), texts in errors.items()
    )
    yield Totals(None, None, None, sum(sum(texts.values()) for texts in errors.values()))
    yield Told()


def _add(errors: _Errors, cells: Mapping[str, str]) -> None:
    times = count(cells["occurrences"], "occurrences")
    method = None if cells["method"] in NO_METHOD else cells["method"]
    texts = errors.setdefault((cells["name"], method), {})
    texts[cells["error"]] = texts.get(cells["error"], 0) + times


def _read_exceptions(source: Source) -> Iterator[Item]:
    found: dict[str, int] = {}
    for number, one in enumerate(readable(source, _rows(source, EXCEPTIONS))):
        if isinstance(one, Refused):
            yield one
            continue
        if number == MOST_TEXTS:
            raise source.refusal(f"has more than {MOST_TEXTS:,} rows", line=one[0])
        try:
            message = " ".join(one[1]["message"].split())[:LONGEST_NAMED]
            found[message] = found.get(message, 0) + count(one[1]["count"], "count")
        except ValueError as error:
            yield Refused(str(error), one[0])
    total = sum(found.values())
    if total:
        yield LeftOut(TASKS, total)
    named = (
        f"{times:,} exceptions in tasks, no requests and no failures: {message}" for message, times in found.items()
    )
    yield Told(notes=tuple(islice(named, MOST_NAMED)))


FORMATS = (
    Format("locust-failures", "Locust failures, CSV", "Locust", "totals", recognises=_is_failures, read=_read_failures),
    Format(
        "locust-exceptions",
        "Locust exceptions, CSV",
        "Locust",
        "totals",
        recognises=_is_exceptions,
        read=_read_exceptions,
    ),
)

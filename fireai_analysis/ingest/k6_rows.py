"""k6's samples as CSV (`--out csv`) and as JSON lines (`--out json`), compressed or not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from fireai_analysis.ingest.batches import gathered
from fireai_analysis.ingest.csv_records import Record, decimal, header, readable, records
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused
from fireai_analysis.ingest.k6_samples import (
    COUNTED,
    FAILED,
    LARGEST,
    WANTED,
    Sample,
    Sums,
    left_out,
    requests,
    time_ns,
)
from fireai_analysis.ingest.moments import rfc3339_ns
from fireai_analysis.ingest.reported import text
from fireai_analysis.ingest.source import Head, Source

COLUMNS = ("metric_name", "timestamp", "metric_value")
MOST_METRICS = 1000
_WANTED = frozenset(name.encode() for name in WANTED)
_COUNTED, _FAILED = COUNTED.encode(), FAILED.encode()
_ONES, _ZEROS = (b"1", b"1.000000"), (b"0", b"0.000000")  # as JSON and as CSV have them
_METRIC = re.compile(rb'"metric":\s*"([^"\\]{1,200})"')
_VALUE = re.compile(rb'"value":([01]),"tags":\{')
_POINT = re.compile(rb'\{(?=.*"metric":)(?=.*"data":)\s*"(?:metric|type)":')


def _is_csv(head: Head) -> bool:
    return header(head)[: len(COLUMNS)] == list(COLUMNS)


def _is_lines(head: Head) -> bool:
    return _POINT.match(head.data.lstrip().split(b"\n", 1)[0]) is not None


def _read_csv(source: Source) -> Iterator[Item]:
    return gathered(source, requests(readable(source, _csv_samples(source))))


def _csv_samples(source: Source) -> Iterator[Sample | Sums | Refused | LeftOut]:
    others = _Others()
    names: list[str] = []
    for one in records(source, others.takes):
        if isinstance(one, Refused):
            yield one
        elif not names:
            names = [name.strip().lower() for name in one.fields]
            if names[: len(COLUMNS)] != list(COLUMNS):
                raise source.refusal(f"does not begin with the columns {', '.join(COLUMNS)}", line=one.line)
            others.commas_count = len(names) - 1
            others.judged = "expected_response" in names
        elif len(one.fields) != len(names):
            wide = len(one.fields) > len(names)
            yield Refused("too many columns" if wide else "not enough columns", one.line)
        elif one.fields[0] in WANTED:
            yield _csv_sample(one, names)
        else:
            yield left_out(one.fields[0])
    yield from others.told()


class _Others:
    """The samples that are no durations, most of a file: counted, and added up, without being taken apart.

    Attributes
    ----------
    commas_count : int
        Between the columns; 0 before the first line was read.
    judged : bool
        Whether durations tell by themselves how k6 judged them, so that nobody waits for the samples of failures.
    """

    def __init__(self) -> None:
        self.commas_count = 0
        self.judged = False
        self._counts: dict[bytes, int] = {}
        self._sums: dict[bytes, int] = {}

    def takes(self, line: bytes) -> bool:
        """Whether this line of CSV is such a sample; it is then counted."""
        metric = line[: line.find(b",")]
        if not self.commas_count or line.count(b",") != self.commas_count:
            return False
        if metric in _WANTED:
            return self.sums(metric, line.split(b",", 3)[2])
        return self.add(metric)

    def sums(self, metric: bytes, value: bytes) -> bool:
        """Whether this sample is one that is only added up, with a value as k6 writes it; it is then added."""
        if metric == _COUNTED or (metric == _FAILED and self.judged):
            if value in _ONES or value in _ZEROS:
                self._sums[metric] = self._sums.get(metric, 0) + (value in _ONES)
                return self.add(metric)
        return False

    def add(self, metric: bytes) -> bool:
        """Count a sample; False where there are more names of metrics than a test can have."""
        if metric not in self._counts and len(self._counts) == MOST_METRICS:
            return False
        self._counts[metric] = self._counts.get(metric, 0) + 1
        return True

    def told(self) -> Iterator[LeftOut | Sums]:
        """Yield what was counted and added up."""
        for metric, total in self._sums.items():
            yield Sums(metric.decode(), total)
        for metric, times in self._counts.items():
            yield LeftOut(left_out(metric.decode("utf-8", "replace")).reason, times)


def _csv_sample(record: Record, names: list[str]) -> Sample | Refused:
    metric, at, value, *tags = record.fields
    end_ns = time_ns(at.strip())
    if end_ns is None:
        return Refused("time is none that k6 writes", record.line)
    try:
        number = decimal(value, "value")
    except ValueError as error:
        return Refused(str(error), record.line)
    if abs(number) > LARGEST:
        return Refused("value is impossible", record.line)
    told = {name: tag for name, tag in zip(names[len(COLUMNS) :], tags, strict=True) if tag}
    return Sample(record.line, metric, end_ns, number, told)


def _read_lines(source: Source) -> Iterator[Item]:
    return gathered(source, requests(readable(source, _line_samples(source))))


def _line_samples(source: Source) -> Iterator[Sample | Sums | Refused | LeftOut]:
    others = _Others()
    for line, data in source.lines():
        metric = _metric(data)
        is_whole = data.rstrip().endswith(b"}") and b"\0" not in data
        if is_whole and metric in (_COUNTED, _FAILED) and (value := _VALUE.search(data)):
            others.judged = b'"expected_response":"' in data
            if others.sums(metric, value[1]):
                continue
        if not metric or metric in _WANTED:
            if data.strip():
                yield _line_sample(line, data)
        elif not is_whole:
            yield Refused("is not JSON", line)
        elif not others.add(metric):
            yield left_out(metric.decode("utf-8", "replace"))
    yield from others.told()


def _metric(data: bytes) -> bytes:
    """Return the metric of a line; nothing where only a closer look can tell it, as where a tag has the same name."""
    found = _METRIC.search(data)
    if not found or (found.start() > 1 and data.count(b'"metric":') > 1):
        return b""
    return found[1]


def _line_sample(line: int, data: bytes) -> Sample | Refused | LeftOut:
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        return Refused("is not JSON" if data.endswith(b"\n") else "truncated last line", line)
    name, point = (told.get("metric"), told.get("data")) if isinstance(told, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(point, dict):
        return Refused("is no sample of k6", line)
    if told.get("type") != "Point" or name not in WANTED:
        return left_out(name)
    at, value = point.get("time"), point.get("value")
    end_ns = rfc3339_ns(at) if isinstance(at, str) else None
    if end_ns is None:
        return Refused("time is none that k6 writes", line)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return Refused("value is not a number", line)
    if abs(value) > LARGEST:
        return Refused("value is impossible", line)
    return Sample(line, name, end_ns, float(value), _tags(point))


def _tags(point: dict[str, Any]) -> dict[str, str]:
    """Return the tags, and of the metadata the virtual user."""
    found = {**_object(point.get("metadata")), **_object(point.get("tags"))}
    return {name: tag for name, value in found.items() if (tag := text(value))}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


FORMATS = (
    Format("k6-csv", "k6 samples, CSV", "k6", "rows", recognises=_is_csv, read=_read_csv),
    Format("k6-json", "k6 samples, JSON lines", "k6", "rows", recognises=_is_lines, read=_read_lines),
)

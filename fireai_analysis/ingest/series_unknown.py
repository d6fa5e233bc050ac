"""Series of numbers that do not say which resource they measure: recognised, so that they are refused by name."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from fireai_analysis.ingest.found import Format, Item
from fireai_analysis.ingest.reported import number
from fireai_analysis.ingest.source import Head, Source

TIMES = frozenset(("timestamp", "time", "date", "datetime"))
MOST_COLUMNS = 8
KNOWN = frozenset(
    (
        *(
            "heap_alloc_mb",
            "metric_name",
            "metric_value",
            "elapsed",
            "latency",
            "label",
            "pid",
            "queryid",
            "user count",
        ),
        *("cpu_percent", "rss_bytes", "rss_mb", "memory_percent", "used_percent"),
    )
)
"""Columns that tell what they are, or whose file another format reads."""
_JSON = (
    re.compile(r'\s*\{\s*"series"\s*:\s*\['),
    re.compile(r'\s*\{[^[\]{}]*"n_obs"\s*:\s*\d+[^[\]{}]*"n_dim"\s*:'),
)


def recognises(head: Head) -> bool:
    """Whether the file is a time and plain numbers under a header, or a JSON series of a change-point data set."""
    if any(pattern.match(head.text) for pattern in _JSON):
        return True
    lines = head.lines(3)
    return len(lines) >= 2 and any(_is_series(lines, mark) for mark in (",", ";", "\t"))


def _is_series(lines: list[str], mark: str) -> bool:
    try:
        names, *rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=mark)
    except (csv.Error, ValueError):
        return False
    if not 2 <= len(names) <= MOST_COLUMNS or {name.strip().lower() for name in names} & KNOWN:
        return False
    times = [place for place, name in enumerate(names) if name.strip() in TIMES]
    return bool(times and rows) and all(len(row) == len(names) and _is_plain(row, times) for row in rows)


def _is_plain(row: list[str], times: list[int]) -> bool:
    """Whether a row holds numbers, and one text such as a commit at most, beside its time."""
    figures = [number(cell) is not None for place, cell in enumerate(row) if place not in times]
    return any(figures) and figures.count(False) <= 1


def read(source: Source) -> Iterator[Item]:
    """Refuse the file."""
    raise source.refusal(
        "is a series without a known resource",
        remedy="give a series whose columns say what they measure, such as polls of /memory or a Prometheus answer",
    )


FORMAT = Format("series", "a series without a known resource", "unknown", "series", recognises, read, is_read=False)

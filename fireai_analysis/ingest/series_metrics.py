"""Answers of monitoring systems: CloudWatch `get-metric-data` and Prometheus `query_range`, as JSON.

Which metric it is stands in the label (CloudWatch: label or id, as the query named it) and in `__name__` (Prometheus);
metrics that no table of a bundle holds are left out by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told
from fireai_analysis.ingest.reported import number, part, text
from fireai_analysis.ingest.sampled import Sample, gathered, moment_ns, whole
from fireai_analysis.ingest.source import Head, Source

Column = tuple[str, str, Callable[[Any], Any]]
"""Table, column, and how a value is read."""


def _percent(value: Any) -> float | None:
    found = number(value)
    return None if found is None else found / 100


def _start_ns(value: Any) -> int | None:
    return moment_ns(number(value))


CLOUDWATCH: Mapping[str, Column] = {
    "serverlessdatabasecapacity": ("aurora", "capacity_acu_count", number),
    "acuutilization": ("aurora", "capacity_used_ratio", _percent),
    "cpuutilization": ("aurora", "cpu_ratio", _percent),
    "databaseconnections": ("postgres_connections", "connections_count", whole),
}
PROMETHEUS: Mapping[str, Column] = {
    "go_goroutines": ("go", "goroutines_count", whole),
    "go_memstats_heap_alloc_bytes": ("go", "heap_objects_bytes", whole),
    "go_memstats_sys_bytes": ("go", "total_bytes", whole),
    "go_memstats_heap_released_bytes": ("go", "released_bytes", whole),
    "go_memstats_stack_inuse_bytes": ("go", "stack_bytes", whole),
    "go_memstats_alloc_bytes_total": ("go", "alloc_bytes_total", whole),
    "go_memstats_mallocs_total": ("go", "alloc_count_total", whole),
    "go_gc_duration_seconds_count": ("go", "gc_count", whole),
    "go_gc_heap_live_bytes": ("go", "live_heap_bytes", whole),
    "process_resident_memory_bytes": ("processes", "rss_bytes", whole),
    "process_cpu_seconds_total": ("processes", "cpu_s", number),
    "process_open_fds": ("processes", "open_files_count", whole),
    "process_start_time_seconds": ("processes", "start_ns", _start_ns),
    "pg_stat_database_numbackends": ("postgres_connections", "connections_count", whole),
    "node_load1": ("host", "load_1min", number),
    "node_memory_MemTotal_bytes": ("host", "memory_total_bytes", whole),
    "aws_rds_serverless_database_capacity_average": ("aurora", "capacity_acu_count", number),
}
PROCESSES = re.compile(
    r"(?<![a-z])(?:(?P<go>go)|(?P<fastapi>fastapi|uvicorn|gunicorn)|(?P<postgres>postgres))(?![a-z])"
)
"""Which process a series is of, by a word in its job, else in another label."""
LABELS = ("process", "job", "service", "container", "instance")
PARTIAL = "CloudWatch says that {name} is not complete ({status})."
UNKNOWN = "metrics that no table of a bundle holds"
NOT_TAKEN = "Metrics that no table of a bundle holds: {names}."
MOST_NAMED = 10
TWICE = "two series tell different values of one thing"
UNNAMED = "processes that are none of the target's"

Points = Iterator[tuple[Any, Any]]


def recognises_cloudwatch(head: Head) -> bool:
    """Whether the file is the answer of get-metric-data."""
    return head.text.lstrip().startswith("{") and '"MetricDataResults"' in head.text


def recognises_prometheus(head: Head) -> bool:
    """Whether the file is the answer of a range query."""
    return head.text.lstrip().startswith("{") and all(
        f'"{word}"' in head.text for word in ("resultType", "matrix", "result")
    )


def read_cloudwatch(source: Source) -> Iterator[Item]:
    """Yield the samples of each metric that a bundle holds."""
    results = part(source.json()).get("MetricDataResults")
    if not isinstance(results, list):
        raise source.refusal("has no MetricDataResults")
    notes: list[str] = []
    unknown: list[str] = []
    yield from gathered(source, _cloudwatch([one for one in results if isinstance(one, Mapping)], notes, unknown))
    yield Told(notes=(*dict.fromkeys(notes), *_not_taken(unknown)))


def read_prometheus(source: Source) -> Iterator[Item]:
    """Yield the samples of each series that a bundle holds."""
    document = part(source.json())
    results = part(document, "data").get("result")
    if document.get("status") != "success" or not isinstance(results, list):
        raise source.refusal("is no answer that succeeded", remedy="ask query_range again")
    unknown: list[str] = []
    yield from gathered(source, _prometheus([one for one in results if isinstance(one, Mapping)], unknown))
    yield Told(notes=_not_taken(unknown))


def _not_taken(unknown: list[str]) -> tuple[str, ...]:
    names = list(dict.fromkeys(unknown))
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return (NOT_TAKEN.format(names=", ".join(names[:MOST_NAMED] + more)),) if names else ()


def _cloudwatch(results: list[Mapping[str, Any]], notes: list[str], unknown: list[str]) -> Iterator[Sample | Item]:
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for result in results:
        name, column = _named(result)
        times, values = result.get("Timestamps"), result.get("Values")
        if column is None or not isinstance(times, list) or not isinstance(values, list):
            unknown.append(name)
            yield LeftOut(UNKNOWN)
            continue
        status = text(result.get("StatusCode")) or "Complete"
        if status != "Complete":
            notes.append(PARTIAL.format(name=name, status=_line(status)))
        yield from _points(zip(times, values, strict=False), column, {}, rows)
    yield from ((table, row) for (table, _, _), row in rows.items())


def _named(result: Mapping[str, Any]) -> tuple[str, Column | None]:
    """Return a metric's name for people and its column: a label may begin with the cluster's."""
    names = [found for key in ("Label", "Id") if (found := text(result.get(key)))]
    for name in names:
        column = CLOUDWATCH.get(name.split()[-1].lower() if name.split() else "")
        if column:
            return _line(name), column
    return _line(names[0]) if names else "without a name", None


def _prometheus(results: list[Mapping[str, Any]], unknown: list[str]) -> Iterator[Sample | Item]:
    rows: dict[tuple[str, int, str], dict[str, Any]] = {}
    for result in results:
        labels, points = part(result, "metric"), result.get("values")
        name = _line(text(labels.get("__name__")) or "without a name")
        column = PROMETHEUS.get(name)
        if column is None or not isinstance(points, list):
            unknown.append(name)
            yield LeftOut(UNKNOWN)
            continue
        process = process_of(text(labels.get(label)) for label in LABELS)
        if not _is_of_target(column[0], process, labels):
            yield LeftOut(UNNAMED)
            continue
        pairs = ((one[0], one[1]) for one in points if isinstance(one, list) and len(one) == 2)
        own = {"process": process} if process and column[0] == "processes" else {}
        yield from _points(pairs, column, own, rows)
    yield from ((table, row) for (table, _, _), row in rows.items())


def _points(
    points: Any, column: Column, labels: dict[str, str], rows: dict[tuple[str, int, str], dict[str, Any]]
) -> Iterator[Refused]:
    """Put each value into the row of its table, instant and process; yield those that are none."""
    table, name, read = column
    for moment, value in points:
        t_ns, found = moment_ns(moment), read(value)
        if t_ns is None or found is None:
            yield Refused("time is not a time" if t_ns is None else "value is not a number", None)
            continue
        key = (table, t_ns, labels.get("process", ""))
        row = rows.setdefault(key, {"t_ns": t_ns, **labels})
        if row.setdefault(name, found) != found:
            yield Refused(TWICE, None)


def _is_of_target(table: str, process: str | None, labels: Mapping[str, Any]) -> bool:
    """Whether a series may be one of the target: what names a process must name one of the target's."""
    if table == "processes":
        return process is not None
    return table != "go" or process == "go" or not any(label in labels for label in LABELS)


def process_of(words: Iterable[str | None]) -> str | None:
    """Return which process of the target is named first; None where none is.

    Examples
    --------
    >>> process_of(["mongo", None, "go-service"]), process_of(["nginx"])
    ('go', None)
    """
    found = (PROCESSES.search((word or "").lower()) for word in words)
    return next((one.lastgroup for one in found if one), None)


def _line(name: str) -> str:
    """Return a name on one line, cut where it is longer than any."""
    return " ".join(name.split())[:120] or "without a name"


FORMATS = (
    Format(
        "cloudwatch", "CloudWatch get-metric-data, JSON", "CloudWatch", "series", recognises_cloudwatch, read_cloudwatch
    ),
    Format(
        "prometheus", "Prometheus range query, JSON", "Prometheus", "series", recognises_prometheus, read_prometheus
    ),
)

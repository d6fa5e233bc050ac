"""Dumps of pg_stat_activity and pg_stat_statements as CSV with a header: one snapshot, or several by a column of times.

Column names are PostgreSQL's, of versions 9.4 to 18. Query texts of pg_stat_activity may hold anything and are not
taken; those of pg_stat_statements are normalised by PostgreSQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from fireai_analysis.ingest.csv_records import header, records
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told
from fireai_analysis.ingest.reported import count, number, text
from fireai_analysis.ingest.sampled import Sample, gathered, moment_ns, taken_ns
from fireai_analysis.ingest.source import Head, Source

TIMES = (
    *("now", "t", "ts", "time", "timestamp", "clock_timestamp", "sampled_at", "sample_time", "captured_at"),
    *("collected_at", "snapshot_time", "snapshot_at", "at"),
)
BACKGROUND = "backends of PostgreSQL itself"
IDLE = "idle connections: counted, not listed"
ACTIVITY = ("pid", "state", "backend_start", "application_name")
LONGEST_QUERY = 4000
STATEMENTS = {
    "calls_count": (count, ("calls",)),
    "exec_ms": (number, ("total_exec_time", "total_time")),
    "max_exec_ms": (number, ("max_exec_time", "max_time")),
    "rows_count": (count, ("rows",)),
    "shared_hit_count": (count, ("shared_blks_hit",)),
    "shared_read_count": (count, ("shared_blks_read",)),
    "temp_written_count": (count, ("temp_blks_written",)),
    "wal_bytes": (count, ("wal_bytes",)),
    "block_read_ms": (number, ("shared_blk_read_time", "blk_read_time")),
}

Row = Mapping[str, str]


@dataclass
class _Tick:
    """Connections of one snapshot."""

    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("connections_count", "active_count", "idle_in_transaction_count", "waiting_count"), 0
        )
    )

    def take(self, row: Row) -> None:
        """Count one connection."""
        state = row.get("state", "")
        self.counts["connections_count"] += 1
        self.counts["active_count"] += state == "active"
        self.counts["idle_in_transaction_count"] += state.startswith("idle in transaction")
        self.counts["waiting_count"] += row.get("wait_event_type") == "Lock" or row.get("waiting") == "t"


def recognises_activity(head: Head) -> bool:
    """Whether the header is that of pg_stat_activity."""
    return set(ACTIVITY) <= set(header(head))


def recognises_statements(head: Head) -> bool:
    """Whether the header is that of pg_stat_statements."""
    names = set(header(head))
    return {"queryid", "calls", "rows"} <= names and bool(names & set(STATEMENTS["exec_ms"][1]))


def read_activity(source: Source) -> Iterator[Item]:
    """Yield what each connection did that was not idle, and how many there were at each instant."""
    ticks: dict[int, _Tick] = {}
    if not recognises_activity(source.head()):
        raise source.refusal("has no header of pg_stat_activity", line=1)
    yield from _read(source, lambda row, t_ns: _activity(row, t_ns, ticks), lambda: _connections(ticks))


def read_statements(source: Source) -> Iterator[Item]:
    """Yield the cumulative figures of each statement."""
    if not recognises_statements(source.head()):
        raise source.refusal("has no header of pg_stat_statements", line=1)
    yield from _read(source, _statement, lambda: iter(()))


def _read(
    source: Source, made: Callable[[Row, int], Sample | Item], after: Callable[[], Iterator[Sample]]
) -> Iterator[Item]:
    """Yield the samples of a CSV, and those that can be made only at its end."""
    place = next((name for name in header(source.head()) if name in TIMES), None)
    at, note = (0, "") if place else taken_ns(source.path)

    def samples() -> Iterator[Sample | Item]:
        for line, row in _rows(source):
            if isinstance(row, Refused):
                yield row
                continue
            t_ns = moment_ns(row[place]) if place else at
            yield made(row, t_ns) if t_ns is not None else Refused("time is not a time", line)
        yield from after()

    yield from gathered(source, samples())
    yield Told(notes=(note,) if note else ())


def _rows(source: Source) -> Iterator[tuple[int, Row | Refused]]:
    names: list[str] = []
    for record in records(source):
        if isinstance(record, Refused):
            yield record.line or 0, record
        elif not names:
            names = [name.strip().lower() for name in record.fields]
        elif len(record.fields) != len(names):
            yield record.line, Refused("another number of columns than the header has", record.line)
        else:
            yield record.line, dict(zip(names, record.fields, strict=True))


def _activity(row: Row, t_ns: int, ticks: dict[int, _Tick]) -> Sample | LeftOut:
    if row.get("backend_type", "client backend") != "client backend":
        return LeftOut(BACKGROUND)
    ticks.setdefault(t_ns, _Tick()).take(row)
    if row["state"] in ("", "idle"):
        return LeftOut(IDLE)
    began_ns = moment_ns(row.get("xact_start", ""))
    return "postgres_activity", {
        "t_ns": t_ns,
        "pid": _int(row["pid"]),
        "application": text(row["application_name"]),
        "state": row["state"],
        "wait_type": text(row.get("wait_event_type")),
        "wait_event": text(row.get("wait_event")),
        "query_id": _int(row.get("query_id", "")),
        "transaction_age_ms": (t_ns - began_ns) / 1e6 if began_ns is not None and began_ns <= t_ns else None,
    }


def _connections(ticks: Mapping[int, _Tick]) -> Iterator[Sample]:
    for t_ns, tick in ticks.items():
        yield "postgres_connections", {"t_ns": t_ns, **tick.counts}


def _statement(row: Row, t_ns: int) -> Sample | Refused:
    query_id, calls = _int(row["queryid"]), count(row["calls"])
    if query_id is None or calls is None:
        return Refused("queryid or calls is not a number", None)
    figures = {
        column: next((kind(row[name]) for name in names if name in row), None)
        for column, (kind, names) in STATEMENTS.items()
    }
    query = text(row.get("query", ""))
    return "postgres_statements", {
        "t_ns": t_ns,
        "query_id": query_id,
        "query": query[:LONGEST_QUERY] if query else None,
        **figures,
    }


def _int(value: str) -> int | None:
    """Return a whole number that may be negative, as query ids are; None where it is none."""
    return int(value) if re.fullmatch(r"-?\d{1,19}", value.strip(), re.ASCII) else None


FORMATS = (
    Format("pg-activity", "pg_stat_activity, CSV", "PostgreSQL", "series", recognises_activity, read_activity),
    Format("pg-statements", "pg_stat_statements, CSV", "PostgreSQL", "series", recognises_statements, read_statements),
)

"""Locust's statistics by endpoint: `*_stats.csv`; up to 0.12 `*_requests.csv` and `*_distribution.csv`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fireai_analysis.ingest.csv_records import readable
from fireai_analysis.ingest.found import Format, Item, Refused, Told, Totals
from fireai_analysis.ingest.locust_table import (
    NO_METHOD,
    OLD,
    Figures,
    Row,
    columns,
    figures,
    rows,
    times_are_whole,
)
from fireai_analysis.ingest.source import Head, Source

STATS = frozenset(("method", "name", "requests", "failures", "median"))
DISTRIBUTION = frozenset(("name", "requests", "50%", "95%"))
MOST_ENDPOINTS = 100_000
_NAMED = re.compile(r"([A-Z]+) (.+)", re.DOTALL)  # the old distribution file writes "GET /path" as one name

ROUNDED = (
    "Locust rounds response times to 1 ms below 100 ms, 10 ms below 1 s, 100 ms below 10 s and 1 s above:"
    " each percentile is a range that wide."
)
NEXT_RANK = "Where n times p is whole, Locust's percentile is the next larger request than the nearest rank."
TAIL = (
    "Locust does not always write its CSV files again at the end of a run (seen with 2.28 and 2.47): requests of the"
    " last seconds can be missing, its JSON has them."
)
CUT = "The times have no fraction: printed or cut to whole milliseconds, so that each can be up to 1 ms longer."
ODD_STEPS = "Some percentiles are not in Locust's own steps: how far they were rounded is not told, they are left out."
ADDED = "This Locust (0.9 or older) does not count failed requests among its requests, nor in its percentiles: added."
MAYBE_ADDED = (
    "Locust 0.9 and older wrote the same columns and counted failed requests beside the others, not among them."
)


@dataclass(frozen=True)
class _Entry:
    """One endpoint, or all (`endpoint` None), as its row tells it."""

    endpoint: str | None
    method: str | None
    requests: int
    failures: int | None
    figures: Figures

    @property
    def key(self) -> tuple[str | None, str | None]:
        return self.endpoint, self.method


def _is_stats(head: Head) -> bool:
    names = columns(head)
    return names >= STATS and "timestamp" not in names


def _is_distribution(head: Head) -> bool:
    names = columns(head)
    return names >= DISTRIBUTION and not names & {"method", "median", "timestamp"}


def _read_stats(source: Source) -> Iterator[Item]:
    return _read(source, STATS)


def _read_distribution(source: Source) -> Iterator[Item]:
    return _read(source, DISTRIBUTION)


def _read(source: Source, needed: frozenset[str]) -> Iterator[Item]:
    taken: list[Row] = []
    for one in readable(source, rows(source, needed)):
        if isinstance(one, Refused):
            yield one
        elif len(taken) == MOST_ENDPOINTS:
            raise source.refusal(f"has more than {MOST_ENDPOINTS:,} endpoints", line=one.line)
        else:
            taken.append(one)
    cut = any(times_are_whole(row) for row in taken)
    entries: list[_Entry] = []
    known: set[tuple[str | None, str | None]] = set()
    for row in taken:
        entry = _entry(row, cut=cut)
        if isinstance(entry, _Entry) and entry.key not in known:
            known.add(entry.key)
            entries.append(entry)
        else:
            yield entry if isinstance(entry, Refused) else Refused("endpoint comes twice", row.line)
    if not entries:
        raise source.refusal("has no row that can be read")
    beside = any(entry.failures is not None and entry.failures > entry.requests for entry in entries)
    yield from (_totals(entry, beside=beside) for entry in entries)
    yield Told(duration_s=_duration_s(taken), notes=tuple(_notes(source, entries, cut=cut, beside=beside)))


def _entry(row: Row, *, cut: bool) -> _Entry | Refused:
    try:
        requests = row.count("requests") or 0
        times = figures(row, cut=cut) if requests else Figures()
        if not row.ended and not times.agree:
            return Refused("truncated last line", row.line)
        return _Entry(*_named(row), requests, row.count("failures"), times)
    except ValueError as error:
        return Refused(str(error), row.line)


def _named(row: Row) -> tuple[str | None, str | None]:
    """Return endpoint and method; both None in the row of all."""
    name, method = row.cells["name"], row.cells.get("method")
    if row.is_all:
        return None, None
    if method is None and (parts := _NAMED.fullmatch(name)):
        return parts[2], parts[1]
    return name, None if method is None or method in NO_METHOD else method


def _totals(entry: _Entry, *, beside: bool) -> Totals:
    times = entry.figures
    return Totals(
        entry.endpoint,
        entry.method,
        entry.requests + (entry.failures or 0) if beside else entry.requests,
        entry.failures,
        quantiles_ms=times.quantiles,
        mean_ms=times.mean,
        min_ms=times.low,
        max_ms=times.high,
    )


def _duration_s(taken: list[Row]) -> float | None:
    """Return the time between the start and the last request, which Locust divides the count of all by."""
    try:
        found = [(row.count("requests") or 0, float(row.cells["rate"])) for row in taken if row.is_all]
    except (KeyError, ValueError):
        return None
    return next((requests / rate for requests, rate in found if requests and 1e-6 < rate < 1e9), None)


def _notes(source: Source, entries: list[_Entry], *, cut: bool, beside: bool) -> Iterator[str]:
    old = OLD in source.head().text[:200].lower()
    if any(entry.figures.quantiles for entry in entries):
        yield from (ROUNDED, NEXT_RANK, *((CUT,) if cut else ()))
    if any(entry.figures.has_odd_steps for entry in entries):
        yield ODD_STEPS
    if beside:
        yield ADDED
    elif old and any(entry.failures for entry in entries):
        yield MAYBE_ADDED
    if not old:
        yield TAIL
    yield from _contradictions(entries)


def _contradictions(entries: list[_Entry]) -> Iterator[str]:
    """Yield where the figures of a file do not agree with one another."""
    parts = [entry for entry in entries if entry.endpoint is not None]
    for whole in entries:
        if whole.endpoint is None and parts:
            told = _counts([whole])
            summed = _counts(parts)
            if told != summed:
                yield (
                    f"The endpoints sum to {summed[0]:,} requests and {summed[1]:,} failures,"
                    f" the row of all says {told[0]:,} and {told[1]:,}."
                )
    odd = sum(not entry.figures.agree for entry in entries)
    if odd:
        yield f"In {odd} rows the longest time does not fit the 100 % percentile: the file was changed or is damaged."


def _counts(entries: list[_Entry]) -> tuple[int, int]:
    return sum(entry.requests for entry in entries), sum(entry.failures or 0 for entry in entries)


FORMATS = (
    Format("locust-stats", "Locust statistics, CSV", "Locust", "rounded", recognises=_is_stats, read=_read_stats),
    Format(
        "locust-distribution",
        "Locust distribution up to 0.12, CSV",
        "Locust",
        "rounded",
        recognises=_is_distribution,
        read=_read_distribution,
    ),
)
"""Both hold one row an endpoint and one of all; the old distribution has no failures and no method of its own."""

"""The columns of Locust's tables, whose names changed with its versions, and the figures of one row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from fireai_analysis.ingest.csv_records import Record, count, header, positive, records
from fireai_analysis.ingest.found import Bounds, Refused
from fireai_analysis.ingest.locust_steps import bounds, is_step, step_of
from fireai_analysis.ingest.source import Head, Source

NAMES = {
    "type": "method",  # since 0.13
    "method": "method",  # up to 0.12
    "name": "name",
    "timestamp": "timestamp",
    "user count": "users",
    "request count": "requests",  # since 1.0
    "# requests": "requests",
    "failure count": "failures",
    "# failures": "failures",
    "median response time": "median",
    "average response time": "mean",
    "min response time": "min",
    "max response time": "max",
    "requests/s": "rate",
}
ALL = frozenset(("Aggregated", "Total", "None Aggregated", "None Total"))
"""What the last row is called, by version and table."""
NO_METHOD = frozenset(("", "None"))
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%?", re.ASCII)  # 0.13 wrote "99.999" without its sign
OLD = "# requests"
_ODD = "no step of Locust"


def column(name: str) -> str:
    """Return the one name of a column, whichever version wrote it; its own where it is not known."""
    return NAMES.get(name.removeprefix("total "), name)


def columns(head: Head) -> frozenset[str]:
    """Return the names of the columns of a file, for its recognition."""
    return frozenset(column(name) for name in header(head))


@dataclass(frozen=True)
class Row:
    """One row: its figures as text, by the names of `NAMES`, and its percentiles by probability."""

    line: int
    ended: bool  # by a line end
    cells: Mapping[str, str]
    percentiles: Mapping[float, str]

    @property
    def is_all(self) -> bool:
        """Whether this is the row of all endpoints, and no endpoint of that name."""
        return self.cells["name"] in ALL and self.cells.get("method", "") in NO_METHOD

    def count(self, name: str) -> int | None:
        """Return a count; None where there is no such column."""
        return count(self.cells[name], name) if name in self.cells else None


def rows(source: Source, needed: frozenset[str]) -> Iterator[Row | Refused]:
    """Yield the rows of a table, as long as they have a field for every column of its first line.

    Raises
    ------
    IngestError
        Where a needed column is missing.
    """
    found = records(source)
    names: list[str] = []
    for one in found:
        if isinstance(one, Refused):
            yield one
        elif not names:
            names = [column(name.strip().lower()) for name in one.fields]
            if missing := sorted(needed - set(names)):
                raise source.refusal(f"has no column {missing[0]}", line=one.line)
            probabilities = _probabilities(names)
        else:
            yield _row(one, names, probabilities)


def _probabilities(names: list[str]) -> dict[int, float]:
    found = {place: _PERCENT.fullmatch(name) for place, name in enumerate(names)}
    percents = {place: float(match[1]) for place, match in found.items() if match}
    return {place: round(percent / 100, 8) for place, percent in percents.items() if percent <= 100}


def _row(record: Record, names: list[str], probabilities: Mapping[int, float]) -> Row | Refused:
    if len(record.fields) < len(names):
        return Refused("not enough columns", record.line)
    if len(record.fields) > len(names):
        return Refused("too many columns", record.line)
    cells = dict(zip(names, record.fields, strict=True))
    return Row(record.line, record.ended, cells, {one: record.fields[place] for place, one in probabilities.items()})


@dataclass(frozen=True)
class Figures:
    """What a row tells of the times of its requests; `cut` where they may have been cut to whole milliseconds."""

    mean: Bounds | None = None
    low: Bounds | None = None
    high: Bounds | None = None
    quantiles: Mapping[float, Bounds] = field(default_factory=dict)
    has_odd_steps: bool = False

    @property
    def agree(self) -> bool:
        """Whether the longest time lies in the range of the 100 % percentile."""
        top = self.quantiles.get(1.0)
        return top is None or self.high is None or (top.low <= self.high.high and self.high.low <= top.high)


def times_are_whole(row: Row) -> bool:
    """Whether the shortest or longest time has no fraction: printed so, or cut when measured; or is not told at all."""
    return row.cells["requests"] != "0" and any("." not in row.cells.get(name, "") for name in ("min", "max"))


def figures(row: Row, *, cut: bool) -> Figures:
    """Return the times of a row as the ranges that their rounding leaves open.

    Raises
    ------
    ValueError
        With the reason, where a field holds no number.
    """
    ranges = {one: _range(text, cut=cut) for one, text in row.percentiles.items()}
    median = positive(row.cells["median"], "median") if "median" in row.cells and not ranges else None
    if median is not None:  # kept between the shortest and the longest time, so no step where few were counted
        ranges = {0.5: bounds(step_of(median), cut=cut)}
    return Figures(
        mean=_printed(row, "mean", cut=cut),
        low=_printed(row, "min", cut=False),
        high=_printed(row, "max", cut=False),
        quantiles={one: wide for one, wide in ranges.items() if isinstance(wide, Bounds)},
        has_odd_steps=_ODD in ranges.values(),
    )


@lru_cache(maxsize=4096)
def _range(text: str, *, cut: bool) -> Bounds | str | None:
    """Return the range of a percentile; None where there is none, `_ODD` where its rounding is not known."""
    step = positive(text, "percentile")
    if step is None:
        return None
    return bounds(step, cut=cut) if is_step(step) else _ODD


def _printed(row: Row, name: str, *, cut: bool) -> Bounds | None:
    """Return a time as a range where it was printed without its fraction; a mean of cut times is up to 1 ms more."""
    text = row.cells.get(name, "")
    value = positive(text, name)
    return None if value is None else Bounds(value, value + cut + ("." not in text))

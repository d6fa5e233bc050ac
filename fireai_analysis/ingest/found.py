"""What a reader finds in a foreign file: rows, histograms, totals, series, and what it refused or left out.

A reader yields these in the order of the file and computes nothing from them. What a format cannot know stays null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

if TYPE_CHECKING:
    from fireai_analysis.ingest.source import Head, Source

Counts = npt.NDArray[np.int64]
Population = Literal["rows", "histogram", "rounded", "totals", "series"]
"""What a format holds: every request; exact counts of ranges; percentiles rounded by the tool; totals; samples."""

_TEXT = pa.dictionary(pa.int32(), pa.string())

ROWS = pa.schema(
    [
        pa.field("intended_ns", pa.int64()),  # null: the format does not know when the request was to be sent
        pa.field("sent_ns", pa.int64(), nullable=False),  # UTC nanoseconds
        pa.field("service_us", pa.int32()),  # sent -> response complete; null: no answer and no time waited
        pa.field("endpoint", _TEXT),
        pa.field("method", _TEXT),  # null: not told
        pa.field("status", pa.int16()),  # 0 = no answer; null: not told
        pa.field("ok", pa.bool_(), nullable=False),  # as the file's own tool judged it
        pa.field("error", _TEXT),  # null where ok
        pa.field("response_bytes", pa.int64()),
        pa.field("user", pa.int32()),  # thread or virtual user, numbered from 0; null: not told
    ]
)
"""Columns of the requests that a reader hands on."""


@dataclass(frozen=True)
class Rows:
    """Requests, one row each, schema `ROWS`; about 100,000 at once, so that memory stays bounded."""

    table: pa.Table


@dataclass(frozen=True)
class Refused:
    """Rows that could not be taken: why, and the line of the first of them (1 is the first line of the file)."""

    reason: str
    line: int | None
    count: int = 1


@dataclass(frozen=True)
class LeftOut:
    """Rows left out on purpose, such as those of a transaction that the requests inside it are counted in already."""

    reason: str
    count: int = 1


@dataclass(frozen=True)
class Bounds:
    """A value known as a range, both ends included; equal ends where it is exact."""

    low: float
    high: float


@dataclass(frozen=True)
class Totals:
    """What a file tells of one endpoint, or of all (`endpoint` None).

    Attributes
    ----------
    requests_count, failures_count : int or None
        All requests, the failed ones among them.
    quantiles_ms : mapping of float to Bounds
        By probability, such as 0.95; as wide as the rounding of the tool leaves it open.
    mean_ms, min_ms, max_ms : Bounds or None
    statuses : mapping of int to int
        Answers by status where they are told; 0: none.
    errors : mapping of str to int
        Failures by text where they are told.
    """

    endpoint: str | None
    method: str | None
    requests_count: int | None
    failures_count: int | None
    quantiles_ms: Mapping[float, Bounds] = field(default_factory=dict)
    mean_ms: Bounds | None = None
    min_ms: Bounds | None = None
    max_ms: Bounds | None = None
    statuses: Mapping[int, int] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Histogram:
    """Exact counts of latencies in ranges of one endpoint, or of all (`endpoint` None).

    Attributes
    ----------
    low_us, high_us : ndarray of int64
        First and last microsecond of each range, ascending, not overlapping.
    counts : ndarray of int64
        Requests in each range.
    failures_count : int or None
        Failed requests among them; None where the format does not tell.
    """

    endpoint: str | None
    method: str | None
    low_us: Counts
    high_us: Counts
    counts: Counts
    failures_count: int | None = None


@dataclass(frozen=True)
class Series:
    """Samples of a resource: a table of a run bundle (`name` is a key of `schemas.SAMPLES`)."""

    name: str
    table: pa.Table


@dataclass(frozen=True)
class Profile:
    """The file is a pprof profile, to be kept as it is.

    Attributes
    ----------
    kind : str
        `heap`, `allocs`, `goroutine`, `cpu`, `mutex`, or another name of what it samples.
    taken_ns : int or None
        UTC nanoseconds; None where it does not tell.
    """

    kind: str
    taken_ns: int | None


@dataclass(frozen=True)
class Told:
    """What a file says of its run; None where it does not.

    Attributes
    ----------
    tool_version : str or None
    started_ns, ended_ns : int or None
        UTC nanoseconds.
    users_count : int or None
        Virtual users, the most at once.
    duration_s : float or None
        How long the run took, where start and end are not both told.
    notes : tuple of str
        What the reader of the report must know of these figures, one sentence each.
    """

    tool_version: str | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    users_count: int | None = None
    duration_s: float | None = None
    notes: tuple[str, ...] = ()


Item = Rows | Refused | LeftOut | Totals | Histogram | Series | Profile | Told


@dataclass(frozen=True)
class Format:
    """One format: its names, what it holds, how it is recognised and read.

    Attributes
    ----------
    name : str
        For `--format`, such as `jmeter-csv`.
    title : str
        For people, such as "JMeter JTL, CSV".
    tool : str
        Who wrote it, such as "JMeter".
    population : Population
    recognises : callable
        Whether the beginning of a file is of this format; never raises, reads the head only.
    read : callable
        Yields what a file holds; raises `IngestError` where it cannot be read as this format.
    is_read : bool
        Whether it is read at all; a format that is not is recognised so that it can be refused by name.
    """

    name: str
    title: str
    tool: str
    population: Population
    recognises: Callable[[Head], bool]
    read: Callable[[Source], Iterator[Item]]
    is_read: bool = True

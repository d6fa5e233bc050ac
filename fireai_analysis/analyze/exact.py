"""Exact counts of every latency, by endpoint and window: small where values repeat, and added up in any order.

A part of a run is counted by itself, on another machine if need be; merged parts are what the whole counts to, bit for
bit, so that quantiles of many files are those of all their requests, never an average of quantiles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fireai_analysis.analyze.columns import Ints
from fireai_analysis.analyze.population import TIMEOUT
from fireai_analysis.analyze.quantiles import LEVELS, finite, rank
from fireai_analysis.errors import AnalysisError
from fireai_analysis.results import Quantiles

INFINITE = 2**32 - 1
"""Stands for a request without an answer in time; every duration of an int32 is below it."""
VALUE_BITS, MOST_GROUPS = 32, 2**31
WORKERS, FEW_CELLS, MS_US = 2, 100_000, 1000
HELD_KEYS = 4_000_000
"""Values held before they are counted: 32 MB."""
COLUMNS = ("endpoint", "judged", "sent_ns", "ok", "error")
"""What tells the judged population of request rows, beside the duration."""


@dataclass(frozen=True)
class Counts:
    """How often each duration occurs in each group; equal for equal requests, however they were split.

    Attributes
    ----------
    endpoints : tuple of str
        Those that occur, ascending.
    windows_count : int
        Windows of time of each endpoint; 1 where time is not told apart.
    keys : ndarray of int64
        Ascending; group in the upper bits, (number of the endpoint) x `windows_count` + window, duration in
        microseconds in the lower 32.
    counts : ndarray of int64
        Requests of each key, at least 1.
    """

    endpoints: tuple[str, ...]
    windows_count: int
    keys: Ints
    counts: Ints

    def of(self, endpoint: str, window: int | None = None) -> Spectrum:
        """Return the durations of an endpoint, in one of its windows or in all."""
        if endpoint not in self.endpoints:
            return Spectrum(np.zeros(0, np.int64), np.zeros(0, np.int64))
        group = self.endpoints.index(endpoint) * self.windows_count + (window or 0)
        end = group + (self.windows_count if window is None else 1)
        first, last = np.searchsorted(self.keys, [group << VALUE_BITS, end << VALUE_BITS])
        part = slice(int(first), int(last))
        return _spectrum(self.keys[part], self.counts[part])

    def all(self, window: int | None = None) -> Spectrum:
        """Return the durations of all endpoints, in one window or in all."""
        if window is None:
            return _spectrum(self.keys, self.counts)
        inside = (self.keys >> VALUE_BITS) % self.windows_count == window
        return _spectrum(self.keys[inside], self.counts[inside])


@dataclass(frozen=True)
class Spectrum:
    """Durations in microseconds, ascending, and how often each occurs.

    Examples
    --------
    >>> some = Spectrum(np.array([1000, 2000, INFINITE]), np.array([98, 1, 1]))
    >>> some.requests_count, some.nearest_rank(Fraction(99, 100)), some.nearest_rank(Fraction(999, 1000))
    (100, 2000.0, None)
    >>> some.summary_ms().p99, some.summary_ms().max is None
    (2.0, True)
    """

    values_us: Ints
    counts: Ints

    @property
    def requests_count(self) -> int:
        """Requests in all."""
        return int(self.counts.sum())

    def nearest_rank(self, q: Fraction) -> float | None:
        """Return the quantile in microseconds, infinite included; None where its rank would be the largest value."""
        total = self.requests_count
        place = rank(total, q)
        if place >= total:
            return None
        return _duration(self.values_us[np.searchsorted(np.cumsum(self.counts), place)])

    def summary_ms(self) -> Quantiles:
        """Return what `quantiles.summary_ms` returns of the same durations one by one."""
        if not len(self.counts):
            return Quantiles()
        largest = _duration(self.values_us[-1])
        mean = largest if np.isinf(largest) else int(self.values_us @ self.counts) / self.requests_count
        figures = {name: self.nearest_rank(q) for name, q in LEVELS.items()} | {"max": largest, "mean": mean}
        return Quantiles(**{name: finite(value) for name, value in figures.items()})


def counted(
    endpoints: Sequence[str],
    codes: npt.NDArray[np.integer],
    values_us: npt.NDArray[np.integer],
    windows: npt.NDArray[np.integer] | None = None,
    windows_count: int = 1,
) -> Counts:
    """Return the counts of some requests.

    Parameters
    ----------
    endpoints : sequence of str
        Names, each once.
    codes : ndarray of int
        Endpoint of each request, a place among the names.
    values_us : ndarray of int
        Duration of each request in microseconds, 0 .. 2**31 - 1 or `INFINITE`.
    windows : ndarray of int, optional
        Window of each request, 0 .. `windows_count` - 1.
    windows_count : int

    Raises
    ------
    AnalysisError
        Where there are more than 2**31 groups, or two endpoints are called the same.

    Examples
    --------
    >>> counted(["b", "a"], np.array([0, 1, 0]), np.array([7, 7, 7])).of("b").counts
    array([2])
    """
    _check(endpoints, windows_count)
    used = np.flatnonzero(np.bincount(codes, minlength=len(endpoints)))
    order = sorted(used.tolist(), key=endpoints.__getitem__)
    places = np.zeros(len(endpoints) or 1, np.int64)
    places[np.array(order, np.int64)] = np.arange(len(order))
    groups = places[codes] * windows_count + (0 if windows is None else windows)
    names = tuple(endpoints[place] for place in order)
    return Counts(names, windows_count, *_tallied(groups, values_us, len(names) * windows_count))


def _tallied(groups: Ints, values_us: npt.NDArray[np.integer], groups_count: int) -> tuple[Ints, Ints]:
    """Return keys and counts: where durations are few and small by one cell each, else by sorting."""
    unit = MS_US if not (values_us % MS_US).any() else 1
    steps = values_us // unit
    span = int(steps.max(initial=0)) + 1
    if span * groups_count > max(len(groups), FEW_CELLS):
        return _added(np.sort((groups << VALUE_BITS) | values_us.astype(np.int64)), None)
    cells = np.bincount(groups * span + steps, minlength=0)
    found = np.flatnonzero(cells)
    return (found // span << VALUE_BITS) | (found % span * unit), cells[found]


def merged(parts: Iterable[Counts]) -> Counts:
    """Return the counts of all parts together; of none there is nothing.

    Raises
    ------
    AnalysisError
        Where the parts have different numbers of windows.

    Examples
    --------
    >>> part = counted(["a"], np.array([0, 0]), np.array([5, 6]))
    >>> merged([part, part]).counts
    array([2, 2])
    """
    known = list(parts)
    if len({part.windows_count for part in known}) > 1:
        raise AnalysisError("counts with different windows cannot be added")
    windows_count = known[0].windows_count if known else 1
    endpoints = tuple(sorted({name for part in known for name in part.endpoints}))
    _check(endpoints, windows_count)
    keys = [_moved(part, endpoints) for part in known]
    joined, counts = (
        np.concatenate([*keys, []]).astype(np.int64),
        np.concatenate([*(part.counts for part in known), []]),
    )
    order = np.argsort(joined, kind="stable")  # merges what is sorted already
    return Counts(endpoints, windows_count, *_added(joined[order], counts.astype(np.int64)[order]))


def _check(endpoints: Sequence[str], windows_count: int) -> None:
    if len(set(endpoints)) < len(endpoints):
        raise AnalysisError("two endpoints are called the same")
    if len(endpoints) * windows_count > MOST_GROUPS:
        raise AnalysisError(f"{len(endpoints)} endpoints in {windows_count} windows are more than {MOST_GROUPS} groups")


def _moved(part: Counts, endpoints: Sequence[str]) -> Ints:
    """Return the keys of a part as they are among more endpoints."""
    places = {name: place for place, name in enumerate(endpoints)}
    shifts = np.array([places[name] - old for old, name in enumerate(part.endpoints)], np.int64)
    if not shifts.any():
        return part.keys
    owners = (part.keys >> VALUE_BITS) // part.windows_count
    keys: Ints = part.keys + ((shifts[owners] * part.windows_count) << VALUE_BITS)
    return keys


def _added(keys: Ints, counts: Ints | None) -> tuple[Ints, Ints]:
    """Return each of the ascending keys once, and its count; without counts each is one request."""
    if not len(keys):
        return keys, np.zeros(0, np.int64)
    begins = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    sums = np.diff(begins, append=len(keys)) if counts is None else np.add.reduceat(counts, begins)
    return keys[begins], sums


def _spectrum(keys: Ints, counts: Ints) -> Spectrum:
    values = keys & INFINITE
    order = np.argsort(values, kind="stable")
    return Spectrum(*_added(values[order], counts[order]))


def _duration(value: np.int64) -> float:
    return np.inf if value == INFINITE else float(value)


# -- from request rows


@dataclass(frozen=True)
class Windows:
    """Equal windows of time, as `analyze.cells` cuts them: what lies before the first is in it, what past the last too.

    Attributes
    ----------
    first_ns : int
        UTC nanoseconds.
    length_ns : int
    count : int
    """

    first_ns: int
    length_ns: int
    count: int

    def of(self, at_ns: Ints) -> Ints:
        """Return the window of each instant."""
        windows: Ints = np.clip((at_ns - self.first_ns) // self.length_ns, 0, self.count - 1)
        return windows


def counted_rows(
    tables: Iterable[pa.Table], column: str = "service_us", windows: Windows | None = None, least_us: int = 0
) -> Counts:
    """Return the counts of the judged population of request rows (`population.Rows.population`), in bounded memory.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        Batches with the columns `COLUMNS` and the duration (schema REQUESTS); with windows `intended_ns` too.
    column : {'service_us', 'response_us'}
    windows : Windows, optional
    least_us : int
        Shortest duration that can be, in microseconds: 1 of our own runs, 0 of tools that round to milliseconds.
    """
    nothing = Counts((), windows.count if windows else 1, np.zeros(0, np.int64), np.zeros(0, np.int64))
    parts, held = [nothing], 0
    for part in _side_by_side(tables, lambda table: _population(table, column, windows, least_us)):
        parts.append(part)
        held += len(part.keys)
        if held > HELD_KEYS:
            parts, held = [merged(parts)], 0
    return merged(parts)


def _side_by_side(tables: Iterable[pa.Table], work: Callable[[pa.Table], Counts]) -> Iterator[Counts]:
    """Yield what is made of each table, some of them worked on at the same time: numpy sorts without the lock."""
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[Future[Counts]] = deque()
        for table in tables:
            waiting.append(pool.submit(work, table))
            if len(waiting) > WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _population(table: pa.Table, column: str, windows: Windows | None, least_us: int) -> Counts:
    table = table.unify_dictionaries().combine_chunks()
    ok = table["ok"].fill_null(False).to_numpy() & table["sent_ns"].is_valid().to_numpy()
    unanswered = ~ok & (table["sent_ns"].is_null().to_numpy() | _timed_out(table, ok))
    inside = table["judged"].fill_null(False).to_numpy() & (ok | unanswered)
    durations = table[column].fill_null(-1).to_numpy()
    infinite = unanswered | (durations < least_us)
    if infinite.any():
        durations = np.where(infinite, INFINITE, durations.astype(np.int64))
    names = table["endpoint"].chunk(0) if len(table) else pa.array([], table["endpoint"].type)
    places = windows.of(table["intended_ns"].to_numpy())[inside] if windows else None
    codes = names.indices.fill_null(0).to_numpy()[inside]
    count = windows.count if windows else 1
    return counted(names.dictionary.to_pylist(), codes, durations[inside], places, count)


def _timed_out(table: pa.Table, ok: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which requests ended in a timeout, where any failed."""
    if ok.all():
        return np.zeros(len(ok), np.bool_)
    late: npt.NDArray[np.bool_] = pc.equal(table["error"].cast(pa.string()), TIMEOUT).fill_null(False).to_numpy()
    return late

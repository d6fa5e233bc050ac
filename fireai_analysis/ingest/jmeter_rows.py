"""What the columns of JMeter mean: which rows are requests, when they were sent, how they ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fireai_analysis.ingest.batches import END_NS, FIRST_NS, LONGEST_US
from fireai_analysis.ingest.found import ROWS, LeftOut
from fireai_analysis.ingest.jmeter_times import dated_ms, text_of, times_ms
from fireai_analysis.ingest.tabular import Judged, truth, whole

TRANSACTION = b"Number of samples in transaction"
"""How JMeter begins the message of a transaction controller's row, and tells them from samples itself."""
TRANSACTIONS = "transactions, whose requests are counted themselves"
REPEATED_HEADER = "header line repeated"
TIMEOUT = "timeout"
MOST_USERS = 1_000_000
LONGEST_ERROR = 1_000
FIRST_MS, END_MS, LONGEST_MS = FIRST_NS // 10**6, END_NS // 10**6, LONGEST_US // 1000
RESOLUTION = "JMeter tells latencies in whole milliseconds."
STARTS = (
    "Times are taken as those of sending; where sampleresult.timestamp.start was false, JMeter wrote those of answers."
)
BY_CODE = "The file does not tell success: as in JMeter, a status from 200 to 399 counts as one."
NO_MESSAGE = "The file has no responseMessage: rows of transaction controllers cannot be told from requests."
TIMED_OUT = "Requests that ended in a SocketTimeoutException are counted as timed out."

_TEXT = pa.dictionary(pa.int32(), pa.binary())
KINDS: dict[str, pa.DataType] = {
    "timeStamp": pa.int64(),
    "elapsed": pa.int64(),
    "label": _TEXT,
    "responseCode": _TEXT,
    "responseMessage": pa.binary(),
    "threadName": _TEXT,
    "success": pa.bool_(),
    "failureMessage": pa.binary(),
    "bytes": pa.int64(),
    "allThreads": pa.int64(),
    "SampleCount": pa.int64(),
}
"""The columns that are taken, where the file has them."""


@dataclass(frozen=True)
class JMeterRows:
    """Requests of one block, users still by name.

    Attributes
    ----------
    columns : mapping of str to Array
        Columns of `found.ROWS` by name, without the user; those that are missing are null.
    rows_count : int
    threads : DictionaryArray or None
        Thread of each request.
    transactions_count : int
        Rows of transaction controllers that were left out.
    users_count : int
        Most threads at once that a row tells of; 0 where none does.
    notes : tuple of str
    """

    columns: Mapping[str, pa.Array]
    rows_count: int
    threads: pa.DictionaryArray | None
    transactions_count: int
    users_count: int
    notes: tuple[str, ...]


@dataclass
class Threads:
    """Numbers of the threads of a file, in the order in which they appear; past a million they are not told apart."""

    numbers: dict[bytes, int] = field(default_factory=dict)

    def numbered(self, rows: JMeterRows) -> pa.Table:
        """Return the requests with the schema `found.ROWS`."""
        columns = dict(rows.columns)
        if rows.threads is not None:
            numbers = pa.array([self.number(name) for name in rows.threads.dictionary.to_pylist()], pa.int32())
            columns["user"] = numbers.take(rows.threads.indices)
        return pa.table([columns.get(one.name, pa.nulls(rows.rows_count, one.type)) for one in ROWS], schema=ROWS)

    def number(self, name: bytes) -> int | None:
        """Return the number of a thread; None past a million."""
        if name not in self.numbers and len(self.numbers) == MOST_USERS:
            return None
        return self.numbers.setdefault(name, len(self.numbers))


def kinds_of(names: Sequence[str], *, epoch: bool) -> dict[str, pa.DataType]:
    """Return the columns to take of a file; times that are no epoch milliseconds as text."""
    kinds = {name: kind for name, kind in KINDS.items() if name in names}
    return kinds if epoch else kinds | {"timeStamp": pa.binary()}


def judge_of(names: Sequence[str], kinds: Mapping[str, pa.DataType]) -> Callable[[list[bytes]], Judged]:
    """Return the judge of a file's records: their values, or why they are refused or left out."""
    time = _epoch if kinds["timeStamp"] == pa.int64() else _date
    plan = [(name, names.index(name), (_CHECKS | {"timeStamp": time}).get(name)) for name in kinds]

    def judge(fields: list[bytes]) -> Judged:
        values: list[Any] = []
        for name, place, check in plan:
            value, problem = check(fields[place]) if check else (fields[place], "")
            if problem:
                return LeftOut(REPEATED_HEADER) if fields[place].strip() == name.encode() else problem
            values.append(value)
        return tuple(values)

    return judge


def _epoch(text: bytes) -> tuple[Any, str]:
    value = whole(text)
    if value is None:
        return None, "time is not a number"
    return value, "" if FIRST_MS <= value < END_MS else "time is impossible"


def _date(text: bytes) -> tuple[Any, str]:
    value = dated_ms(text)
    if value is None:
        return None, "time is not a date"
    return (text_of(value), "") if FIRST_MS <= value < END_MS else (None, "time is impossible")


def _elapsed(text: bytes) -> tuple[Any, str]:
    value = whole(text)
    if value is None:
        return None, "elapsed is not a number"
    return value, "" if 0 <= value <= LONGEST_MS else "elapsed is impossible"


def _success(text: bytes) -> tuple[Any, str]:
    value = truth(text)
    return value, "success is neither true nor false" if value is None else ""


def _samples(text: bytes) -> tuple[Any, str]:
    value = whole(text)
    return value, "" if value in (1, None) else "several samples in one row"


def _number(text: bytes) -> tuple[Any, str]:
    return whole(text), ""


_CHECKS: dict[str, Callable[[bytes], tuple[Any, str]]] = {
    "elapsed": _elapsed,
    "success": _success,
    "SampleCount": _samples,
    "bytes": _number,
    "allThreads": _number,
}


def rows_of(table: pa.Table) -> JMeterRows | None:
    """Return the requests of a table of `KINDS`; None where a value of it is none that JMeter writes."""
    table = table.combine_chunks()
    if not _possible(table):
        return None
    times = times_ms(_column(table, "timeStamp"))
    if times is None or not _within(times, FIRST_MS, END_MS - 1):
        return None
    table, times, transactions_count = _without_transactions(table, times)
    status, ok, is_told = _outcomes(table)
    columns = {
        "sent_ns": pa.array(times * 10**6),
        "service_us": pa.array((_numbers(table, "elapsed") * 1000).astype(np.int32)),
        "status": status,
        "ok": pa.array(ok),
    }
    if "label" in table.column_names:
        columns["endpoint"] = relabelled(_column(table, "label"), decoded)
    if "bytes" in table.column_names:
        sizes = _column(table, "bytes")
        columns["response_bytes"] = pc.if_else(pc.greater_equal(sizes, 0), sizes, pa.scalar(None, pa.int64()))
    columns["error"], notes = _errors(table, ok, is_told)
    threads = _column(table, "threadName") if "threadName" in table.column_names else None
    return JMeterRows(columns, len(table), threads, transactions_count, _most_users(table), notes)


def _possible(table: pa.Table) -> bool:
    """Whether the numbers of all rows can be."""
    samples = pc.min_max(table["SampleCount"]).as_py() if "SampleCount" in table.column_names else {}
    return _within(_numbers(table, "elapsed"), 0, LONGEST_MS) and set(samples.values()) <= {1, None}


def _within(values: npt.NDArray[np.int64], low: int, high: int) -> bool:
    return len(values) == 0 or bool(values.min() >= low and values.max() <= high)


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].chunk(0) if table[name].num_chunks else pa.array([], table[name].type)


def _numbers(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    values: npt.NDArray[np.int64] = _column(table, name).to_numpy(zero_copy_only=False)
    return values


def _without_transactions(table: pa.Table, times: npt.NDArray[np.int64]) -> tuple[pa.Table, npt.NDArray[np.int64], int]:
    if "responseMessage" not in table.column_names:
        return table, times, 0
    marked = pc.starts_with(table["responseMessage"], TRANSACTION).to_numpy()
    count = int(marked.sum())
    if count:
        table, times = table.filter(pa.array(~marked)).combine_chunks(), times[~marked]
    return table, times, count


def _most_users(table: pa.Table) -> int:
    if "allThreads" not in table.column_names:
        return 0
    told = _column(table, "allThreads").drop_null().to_numpy()
    told = told[(told >= 0) & (told < 2**31)]
    return int(told.max()) if len(told) else 0


STATUS = re.compile(rb"[1-9][0-9]{2}")


def _outcomes(table: pa.Table) -> tuple[pa.Array, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the status of each row, whether it is a success, and whether its code is a status."""
    if "responseCode" not in table.column_names:
        ok = table["success"].to_numpy()
        return pa.nulls(len(table), pa.int16()), ok, np.ones(len(table), np.bool_)
    codes = _column(table, "responseCode")
    words = codes.dictionary.to_pylist()
    numbers = np.array([int(word) if STATUS.fullmatch(word) else 0 for word in words] or [0], np.int16)
    places = codes.indices.to_numpy()
    status, empty = numbers[places], np.array([not word for word in words] or [True])[places]
    ok = table["success"].to_numpy() if "success" in table.column_names else (status >= 200) & (status < 400)
    unknown = (status == 0) & (ok | empty)
    return pa.array(status, pa.int16(), mask=unknown), ok, (status > 0) | empty


def _errors(
    table: pa.Table, ok: npt.NDArray[np.bool_], is_told: npt.NDArray[np.bool_]
) -> tuple[pa.Array, tuple[str, ...]]:
    """Return why each failed row failed: what an assertion says; code and message where none does or no status came."""
    failed = np.flatnonzero(~ok)
    if not len(failed):
        return pa.nulls(len(table), ROWS.field("error").type), ()
    few = table.take(pa.array(failed))
    texts = {name: few[name].cast(pa.binary()) for name in _WORDS if name in few.column_names}
    said = [texts[name] for name in _WORDS[:2] if name in texts] or [pa.array([b""] * len(failed), pa.binary())]
    answer = pc.binary_join_element_wise(*said, b" ") if len(said) > 1 else said[0]
    if "failureMessage" in texts:
        asserted = pc.and_(pa.array(is_told[failed]), pc.not_equal(texts["failureMessage"], b""))
        answer = pc.if_else(asserted, texts["failureMessage"], answer)
    answer = answer.combine_chunks() if isinstance(answer, pa.ChunkedArray) else answer
    reasons = relabelled(answer.dictionary_encode(), _reason)
    places = np.full(len(table), -1, np.int32)
    places[failed] = reasons.indices.to_numpy()
    errors = pa.DictionaryArray.from_arrays(pa.array(places, mask=ok), reasons.dictionary)
    return errors, (TIMED_OUT,) if TIMEOUT in reasons.dictionary.to_pylist() else ()


_WORDS = ("responseCode", "responseMessage", "failureMessage")


def _reason(text: bytes) -> str:
    return reason_of(decoded(text))


def reason_of(text: str) -> str:
    """Return code and message of a failed request in the words of this project; a timeout has one of its own.

    Examples
    --------
    >>> reason_of("Non HTTP response code: java.net.SocketTimeoutException Non HTTP response message: Read timed out")
    'timeout'
    >>> reason_of(" 404 Not Found ")
    '404 Not Found'
    """
    text = text.strip()
    if text.startswith("Non HTTP response code:") and "SocketTimeoutException" in text:
        return TIMEOUT
    return text[:LONGEST_ERROR] or "not told"


def decoded(text: bytes) -> str:
    """Return text; bytes that are not UTF-8 as escapes."""
    return text.decode("utf-8", "backslashreplace")


def relabelled(values: pa.DictionaryArray, words: Callable[[bytes], str]) -> pa.DictionaryArray:
    """Return a column of names whose bytes were made words; names that become equal are one."""
    new = pa.array([words(name) for name in values.dictionary.to_pylist()], pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(new.indices.take(values.indices), new.dictionary)

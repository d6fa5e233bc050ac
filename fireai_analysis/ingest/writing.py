"""Rows of other tools become request rows of a run bundle, batch by batch, so that memory stays bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fireai_analysis.schemas import REQUESTS
from fireai_analysis.units import NS_PER_S

NOT_TOLD = ""
"""Door or method of a row whose file does not tell it."""
HEALTH = "/health"
NS_PER_US = 1000
LARGEST_US = 2**31 - 1
ROWS_PER_GROUP = 1_000_000
MOST_USERS = 10_000_000
"""Numbers of users beyond this are not counted: they are no threads."""


@dataclass
class Span:
    """What rows have shown so far: how many, of whom, from when to when."""

    rows_count: int = 0
    intended_count: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    users: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    users_unknown: bool = False

    @property
    def users_count(self) -> int | None:
        """Different users; None where some rows do not tell theirs."""
        return None if self.users_unknown or not len(self.users) else int(self.users.sum())

    def add(self, table: pa.Table) -> None:
        """Count the rows of a batch (schema `ROWS`)."""
        self.rows_count += len(table)
        self.intended_count += len(table) - table["intended_ns"].null_count
        ends = pc.min_max(pc.coalesce(table["intended_ns"], table["sent_ns"])).as_py()
        self.first_ns = ends["min"] if self.first_ns is None else min(self.first_ns, ends["min"])
        self.last_ns = ends["max"] if self.last_ns is None else max(self.last_ns, ends["max"])
        largest = pc.max(table["user"]).as_py()
        if table["user"].null_count or largest is None or largest >= MOST_USERS:
            self.users_unknown = True
            return
        if largest >= len(self.users):
            self.users = np.pad(self.users, (0, max(largest + 1, 2 * len(self.users)) - len(self.users)))
        self.users[table["user"].combine_chunks().to_numpy()] = True


class PartWriter:
    """Writes the rows of one file to one Parquet file with page checksums; whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Where the part is to lie.
    worker : int
        Number of the file among those of its run.

    Notes
    -----
    Use it as a context: the file is in its place only where the block ended well.
    """

    def __init__(self, path: Path, worker: int) -> None:
        self.span = Span()
        self._path, self._worker = path, worker
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._waiting: list[pa.Table] = []
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, table: pa.Table) -> None:
        """Take a batch of rows (schema `ROWS`)."""
        self.span.add(table)
        self._waiting.append(request_rows(table, self._worker))
        if sum(map(len, self._waiting)) >= ROWS_PER_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        if self._writer is None:
            os.close(os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            self._writer = pq.ParquetWriter(self._temporary, REQUESTS, compression="zstd", write_page_checksum=True)
        self._writer.write_table(pa.concat_tables(self._waiting).unify_dictionaries())
        self._waiting = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
            if self._writer is not None:
                self._writer.close()
            if kind is None and self._writer is not None:
                with _durable(self._temporary):
                    self._temporary.replace(self._path)
        finally:
            self._temporary.unlink(missing_ok=True)


@contextmanager
def _durable(path: Path) -> Iterator[None]:
    """Bring a file to the disk before, and its new name after the block."""
    for place in (path, path.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if place == path:
            yield


def request_rows(table: pa.Table, worker: int) -> pa.Table:
    """Return rows of a reader (schema `ROWS`) as rows of a bundle (schema `REQUESTS`).

    Where a file does not tell when a request was to be sent, it counts as due when it was sent, and the response time
    is the service time: `Origin.intended_times` of the run says so.
    """
    sent, service = table["sent_ns"], table["service_us"]
    intended = pc.coalesce(table["intended_ns"], sent)
    waited_us = pc.divide(pc.subtract(sent, intended), NS_PER_US)
    response = pc.add(pc.cast(service, pa.int64()), waited_us)
    possible = pc.and_(pc.greater_equal(response, 0), pc.less_equal(response, LARGEST_US))
    nothing = pa.nulls(len(table), pa.int32())
    columns = {
        "intended_ns": intended,
        "sent_ns": sent,
        "service_us": service,
        "response_us": pc.cast(pc.if_else(possible, response, pa.scalar(None, pa.int64())), pa.int32()),
        "endpoint": _told(table["endpoint"]),
        "method": _told(table["method"]),
        "door": _constant(NOT_TOLD, len(table)),
        "judged": _judged(table["endpoint"]),
        "status": table["status"],
        "ok": table["ok"],
        "error": table["error"],
        "response_bytes": table["response_bytes"],
        "user": table["user"],
        "worker": pa.array(np.full(len(table), worker, dtype=np.int16)),
    }
    return pa.table([columns.get(name, nothing) for name in REQUESTS.names], schema=REQUESTS)


def _constant(text: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(count, dtype=np.int32), [text])


def _told(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of texts whose nulls are the empty text, so that they group like any other."""
    if not column.null_count:
        return column
    filled = pc.fill_null(pc.cast(column, pa.string()), NOT_TOLD)
    return pc.dictionary_encode(filled)


def _judged(endpoints: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return which rows count in a judged percentile: all but those that ask whether the service is up."""
    chunks = []
    for chunk in endpoints.chunks:
        known = pa.array([not is_health(str(text)) for text in chunk.dictionary.to_pylist()] or [True])
        chunks.append(pc.fill_null(pc.take(known, chunk.indices), True))
    return pa.chunked_array(chunks, pa.bool_())


def is_health(endpoint: str) -> bool:
    """Return whether an endpoint, as a tool names it, is the one that tells whether the service is up.

    Examples
    --------
    >>> [is_health(one) for one in ("GET /health", "http://host:8080/health?x=1", "/health/", "healthy", "/v1/health2")]
    [True, True, True, False, False]
    """
    words = endpoint.split()
    try:
        path = urlsplit(words[-1]).path if words else ""
    except ValueError:
        return False
    return path.rstrip("/") == HEALTH


def seconds_between(first_ns: int, last_ns: int) -> float:
    """Return the time between two instants in seconds."""
    return (last_ns - first_ns) / NS_PER_S

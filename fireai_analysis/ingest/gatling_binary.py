"""Gatling's simulation.log in binary, versions 3.12 and later.

Big-endian records, each after a byte that tells its kind: 0 run (once, first), 1 request, 2 user, 3 group, 4 error.
Times are int32 milliseconds since the start of the run. A text is an int32 length, its bytes, and a byte that tells
Latin-1 (0) from UTF-16; a repeated text is an int32 index, and minus that index when it comes again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest.batches import Request, gathered, impossible
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused
from fireai_analysis.ingest.gatling_log import ERRORS, GROUPS, NEVER_MS, UNASKED, Run, endpoint_of, failure
from fireai_analysis.ingest.source import Head, Source

RUN, REQUEST, USER, GROUP, ERROR = range(5)
LONGEST_TEXT_BYTES, MOST_GROUPS = 1 << 20, 100
"""More than any name or message has: a larger number was never written as one."""

_VERSION = re.compile(r"\d+\.\d+[\w.-]*", re.ASCII)


class _Ended(Exception):
    """The file ends within a record; leaves this module only as a refused one."""


class _Reader:
    """Numbers and texts of a stream, and where it stands."""

    def __init__(self, source: Source, stream: IO[bytes]) -> None:
        self._source, self._stream = source, stream
        self.place = 0
        self._texts: dict[int, str] = {}

    def taken(self, count: int) -> bytes:
        """Return so many bytes."""
        data = self._stream.read(count)
        self.place += len(data)
        if len(data) < count:
            raise _Ended
        return data

    def kind(self) -> int | None:
        """Return the kind of the next record; None at the end of the file."""
        byte = self._stream.read(1)
        self.place += len(byte)
        return byte[0] if byte else None

    def whole(self) -> int:
        """Return an int32 number."""
        return int.from_bytes(self.taken(4), signed=True)

    def long(self) -> int:
        """Return an int64 number."""
        return int.from_bytes(self.taken(8), signed=True)

    def flag(self) -> bool:
        """Return a truth value."""
        return self.taken(1) != b"\0"

    def size(self, most: int) -> int:
        """Return a length; one that cannot be is refused."""
        count = self.whole()
        if not 0 <= count <= most:
            raise self.damaged()
        return count

    def text(self) -> str:
        """Return a text."""
        count = self.size(LONGEST_TEXT_BYTES)
        if not count:
            return ""
        data, wide = self.taken(count), self.flag()
        return data.decode("utf-16-le" if wide else "latin-1", "replace").translate({10: " ", 13: " ", 9: " "})

    def known_text(self) -> str:
        """Return a text that may have come before."""
        index = self.whole()
        if index >= 0:
            self._texts[index] = self.text()
        elif -index not in self._texts:
            raise self.damaged()
        return self._texts[abs(index)]

    def groups(self) -> str:
        """Return the groups of a record, from the outermost, joined by commas as in the text log."""
        return ",".join(self.known_text() for _ in range(self.size(MOST_GROUPS)))

    def damaged(self) -> IngestError:
        """Return the error for bytes after which no record can be found any more."""
        problem = f"is damaged at byte {self.place}: the records after it cannot be found"
        return self._source.refusal(problem, remedy="copy it again from where Gatling wrote it")


def recognises(head: Head) -> bool:
    """Whether the file begins with a run record, which begins with the version of Gatling."""
    if len(head.data) < 6 or head.data[0] != RUN:
        return False
    count = int.from_bytes(head.data[1:5])
    version = head.data[5 : 5 + count] if 3 <= count <= 40 else b""
    return bool(_VERSION.fullmatch(version.decode("latin-1"))) and head.data[5 + count : 6 + count] == b"\0"


def read(source: Source) -> Iterator[Item]:
    """Yield the requests of a binary log; users and groups are no requests."""
    run = Run()
    with source.open() as stream:
        yield from gathered(source, _records(_Reader(source, stream), run))
    yield run.told()


def _records(reader: _Reader, run: Run) -> Iterator[Request | Item]:
    try:
        if reader.kind() != RUN:
            raise reader.damaged()
        _begin(reader, run)
        while (kind := reader.kind()) is not None:
            yield from _record(reader, kind, run)
    except _Ended:
        yield Refused("truncated last record", None)


def _begin(reader: _Reader, run: Run) -> None:
    """Read the run record: version, class, start, description, scenarios, assertions."""
    run.version = reader.text() or None
    reader.text()
    run.started_ms = reader.long()
    reader.text()
    for _ in range(reader.size(100_000)):
        reader.text()
    for _ in range(reader.size(100_000)):
        reader.taken(reader.size(LONGEST_TEXT_BYTES))


def _record(reader: _Reader, kind: int, run: Run) -> Iterator[Request | Item]:
    if kind == REQUEST:
        yield _request(reader, run)
    elif kind == USER:
        reader.whole()
        run.user(reader.flag())
        reader.whole()
    elif kind == GROUP:
        reader.groups()
        reader.taken(13)  # start, end, cumulated response time, and whether all went well
        yield LeftOut(GROUPS)
    elif kind == ERROR:
        reader.known_text()
        reader.whole()
        yield LeftOut(ERRORS)
    else:
        raise reader.damaged()


def _request(reader: _Reader, run: Run) -> Request | Item:
    endpoint = endpoint_of(reader.groups(), reader.known_text())
    start, end = reader.whole(), reader.whole()
    ok, message = reader.flag(), reader.known_text()
    begin_ms = run.started_ms or 0
    if (begin_ms + end) % 2**32 == NEVER_MS % 2**32:  # the log cuts the difference to int32
        return LeftOut(UNASKED)
    sent_ns, service_us = (begin_ms + start) * 10**6, (end - start) * 1000
    if reason := impossible(sent_ns, service_us):
        return Refused(reason, None)
    run.ended(begin_ms + end)
    status, error = (None, None) if ok else failure(message)
    return Request(sent_ns, service_us, ok, endpoint, status=status, error=error)


FORMAT = Format("gatling-binary", "Gatling simulation.log, binary", "Gatling", "rows", recognises, read)

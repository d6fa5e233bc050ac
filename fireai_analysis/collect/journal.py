"""The journal of a generator: append-only, checksummed binary records; whatever was written survives a kill.

A file is a row of frames, each `length, crc32, payload`. The first byte of a payload is its kind. A reader stops at
the first torn frame and says how many bytes it left out: after a kill only the tail can be torn, because a frame is
never changed and frames are written in order. Who follows a journal takes the bytes from any frame boundary up to
`Writer.written_bytes`, which is always one. This module needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Any, NamedTuple

FRAME = Struct("<II")
FLUSH_ROWS = 256

HEADER, PHASE, TICK, TEXT, INVOCATION, ROW, ANSWER, TOTALS = b"H", b"P", b"T", b"E", b"I", b"R", b"A", b"L"
JSON_KINDS = frozenset((HEADER, PHASE, TICK, TEXT, INVOCATION, TOTALS))

_ROW = Struct("<cBBhiiqqqIHQH")
_ANSWER = Struct("<ci")


class Row(NamedTuple):
    """One request as it ended.

    Attributes
    ----------
    phase : int
        0 set-up, 1 judged, 2 profiled.
    entry : int
        Entry of the mix, or 255 for a session made during set-up.
    status : int
        HTTP status, 0 where there was no answer.
    arrival, user : int
        Number in the phase's schedule, and user.
    intended_ns, sent_ns, end_ns : int
        UTC nanoseconds.
    size_bytes : int
        Length of the answer's body.
    error : int
        0 where the contract was kept, else the number of an error text.
    timing : str
        `Server-Timing` as it came.
    key : int
        64-bit digest of the idempotency key (`collect.keys`); 0 where there is none, or where it repeats on purpose.
    """

    phase: int
    entry: int
    status: int
    arrival: int
    user: int
    intended_ns: int
    sent_ns: int
    end_ns: int
    size_bytes: int
    error: int
    timing: str
    key: int = 0


class Answer(NamedTuple):
    """What a CRDT write was answered: the body as it came."""

    arrival: int
    body: bytes


@dataclass(frozen=True)
class Entry:
    """One record of a journal: its kind and its content (a dict for JSON kinds)."""

    kind: bytes
    content: Any


@dataclass(frozen=True)
class Journal:
    """A journal as far as it could be read.

    Attributes
    ----------
    entries : list of Entry
        In order of writing.
    dropped_bytes : int
        Bytes from the first torn frame on.
    """

    entries: list[Entry]
    dropped_bytes: int

    def of(self, kind: bytes) -> list[Any]:
        """Return the contents of one kind, in order."""
        return [entry.content for entry in self.entries if entry.kind == kind]


def pack_row(row: Row) -> bytes:
    """Return a row as payload."""
    timing = row.timing.encode("latin-1", "replace")[:65535]
    head = _ROW.pack(ROW, *row[:10], row[11], len(timing))
    return head + timing


def pack_answer(answer: Answer) -> bytes:
    """Return the answer of a CRDT write as payload."""
    return _ANSWER.pack(ANSWER, answer.arrival) + answer.body


def pack_json(kind: bytes, content: dict[str, Any]) -> bytes:
    """Return a record of a JSON kind as payload."""
    return kind + json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


class Writer:
    """Appends frames to a new file; rows gather until `flush` or until there are 256.

    Parameters
    ----------
    path : pathlib.Path
        Must not exist.

    Attributes
    ----------
    written_bytes : int
        Length of the file: whole frames that survive the end of this process.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._waiting: list[bytes] = []
        self.written_bytes = 0

    def append(self, payload: bytes) -> None:
        """Queue one record."""
        self._waiting.append(FRAME.pack(len(payload), zlib.crc32(payload)) + payload)
        if len(self._waiting) >= FLUSH_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is queued; from here on it survives the end of this process."""
        if not self._waiting:
            return
        joined, self._waiting = b"".join(self._waiting), []
        data = memoryview(joined)
        while data:
            data = data[os.write(self._descriptor, data) :]
        self.written_bytes += len(joined)

    def close(self) -> None:
        """Flush, bring the file to the disk and close it."""
        self.flush()
        os.fsync(self._descriptor)
        os.close(self._descriptor)


class Discard(Writer):
    """Takes records and keeps none: a run by hand that no bundle is made of."""

    def __init__(self) -> None:
        self._waiting = []
        self.written_bytes = 0

    def append(self, payload: bytes) -> None:
        """Forget one record."""

    def close(self) -> None:
        """Nothing to close."""


def read(path: Path) -> Journal:
    """Return the records of a journal up to the first torn frame."""
    return parse(path.read_bytes())


def parse(data: bytes) -> Journal:
    """Return the records in bytes of a journal that begin at a frame, up to the first torn one."""
    entries, place = [], 0
    while place + FRAME.size <= len(data):
        length, checksum = FRAME.unpack_from(data, place)
        payload = data[place + FRAME.size : place + FRAME.size + length]
        if length == 0 or len(payload) < length or zlib.crc32(payload) != checksum:
            break
        entries.append(_entry(payload))
        place += FRAME.size + length
    return Journal(entries, len(data) - place)


def _entry(payload: bytes) -> Entry:
    kind = payload[:1]
    if kind == ROW:
        fields = _ROW.unpack_from(payload)
        timing = payload[_ROW.size : _ROW.size + fields[-1]].decode("latin-1")
        return Entry(kind, Row._make((*fields[1:-2], timing, fields[-2])))
    if kind == ANSWER:
        return Entry(kind, Answer(_ANSWER.unpack_from(payload)[1], payload[_ANSWER.size :]))
    if kind in JSON_KINDS:
        return Entry(kind, json.loads(payload[1:]))
    return Entry(kind, payload[1:])

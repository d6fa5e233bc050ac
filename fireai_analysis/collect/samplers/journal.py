"""The samplers' journal: one line a tick, `crc32 json`; whatever was written survives a kill of the process.

A line is written by one `write` call, so only the last one can be torn. A reader leaves out what does not match its
checksum and says how many lines that were.
"""

from __future__ import annotations

import json
import os
import threading
import zlib
from pathlib import Path
from typing import Any

PATTERN = "samplers-*.jsonl"


def journal_path(directory: Path, number: int) -> Path:
    """Return the journal of the n-th samplers process of a run."""
    return directory / f"samplers-{number:03d}.jsonl"


class JournalWriter:
    """Appends records to a new file; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._lock = threading.Lock()

    def append(self, record: dict[str, Any]) -> None:
        """Write one record at once."""
        line = memoryview(framed(record))
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]

    def close(self) -> None:
        """Bring the file to the disk; later appends fail."""
        with self._lock:
            os.fsync(self._descriptor)
            os.close(self._descriptor)


def framed(record: dict[str, Any]) -> bytes:
    r"""Return a record as a line.

    Examples
    --------
    >>> framed({"a": 1})
    b'561bacaf {"a":1}\n'
    """
    data = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (zlib.crc32(data), data)


def read_journal(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the records of a journal and how many lines were left out as damaged."""
    lines = path.read_bytes().split(b"\n")
    records = [record for line in lines if line and (record := _record(line)) is not None]
    return records, sum(map(bool, lines)) - len(records)


def _record(line: bytes) -> dict[str, Any] | None:
    checksum, _, data = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(data):
        return None
    content = json.loads(data)
    return content if isinstance(content, dict) else None

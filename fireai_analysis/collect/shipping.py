"""How the journal of a worker on another machine comes home: its bytes, piece by piece, each until it is acknowledged.

A place in the file numbers the bytes, so that a piece that comes twice changes nothing, one that is missing is asked
for again, and after a lost connection both ends go on where they stood.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

PIECE_BYTES = 256 * 1024
PERIOD_S = 0.5
"""New bytes are sent when there are so many of them, or after so long."""
RESEND_S = 2.0
MOST_PIECES = 8
"""Pieces that may be under way: what is beyond waits in the file."""


class Outbox:
    """The sending end.

    Parameters
    ----------
    path : pathlib.Path
        A file that only grows.

    Attributes
    ----------
    acknowledged_bytes : int
        How much of it is known to have arrived.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.acknowledged_bytes = 0
        self._sent_bytes = 0
        self._sent_s = self._moved_s = float("-inf")

    def pieces(self, now_s: float) -> Iterator[tuple[int, bytes]]:
        """Yield the place and the content of each piece that is to be sent now.

        Parameters
        ----------
        now_s : float
            Seconds on a clock that never goes back.
        """
        if self._sent_bytes > self.acknowledged_bytes and now_s - self._moved_s >= RESEND_S:
            self._sent_bytes, self._sent_s, self._moved_s = self.acknowledged_bytes, float("-inf"), now_s
        waiting_bytes = os.fstat(self._descriptor).st_size - self._sent_bytes
        if not waiting_bytes or (waiting_bytes < PIECE_BYTES and now_s - self._sent_s < PERIOD_S):
            return
        while self._sent_bytes - self.acknowledged_bytes < MOST_PIECES * PIECE_BYTES:
            data = os.pread(self._descriptor, PIECE_BYTES, self._sent_bytes)
            if not data:
                break
            if self._sent_bytes == self.acknowledged_bytes:
                self._moved_s = now_s
            place, self._sent_bytes, self._sent_s = self._sent_bytes, self._sent_bytes + len(data), now_s
            yield place, data

    def acknowledge(self, arrived_bytes: int, now_s: float) -> None:
        """Take in how much has arrived."""
        if arrived_bytes > self.acknowledged_bytes:
            self.acknowledged_bytes, self._moved_s = arrived_bytes, now_s
            self._sent_bytes = max(self._sent_bytes, arrived_bytes)

    @property
    def is_empty(self) -> bool:
        """Whether all there is has arrived."""
        return self.acknowledged_bytes == os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Inbox:
    """The receiving end.

    Parameters
    ----------
    path : pathlib.Path
        A new file; what arrives is appended.

    Attributes
    ----------
    arrived_bytes : int
        Its length: what is acknowledged.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self.arrived_bytes = 0

    def take(self, place: int, data: bytes) -> int:
        """Append what is new of a piece and return how much has arrived; a piece behind a gap is left out."""
        if 0 <= place <= self.arrived_bytes:
            fresh = memoryview(data)[self.arrived_bytes - place :]
            while fresh:
                count = os.write(self._descriptor, fresh)
                self.arrived_bytes += count
                fresh = fresh[count:]
        return self.arrived_bytes

    def close(self) -> None:
        """Bring the file to the disk and close it."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)

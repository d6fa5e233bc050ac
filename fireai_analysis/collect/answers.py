"""Keeps the answers of CRDT writes small in the journal, and whole: each holds the vector clock of a whole session.

At full scale a clock has a thousand components, about 14 kB an answer. A body is compressed, and one that was written
before is not written again: writes that were merged in one transaction are answered alike.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator

from fireai_analysis.collect.journal import Answer

MOST_REMEMBERED = 4_096
_DIGEST_BYTES, _LEVEL = 32, 1


class Packer:
    """Packs the answers of one journal: the digest of each, and the compressed body where it was not written before."""

    def __init__(self) -> None:
        self._written: set[bytes] = set()

    def packed(self, body: bytes) -> bytes:
        """Return what is journaled of a body."""
        known = hashlib.sha256(body).digest()
        if known in self._written:
            return known
        if len(self._written) >= MOST_REMEMBERED:
            self._written.clear()
        self._written.add(known)
        return known + zlib.compress(body, _LEVEL)


def digest(answer: Answer) -> str:
    """Return the SHA-256 of the body of a journaled answer, in hexadecimal."""
    return answer.body[:_DIGEST_BYTES].hex()


def bodies(answers: Iterable[Answer]) -> Iterator[tuple[str, bytes]]:
    """Yield the digest and the body of each distinct answer; one at a time, because together they are large.

    An answer whose body the journal lost is not among them.

    Examples
    --------
    >>> packer = Packer()
    >>> journaled = [Answer(arrival, packer.packed(b"{}")) for arrival in (3, 4)]
    >>> [body for _, body in bodies(journaled)], digest(journaled[0]) == digest(journaled[1])
    ([b'{}'], True)
    """
    seen: set[bytes] = set()
    for answer in answers:
        packed = answer.body[_DIGEST_BYTES:]
        if packed and (known := answer.body[:_DIGEST_BYTES]) not in seen:
            seen.add(known)
            yield known.hex(), zlib.decompress(packed)

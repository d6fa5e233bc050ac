"""Keeps the answers of CRDT writes small in the journal, and whole: each holds the vector clock of a whole session.

At full scale a clock has a thousand components, about 14 kB an answer. A body is compressed, and one that was written
before is not written again: writes that were merged in one transaction are answered alike.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from fireai_analysis.collect.journal import Answer

MOST_REMEMBERED = 4_096
_DIGEST_BYTES, _LEVEL = 32, 1


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an answer as it came.

    Attributes
    ----------
    sha256 : str
        Hexadecimal digest.
    content : bytes or None
        None where the journal was torn before it.
    """

    sha256: str
    content: bytes | None


class Packer:
    """Packs the answers of one journal: the digest of each, and the compressed body where it was not written before."""

    def __init__(self) -> None:
        self._written: set[bytes] = set()

    def packed(self, body: bytes) -> bytes:
        """Return what is journaled of a body."""
        digest = hashlib.sha256(body).digest()
        if digest in self._written:
            return digest
        if len(self._written) >= MOST_REMEMBERED:
            self._written.clear()
        self._written.add(digest)
        return digest + zlib.compress(body, _LEVEL)


def unpacked(answers: Mapping[int, Answer]) -> dict[int, Body]:
    """Return the bodies of a journal's answers by arrival.

    Examples
    --------
    >>> packer = Packer()
    >>> journaled = {arrival: Answer(arrival, packer.packed(b"{}")) for arrival in (3, 4)}
    >>> [body.content for body in unpacked(journaled).values()]
    [b'{}', b'{}']
    """
    contents: dict[bytes, bytes] = {}
    for answer in answers.values():
        if len(answer.body) > _DIGEST_BYTES:
            contents.setdefault(answer.body[:_DIGEST_BYTES], answer.body[_DIGEST_BYTES:])
    bodies = {digest: Body(digest.hex(), zlib.decompress(packed)) for digest, packed in contents.items()}
    digests = {arrival: answer.body[:_DIGEST_BYTES] for arrival, answer in answers.items()}
    return {arrival: bodies.get(digest) or Body(digest.hex(), None) for arrival, digest in digests.items()}

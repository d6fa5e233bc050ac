"""Compressed histograms of HdrHistogram, encodings V0, V1 and V2, decoded within bounds.

Layout: a cookie and a length, then zlib; in it cookie, header and counts (AbstractHistogram.java and ENCODING.rst of
HdrHistogram). V0 and V1 hold whole numbers of 2, 4 or 8 bytes; V2 zig-zag LEB128, where minus n is a run of n zeros.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from typing import NamedTuple

import numpy as np

from fireai_analysis.ingest.found import Counts

COMPRESSED = {0x1C849309: 0, 0x1C849302: 1, 0x1C849304: 2}
PLAIN = (0x1C849308, 0x1C849301, 0x1C849303)
FRACTIONS = 0x0C72124F
MOST_BYTES = 4 << 20
"""Decompressed size of one histogram: the largest that HdrHistogram's settings make for times is a tenth of it."""
MOST_COUNTS = 1 << 20


class Damaged(ValueError):
    """The text is no histogram that can be read; the message is the reason of a refusal."""


class Decoded(NamedTuple):
    """Counts of a histogram by index, and the settings that tell which values an index stands for."""

    digits: int
    unit_bits: int
    counts: Counts

    def ranges(self) -> tuple[Counts, Counts]:
        """Return first and last value of each index, in the unit of the histogram."""
        return _ranges(len(self.counts), self.digits, self.unit_bits)


def decoded(text: str) -> Decoded:
    """Return a histogram from its Base64 text.

    Raises
    ------
    Damaged
        Where the text is no histogram, one of fractions (`DoubleHistogram`), or larger than any of times.
    """
    try:
        data = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise Damaged("histogram is not Base64") from None
    if len(data) < 8:
        raise Damaged("histogram is too short")
    cookie, length = struct.unpack(">Ii", data[:8])
    version = COMPRESSED.get(cookie & ~0xF0)
    if version is None:
        raise Damaged("histogram of fractions" if cookie == FRACTIONS else "histogram is of no known encoding")
    payload = _inflated(data[8 : 8 + max(length, 0)])
    return _old(payload) if version == 0 else _new(payload, version)


def _inflated(data: bytes) -> bytes:
    machine = zlib.decompressobj()
    try:
        payload = machine.decompress(data, MOST_BYTES + 1)
    except zlib.error:
        raise Damaged("histogram is damaged") from None
    if len(payload) > MOST_BYTES:
        raise Damaged("histogram is too large")
    return payload


def _old(payload: bytes) -> Decoded:
    """Return a histogram of V0: cookie, digits, lowest, highest, total, counts."""
    if len(payload) < 32:
        raise Damaged("histogram is damaged")
    cookie, digits, lowest, _, _ = struct.unpack(">Iiqqq", payload[:32])
    return _made(PLAIN[0], cookie, digits, lowest, _fixed(payload[32:], cookie))


def _new(payload: bytes, version: int) -> Decoded:
    """Return a histogram of V1 or V2: cookie, length, offset, digits, lowest, highest, ratio, counts."""
    if len(payload) < 40:
        raise Damaged("histogram is damaged")
    cookie, length, offset, digits, lowest, _, _ = struct.unpack(">IiiiqqQ", payload[:40])
    if not 0 <= length <= len(payload) - 40:
        raise Damaged("histogram is damaged")
    if offset:
        raise Damaged("histogram is shifted")
    body = payload[40 : 40 + length]
    return _made(PLAIN[version], cookie, digits, lowest, _fixed(body, cookie) if version == 1 else _zigzag(body))


def _made(plain: int, cookie: int, digits: int, lowest: int, counts: Counts) -> Decoded:
    if cookie & ~0xF0 != plain or not 0 <= digits <= 5 or not 1 <= lowest < 2**40:
        raise Damaged("histogram is damaged")
    if len(counts) and counts.min() < 0:
        raise Damaged("histogram has negative counts")
    filled = np.flatnonzero(counts)
    counts = counts[: filled[-1] + 1 if len(filled) else 0]
    unit_bits = lowest.bit_length() - 1
    if _shift(len(counts), digits) + unit_bits + _half_bits(digits) > 60:
        raise Damaged("value is impossible")
    return Decoded(digits, unit_bits, counts)


def _fixed(body: bytes, cookie: int) -> Counts:
    """Return counts of a fixed number of bytes, which the cookie tells."""
    size = (cookie & 0xF0) >> 4 & 0xE
    if size not in (2, 4, 8):
        raise Damaged("histogram is damaged")
    return np.frombuffer(body[: len(body) // size * size], f">i{size}").astype(np.int64)


def _zigzag(body: bytes) -> Counts:
    """Return counts of V2.

    Examples
    --------
    >>> _zigzag(bytes([4, 5, 0x80, 0x02])).tolist()
    [2, 0, 0, 0, 128]
    """
    data = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(data < 0x80)
    if not len(data):
        return np.zeros(0, np.int64)
    if not len(ends) or ends[-1] != len(data) - 1:
        raise Damaged("histogram is damaged")
    begins = np.concatenate([[0], ends[:-1] + 1])
    if (ends - begins).max() > 7:  # more than 2**55 requests
        raise Damaged("count is impossible")
    places = np.arange(len(data)) - np.repeat(begins, ends - begins + 1)
    raw = np.add.reduceat((data & 0x7F).astype(np.int64) << 7 * places, begins)
    numbers = (raw >> 1) ^ -(raw & 1)
    lengths = np.where(numbers < 0, -numbers, 1)
    if lengths.max() > MOST_COUNTS or lengths.sum() > MOST_COUNTS:
        raise Damaged("histogram is too large")
    return np.repeat(np.maximum(numbers, 0), lengths)


def _half_bits(digits: int) -> int:
    """Return the bits of half the values that are told apart within a doubling: 10 for three digits."""
    told_apart: int = 2 * 10**digits
    return (told_apart - 1).bit_length() - 1


def _shift(count: int, digits: int) -> int:
    """Return how many doublings so many counts reach."""
    return max((count - 1 >> _half_bits(digits)) - 1, 0) if count else 0


def _ranges(count: int, digits: int, unit_bits: int) -> tuple[Counts, Counts]:
    half_bits = _half_bits(digits)
    index = np.arange(count, dtype=np.int64)
    doubling = (index >> half_bits) - 1
    within = (index & (1 << half_bits) - 1) + np.where(doubling < 0, 0, 1 << half_bits)
    shift = np.maximum(doubling, 0) + unit_bits
    low = within << shift
    return low, low + (np.int64(1) << shift) - 1

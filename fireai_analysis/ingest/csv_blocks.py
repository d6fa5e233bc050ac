"""Where the records of delimited text end: of a whole block at once, or one by one, quotes and all.

A quote begins a field or stands doubled in a quoted one; anywhere else the record is broken. A broken record costs its
first line alone: reading goes on at the next.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fireai_analysis.ingest.found import Refused

LONGEST_RECORD_BYTES, STEP_BYTES, FEW_QUOTES = 1 << 20, 256 << 10, 4096
_QUOTE, _NEWLINE, _RETURN = b'"'[0], b"\n"[0], b"\r"[0]


class Fields(NamedTuple):
    """One record: the line it begins on, its fields, and whether a line end follows it."""

    line: int
    fields: list[bytes]
    ended: bool


def regular_end(data: bytes | bytearray, delimiter: bytes) -> tuple[int, int]:
    r"""Return where the last whole record of a block ends, and its lines; 0 and 0 where one is odd or none is whole.

    Examples
    --------
    >>> regular_end(b'1,"a\nb"\n2,"c', b","), regular_end(b'1,2"\n', b","), regular_end(b"1\n2", b",")
    ((8, 2), (0, 0), (2, 1))
    """
    array = np.frombuffer(data, np.uint8)
    quotes = _places(array, _QUOTE) if b'"' in data else np.zeros(0, np.int64)
    if len(quotes) > FEW_QUOTES or _has_long_field(data, quotes):
        return _end_among_quotes(array, quotes, delimiter)
    end = data.rfind(b"\n", 0, int(quotes[-1]) if len(quotes) % 2 else len(data)) + 1
    quotes = quotes[: len(quotes) // 2 * 2]
    quotes = quotes[: int(np.searchsorted(quotes, end))]
    if not _short_lines(data, end) or not _sound(array, quotes, delimiter[0]):
        return 0, 0
    starts = range(0, end, STEP_BYTES)
    return end, sum(int(np.count_nonzero(array[at : min(at + STEP_BYTES, end)] == _NEWLINE)) for at in starts)


def _has_long_field(data: bytes | bytearray, quotes: npt.NDArray[np.int64]) -> bool:
    """Whether a quoted field has a line end in it."""
    pairs = zip(quotes[::2].tolist(), quotes[1::2].tolist(), strict=False)
    return any(data.find(b"\n", begin, end) >= 0 for begin, end in pairs)


def _end_among_quotes(array: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: bytes) -> tuple[int, int]:
    """Return what `regular_end` does where quoted fields may have line ends in them."""
    newlines = _places(array, _NEWLINE)
    ends = np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)
    if not len(ends) or int(np.diff(newlines[ends], prepend=-1).max()) > LONGEST_RECORD_BYTES:
        return 0, 0
    last = int(newlines[ends[-1]])
    is_sound = _sound(array, quotes[quotes < last], delimiter[0])
    return (last + 1, int(ends[-1]) + 1) if is_sound else (0, 0)


def _places(array: npt.NDArray[np.uint8], value: int) -> npt.NDArray[np.int64]:
    """Return where a byte stands; looked for in steps that fit the cache."""
    starts = range(0, max(len(array), 1), STEP_BYTES)
    return np.concatenate([np.flatnonzero(array[at : at + STEP_BYTES] == value) + at for at in starts])


def _short_lines(data: bytes | bytearray, end: int) -> bool:
    """Whether no line is longer than a record may be."""
    at = 0
    while at < end:
        newline = data.rfind(b"\n", at, at + LONGEST_RECORD_BYTES)
        if newline < 0:
            return False
        at = newline + 1
    return True


def _sound(array: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: int) -> bool:
    """Whether each quote opens a field, closes one, or is one of two that stand for one."""
    opening, closing = quotes[::2], quotes[1::2]
    doubled = closing[:-1] + 1 == opening[1:]
    before = array[np.maximum(opening - 1, 0)]
    after = array[closing + 1]  # a newline follows the last one
    begins = (opening == 0) | (before == delimiter) | (before == _NEWLINE)
    ends = (after == delimiter) | (after == _NEWLINE) | (after == _RETURN)
    begins[1:] |= doubled
    ends[:-1] |= doubled
    return bool(begins.all() and ends.all())


def record(data: bytes, at: int, line: int, delimiter: bytes, *, final: bool) -> tuple[Fields | Refused | None, int]:
    """Return the record that begins at a byte, and where the next one does.

    None with a later place: an empty line, which is no record. The same place: more bytes are needed; never where
    `final` says that there are none.
    """
    newline = data.find(b"\n", at)
    end = newline + 1 if newline >= 0 else len(data)
    if newline < 0 and not final:
        return None, at
    text = data[at:end]
    if len(text.rstrip(b"\n")) >= LONGEST_RECORD_BYTES:
        return Refused("NUL bytes" if b"\0" in text else "line is too long", line), end
    if not text.strip(b"\r\n"):
        return None, end
    if b'"' in text:
        return _quoted(data, at, line, delimiter, final=final)
    if b"\0" in text:
        return Refused("NUL bytes", line), end
    return Fields(line, text.rstrip(b"\r\n").split(delimiter), newline >= 0), end


@cache
def _field(delimiter: bytes) -> re.Pattern[bytes]:
    """Return what a field and its end look like; lazily bounded, so that no input makes it look twice."""
    mark = re.escape(delimiter)
    return re.compile(rb'(?:"([^"]*+(?:""[^"]*+)*+)"|([^"\n' + mark + rb"]*+))(" + mark + rb"|\r*+\n|\r*+\Z)")


def _quoted(data: bytes, at: int, line: int, delimiter: bytes, *, final: bool) -> tuple[Fields | Refused | None, int]:
    limit = min(len(data), at + LONGEST_RECORD_BYTES)
    place, fields, mark = at, list[bytes](), delimiter
    while mark == delimiter and (found := _field(delimiter).match(data, place, limit)):
        quoted, plain, mark = found.groups()
        fields.append(plain.rstrip(b"\r") if quoted is None else quoted.replace(b'""', b'"'))
        place = found.end()
    ended = mark.endswith(b"\n")
    if ended or (mark != delimiter and final and place == len(data)):
        broken = b"\0" in data[at:place]
        return (Refused("NUL bytes", line) if broken else Fields(line, fields, ended)), place
    more_may_come = not final and len(data) < at + LONGEST_RECORD_BYTES
    return (None, at) if more_may_come else _broken(data, at, line)


def _broken(data: bytes, at: int, line: int) -> tuple[Refused, int]:
    """Return the refusal of a line whose quotes are not sound, and where the next line begins."""
    newline = data.find(b"\n", at)
    end = newline + 1 if newline >= 0 else len(data)
    reason = (
        "NUL bytes" if b"\0" in data[at:end] else "a quote is not closed" if newline >= 0 else "truncated last line"
    )
    return Refused(reason, line), end

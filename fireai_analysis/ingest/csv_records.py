"""Records of a CSV file, read so that one broken record costs itself alone, and the numbers in their fields."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from fireai_analysis.ingest.found import Refused
from fireai_analysis.ingest.source import Head, Source

MOST_LINES = 400
"""More lines than the longest traceback in a field; a quote that is open for longer was never closed."""
LARGEST_COUNT = 2**53
LONGEST_NUMBER = 40
MOST_REFUSED = 100_000
ABSENT = frozenset(("", "N/A", "None", "null"))
Found = TypeVar("Found")
_Piece = tuple[int, bytes, bool]
_DECIMAL = re.compile(r"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


class Record(NamedTuple):
    """One record: the line it begins on, its fields as text, and whether a line end follows it."""

    line: int
    fields: list[str]
    ended: bool


def records(source: Source, passed: Callable[[bytes], bool] = lambda line: False) -> Iterator[Record | Refused]:
    """Yield the records of a comma-separated file; any of the three line ends, and CR CR LF, ends one.

    Bytes that are not UTF-8 are written as escapes. A record that is broken is refused by itself, and reading goes on
    with the line after its first.

    Parameters
    ----------
    source : Source
    passed : callable
        Told each line, without its end, that is a whole record without quotes; where it says yes, no record is made.
    """
    waiting: deque[_Piece] = deque()
    rest = _pieces(source)
    while piece := waiting.popleft() if waiting else next(rest, None):
        data = piece[1]
        if b'"' not in data and b"\0" not in data:
            if data.strip() and not passed(data):
                yield Record(piece[0], data.decode("utf-8", "backslashreplace").split(","), piece[2])
            continue
        taken, quotes = [piece], data.count(b'"')  # doubled quotes inside a field leave their number even
        while quotes % 2 and len(taken) < MOST_LINES and (more := waiting.popleft() if waiting else next(rest, None)):
            taken.append(more)
            quotes += more[1].count(b'"')
        found = _record(taken)
        if isinstance(found, Refused):
            waiting.extendleft(reversed(taken[1:]))
        yield found


def readable(source: Source, found: Iterable[Found | Refused]) -> Iterator[Found | Refused]:
    """Yield what was found, as long as it is not refused more often than taken: such a file is of another format.

    Raises
    ------
    IngestError
        Where more than half of at least `MOST_REFUSED` rows were refused.
    """
    refused = taken = 0
    for one in found:
        if isinstance(one, Refused):
            refused += 1
            if refused % MOST_REFUSED == 0 and refused > taken:
                raise source.refusal(f"{refused:,} of {refused + taken:,} rows cannot be read", line=one.line)
        else:
            taken += 1
        yield one


def named(source: Source) -> Iterator[tuple[dict[str, str], int] | Refused]:
    """Yield each record by the names of the first one, in lower case, with its line."""
    names: list[str] = []
    for record in records(source):
        if isinstance(record, Refused):
            yield record
        elif not names:
            names = [name.strip().lower() for name in record.fields]
        elif len(record.fields) != len(names):
            yield Refused("another number of columns than the header has", record.line)
        else:
            yield dict(zip(names, record.fields, strict=True)), record.line


def header(head: Head) -> list[str]:
    """Return the names of the first line of a file in lower case; none where it cannot be one of a CSV file.

    Examples
    --------
    >>> header(Head(b'"Type","# requests"', True))
    ['type', '# requests']
    """
    lines = head.data.replace(b"\r", b"\n").lstrip().split(b"\n", 1)
    found = _record([(1, lines[0], True)])
    return [] if isinstance(found, Refused) else [name.strip().lower() for name in found.fields]


def decimal(text: str, what: str) -> float:
    """Return a number written in ASCII digits.

    Raises
    ------
    ValueError
        With a reason such as "elapsed is not a number", where it is none or is not finite.

    Examples
    --------
    >>> decimal("1.5", "elapsed")
    1.5
    """
    text = text.strip()
    value = float(text) if len(text) <= LONGEST_NUMBER and _DECIMAL.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{what} is not a number")
    return value


def positive(text: str, what: str) -> float | None:
    """Return a number that is not negative; None where the field says that there is none."""
    if text.strip() in ABSENT:
        return None
    value = decimal(text, what)
    if value < 0:
        raise ValueError(f"{what} is negative")
    return value


def count(text: str, what: str) -> int:
    """Return a whole number from 0; raises ValueError with a reason where the field holds none."""
    value = decimal(text, what)
    if not 0 <= value < LARGEST_COUNT or value != int(value):
        raise ValueError(f"{what} is not a count")
    return int(value)


def _pieces(source: Source) -> Iterator[_Piece]:
    """Yield number, bytes without their end, and whether one follows, of each line; a lone CR ends one too."""
    for number, line in source.lines():
        if b"\r" not in line:
            yield number, line.rstrip(b"\n"), line.endswith(b"\n")
            continue
        pieces = line.rstrip(b"\r\n").split(b"\r")
        ended = line.endswith((b"\n", b"\r"))
        for place, piece in enumerate(pieces):
            yield number, piece, ended or place < len(pieces) - 1


def _record(taken: list[_Piece]) -> Record | Refused:
    line, ended = taken[0][0], taken[-1][2]
    joined = b"\n".join(piece for _, piece, _ in taken)
    if b"\0" in joined:
        return Refused("NUL bytes", line)
    text = joined.decode("utf-8", "backslashreplace")
    if '"' not in text:
        return Record(line, text.split(","), ended)
    if text.count('"') % 2:
        return Refused("a quote does not close", line)
    try:
        rows = list(csv.reader(io.StringIO(text, newline="\n")))
    except csv.Error:
        return Refused("is not CSV", line)
    return Record(line, rows[0], ended) if len(rows) == 1 else Refused("a quote does not close", line)

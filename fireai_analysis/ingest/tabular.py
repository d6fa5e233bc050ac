"""Delimited text at any size: blocks of whole records parsed by Arrow, and record by record where one holds an oddity.

A block of which every record is sound is parsed at once, some of them at the same time. Any other is cut smaller, and
what stays odd is read one record after the other, by rules that say for each why it is refused. Both ways give the
same: which one was taken is a matter of speed alone.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any, Generic, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from pyarrow import csv

from fireai_analysis.ingest.csv_blocks import LONGEST_RECORD_BYTES, STEP_BYTES, Fields, record, regular_end
from fireai_analysis.ingest.found import LeftOut, Refused
from fireai_analysis.ingest.source import Source

BLOCK_BYTES, READ_BYTES, PIECE_BYTES = 8 << 20, 256 << 10, 128 << 10
"""What is parsed at once, read at once, and how small it is cut around an oddity, so that few records are slow."""
WORKERS = 3
_HEXADECIMAL = re.compile(rb"(?:\A|[^\w.:/-])-?0[xX]")
_PAIRS = np.frombuffer(b"0x0X", np.uint16)
MOST_REFUSED = 400_000
"""Refused lines for each block that gave rows: eight megabytes hold fewer rows of any tool, so such a file is none."""
TRUE, FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]

Made = TypeVar("Made")
Item = TypeVar("Item")
Judged = tuple[Any, ...] | str | LeftOut


@dataclass(frozen=True)
class Rules(Generic[Made]):
    """How the records of a file are read.

    Attributes
    ----------
    delimiter : bytes
        One ASCII character.
    names : tuple of str
        All columns of the file, in its order.
    kinds : mapping of str to pyarrow.DataType
        The columns to take: int64, bool, binary or a dictionary of binary.
    judge : callable
        Fields of one record -> values in the order of `kinds`; or why the record is refused; or as what it is left out.
    made : callable
        Table of `kinds` -> what the caller wants; None where a record of it is not sound. It takes what `judge` gives.
    """

    delimiter: bytes
    names: tuple[str, ...]
    kinds: Mapping[str, pa.DataType]
    judge: Callable[[list[bytes]], Judged]
    made: Callable[[pa.Table], Made | None]


class _Block(NamedTuple):
    """Whole records whose quotes are sound: data up to a place, and the line of the first."""

    data: bytes | bytearray
    end: int
    line: int


class _Records(NamedTuple):
    """Records that were told apart one by one."""

    records: list[Fields | Refused]


_Piece = _Block | _Records


def read_table(source: Source, rules: Rules[Made], first_line: int = 1) -> Iterator[Made | Refused | LeftOut]:
    """Yield what is made of the records of a file, in its order, and what is refused and left out.

    Parameters
    ----------
    source : Source
    rules : Rules
    first_line : int
        Line of the first record; what stands above it is skipped.
    """
    found = _read(source, rules, first_line)
    yield from _bounded(source, found)


def _read(source: Source, rules: Rules[Made], first_line: int) -> Iterator[Made | Refused | LeftOut]:
    free: list[bytearray] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        waiting: deque[tuple[Future[list[Made | Refused | LeftOut]], _Piece]] = deque()
        for piece in _pieces(source, rules.delimiter, first_line, free):
            waiting.append((pool.submit(_taken, source, rules, piece), piece))
            if len(waiting) > WORKERS:
                yield from _result(*waiting.popleft(), free)
        while waiting:
            yield from _result(*waiting.popleft(), free)


def _bounded(source: Source, found: Iterable[Item]) -> Iterator[Item]:
    """Pass on what was found; give up a file of lines that are no rows, before it takes minutes."""
    refused_count = kept_count = 0
    for item in found:
        refused_count += item.count if isinstance(item, Refused) else 0
        kept_count += not isinstance(item, Refused | LeftOut)
        if isinstance(item, Refused) and refused_count > MOST_REFUSED * (kept_count + 1):
            problem = f"holds more than {MOST_REFUSED:,} lines together that are no rows, such as: {item.reason}"
            raise source.refusal(problem, line=item.line)
        yield item


def _result(
    done: Future[list[Made | Refused | LeftOut]], piece: _Piece, free: list[bytearray]
) -> list[Made | Refused | LeftOut]:
    """Return what was made of a piece, whose memory may be filled again."""
    found = done.result()
    if isinstance(piece, _Block) and isinstance(piece.data, bytearray):
        free.append(piece.data)
    return found


def _pieces(source: Source, delimiter: bytes, first_line: int, free: list[bytearray]) -> Iterator[_Piece]:
    """Yield the file in blocks and, where quotes are not sound, in records."""
    with source.open() as stream:
        for _ in range(first_line - 1):
            stream.readline()
        rest, line = b"", first_line
        while len(data := _filled(stream, rest, free)) > len(rest):
            rest, line = yield from _cut(data, line, delimiter, final=False)
            if len(rest) > LONGEST_RECORD_BYTES and b"\n" not in rest:
                rest = rest[:LONGEST_RECORD_BYTES]  # it is refused as too long once its end is found
        yield from _cut(rest, line, delimiter, final=True)


def _filled(stream: IO[bytes], rest: bytes, free: list[bytearray]) -> bytes | bytearray:
    """Return the rest and what follows it, in memory that was used before: fresh pages cost as much as parsing."""
    if len(rest) > BLOCK_BYTES // 2:
        return rest + stream.read(BLOCK_BYTES)
    block = free.pop() if free else bytearray(BLOCK_BYTES)
    place, view = len(rest), memoryview(block)
    view[:place] = rest
    while place < len(block) and (count := stream.readinto(view[place : place + READ_BYTES])):  # type: ignore[attr-defined]
        place += count
    return block if place == len(block) else bytes(view[:place])


def _cut(
    data: bytes | bytearray, line: int, delimiter: bytes, *, final: bool
) -> Generator[_Piece, None, tuple[bytes, int]]:
    """Yield the pieces of data that begins with a record; return what needs more bytes to be read, and its line."""
    end, lines_count = regular_end(data, delimiter)
    if end:
        yield _Block(data, end, line)
        return bytes(data[end:]), line + lines_count
    return (yield from _cut_small(bytes(data), line, delimiter, final=final))


def _cut_small(data: bytes, line: int, delimiter: bytes, *, final: bool) -> Generator[_Piece, None, tuple[bytes, int]]:
    at = 0
    while at < len(data):
        part = data[at : at + PIECE_BYTES]
        length, lines_count = regular_end(part, delimiter)
        if length:
            yield _Block(part, length, line)
            end = at + length
        else:
            found, end = _split(data, at, line, delimiter, final=final)
            if end == at:
                break
            yield _Records(found)
            lines_count = data.count(b"\n", at, end)
        line += lines_count
        at = end
    return data[at:], line


def _split(data: bytes, at: int, line: int, delimiter: bytes, *, final: bool) -> tuple[list[Fields | Refused], int]:
    """Return the records that begin within a piece, and where the next one does."""
    found: list[Fields | Refused] = []
    stop = min(at + PIECE_BYTES, len(data))
    while at < stop:
        one, end = record(data, at, line, delimiter, final=final)
        if end == at:
            break
        if one is not None:
            found.append(one)
        line += data.count(b"\n", at, end)
        at = end
    return found, at


def _taken(source: Source, rules: Rules[Made], piece: _Piece) -> list[Made | Refused | LeftOut]:
    if isinstance(piece, _Records):
        return _judged(rules, piece.records)
    table = _parsed(rules, piece)
    made = rules.made(table) if table is not None else None
    if made is not None:
        return [made]
    data = bytes(piece.data[: piece.end])
    if len(data) > PIECE_BYTES:
        small = _cut_small(data, piece.line, rules.delimiter, final=True)
        return list(_bounded(source, (item for part in small for item in _taken(source, rules, part))))
    return _judged(rules, _split(data, 0, piece.line, rules.delimiter, final=True)[0])


def _parsed(rules: Rules[Made], block: _Block) -> pa.Table | None:
    """Return the columns of sound records; None where one is not, or where Arrow reads otherwise than we do."""
    data, end = block.data, block.end
    if b"\0" in data or _has_odd_ends(data) or _has_hexadecimal(data):
        return None
    try:
        return csv.read_csv(
            pa.BufferReader(pa.py_buffer(data).slice(0, end)),
            csv.ReadOptions(use_threads=False, block_size=end + 1, column_names=list(rules.names)),
            csv.ParseOptions(delimiter=rules.delimiter.decode("ascii"), newlines_in_values=b'"' in data),
            csv.ConvertOptions(
                check_utf8=False,
                column_types=dict(rules.kinds),
                include_columns=list(rules.kinds),
                null_values=[],
                true_values=TRUE,
                false_values=FALSE,
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _has_odd_ends(data: bytes | bytearray) -> bool:
    """Whether a carriage return stands elsewhere than before a newline: Arrow ends a record there."""
    if b"\r" not in data:
        return False
    array = np.frombuffer(data, np.uint8)
    places = np.flatnonzero(array[:-1] == ord("\r"))
    return data.endswith(b"\r") or bool((array[places + 1] != ord("\n")).any())


def _has_hexadecimal(data: bytes | bytearray) -> bool:
    """Whether a field may begin with 0x: Arrow takes it for a number."""
    array = np.frombuffer(data, np.uint8)
    for start in range(0, len(array), STEP_BYTES):
        for place in (start, start + 1):
            part = array[place : place + STEP_BYTES]
            pairs = part[: len(part) // 2 * 2].view(np.uint16)
            if (pairs == _PAIRS[0]).any() or (pairs == _PAIRS[1]).any():
                return _HEXADECIMAL.search(data) is not None
    return False


def _judged(rules: Rules[Made], records: list[Fields | Refused]) -> list[Made | Refused | LeftOut]:
    lost: dict[tuple[type[Refused | LeftOut], str], tuple[int, int]] = {}
    rows: list[tuple[Any, ...]] = []
    for one in records:
        found = _judgement(rules, one)
        if isinstance(found, tuple):
            rows.append(found)
        else:
            line, count = lost.get((type(found), found.reason), (one.line or 0, 0))
            lost[type(found), found.reason] = line, count + found.count
    items: list[Refused | LeftOut] = [
        Refused(reason, line, count) if kind is Refused else LeftOut(reason, count)
        for (kind, reason), (line, count) in lost.items()
    ]
    if not rows:
        return list(items)
    columns = zip(*rows, strict=True)
    table = pa.table(
        {name: pa.array(column, rules.kinds[name]) for name, column in zip(rules.kinds, columns, strict=True)}
    )
    made = rules.made(table)
    if made is None:
        raise AssertionError("a record was judged sound and cannot be taken")
    return [made, *items]


def _judgement(rules: Rules[Made], one: Fields | Refused) -> tuple[Any, ...] | Refused | LeftOut:
    """Return the values of a record, or as what it is lost."""
    if isinstance(one, Refused):
        return one
    if len(one.fields) < len(rules.names):
        return Refused("not enough columns" if one.ended else "truncated last line", one.line)
    if len(one.fields) > len(rules.names):
        return Refused("too many columns", one.line)
    found = rules.judge(one.fields)
    return Refused(found, one.line) if isinstance(found, str) else found


def whole(text: bytes) -> int | None:
    """Return a whole number of 64 bits as Arrow reads one; None where it is none.

    Examples
    --------
    >>> whole(b" 12"), whole(b"-3"), whole(b"1.5"), whole(b"")
    (12, -3, None, None)
    """
    text = text.strip(b" \t")
    value = int(text) if _WHOLE.fullmatch(text) else None
    return value if value is not None and -(2**63) <= value < 2**63 else None


_WHOLE = re.compile(rb"-?[0-9]{1,19}")


def truth(text: bytes) -> bool | None:
    """Return a truth value; None where it is none.

    Examples
    --------
    >>> truth(b"true"), truth(b"FALSE"), truth(b"yes")
    (True, False, None)
    """
    return _TRUTHS.get(text.strip(b" \t"))


_TRUTHS = {word.encode(): value for words, value in ((TRUE, True), (FALSE, False)) for word in words}

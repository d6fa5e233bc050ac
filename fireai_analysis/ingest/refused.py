"""Files that are told by their content and not read: each is refused by its name, with what to take in its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from fireai_analysis.ingest.found import Format, Item
from fireai_analysis.ingest.source import Head, Source

UNPACK = "unpack it and give what is in it"
TEXT_OF_RESULTS = "take the results themselves (CSV, JSON or the tool's log), not a page about them"

_TAR_MARK = slice(257, 262)


def _begins(*marks: bytes) -> Callable[[Head], bool]:
    """Return whether a file begins with one of these bytes."""
    return lambda head: head.data.startswith(marks)


def _line(pattern: str, lines: int = 1, flags: int = 0) -> Callable[[Head], bool]:
    """Return whether one of the first lines matches from its beginning."""
    found = re.compile(pattern, flags | re.ASCII)
    return lambda head: any(found.match(line) for line in head.lines(lines))


def _keys(*keys: str) -> Callable[[Head], bool]:
    """Return whether a file is an object with all these keys."""
    return lambda head: head.text.lstrip().startswith("{") and all(f'"{key}"' in head.text for key in keys)


def _any(*tests: Callable[[Head], bool]) -> Callable[[Head], bool]:
    return lambda head: any(test(head) for test in tests)


def _gob(head: Head) -> bool:
    """Whether a Go gob stream describes vegeta's `Result` within its first bytes."""
    return b"\x06Result\x01" in head.data[:64] and b"\x07Latency\x01" in head.data[:400]


_KINDS: tuple[tuple[str, str, Callable[[Head], bool], str], ...] = (
    ("vegeta-gob", "vegeta results, Go gob", _gob, "convert it: vegeta encode --to csv FILE > results.csv"),
    (
        "vegeta-text",
        "vegeta report, text",
        _any(_line(r"Requests\s+\[total, rate"), _line(r"Bucket\s+#\s+%\s+Histogram")),
        "take its results: vegeta encode --to csv, or vegeta report -type=json",
    ),
    (
        "ab",
        "ApacheBench",
        _any(
            _line(r"starttime\tseconds\tctime\tdtime\tttime\twait"),
            _line(r"Percentage served,Time in ms"),
            _line(r"This is ApacheBench, Version", 5),
        ),
        "ab tells neither status nor failure of a request, and whole seconds only: measure with another tool",
    ),
    (
        "siege",
        "siege",
        _any(
            _line(r"(\*\* SIEGE \d|Lifting the server siege|\s*Transactions:\s+\d+\s+hits)", 50),
            _line(r"\s*Date & Time,\s*Trans,\s*Elap Time", 5),
            _keys("transactions", "availability", "longest_transaction"),
        ),
        "siege tells means only, no percentile: measure with another tool",
    ),
    (
        "tsung",
        "Tsung",
        _any(
            _line(r"# stats: dump at \d", 5),
            _line(r"stats: \S+ \d", 5),
            _line(r"#date;pid;id;http method;host;URL", 3),
            _line(r"\s*<!DOCTYPE tsung|\s*<tsung\b", 5),
        ),
        "Tsung tells means of intervals only, no percentile: measure with another tool",
    ),
    (
        "gatling-js",
        "Gatling stats.js",
        _line(r"\s*(var|let|const) stats = \{"),
        "it is a program: take js/stats.json or the simulation.log beside it",
    ),
    (
        "pprof-text",
        "an old profile or the text of one",
        _line(
            r"--- (contentionz|mutex|heapz?|threadz|growthz|profile)\b|(goroutine|threadcreate|mutex) profile: total"
        ),
        "take the profile itself: the same address without debug=1",
    ),
    ("html", "a page of HTML", _line(r"\s*(<!doctype html|<html\b)", 3, re.IGNORECASE), TEXT_OF_RESULTS),
    ("pdf", "a PDF", _begins(b"%PDF-"), TEXT_OF_RESULTS),
    (
        "image",
        "an image",
        _begins(b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"),
        TEXT_OF_RESULTS,
    ),
    ("svg", "a drawing (SVG)", _line(r"\s*(<svg\b|<!DOCTYPE svg\b)", 4), TEXT_OF_RESULTS),
    (
        "zip",
        "a ZIP archive or a spreadsheet",
        _begins(b"PK\x03\x04", b"PK\x05\x06"),
        f"{UNPACK}; a spreadsheet: as CSV",
    ),
    ("spreadsheet", "an old spreadsheet", _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "save it as CSV"),
    (
        "archive",
        "an archive",
        _any(
            _begins(
                b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
            ),
            lambda head: head.data[_TAR_MARK] == b"ustar",
        ),
        UNPACK,
    ),
    (
        "parquet",
        "a Parquet file",
        _begins(b"PAR1"),
        "a run bundle is read by fireai report; of another tool take its CSV",
    ),
    ("database", "an SQLite database", _begins(b"SQLite format 3\0"), "export the table of requests as CSV"),
    ("program", "a program", _begins(b"\x7fELF", b"MZ\x90", b"\xca\xfe\xba\xbe"), "give the results that it wrote"),
)


def _read(title: str, remedy: str, source: Source) -> Iterator[Item]:
    """Refuse a file by the name of its format."""
    raise source.refusal(f"is {title}, which is recognised and not read", remedy=remedy)


FORMATS = tuple(
    Format(name, title, title, "totals", recognises, partial(_read, title, remedy), is_read=False)
    for name, title, recognises, remedy in _KINDS
)

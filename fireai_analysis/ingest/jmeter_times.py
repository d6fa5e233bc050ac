"""Times as JMeter writes them: milliseconds since 1970, or dates in one of the forms that it reads itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fireai_analysis.ingest.tabular import whole

NO_ZONE = "Times are dates without a zone and are taken as UTC."
MONTH_FIRST = "Dates are read as month/day/year, as JMeter reads them."
_YEAR_FIRST = re.compile(
    rb"(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[ T](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    rb"(?:[.,](?P<ms>\d{3}))? ?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_MONTH_FIRST = re.compile(
    rb"(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d\d) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?P<ms>)(?P<zone>)"
)
_LENGTHS = {len("2026-11-24 10:15:00"), len("2026-11-24 10:15:00.000")}
_START = datetime(1970, 1, 1, tzinfo=UTC)


def is_epoch(text: bytes) -> bool:
    """Whether a time is a number, not a date."""
    return whole(text) is not None


def dated_ms(text: bytes) -> int | None:
    """Return a date as milliseconds since 1970; without a zone it is UTC. None where it is no date.

    Examples
    --------
    >>> dated_ms(b"1970-01-01 00:00:01.500"), dated_ms(b"1970/01/01 01:00:00+0100"), dated_ms(b"01/02/70 00:00:00")
    (1500, 0, 86400000)
    >>> dated_ms(b"2026-02-30 00:00:00") is None
    True
    """
    found = _YEAR_FIRST.fullmatch(text.strip()) or _MONTH_FIRST.fullmatch(text.strip())
    if not found:
        return None
    year, month, day = (int(found[name]) for name in ("year", "month", "day"))
    year += 0 if len(found["year"]) == 4 else 2000 if year < 70 else 1900
    clock = timedelta(**{f"{name}s": int(found[name]) for name in ("hour", "minute", "second")})
    if int(found["hour"]) > 23 or int(found["minute"]) > 59 or int(found["second"]) > 59:
        return None
    try:
        instant = datetime(year, month, day, tzinfo=_zone(found["zone"])) + clock
    except (ValueError, OverflowError):
        return None
    return (instant - _START) // timedelta(milliseconds=1) + int(found["ms"] or 0)


def _zone(text: bytes | None) -> timezone:
    if not text or text == b"Z":
        return UTC
    digits = text[1:].replace(b":", b"")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-offset if text.startswith(b"-") else offset)


def notes_of(text: bytes) -> tuple[str, ...]:
    """Return what the reader of the report must know of times written so."""
    if is_epoch(text):
        return ()
    found = _YEAR_FIRST.fullmatch(text.strip())
    return () if found and found["zone"] else (NO_ZONE,) if found else (NO_ZONE, MONTH_FIRST)


def text_of(ms: int) -> bytes:
    """Return the form that `times_ms` reads.

    Examples
    --------
    >>> text_of(1500)
    b'1970-01-01 00:00:01.500'
    """
    return (_START + timedelta(milliseconds=ms)).strftime("%Y-%m-%d %H:%M:%S.").encode() + b"%03d" % (ms % 1000)


def times_ms(column: pa.Array) -> npt.NDArray[np.int64] | None:
    """Return times as milliseconds since 1970; None where one is neither a number nor a date with its year first.

    Examples
    --------
    >>> times_ms(pa.array([b"1970-01-01 00:00:01", b"1970/01/01 00:00:01.500"])).tolist()
    [1000, 1500]
    """
    if column.type == pa.int64():
        return np.asarray(column.to_numpy(zero_copy_only=False))
    if not set(pc.unique(pc.binary_length(column)).to_pylist()) <= _LENGTHS:
        return None
    try:
        texts = pc.replace_substring(column.cast(pa.string()), "/", "-")
        return np.asarray(texts.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy(zero_copy_only=False))
    except pa.ArrowInvalid:
        return None

"""Samples of resources gathered into tables of a run bundle, and the time of a file that does not tell its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from fireai_analysis.ingest.batches import BATCH_ROWS, END_NS, FIRST_NS
from fireai_analysis.ingest.found import Item, LeftOut, Refused, Series
from fireai_analysis.ingest.moments import rfc3339_ns
from fireai_analysis.ingest.reported import number
from fireai_analysis.ingest.source import Source
from fireai_analysis.ingest.tally import Tally
from fireai_analysis.schemas import SAMPLES

Sample = tuple[str, dict[str, Any]]
"""Name of a table in `SAMPLES`, and the values of a row; columns that are not told are left out."""

BY_NAME = "The file tells no time: the one in its name is taken, as UTC."
BY_CLOCK = "The file tells no time, and its name none: the time of its last change is taken."
TOO_LARGE = "value is impossible"

_STAMP = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)[T_-]?(\d\d)[:_-]?(\d\d)[:_-]?(\d\d)(?!\d)", re.ASCII)
_SECONDS_NS = 10**9


def gathered(source: Source, found: Iterable[Sample | Item]) -> Iterator[Item]:
    """Yield tables of each name, of bounded size, then what was refused and left out; other items pass as they come.

    Raises
    ------
    IngestError
        Where no sample was found.
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    tally, some = Tally(), False
    for one in found:
        if isinstance(one, tuple):
            values = {name: value for name, value in one[1].items() if _fits(SAMPLES[one[0]].field(name).type, value)}
            some = True
            rows.setdefault(one[0], []).append(values)
            if len(rows[one[0]]) == BATCH_ROWS:
                yield _table(one[0], rows.pop(one[0]))
            if len(values) < len(one[1]):
                tally.add(Refused(TOO_LARGE, None, len(one[1]) - len(values)))
        elif isinstance(one, Refused | LeftOut):
            tally.add(one)
        else:
            yield one
    if not some:
        first = next(iter(tally.refused.values()), None)
        why = f": {first.reason}" if first else ""
        raise source.refusal(f"holds no sample that can be read{why}", line=first.line if first else None)
    for name, samples in rows.items():
        yield _table(name, samples)
    yield from tally.items()


def _table(name: str, samples: list[dict[str, Any]]) -> Series:
    return Series(name, pa.Table.from_pylist(samples, schema=SAMPLES[name]))


def _fits(kind: pa.DataType, value: Any) -> bool:
    """Whether a whole number fits the column that is to hold it."""
    return not (pa.types.is_integer(kind) and value is not None) or -(2 ** (kind.bit_width - 1)) <= value < 2 ** (
        kind.bit_width - 1
    )


def moment_ns(value: Any) -> int | None:
    """Return a time as UTC nanoseconds: text of RFC 3339 (UTC where it has no zone), or epoch s, ms, us or ns.

    Examples
    --------
    >>> moment_ns("2026-11-23T10:15:00Z") == moment_ns(1795428900) == moment_ns("1795428900000")
    True
    >>> moment_ns("noon"), moment_ns(5), moment_ns(None)
    (None, None, None)
    """
    found = number(value)
    if found is None:
        moment = rfc3339_ns(value, assume_utc=True) if isinstance(value, str) else None
        return moment if moment is not None and FIRST_NS <= moment < END_NS else None
    for scale in (_SECONDS_NS, 10**6, 10**3, 1):
        moment = round(found * scale)
        if FIRST_NS <= moment < END_NS:
            return moment
    return None


def whole(value: Any, scale: float = 1) -> int | None:
    """Return a figure as a whole number after scaling; None where it is no number from 0."""
    found = number(value)
    return None if found is None else round(found * scale)


def taken_ns(path: Path) -> tuple[int, str]:
    """Return when a file was taken that does not say so itself, and the sentence that tells where that is from.

    Examples
    --------
    >>> taken_ns(Path("heap_20261123_101500.txt"))[0] == moment_ns("2026-11-23T10:15:00Z")
    True
    """
    if found := _STAMP.search(path.name):
        stamp = "{}-{}-{}T{}:{}:{}Z".format(*found.groups())
        moment = moment_ns(stamp)
        if moment is not None:
            return moment, BY_NAME
    changed = path.stat().st_mtime_ns
    return min(max(changed, FIRST_NS), END_NS - 1), BY_CLOCK

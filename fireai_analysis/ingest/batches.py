"""Requests gathered into tables, and what was refused or left out counted by reason: for readers that go row by row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from fireai_analysis.ingest.found import ROWS, Item, LeftOut, Refused, Rows
from fireai_analysis.ingest.source import Source
from fireai_analysis.ingest.tally import Tally

BATCH_ROWS = 100_000
FIRST_NS, END_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""2000-01-01 and 2100-01-01 UTC: a request outside was not measured, its time is broken."""
TIMEOUT = "timeout"
"""The error of a request whose client stopped waiting, in every format: it counts as infinitely slow."""
LONGEST_US = 2**31 - 1
"""About 35 minutes: what an int32 of microseconds holds."""


class Request(NamedTuple):
    """One request, with the columns of `found.ROWS`, in their order."""

    sent_ns: int
    service_us: int | None
    ok: bool
    endpoint: str | None = None
    method: str | None = None
    status: int | None = None
    error: str | None = None
    response_bytes: int | None = None
    user: int | None = None
    intended_ns: int | None = None


def impossible(sent_ns: int, service_us: int | None) -> str | None:
    """Return why these times cannot be those of a request; None where they can.

    Parameters
    ----------
    sent_ns : int
        UTC nanoseconds.
    service_us : int or None
        Microseconds.

    Examples
    --------
    >>> impossible(0, 1), impossible(1_700_000_000 * 10**9, -1)
    ('time is impossible', 'elapsed is impossible')
    """
    if not FIRST_NS <= sent_ns < END_NS:
        return "time is impossible"
    if service_us is not None and not 0 <= service_us <= LONGEST_US:
        return "elapsed is impossible"
    return None


def gathered(source: Source, found: Iterable[Request | Item]) -> Iterator[Item]:
    """Yield tables of the requests, and at the end the refused and the left out rows, one item a reason.

    Other items pass as they come. Times must be possible ones, as `impossible` tells.

    Raises
    ------
    IngestError
        Where there was no request at all; it names the first row that was refused.
    """
    requests: list[Request] = []
    count = 0
    tally = Tally()
    for one in found:
        if isinstance(one, Request):
            requests.append(one)
            count += 1
            if len(requests) == BATCH_ROWS:
                yield Rows(_table(requests))
                requests = []
        elif isinstance(one, Refused | LeftOut):
            tally.add(one)
        else:
            yield one
    if not count:
        raise tally.nothing(source)
    if requests:
        yield Rows(_table(requests))
    yield from tally.items()


def objects(source: Source) -> Iterator[tuple[dict[str, Any], int] | Refused]:
    """Yield the JSON object of each line that is not empty, with its line."""
    for place, line in source.lines():
        if not line.strip():
            continue
        try:
            found = json.loads(line.decode("utf-8", "backslashreplace"))
        except (ValueError, RecursionError):
            yield Refused("not JSON" if line.endswith(b"\n") else "truncated last line", place)
            continue
        yield (found, place) if isinstance(found, dict) else Refused("not an object", place)


def _table(requests: list[Request]) -> pa.Table:
    columns = dict(zip(Request._fields, zip(*requests, strict=True), strict=True))
    return pa.table([_column(columns[field.name], field.type) for field in ROWS], schema=ROWS)


def _column(values: tuple[object, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, kind.value_type).dictionary_encode().cast(kind)
    return pa.array(values, kind)

"""JMeter's results as CSV (JTL): any delimiter; the columns that its header names, without one those of JMeter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fireai_analysis.ingest.csv_blocks import Fields, record
from fireai_analysis.ingest.found import Format, Item, LeftOut, Rows, Told
from fireai_analysis.ingest.jmeter_rows import (
    BY_CODE,
    KINDS,
    NO_MESSAGE,
    RESOLUTION,
    STARTS,
    TRANSACTIONS,
    JMeterRows,
    Threads,
    judge_of,
    kinds_of,
    rows_of,
)
from fireai_analysis.ingest.jmeter_times import dated_ms, is_epoch, notes_of
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.ingest.tabular import Rules, read_table, truth, whole
from fireai_analysis.ingest.tally import Tally

NAMES = tuple(
    "timeStamp elapsed label responseCode responseMessage threadName dataType success failureMessage bytes sentBytes "
    "grpThreads allThreads URL Filename Latency Encoding SampleCount ErrorCount Hostname IdleTime Connect".split()
)
"""Every column that JMeter can write, in its order; variables of the test plan follow them."""
_KNOWN = {name.casefold(): name for name in NAMES}
_TELLING = {"elapsed", "label", "responseCode", "responseMessage", "threadName", "success"}

_FIRST = "timeStamp elapsed label responseCode responseMessage threadName"
LAYOUTS = tuple(
    tuple(f"{_FIRST} {more}".split())
    for more in (
        "dataType success bytes",
        "dataType success bytes Latency",
        "success bytes grpThreads allThreads Latency",
        "success bytes grpThreads allThreads Latency Hostname",
        "success bytes grpThreads allThreads Latency Hostname Connect",
        "dataType success failureMessage bytes sentBytes grpThreads allThreads Latency IdleTime Connect",
        "dataType success failureMessage bytes sentBytes grpThreads allThreads URL Latency IdleTime Connect",
    )
)
"""What a file without a header can hold, each of another length: the defaults of JMeter 2, 3 and 5, and of Taurus."""
DELIMITERS = (b",", b";", b"\t", b"|")


class Table(NamedTuple):
    """How a file is laid out: its delimiter, its columns, the line that names them, and that of its first request."""

    delimiter: bytes
    names: tuple[str, ...]
    header_line: int | None
    first_line: int


def table_of(head: Head) -> Table | None:
    """Return the layout of a file; None where it is none of JMeter's."""
    data = head.data
    blank = len(data) - len(data.lstrip(b"\r\n"))
    line = 1 + data.count(b"\n", 0, blank)
    return _with_header(data, blank, line) or _without_header(data, blank, line)


def _with_header(data: bytes, at: int, line: int) -> Table | None:
    found = re.compile(rb'"?\w+"?([^\w"\r\n])').match(data, at)
    if not found:
        return None
    first, end = record(data, at, line, found[1], final=True)
    if not isinstance(first, Fields):
        return None
    words = [name.strip().decode("utf-8", "backslashreplace") for name in first.fields]
    names = tuple(_KNOWN.get(name.casefold(), name) for name in words)
    is_ours = len(_TELLING.intersection(names)) >= 3 or {"timeStamp", "elapsed"} <= set(names)
    return Table(found[1], names, line, line + data.count(b"\n", at, end)) if is_ours else None


def _without_header(data: bytes, at: int, line: int) -> Table | None:
    for delimiter in DELIMITERS:
        first, _ = record(data, at, line, delimiter, final=True)
        fields = first.fields if isinstance(first, Fields) else []
        for names in LAYOUTS:
            if len(names) == len(fields) and _fits(dict(zip(names, fields, strict=True))):
                return Table(delimiter, names, None, line)
    return None


def _fits(row: dict[str, bytes]) -> bool:
    numbers = [row[name] for name in ("elapsed", "bytes", "Latency", "Connect", "allThreads") if name in row]
    is_time = is_epoch(row["timeStamp"]) or dated_ms(row["timeStamp"]) is not None
    return is_time and truth(row["success"]) is not None and all(whole(number) is not None for number in numbers)


def recognises(head: Head) -> bool:
    """Whether a file begins as JMeter writes CSV."""
    return table_of(head) is not None


def rules_of(source: Source, table: Table) -> tuple[Rules[JMeterRows], dict[str, None]]:
    """Return how the records of a file are read, and what its reader must know.

    Raises
    ------
    IngestError
        Where a column that cannot be done without is missing, or one is named twice.
    """
    names, line = table.names, table.header_line
    twice = [name for name in names if names.count(name) > 1 and name in KINDS]
    if twice:
        raise source.refusal(f"names the column {twice[0]} twice", line=line)
    missing = [name for name in ("timeStamp", "elapsed") if name not in names]
    if missing:
        remedy = "set jmeter.save.saveservice.timestamp_format=ms and jmeter.save.saveservice.time=true and run again"
        raise source.refusal(f"has no column {' and no column '.join(missing)}", line=line, remedy=remedy)
    if not {"success", "responseCode"} & set(names):
        remedy = "set jmeter.save.saveservice.successful=true and run again"
        raise source.refusal("tells neither success nor responseCode", line=line, remedy=remedy)
    time = _first_time(source.head(), table)
    notes = [RESOLUTION, STARTS, *notes_of(time)]
    notes += [NO_MESSAGE] if "responseMessage" not in names else []
    notes += [BY_CODE] if "success" not in names else []
    kinds = kinds_of(names, epoch=is_epoch(time))
    return Rules(table.delimiter, names, kinds, judge_of(names, kinds), rows_of), dict.fromkeys(notes)


def _first_time(head: Head, table: Table) -> bytes:
    """Return the first time that can be read at the beginning of a file; a number where there is none."""
    at, place, line = 0, table.names.index("timeStamp"), 1
    while at < len(head.data):
        found, end = record(head.data, at, line, table.delimiter, final=True)
        line += head.data.count(b"\n", at, end)
        at = end
        if isinstance(found, Fields) and found.line >= table.first_line and len(found.fields) > place:
            time = found.fields[place]
            if is_epoch(time) or dated_ms(time) is not None:
                return time
    return b"0"


def read(source: Source) -> Iterator[Item]:
    """Yield the requests of a file."""
    table = table_of(source.head())
    if table is None:
        remedy = "set jmeter.save.saveservice.print_field_names=true and run again, or put the header above"
        raise source.refusal("has no header of JMeter and not its default columns", line=1, remedy=remedy)
    rules, notes = rules_of(source, table)
    tally, threads, rows_count, users_count = Tally(), Threads(), 0, 0
    for found in read_table(source, rules, table.first_line):
        if not isinstance(found, JMeterRows):
            tally.add(found)
            continue
        if found.transactions_count:
            tally.add(LeftOut(TRANSACTIONS, found.transactions_count))
        users_count = max(users_count, found.users_count)
        notes.update(dict.fromkeys(found.notes))
        if found.rows_count:
            rows_count += found.rows_count
            yield Rows(threads.numbered(found))
    if not rows_count:
        raise tally.nothing(source)
    yield from tally.items()
    yield Told(users_count=users_count or None, notes=tuple(notes))


FORMAT = Format("jmeter-csv", "JMeter JTL, CSV", "JMeter", "rows", recognises, read)

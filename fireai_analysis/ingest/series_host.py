"""Figures of a machine as text: `vmstat -t`, `sar -u -r -q`, and CSV of psutil's figures with a time.

Percentages of the processor: all that is neither idle nor waiting for a disk counts as used, as our own sampler has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from fireai_analysis.ingest.csv_records import header, named
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told
from fireai_analysis.ingest.reported import number, text
from fireai_analysis.ingest.sampled import Sample, gathered, moment_ns, whole
from fireai_analysis.ingest.series_metrics import UNNAMED, process_of
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.units import BYTES_PER_MIB

SINCE_BOOT = "the mean since the machine started, which comes first"
LONGEST_LINE = 1000
MEANS = "means of the whole"
RESTARTS = "restarts of the machine"
ZONE_NOTE = "{tool} tells times of its own clock: they are taken as UTC."
DATE_NOTE = "The date {text} of sar is taken as month, day, year."
NEEDED = {"us", "sy", "id", "wa", "st"}
TIMES = ("timestamp", "time", "datetime", "t", "ts")
HOST = {
    "cpu_percent": ("cpu_ratio", 0.01),
    "iowait_percent": ("iowait_ratio", 0.01),
    "steal_percent": ("steal_ratio", 0.01),
    "load_1min": ("load_1min", 1),
    "load1": ("load_1min", 1),
    "memory_used_bytes": ("memory_used_bytes", 1),
    "memory_used_mb": ("memory_used_bytes", BYTES_PER_MIB),
    "memory_total_bytes": ("memory_total_bytes", 1),
    "memory_total_mb": ("memory_total_bytes", BYTES_PER_MIB),
}
PROCESS = {"rss": 1, "rss_bytes": 1, "memory_rss": 1, "rss_kb": 1024, "rss_mb": BYTES_PER_MIB}
NAMES = ("process", "process_name", "name", "service")

_VMSTAT_ROW = re.compile(r"\s*((?:-?\d+\s+){16,18})(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\s*", re.ASCII)
_SAR_HEAD = re.compile(r"Linux \S+ \(.*\)\s+(\S+)\s+_\S+_\s+\(\d+ CPU\)")
_SAR_ROW = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\s+(AM|PM))?\s+(\S.*)", re.ASCII)


def recognises_vmstat(head: Head) -> bool:
    """Whether vmstat printed the lines."""
    return any(line.startswith("procs ") and "memory" in line and "cpu" in line for line in head.lines(3))


def recognises_sar(head: Head) -> bool:
    """Whether sar printed the lines."""
    return any(_SAR_HEAD.match(line[:LONGEST_LINE]) for line in head.lines(2))


def recognises_psutil(head: Head) -> bool:
    """Whether a CSV has a time and figures of a machine or a process by the names of psutil."""
    names = set(header(head))
    return bool(names & set(TIMES)) and bool(names & (set(HOST) | set(PROCESS))) and "heap_alloc_mb" not in names


def read_vmstat(source: Source) -> Iterator[Item]:
    """Yield a sample of each line; without `-t` there are no times, and the file is refused."""
    zones: list[str] = []
    yield from gathered(source, _vmstat(source, zones))
    yield Told(notes=() if set(zones) <= {"UTC", "GMT"} else (ZONE_NOTE.format(tool="vmstat"),))


def read_sar(source: Source) -> Iterator[Item]:
    """Yield a sample of each instant, from all tables of the text."""
    page = _Sar()
    yield from gathered(source, page.samples(source))
    yield Told(notes=tuple(page.notes))


def read_psutil(source: Source) -> Iterator[Item]:
    """Yield a sample of each row; a process must be named in a column."""
    yield from gathered(source, _psutil(source))
    yield Told()


def _vmstat(source: Source, zones: list[str]) -> Iterator[Sample | Item]:
    names: list[str] = []
    is_first = True
    for place, line in source.lines():
        words = line.decode("utf-8", "backslashreplace").split()
        if not words or words[0] == "procs":
            continue
        if words[:2] == ["r", "b"]:
            names = words[: words.index("st") + 1 + ("gu" in words)] if "st" in words else []
            zones += words[len(names) :]
            if not zones:
                raise source.refusal("tells no times", line=place, remedy="run vmstat -t")
            continue
        found = _VMSTAT_ROW.fullmatch(" ".join(words))
        row = dict(zip(names, found[1].split(), strict=False)) if found else {}
        if not found or not set(row) >= NEEDED or (t_ns := moment_ns(found[2])) is None:
            yield Refused("not a line of vmstat" if line.endswith(b"\n") else "truncated last line", place)
        elif is_first:
            is_first = False
            yield LeftOut(SINCE_BOOT)
        else:
            yield "host", {"t_ns": t_ns, **_processor(row["id"], row["wa"], row["st"])}


def _processor(idle: str, waiting: str, stolen: str) -> dict[str, float | None]:
    """Return shares from percentages; none where one is no percentage."""
    found = [number(one) for one in (idle, waiting, stolen)]
    if any(one is None or one > 100 for one in found):
        return {}
    shares = [(one or 0.0) / 100 for one in found]
    used = max(1 - shares[0] - shares[1], 0.0)
    return {"cpu_ratio": round(used, 6), "iowait_ratio": shares[1], "steal_ratio": shares[2]}


@dataclass
class _Sar:
    """The page of sar as it is read: its day, the table that it is in, and the day and second that each has reached."""

    day: date | None = None
    columns: tuple[str, ...] = ()
    reached: dict[tuple[str, ...], tuple[date, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)

    def samples(self, source: Source) -> Iterator[Sample | Item]:
        """Yield what the page holds, one row an instant."""
        for place, line in source.lines():
            row = line[:LONGEST_LINE].decode("utf-8", "backslashreplace").strip()
            if head := _SAR_HEAD.match(row):
                self._begin(source, head[1])
            elif row.startswith("Average:"):
                yield LeftOut(MEANS)
            elif "LINUX RESTART" in row:
                yield LeftOut(RESTARTS)
            elif row and (reason := self._row(row)):
                yield Refused(reason if line.endswith(b"\n") else "truncated last line", place)
        yield from (("host", {"t_ns": t_ns, **values}) for t_ns, values in self.rows.items() if values)

    def _begin(self, source: Source, told: str) -> None:
        """Take the date of a page."""
        numbers = [int(one) for one in re.findall(r"\d{1,4}", told)]
        if len(numbers) != 3:
            raise source.refusal("has no date that can be read", remedy="run sar with S_TIME_FORMAT=ISO")
        if numbers[0] > 31:
            year, month, day = numbers
        else:
            month, day, year = numbers
            if month > 12:
                month, day = day, month
            elif day <= 12:
                self.notes.append(DATE_NOTE.format(text=told))
        year += 2000 if year < 100 else 0
        try:
            self.day = date(year if 2000 <= year < 2099 else 0, month, day)
        except ValueError:
            raise source.refusal("has no date that can be read", remedy="run sar with S_TIME_FORMAT=ISO") from None
        self.notes.append(ZONE_NOTE.format(tool="sar"))
        self.reached.clear()

    def _row(self, row: str) -> str | None:
        """Take a row or the head of a table; return why it cannot be taken."""
        found = _SAR_ROW.fullmatch(row)
        if not found or self.day is None:
            return "not a row of sar"
        words = found[5].split()
        if any(word.startswith("%") or word in ("ldavg-1", "kbmemused") for word in words):
            self.columns = tuple(words)
            return None
        if len(words) != len(self.columns):
            return "not a row of sar"
        values = dict(zip(self.columns, words, strict=True))
        if values.get("CPU", "all") == "all":
            self.rows.setdefault(self._t_ns(found, self.day), {}).update(_sar_values(values))
        return None

    def _t_ns(self, found: re.Match[str], begin: date) -> int:
        """Return when a row was taken: a time of a table that falls is one of the next day."""
        hour = int(found[1]) % 12 + 12 * (found[4] == "PM") if found[4] else int(found[1])
        second = hour * 3600 + int(found[2]) * 60 + int(found[3])
        day, last_s = self.reached.get(self.columns, (begin, -1))
        day += timedelta(days=second < last_s)
        self.reached[self.columns] = day, second
        return ((day - date(1970, 1, 1)).days * 86_400 + second) * 10**9


def _sar_values(values: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if {"%idle", "%iowait", "%steal"} <= set(values):
        found |= _processor(values["%idle"], values["%iowait"], values["%steal"])
    if "kbmemused" in values:
        found["memory_used_bytes"] = whole(values["kbmemused"], 1024)
    if "ldavg-1" in values:
        found["load_1min"] = number(values["ldavg-1"])
    return found


def _psutil(source: Source) -> Iterator[Sample | Item]:
    for found in named(source):
        yield found if isinstance(found, Refused) else _figures(*found)


def _figures(row: Mapping[str, str], place: int) -> Sample | Item:
    t_ns = next((moment_ns(row[name]) for name in TIMES if name in row), None)
    if t_ns is None:
        return Refused("time is not a time", place)
    size = next((whole(row[name], scale) for name, scale in PROCESS.items() if name in row), None)
    if size is not None:
        process = process_of(text(row.get(name)) for name in NAMES)
        sample = {"t_ns": t_ns, "process": process, "rss_bytes": size}
        return ("processes", sample) if process else LeftOut(UNNAMED)
    values = {
        column: whole(row[name], scale) if column.endswith("_bytes") else (number(row[name]) or 0.0) * scale
        for name, (column, scale) in HOST.items()
        if name in row and number(row[name]) is not None
    }
    return ("host", {"t_ns": t_ns, **values}) if values else Refused("no figure is a number", place)


FORMATS = (
    Format("vmstat", "vmstat -t, text", "vmstat", "series", recognises_vmstat, read_vmstat),
    Format("sar", "sar, text", "sar", "series", recognises_sar, read_sar),
    Format("psutil", "figures of psutil, CSV", "psutil", "series", recognises_psutil, read_psutil),
)

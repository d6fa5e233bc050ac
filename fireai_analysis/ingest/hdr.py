"""HdrHistogram's files: percentile tables (.hgrm) and interval logs (.hlog, formats 1.0 to 1.3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from fireai_analysis.ingest.batches import END_NS, FIRST_NS
from fireai_analysis.ingest.found import Counts, Format, Histogram, Item, Refused, Told
from fireai_analysis.ingest.hdr_decode import Damaged, Decoded, decoded
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.ingest.spectrum import HEADER, LONGEST_LINE, Spectrum
from fireai_analysis.ingest.tally import Tally

UNITS = {"hgrm": "milliseconds", "hlog": "nanoseconds"}
NOTES = (
    "An .{kind} does not name its unit: {unit} are assumed, as HdrHistogram's own tools write them.",
    "Whether these are service or response times, and which failed, the file does not tell.",
)
HICCUPS = "jHiccup wrote this log: it holds pauses of a machine, not requests."
UNTAGGED = "untagged"
YEAR_S = 365 * 86_400.0

_COMMENT_TIME = re.compile(r"#\[(StartTime|BaseTime): (\d{1,12}(?:\.\d{1,9})?)", re.ASCII)
_INTERVAL = re.compile(
    r"(?:Tag=([^,]*),)?\s*(\d{1,12}(?:\.\d{1,9})?),\s*(\d{1,12}(?:\.\d{1,9})?),\s*([\d.]+),\s*(HIST\S*)", re.ASCII
)


def recognises_hgrm(head: Head) -> bool:
    """Whether the table begins within the first lines; wrk2 prints such a table below its own."""
    return "threads and" not in head.text and any(HEADER.fullmatch(line[:LONGEST_LINE]) for line in head.lines(20))


def recognises_hlog(head: Head) -> bool:
    """Whether the first line that is no comment and no header is an interval, or the comments name the format."""
    for line in head.lines(100):
        if "[Histogram log format version" in line or _INTERVAL.fullmatch(line.strip()):
            return True
        if not line.startswith(("#", '"')):
            return False
    return False


def read_hgrm(source: Source) -> Iterator[Item]:
    """Yield the counts between the rows of a percentile table."""
    table, tables = Spectrum(), 0
    for number, line in source.lines():
        text = line.decode("utf-8", "backslashreplace")
        if len(text) <= LONGEST_LINE and HEADER.fullmatch(text.rstrip("\r\n")):
            tables += 1
            if tables > 1:
                raise source.refusal("holds more than one table", line=number, remedy="split it")
        elif tables and (reason := table.take(text)):
            raise source.refusal(reason, line=number)
    histogram = table.histogram()
    if histogram is None:
        raise source.refusal("holds no row with a value")
    if not table.is_complete:
        raise source.refusal("breaks off before its last row", remedy="copy it again")
    yield histogram
    yield Told(notes=_notes("hgrm"))


@dataclass
class _Log:
    """What an interval log has told so far."""

    started_s: float | None = None
    base_s: float | None = None
    began_s: float | None = None
    ended_s: float | None = None
    is_hiccups: bool = False
    sums: dict[str, Decoded] = field(default_factory=dict)

    def comment(self, text: str) -> None:
        """Take a comment."""
        self.is_hiccups = self.is_hiccups or "jHiccup" in text
        if found := _COMMENT_TIME.match(text):
            if found[1] == "StartTime":
                self.started_s = float(found[2])
            else:
                self.base_s = float(found[2])

    def interval(self, text: str) -> str | None:
        """Take an interval; return why it cannot be taken."""
        found = _INTERVAL.fullmatch(text)
        if not found:
            return "not an interval"
        try:
            histogram = decoded(found[5])
        except Damaged as error:
            return str(error)
        tag = found[1] or UNTAGGED
        before = self.sums.get(tag, next(iter(self.sums.values()), None))
        if before is not None and before[:2] != histogram[:2]:
            return "another precision than that of the first interval"
        self.sums[tag] = _sum(self.sums[tag], histogram) if tag in self.sums else histogram
        begin_s = self._begin_s(float(found[2]))
        self.began_s = min(begin_s, self.began_s if self.began_s is not None else begin_s)
        self.ended_s = max(begin_s + float(found[3]), self.ended_s or 0.0)
        return None

    def _begin_s(self, stamp_s: float) -> float:
        """Return a time since 1970: times of a log are relative to its start where they are much earlier."""
        if self.base_s is None:
            relative = self.started_s is not None and stamp_s < self.started_s - YEAR_S
            self.base_s = self.started_s if relative and self.started_s else 0.0
        return self.base_s + stamp_s

    def told(self) -> Told:
        """Return when the first interval began and the last one ended."""
        notes = (*_notes("hlog"), *((HICCUPS,) if self.is_hiccups else ()))
        return Told(started_ns=_moment(self.began_s), ended_ns=_moment(self.ended_s), notes=notes)


def read_hlog(source: Source) -> Iterator[Item]:
    """Yield the sum of all intervals and, where they have tags, that of each tag."""
    log = _Log()
    tally = Tally()
    for number, line in source.lines():
        text = line.decode("utf-8", "backslashreplace").strip()
        if text.startswith(("#", '"')):
            log.comment(text)
        elif text and (reason := log.interval(text)):
            tally.add(Refused(reason, number))
    sums = [histogram for histogram in log.sums.values() if len(histogram.counts)]
    if not sums:
        first = next(iter(tally.refused.values()), None)
        raise source.refusal(
            f"holds no value{f': {first.reason}' if first else ''}", line=first.line if first else None
        )
    every = sums[0]
    for histogram in sums[1:]:
        every = _sum(every, histogram)
    yield _histogram(None, every)
    if set(log.sums) != {UNTAGGED}:
        yield from (_histogram(tag, histogram) for tag, histogram in log.sums.items() if len(histogram.counts))
    yield from tally.items()
    yield log.told()


def _sum(one: Decoded, other: Decoded) -> Decoded:
    size = max(len(one.counts), len(other.counts))
    return one._replace(counts=_padded(one.counts, size) + _padded(other.counts, size))


def _padded(counts: Counts, size: int) -> Counts:
    return np.pad(counts, (0, size - len(counts)))


def _histogram(endpoint: str | None, histogram: Decoded) -> Histogram:
    """Return nanoseconds as microseconds: a range across two of them counts for the later one."""
    low, high = (ends // 1000 for ends in histogram.ranges())
    filled = np.flatnonzero(histogram.counts)
    low, high, counts = low[filled], high[filled], histogram.counts[filled]
    first = np.flatnonzero(np.diff(high, prepend=-1))
    high = high[first]
    low = np.maximum(low[first], np.concatenate([[0], high[:-1] + 1]))
    return Histogram(endpoint, None, low, high, np.add.reduceat(counts, first))


def _moment(seconds: float | None) -> int | None:
    found = round(seconds * 1000) * 10**6 if seconds is not None else 0
    return found if FIRST_NS <= found < END_NS else None


def _notes(kind: str) -> tuple[str, ...]:
    return tuple(note.format(kind=kind, unit=UNITS[kind]) for note in NOTES)


FORMATS = (
    Format("hgrm", "HdrHistogram percentiles (.hgrm)", "HdrHistogram", "histogram", recognises_hgrm, read_hgrm),
    Format("hlog", "HdrHistogram interval log (.hlog)", "HdrHistogram", "histogram", recognises_hlog, read_hlog),
)

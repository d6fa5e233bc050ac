"""One foreign file, read to its end: its rows into a part of the bundle, everything else kept beside it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from fireai_analysis.bundle import sha256_file
from fireai_analysis.ingest.folder import Entry
from fireai_analysis.ingest.found import Histogram, Item, LeftOut, Profile, Refused, Rows, Series, Told, Totals
from fireai_analysis.ingest.source import Source
from fireai_analysis.ingest.writing import PartWriter, Span, seconds_between
from fireai_analysis.origin import OriginFile, Refusal
from fireai_analysis.units import duration_text, utc_text

LONGEST_RUN_S = 31 * 86_400.0
STRICT_REMEDY = "mend that line, or leave --strict out: the row is then counted as refused"


@dataclass
class Content:
    """What one file held beside its rows, and the record of it."""

    entry: Entry
    file: OriginFile
    totals: list[Totals] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)

    @property
    def rows_count(self) -> int:
        """Rows that were taken."""
        return self.file.taken.get("rows", 0)


@dataclass
class _Gathering:
    """What has been read of a file up to now."""

    source: Source
    strict: bool
    totals: list[Totals] = field(default_factory=list)
    histograms: list[Histogram] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    refused: dict[str, Refusal] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def add(self, item: Item) -> None:
        """Keep what is no row; where every line must be good, the first bad one ends all."""
        match item:
            case Refused():
                self._refuse(item)
            case LeftOut(reason, count):
                self.left_out[reason] = self.left_out.get(reason, 0) + count
            case Told():
                self.told = _joined(self.told, item)
            case _:
                self._keep(item)

    def _keep(self, item: Item) -> None:
        match item:
            case Totals():
                self.totals.append(item)
            case Histogram():
                self.histograms.append(item)
            case Series():
                self.series.append(item)
            case Profile():
                self.profiles.append(item)

    def _refuse(self, item: Refused) -> None:
        if self.strict:
            problem = f"a row cannot be taken: {item.reason}"
            raise self.source.refusal(problem, line=item.line, remedy=STRICT_REMEDY)
        before = self.refused.get(item.reason)
        first, count = (item.line, 0) if before is None else (before.line, before.count)
        self.refused[item.reason] = Refusal(count=count + item.count, line=first)


def _joined(one: Told, other: Told) -> Told:
    """Return what two statements of one file tell together; the later one governs."""
    known = {name: value for name in vars(other) if name != "notes" and (value := getattr(other, name)) is not None}
    return replace(one, **known, notes=tuple(dict.fromkeys((*one.notes, *other.notes))))


def read(entry: Entry, part: Path, worker: int, *, strict: bool, advanced: Callable[[int], None]) -> Content:
    """Read a file; its hash is computed meanwhile.

    Parameters
    ----------
    entry : Entry
        The file.
    part : pathlib.Path
        Where its rows are to lie; nothing is written where it holds none.
    worker : int
        Number of the file among those with rows of its run.
    strict : bool
        Whether a row that cannot be taken is an error.
    advanced : callable
        Told how many bytes were read since the last call.

    Raises
    ------
    IngestError
        Where the file is not of its format, or a row is bad and every row must be good.
    """
    source = Source(entry.path, advanced)
    gathering = _Gathering(source, strict)
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(sha256_file, entry.path)
        with PartWriter(part, worker) as writer:
            for item in entry.format.read(source):
                if isinstance(item, Rows):
                    writer.add(item.table)
                else:
                    gathering.add(item)
            _refuse_odd_span(source, writer.span)
        return _content(entry, gathering, writer.span, digest.result())


def _refuse_odd_span(source: Source, span: Span) -> None:
    """Refuse a file whose requests lie further apart than any run lasts: some of its times are wrong."""
    if span.first_ns is None or span.last_ns is None:
        return
    lasted_s = seconds_between(span.first_ns, span.last_ns)
    if lasted_s > LONGEST_RUN_S:
        ends = f"from {utc_text(span.first_ns)} to {utc_text(span.last_ns)}"
        remedy = "take out the rows whose times are wrong, or give each run as a file of its own"
        raise source.refusal(f"its requests lie up to {duration_text(round(lasted_s))} apart, {ends}", remedy=remedy)


def _content(entry: Entry, gathering: _Gathering, span: Span, digest: str) -> Content:
    told = gathering.told
    taken = {
        "rows": span.rows_count,
        "intended": span.intended_count,
        "totals": len(gathering.totals),
        "ranges": len(gathering.histograms),
        "samples": sum(len(one.table) for one in gathering.series),
        "profiles": len(gathering.profiles),
    }
    file = OriginFile(
        name=entry.name,
        bytes=entry.path.stat().st_size,
        sha256=digest,
        format=entry.format.name,
        title=entry.format.title,
        tool=entry.format.tool,
        tool_version=told.tool_version,
        started_ns=span.first_ns if span.rows_count else told.started_ns,
        ended_ns=None if span.last_ns is None else span.last_ns + 1,
        users_count=told.users_count if told.users_count is not None else span.users_count,
        taken={name: count for name, count in taken.items() if count},
        refused=gathering.refused,
        left_out=gathering.left_out,
        notes=told.notes,
    )
    if not span.rows_count:
        file = file.model_copy(update={"ended_ns": told.ended_ns, "duration_s": told.duration_s})
    return Content(entry, file, gathering.totals, gathering.histograms, gathering.series, gathering.profiles)

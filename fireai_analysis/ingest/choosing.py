"""Which of several files a scenario's figures are taken from where they tell of the same requests twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest.found import Totals
from fireai_analysis.ingest.reading import Content
from fireai_analysis.ingest.writing import seconds_between
from fireai_analysis.units import duration_text

MOST_GAP_S = 60.0
"""Files of one run follow each other within this time, or overlap; what lies further apart is another run."""


@dataclass(frozen=True)
class Chosen:
    """What the figures of a scenario are taken from.

    Attributes
    ----------
    rows : tuple of Content
        Files with rows; where there are some, nothing else is counted.
    told : Content or None
        The file of totals or histograms, where there are no rows.
    beside : tuple of Content
        Files of totals of the same requests, which are not counted.
    notes : tuple of str
        What the reader of the report must know of the choice.
    """

    rows: tuple[Content, ...]
    told: Content | None
    beside: tuple[Content, ...]
    notes: tuple[str, ...]


def chosen(contents: Sequence[Content]) -> Chosen:
    """Return what to take the figures from: rows over histograms over rounded percentiles over totals.

    Raises
    ------
    IngestError
        Where rows are of two runs.
    """
    rows = sorted((one for one in contents if one.rows_count), key=lambda one: one.file.started_ns or 0)
    totals = [one for one in contents if one.totals or one.histograms]
    if rows:
        return Chosen(tuple(rows), None, tuple(totals), (*_clocks(rows), *_against(totals, sum_of(rows))))
    told = max(totals, key=_worth, default=None)
    beside = tuple(one for one in totals if one is not told)
    return Chosen((), told, beside, () if told is None else _against(beside, requests_of(told)))


def _worth(content: Content) -> tuple[bool, bool, bool, int]:
    """Return how much a file of totals tells, as a key to compare by."""
    quantiles = any(one.quantiles_ms for one in content.totals)
    count = requests_of(content)
    return bool(content.histograms), quantiles, count is not None, count or 0


def sum_of(rows: Sequence[Content]) -> int:
    """Return how many rows files hold."""
    return sum(one.rows_count for one in rows)


def requests_of(content: Content) -> int | None:
    """Return how many requests a file of totals tells of; None where it does not tell."""
    overall = overall_of(content.totals)
    counts = [overall] if overall else [one for one in content.totals if one.endpoint is not None]
    known = [one.requests_count for one in counts if one.requests_count is not None]
    if known:
        return sum(known)
    alone = [one for one in content.histograms if one.endpoint is None] or content.histograms
    return int(sum(one.counts.sum() for one in alone)) if alone else None


def overall_of(totals: Sequence[Totals]) -> Totals | None:
    """Return the totals of all endpoints, where they are told."""
    return next((one for one in totals if one.endpoint is None and one.requests_count is not None), None)


def _against(beside: Sequence[Content], count: int | None) -> tuple[str, ...]:
    """Return which files tell another number of requests than the one that is counted."""
    told = ((one.file.name, requests_of(one)) for one in beside)
    return tuple(
        f"{name} tells of {other:,} requests, and {count:,} are counted here."
        for name, other in told
        if other is not None and count is not None and other != count
    )


def _clocks(rows: Sequence[Content]) -> tuple[str, ...]:
    """Return how far apart files begin and end that overlap: their clocks' offset, if they ran together."""
    notes, first, last_ns = list[str](), rows[0], rows[0].file.ended_ns or 0
    for one in rows[1:]:
        begins_ns, ends_ns = one.file.started_ns or 0, one.file.ended_ns or 0
        if seconds_between(last_ns, begins_ns) > MOST_GAP_S:
            gap = duration_text(seconds_between(last_ns, begins_ns))
            problem = f"begins {gap} after {first.file.name} and what follows it have ended: it is another run"
            raise IngestError(one.entry.path, problem, "ingest each run by itself; repeats are campaigns of their own")
        if begins_ns < last_ns:
            begin_ms = (begins_ns - (first.file.started_ns or 0)) / 1e6
            end_ms = (ends_ns - (first.file.ended_ns or 0)) / 1e6
            notes.append(
                f"{one.file.name} begins {begin_ms:+,.0f} ms and ends {end_ms:+,.0f} ms after {first.file.name}: if "
                "both generators began together, that is how far their clocks are apart."
            )
        last_ns = max(last_ns, ends_ns)
    return tuple(notes)

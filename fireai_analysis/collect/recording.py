"""What the journal of a generator tells of a run, however the generator ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireai_analysis.collect import journal
from fireai_analysis.collect.journal import Answer, Row


@dataclass(frozen=True)
class Recording:
    """What a journal tells of a run.

    Attributes
    ----------
    rows : list of Row
        Every request that ended, set-up and profiled included.
    errors : dict
        Error texts by number.
    started_ns, ended_ns : int or None
        Judged window; where the generator was killed, it ends with the last thing it wrote.
    """

    rows: list[Row]
    errors: dict[int, str]
    invocations: list[dict[str, Any]]
    answers: dict[int, Answer]
    ticks: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    started_ns: int | None
    ended_ns: int | None
    dropped_bytes: int


def recorded(path: Path) -> Recording:
    """Return what a journal tells; an absent one tells nothing."""
    content = journal.read(path) if path.is_file() else journal.Journal([], 0)
    phases = content.of(journal.PHASE)
    rows, ticks = content.of(journal.ROW), content.of(journal.TICK)
    started_ns = next((phase["started_ns"] for phase in phases if "started_ns" in phase), None)
    ended_ns = next((phase["ended_ns"] for phase in phases if "ended_ns" in phase), None)
    if ended_ns is None and started_ns is not None:
        last = [row.end_ns for row in rows] + [tick["t_ns"] for tick in ticks] + [phase["t_ns"] for phase in phases]
        ended_ns = max(started_ns, *last)
    return Recording(
        rows=rows,
        errors={text["id"]: text["text"] for text in content.of(journal.TEXT)},
        invocations=content.of(journal.INVOCATION),
        answers={answer.arrival: answer for answer in content.of(journal.ANSWER)},
        ticks=ticks,
        totals=content.of(journal.TOTALS),
        started_ns=started_ns,
        ended_ns=ended_ns,
        dropped_bytes=content.dropped_bytes,
    )

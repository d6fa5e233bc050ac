"""What the journals of a run's generator processes tell, however each of them ended."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireai_analysis.collect import journal
from fireai_analysis.collect.journal import Answer, Row

SHARD = re.compile(r"worker-(\d+)\.journal")
"""Name of the journal of one generator process."""


@dataclass(frozen=True)
class Recording:
    """What the journal of one generator process tells.

    Attributes
    ----------
    worker : int
        Number of the process, 0 where there is one.
    header : dict
        What the process said of itself: process, clock.
    rows : list of Row
        Every request that ended, set-up and profiled included.
    errors : dict
        Error texts by number.
    started_ns, ended_ns : int or None
        Judged window; where the generator was killed, it ends with the last thing it wrote.
    is_cut : bool
        Whether the process stopped writing before it had told the end of the judged window.
    """

    worker: int
    header: dict[str, Any]
    rows: list[Row]
    errors: dict[int, str]
    invocations: list[dict[str, Any]]
    answers: dict[int, Answer]
    ticks: list[dict[str, Any]]
    totals: list[dict[str, Any]]
    started_ns: int | None
    ended_ns: int | None
    is_cut: bool
    dropped_bytes: int


def recordings(folder: Path) -> list[Recording]:
    """Return what the journals in a folder tell, in order of their processes."""
    found = [(int(named[1]), path) for path in folder.iterdir() if (named := SHARD.fullmatch(path.name))]
    return [recorded(path, worker) for worker, path in sorted(found)]


def recorded(path: Path, worker: int = 0) -> Recording:
    """Return what the journal of one process tells; an absent one tells nothing."""
    content = journal.read(path) if path.is_file() else journal.Journal([], 0)
    phases = content.of(journal.PHASE)
    rows, ticks = content.of(journal.ROW), content.of(journal.TICK)
    started_ns = next((phase["started_ns"] for phase in phases if "started_ns" in phase), None)
    told_ns = next((phase["ended_ns"] for phase in phases if "ended_ns" in phase), None)
    ended_ns = told_ns
    if told_ns is None and started_ns is not None:
        last = [row.end_ns for row in rows] + [tick["t_ns"] for tick in ticks] + [phase["t_ns"] for phase in phases]
        ended_ns = max(started_ns, *last)
    return Recording(
        worker=worker,
        header=next(iter(content.of(journal.HEADER)), {}),
        rows=rows,
        errors={text["id"]: text["text"] for text in content.of(journal.TEXT)},
        invocations=content.of(journal.INVOCATION),
        answers={answer.arrival: answer for answer in content.of(journal.ANSWER)},
        ticks=ticks,
        totals=content.of(journal.TOTALS),
        started_ns=started_ns,
        ended_ns=ended_ns,
        is_cut=told_ns is None,
        dropped_bytes=content.dropped_bytes,
    )


def window(found: Sequence[Recording]) -> tuple[int | None, int | None]:
    """Return begin and end of the judged window: the processes begin at one instant, the run ends with the last."""
    started = [one.started_ns for one in found if one.started_ns is not None]
    ended = [one.ended_ns for one in found if one.ended_ns is not None]
    return min(started, default=None), max(ended, default=None)

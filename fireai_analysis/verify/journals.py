"""The request rows against the journals of the processes that sent them, where these lie beside the run.

A journal is written while the load runs, frame by frame with checksums; the rows are made of it afterwards. Whoever
alters rows, and the hashes with them, must alter both.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from fireai_analysis.collect.recorder import JUDGED
from fireai_analysis.collect.recording import recordings
from fireai_analysis.verify.evidence import Run, words
from fireai_analysis.verify.ledger import Ledger

Line = tuple[Any, ...]
COLUMNS = ("worker", "user", "intended_ns", "sent_ns", "service_us", "response_us", "status", "response_bytes")
LONGEST_US = 2**31 - 1


def hold(run: Run, ledger: Ledger) -> None:
    """Hold each sent row of a run against its record, both ways; a run without journals is left as it is."""
    folder = run.directory / "journal"
    found = recordings(folder) if folder.is_dir() else []
    if not found:
        return
    recorded = Counter[Line]()
    for one in found:
        for row in one.rows:
            if row.phase == JUDGED:
                service, response = (_us(row.end_ns - begin) for begin in (row.sent_ns, row.intended_ns))
                times = (row.intended_ns, row.sent_ns, service, response)
                error = one.errors.get(row.error, "unknown error") if row.error else ""
                recorded[(one.worker, row.user, *times, row.status, row.size_bytes, row.error == 0, error)] += 1
    kept = _rows(run)
    for what, lines in (("rows that no journal tells", kept - recorded), ("rows that are gone", recorded - kept)):
        if lines:
            worker, user, intended_ns = next(iter(lines))[:3]
            first = f"{lines.total():,}, the first of user {user} of process {worker}, due at {intended_ns} ns"
            ledger.differ(f"journal: {what}", f"{run.name}/requests", first, "none")


def _rows(run: Run) -> Counter[Line]:
    frame = run.table("requests")
    if frame is None:
        return Counter()
    sent = frame[frame["sent_ns"].notna()]
    columns = [sent[name].astype(object).tolist() for name in COLUMNS]
    good = [one is True for one in sent["ok"].astype(object)]
    return Counter(zip(*columns, good, words(sent, "error"), strict=True))


def _us(duration_ns: int) -> int:
    """Return a duration in µs, rounded up.

    Examples
    --------
    >>> _us(1_000), _us(1_001)
    (1, 2)
    """
    return min(-(-duration_ns // 1000), LONGEST_US)

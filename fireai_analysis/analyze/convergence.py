"""Acknowledged against surviving writes: what was lost, superseded, unknown, repeated.

A write is lost when it was acknowledged, is absent from the final state and was not legally superseded (DESIGN.md
section 5, ruling 7; the set-full checker of Jepsen, with timeouts kept indeterminate).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from fireai_analysis.analyze.columns import Floats, floats, records
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.document import Document
from fireai_analysis.analyze.history import Operation, Write, by_path, dominates, in_conflict, operations, writes
from fireai_analysis.analyze.quantiles import summary_ms
from fireai_analysis.results import Crdt
from fireai_analysis.units import NS_PER_S, NS_PER_US

MOST_EXAMPLES = 10
REFUSED_WHILE_OPEN = (409, 425)
WAVE_COLUMNS = ["wave", "acknowledged_count", "unknown_count", "lost_count", "drain_s"]


@dataclass(frozen=True)
class Convergence:
    """What became of the writes of a run.

    Attributes
    ----------
    crdt : Crdt
        The figures.
    waves : pandas.DataFrame
        The same by wave: wave, acknowledged_count, unknown_count, lost_count (NaN where not read), drain_s.
    """

    crdt: Crdt
    waves: pd.DataFrame
    warnings: tuple[str, ...]


def measure(data: RunData) -> Convergence:
    """Return the figures of a CRDT history; all null where the run has none."""
    frame = data.operations
    if frame is None or frame.empty:
        return Convergence(Crdt(), pd.DataFrame(columns=WAVE_COLUMNS), ())
    history = operations(frame)
    found = writes(history)
    documents = final_documents(data.sample("final_states"))
    acknowledged = [one for one in found if one.acknowledged]
    unread = {one.session_id for one in acknowledged} - set(documents)
    lost, superseded = _absent(found, documents)
    lost_count = None if unread and not lost else len(lost)
    crdt = Crdt(
        operations_count=len(history),
        acknowledged_count=sum(one.outcome == "ok" for one in history),
        failed_count=sum(one.outcome == "fail" for one in history),
        unknown_count=sum(one.outcome not in ("ok", "fail") for one in history),
        conflicts_count=sum(len(in_conflict(group)) for group in by_path(found)),
        lost_count=lost_count,
        lost_ratio_bound=None if lost_count is None else loss_bound(lost_count, len(acknowledged)),
        superseded_count=None if unread else len(superseded),
        idempotency_violations_count=_violations(data, history, found, documents, read=not unread),
        replays_count=sum(one.kind == "replay" for one in history),
        resolution_ms=summary_ms(_resolutions_us(history)),
        final_state_read=not unread and bool(documents),
        lost_examples=tuple(f"{one.session_id} {one.path} {one.token}" for one in lost[:MOST_EXAMPLES]),
    )
    warnings = [f"the final state of {len(unread)} sessions was not read"] if unread else []
    return Convergence(crdt, _waves(history, lost, known=lost_count is not None), tuple(warnings))


def final_documents(frame: pd.DataFrame | None) -> dict[str, Document]:
    """Return the last document read of each session; one that is not JSON counts as not read."""
    texts: dict[str, str | None] = {}
    for row in sorted(records(frame), key=lambda row: row.get("read_ns") or 0):
        texts[str(row.get("session_id"))] = row.get("document")
    parsed = {session: Document.parse(text) for session, text in texts.items()}
    return {session: document for session, document in parsed.items() if document is not None}


def _absent(found: list[Write], documents: dict[str, Document]) -> tuple[list[Write], list[Write]]:
    """Return the acknowledged writes that are lost, and those that were superseded."""
    groups: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for one in found:
        groups[one.session_id, one.path].append(one)
    lost: list[Write] = []
    superseded: list[Write] = []
    for (session, path), group in groups.items():
        if session not in documents:
            continue
        document = documents[session]
        survived = [_survived(one, document, path) for one in group]
        present = [one for one, there in zip(group, survived, strict=True) if there]
        for one, there in zip(group, survived, strict=True):
            if one.acknowledged and not there:
                (superseded if any(_supersedes(winner, one) for winner in present) else lost).append(one)
    return lost, superseded


def _survived(write: Write, document: Document, path: str) -> bool:
    return document.holds_at(path, write.token) if write.contended else document.holds(write.token)


def _supersedes(winner: Write, loser: Write) -> bool:
    """Whether the final value may legally stand for another write to its path.

    It may have taken effect, and its clock is not one that the other had seen: among writes that have not seen each
    other the merge rule may choose any, whenever they were sent. Where a clock is missing time decides, and the winner
    must not have ended before the other began.
    """
    if winner.clock and loser.clock:
        legal = not dominates(loser.clock, winner.clock)
    else:
        legal = winner.end_ns >= loser.begin_ns
    return loser.contended and winner.possible and legal


def loss_bound(lost_count: int, n_count: int) -> float | None:
    """Return the upper 95 % bound on the share of lost writes: 3/n for none, else Clopper-Pearson.

    Examples
    --------
    >>> loss_bound(0, 30_000)
    0.0001
    """
    if not n_count:
        return None
    if lost_count == 0:
        return min(1.0, 3 / n_count)
    return float(stats.beta.ppf(0.95, lost_count + 1, n_count - lost_count)) if lost_count < n_count else 1.0


def _violations(
    data: RunData, history: list[Operation], found: list[Write], documents: dict[str, Document], *, read: bool
) -> int | None:
    """Return violations of idempotency; None where none was found but not everything could be looked at."""
    rows = data.sample("idempotency")
    double_rows = 0 if rows is None else int((floats(rows, "rows_count") > 1).sum())
    twice = sum(
        documents[one.session_id].times(one.token) > 1
        for one in found
        if not one.contended and one.session_id in documents
    )
    answers, compared = _answer_violations(history)
    total = double_rows + twice + answers
    return total if total or (rows is not None and read and compared) else None


def _answer_violations(history: Iterable[Operation]) -> tuple[int, bool]:
    """Return replays answered otherwise than the first answer, and whether every acknowledged one left a hash."""
    groups: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for one in history:
        groups[one.session_id, one.key].append(one)
    wrong, compared = 0, True
    for group in groups.values():
        answered = sorted((one for one in group if one.outcome == "ok"), key=lambda one: one.end_ns)
        if len(group) < 2 or not answered:
            continue
        compared &= all(one.answer for one in answered)
        wrong += sum(bool(one.answer) and one.answer != answered[0].answer for one in answered[1:])
        wrong += sum(
            one.outcome == "fail" and one.status not in REFUSED_WHILE_OPEN and one.invoke_ns > answered[0].end_ns
            for one in group
        )
    return wrong, compared


def _resolutions_us(history: Iterable[Operation]) -> Floats:
    """Return how long each acknowledged contended write took, first sent to merged answer."""
    spans = [one.end_ns - one.invoke_ns for one in history if one.kind == "contended" and one.outcome == "ok"]
    return np.array(spans, dtype=np.float64) / NS_PER_US


def _waves(history: list[Operation], lost: list[Write], *, known: bool) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "wave": [one.wave for one in history],
            "ok": [one.outcome == "ok" for one in history],
            "unknown": [one.outcome not in ("ok", "fail") for one in history],
            "invoke": [one.invoke_ns for one in history],
            "end": [one.end_ns if np.isfinite(one.end_ns) else np.nan for one in history],
        }
    )
    groups = frame.groupby("wave", sort=True)
    losses = pd.Series([one.wave for one in lost], dtype="int64").value_counts()
    table = pd.DataFrame(
        {
            "acknowledged_count": groups["ok"].sum(),
            "unknown_count": groups["unknown"].sum(),
            "drain_s": (groups["end"].max() - groups["invoke"].min()) / NS_PER_S,
        }
    )
    table["lost_count"] = losses.reindex(table.index, fill_value=0).astype("float64") if known else np.nan
    return table.reset_index()[WAVE_COLUMNS]

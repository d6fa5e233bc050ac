"""What became of the writes of a run: history, reads and final states in, figures and the smallest counterexample out.

Each check stands in a module of its own (`crdt_*`), with the definition of what it counts. Counts are of operations, or
of distinct writes (a write and its repetitions are one) where the write is what matters: lost, lost later, superseded,
recovered, stale, phantom, resurrected, duplicated. A count is null where what it needs was not read, unless a violation
was found all the same; why stands among the doubts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from fireai_analysis.analyze.columns import Floats
from fireai_analysis.analyze.crdt_check import Checked, check
from fireai_analysis.analyze.crdt_counterexample import smallest
from fireai_analysis.analyze.crdt_divergence import converge_ns
from fireai_analysis.analyze.crdt_doubts import history_doubts
from fireai_analysis.analyze.crdt_evidence import Evidence, doubts, evidence, notes
from fireai_analysis.analyze.crdt_idempotency import all_compared, other_answers, repeated_keys, rows_of
from fireai_analysis.analyze.crdt_states import Session, sessions
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.history import Operation, Write, by_path, history, in_conflict, writes
from fireai_analysis.analyze.quantiles import summary_ms
from fireai_analysis.results import Crdt, Quantiles
from fireai_analysis.units import NS_PER_S, NS_PER_US, moment_text

MOST_EXAMPLES = 10
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
    with _without_collecting():
        return _measured(data, frame)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Let the collector of cycles rest: a history is hundreds of thousands of small objects and holds no cycle."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _measured(data: RunData, frame: pd.DataFrame) -> Convergence:
    taken = history(frame)
    found = writes(taken.operations)
    target = data.manifest.spec.target.crdt
    read, layout = sessions(found, data.sample("final_states"), data.sample("reads"), target.document)
    keys, rows = repeated_keys(taken.operations), data.sample("idempotency")
    checked = check(read, rows_of(rows, taken.operations))
    checked.violations.extend(other_answers(keys))
    known = evidence(
        read,
        checked.counters,
        doors=tuple(target.reads),
        keys_read=rows is not None,
        answers_compared=all_compared(keys),
    )
    more = history_doubts(frame, rows, data.manifest.spec.scenario)
    speaking = (*doubts(known, checked), *layout, *taken.oddities, *more)
    figures = _history_figures(taken.operations, found) | _figures(read, checked, known) | _counts(checked, known)
    crdt = Crdt(**figures, doubts=speaking, counterexample=smallest(checked.violations))
    waves = _waves(taken.operations, checked, known=crdt.lost_count is not None)
    return Convergence(crdt, waves, (*speaking, *notes(known)))


def _history_figures(operations: list[Operation], found: list[Write]) -> dict[str, Any]:
    outcomes = [one.outcome for one in operations]
    return {
        "operations_count": len(operations),
        "acknowledged_count": outcomes.count("ok"),
        "failed_count": outcomes.count("fail"),
        "unknown_count": outcomes.count("unknown"),
        "conflicts_count": sum(len(in_conflict(group)) for group in by_path(found)),
        "replays_count": sum(one.kind == "replay" for one in operations),
        "counters_count": sum(one.kind == "counter" for one in operations),
        "resolution_ms": summary_ms(_resolutions_us(operations)),
    }


def _figures(read: list[Session], checked: Checked, known: Evidence) -> dict[str, Any]:
    lost = [one for one in checked.violations if one.kind == "lost"]
    lost_count = checked.count("lost", known=known.final and known.counters)
    promised = sum(one.acknowledged and not one.altered for session in read for one in session.writes)
    converged = [span for session in read if (span := converge_ns(session)) is not None]
    return {
        "lost_ratio_bound": None if lost_count is None else loss_bound(lost_count, promised),
        "superseded_count": checked.superseded_count if known.final else None,
        "recovered_count": checked.recovered_count if known.final and known.counters else None,
        "stale_ms": _spans_ms(checked.latencies_ns) if known.reads else None,
        "converge_ms": _spans_ms(converged) if converged else None,
        "final_state_read": known.final,
        "doors": known.places,
        "lost_examples": tuple(map(_example, lost[:MOST_EXAMPLES])),
        "stored_answer_count": checked.stored_count if known.final else None,
    }


def _example(lost: Violation) -> str:
    """Return which write was lost: operation, user, path, value, moment, door and session; of counters how many."""
    if lost.count > 1:
        return f"{lost.count} increments: {lost.text}, session {lost.session_id}"
    one = lost.operations[0]
    value = "" if one.token in lost.path else f" = {one.token}"
    return (
        f"operation {one.op_id.rpartition('/')[2]}: user {one.user} wrote {lost.path}{value} at "
        f"{moment_text(one.invoke_ns)} ({one.door}), session {lost.session_id}"
    )


def _counts(checked: Checked, known: Evidence) -> dict[str, int | None]:
    whole = known.final and known.counters
    seen = {
        "lost": whole,
        "lost_later": whole and known.reads,
        "stale": whole and known.reads,
        "phantom": known.final,
        "resurrected": known.final,
        "duplicated": whole,
        "double_effect": whole and known.keys_read,
        "other_answer": known.answers_compared,
        "swallowed_body": whole,
        "illegal_winner": known.final,
        "clock_regression": known.clocks,
        "divergence": known.compared,
    }
    counts = {kind: checked.count(kind, known=looked_at) for kind, looked_at in seen.items()}
    parts = [counts[kind] for kind in ("double_effect", "other_answer", "swallowed_body")]
    total = sum(part or 0 for part in parts)
    violations = total if total or None not in parts else None
    return {f"{kind}_count": count for kind, count in counts.items()} | {"idempotency_violations_count": violations}


def _spans_ms(spans_ns: list[float]) -> Quantiles:
    return summary_ms(np.array(spans_ns, dtype=np.float64) / NS_PER_US)


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


def _resolutions_us(operations: list[Operation]) -> Floats:
    """Return how long each acknowledged contended write took, first sent to merged answer."""
    spans = [one.end_ns - one.invoke_ns for one in operations if one.kind == "contended" and one.outcome == "ok"]
    return np.array(spans, dtype=np.float64) / NS_PER_US


def _waves(operations: list[Operation], checked: Checked, *, known: bool) -> pd.DataFrame:
    times = np.array([(one.invoke_ns, one.end_ns) for one in operations], dtype=np.float64)
    times[~np.isfinite(times)] = np.nan
    outcomes = np.array([one.outcome for one in operations])
    frame = pd.DataFrame(
        {
            "wave": [one.wave for one in operations],
            "ok": outcomes == "ok",
            "unknown": outcomes == "unknown",
            "invoke": times[:, 0],
            "end": times[:, 1],
        }
    )
    groups = frame.groupby("wave", sort=True)
    table = pd.DataFrame(
        {
            "acknowledged_count": groups["ok"].sum(),
            "unknown_count": groups["unknown"].sum(),
            "drain_s": (groups["end"].max() - groups["invoke"].min()) / NS_PER_S,
        }
    )
    losses = pd.Series(0.0, index=table.index)
    for one in checked.violations:
        if one.kind == "lost":
            losses[one.operations[0].wave] += one.count
    table["lost_count"] = losses if known else np.nan
    return table.reset_index()[WAVE_COLUMNS]

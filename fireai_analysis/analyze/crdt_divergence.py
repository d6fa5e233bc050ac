"""Whether every place that can be read shows the same after quiesce, and how long that took.

Strong eventual consistency (Shapiro et al., 2011): replicas that have received the same writes hold equal states.
Compared are the parts that the run wrote; what else a document holds may differ between places.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from fireai_analysis.analyze.crdt_states import SQL, Session, State
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.document import ABSENT, at


def settled(session: Session) -> dict[str, State]:
    """Return the final states of a session that were read and stood still, by source, the database first."""
    still = {source: state for source in session.finals if (state := session.at_rest(source)) is not None}
    return dict(sorted(still.items(), key=lambda entry: (entry[0] != SQL, entry[0])))


def divergences(session: Session) -> Iterator[Violation]:
    """Yield at most one violation: the session shows different values at two places after quiesce."""
    states = list(settled(session).values())
    for state in states[1:]:
        difference = _difference(session, states[0], state)
        if difference is not None:
            path, first, other = difference
            text = f"after quiesce {states[0].source} and {state.source} differ at {path or 'the document'}"
            shown = ((states[0], f"{path}: {first}"), (state, f"{path}: {other}"))
            writes = session.paths.get(path, [])
            operations = tuple(one.operations[0] for one in writes if one.acknowledged)[:1]
            yield Violation("divergence", session.session_id, path, text, operations, shown)
            return


def _difference(session: Session, one: State, other: State) -> tuple[str, str, str] | None:
    """Return a path at which two states differ, with what each shows there."""
    first, second = _content(one), _content(other)
    if first == second:
        return None
    for path in session.paths:
        here, there = at(first, path), at(second, path)
        if here is not there and here != there:
            return path, _shown(here), _shown(there)
    for write in session.writes:
        shown = (
            [one.document.times(write.token), other.document.times(write.token)]
            if one.document and other.document
            else []
        )
        if len(set(shown)) > 1:
            return write.path, f"{write.token} {shown[0]} times", f"{write.token} {shown[1]} times"
    return None


def _content(state: State) -> Any:
    return None if state.document is None else state.document.content


def _shown(value: Any) -> str:
    return "nothing" if value is ABSENT else str(value)[:80]


def converge_ns(session: Session) -> float | None:
    """Return how long after the last acknowledged answer the slowest place stood still; None where they never agreed.

    The end is the begin of the first of the equal reads in a row that ended with the final one, those of the run among
    them: final reads begin when the load has ended, and a session of an early wave stood still long before.
    """
    states = settled(session)
    answers = [one.acknowledged_ns for one in session.writes if math.isfinite(one.acknowledged_ns)]
    ends = [
        one.end_ns
        for write in session.writes
        for one in write.operations
        if one.outcome == "ok" and math.isfinite(one.end_ns)
    ]
    if not states or not answers or len(states) < len(session.finals) or any(divergences(session)):
        return None
    slowest = max(_since_ns(session, state) for state in states.values())
    return max(0.0, slowest - max(ends)) if math.isfinite(slowest) else None


def _since_ns(session: Session, final: State) -> float:
    """Return when the first of the reads began that show the final state of a place without a break."""
    since_ns = final.since_ns
    for read in reversed(session.reads):
        if read.source != final.source:
            continue
        if read.document is None or _content(read) != _content(final):
            break
        since_ns = min(since_ns, read.begin_ns)
    return since_ns

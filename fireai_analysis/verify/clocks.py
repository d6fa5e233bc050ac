"""Vector clocks a second time: what each state and each answer must have seen, and must not have.

A clock is wrong where it lacks what came before it (the state before at its place, an acknowledged write that the state
holds, what the request carried, the answer before it), or counts more of a node than anybody sent. The platform may
count nodes of its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import numbers, words
from fireai_analysis.verify.fates import FIRST, Clock, Write, clock_of, stands_at_its_path
from fireai_analysis.verify.held import State
from fireai_analysis.verify.sessions import Session

MOST_WHOLE, SAMPLED = 64, 16
"""Of a session with more different answers than this, 16 are read whole, and of the others the request's own nodes."""


class Row(NamedTuple):
    """One request of the history, with the texts of the clock that it carried and of that of its answer."""

    path: str
    token: str
    key: str
    kind: str
    outcome: str
    sent: str
    told: str
    user: int
    begin_ns: float
    end_ns: float


class Answer(NamedTuple):
    """One acknowledged write: its user, its times, the clock that it carried, and the clock of its answer."""

    user: int
    begin_ns: float
    end_ns: float
    sent: Clock
    told: Clock


def lower(clock: Clock, least: Clock) -> bool:
    """Return whether a clock has not seen all of another.

    Examples
    --------
    >>> lower({"a": 1}, {"a": 2}), lower({"a": 1}, {"b": 1}), lower({"a": 2, "b": 1}, {"a": 2})
    (True, True, False)
    """
    return any(clock.get(node, 0) < count for node, count in least.items())


def above(clock: Clock, most: Clock) -> bool:
    """Return whether a clock counts more of a node of the run than was sent.

    Examples
    --------
    >>> above({"a": 3}, {"a": 2}), above({"server": 9}, {"a": 2})
    (True, False)
    """
    return any(count > most.get(node, count) for node, count in clock.items())


def regressions(frame: pd.DataFrame, known: dict[str, Session]) -> tuple[int, bool]:
    """Return how many states and answers hold a clock that cannot be, and whether any state told a clock.

    Parameters
    ----------
    frame : pandas.DataFrame
        The history in order.
    known : dict
        Its sessions, with what was read of each.
    """
    kept = any(state.clock for one in known.values() for state in (*one.reads, *one.finals))
    rows = _rows(frame)
    count = 0
    for name, session in known.items():
        most = _merged(clock_of(row.sent) for row in rows[name])
        count += sum(_wrong_states(session, most)) if kept else 0
        count += sum(_wrong_answers(_answers(rows[name]), most))
    return count, kept


def _rows(frame: pd.DataFrame) -> dict[str, list[Row]]:
    """Return the rows of each session, in order."""
    names = ("path", "token", "idempotency_key", "kind", "outcome", "clock_sent", "clock_returned")
    users = np.nan_to_num(numbers(frame, "user")).astype(int).tolist()
    columns = (*(words(frame, one) for one in names), users, frame["begin"].tolist(), frame["end"].tolist())
    found: dict[str, list[Row]] = defaultdict(list)
    for session, row in zip(words(frame, "session_id"), map(Row, *columns), strict=True):
        found[session].append(row)
    return found


def _merged(clocks: Iterator[Clock]) -> Clock:
    """Return the greatest count of each node."""
    found: Clock = {}
    for clock in clocks:
        found |= {node: count for node, count in clock.items() if count > found.get(node, count - 1)}
    return found


# -- states


def _wrong_states(session: Session, most: Clock) -> Iterator[bool]:
    """Yield of each state that tells a clock, and of each final one, whether it cannot be."""
    writes = [one for one in session.writes if one.acknowledged and not one.altered and one.clock]
    before: dict[str, State] = {}
    for state in [*(one for one in session.reads if one.clock), *session.finals]:
        final, last = state in session.finals, before.get(state.source)
        before[state.source] = state
        fell = last is not None and last.end_ns <= state.begin_ns and lower(state.clock, last.clock)
        yield fell or above(state.clock, most) or _lacks_one(state, writes, final=final)


def _lacks_one(state: State, writes: list[Write], *, final: bool) -> bool:
    """Return whether a state lacks the clock of an acknowledged write that it holds; a final one must hold all."""
    due = writes if final else [one for one in writes if one.acknowledged_ns < state.begin_ns]
    if not lower(state.clock, _merged(one.clock for one in due)):
        return False
    return any(lower(state.clock, one.clock) and (final or _holds(state, one)) for one in due)


def _holds(state: State, write: Write) -> bool:
    return write.kind != "counter" and stands_at_its_path(write, state.document)


# -- answers


def _answers(rows: list[Row]) -> list[Answer]:
    """Return the answers of a session that tell a clock, write by write."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.path, row.token or row.key].append(row)
    told = [one for group in groups.values() for one in group if one.outcome == "ok" and one.kind in FIRST and one.told]
    texts = list(dict.fromkeys(one.told for one in told))
    whole = set(texts[:: 1 if len(texts) <= MOST_WHOLE else len(texts) // SAMPLED])
    found = []
    for one in told:
        sent = clock_of(one.sent)
        clock = (None if one.told in whole else _own(one.told, sent)) or clock_of(one.told)
        found.append(Answer(one.user, one.begin_ns, one.end_ns, sent, clock))
    return [one for one in found if one.told]


def _own(text: str, nodes: Clock) -> Clock | None:
    """Return some nodes of a clock written as JSON; None where one is not written plainly."""
    found = {node: re.search(f'"{re.escape(node)}":' + r" ?(\d{1,18})[,}]", text) for node in nodes}
    return {node: int(match[1]) for node, match in found.items() if match} if all(found.values()) else None


def _wrong_answers(answers: list[Answer], most: Clock) -> Iterator[bool]:
    """Yield of each answer whether it lacks what it must have seen, or is above all that was sent."""
    users: dict[int, list[Answer]] = defaultdict(list)
    for one in sorted(answers, key=lambda one: one.end_ns):
        users[one.user].append(one)
    for own in users.values():
        for place, one in enumerate(own):
            earlier = [other for other in own[:place] if other.end_ns <= one.begin_ns][-1:]
            fell = any(count > one.told.get(node, count) for last in earlier for node, count in last.told.items())
            yield fell or lower(one.told, one.sent) or above(one.told, most)

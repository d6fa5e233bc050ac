"""Vector clocks only grow: what a session's clock once held it holds for ever, and never more than was sent.

A clock that falls has lost no write by itself; what it loses later shows as a lost write or an illegal winner. So a
regression is told and keeps a run from passing, and does not prove a loss (Mattern, "Virtual Time and Global States of
Distributed Systems", 1989, for the order of clocks).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import repeat
from operator import gt

from fireai_analysis.analyze.crdt_states import Session, State
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.history import FIRST_KINDS, Clock, Operation, Write, clock_of

MOST_WHOLE, SAMPLED = 64, 16
NUMBER = re.compile(r" ?(\d{1,18})[,}]")


def regressions(session: Session, *, keeps_clocks: bool) -> Iterator[Violation]:
    """Yield each read or answer whose clock cannot be, once for each.

    Of a read: a component is lower than the read before it at the same place had it; the clock lacks an acknowledged
    write that the state holds (the final state holds all of them; a read that lags behind with its document is stale,
    not wrong); or a component of a user of the run is above all that this user sent. Of an answer: it lacks the clock
    it was sent with, is above all sent, or is lower than an earlier answer to the same user. Answers to repetitions are
    stored ones and tell nothing new.

    Parameters
    ----------
    session : Session
        What was written and read.
    keeps_clocks : bool
        Whether any state of the run told a clock: where none does an empty one is no regression.
    """
    sent = _sent(session)
    if keeps_clocks:
        yield from _states(session, sent)
    yield from _answers(session, sent)


def _sent(session: Session) -> Clock:
    """Return the greatest count that any operation carried for each node."""
    greatest: Clock = {}
    for write in session.writes:
        for one in write.operations:
            for node, count in one.clock.items():
                if count > greatest.get(node, -1):
                    greatest[node] = count
    return greatest


def _states(session: Session, sent: Clock) -> Iterator[Violation]:
    acknowledged = sorted(
        (one for one in session.writes if one.acknowledged and not one.altered and one.clock),
        key=lambda one: one.acknowledged_ns,
    )
    needed: Clock = {}
    waiting = acknowledged[::-1]
    before: dict[str, State] = {}
    for state in [*session.reads, *session.finals.values()]:  # in order of their begin, the final ones last
        if state.document is None or not (state.clock or state.final):
            continue
        while waiting and (state.final or waiting[-1].acknowledged_ns < state.begin_ns):
            _raise(needed, waiting.pop().clock)
        yield from _state(session, state, before.get(state.source), needed, sent, acknowledged)
        before[state.source] = state


def _raise(clock: Clock, other: Clock) -> None:
    for node, count in other.items():
        if count > clock.get(node, -1):
            clock[node] = count


def _state(
    session: Session, state: State, before: State | None, needed: Clock, sent: Clock, acknowledged: list[Write]
) -> Iterator[Violation]:
    if before is not None and before.end_ns <= state.begin_ns and (node := _lower(state.clock, before.clock)):
        text = f"the clock of {state.source} falls at {node} from {before.clock[node]} to {state.clock.get(node, 0)}"
        told = (
            (before, f"clock has {node}: {before.clock[node]}"),
            (state, f"clock has {node}: {state.clock.get(node, 0)}"),
        )
        yield Violation("clock_regression", session.session_id, "", text, (), told)
    elif (node := _lower(state.clock, needed)) and (write := _held_without(session, state, acknowledged)):
        text = f"the clock of {state.source} lacks the acknowledged write {write.token}"
        shown = (state, f"clock lacks {', '.join(f'{name}: {count}' for name, count in write.clock.items())}")
        yield Violation("clock_regression", session.session_id, write.path, text, write.operations[:1], (shown,))
    elif node := _above(state.clock, sent):
        text = f"the clock of {state.source} has {node}: {state.clock[node]}, above the {sent[node]} that was sent"
        shown = (state, f"clock has {node}: {state.clock[node]}")
        yield Violation("clock_regression", session.session_id, "", text, (), (shown,))


def _lower(clock: Clock, least: Clock) -> str | None:
    """Return a node at which a clock is lower than it must be."""
    if clock is least or not any(map(gt, least.values(), map(clock.get, least, repeat(0)))):
        return None
    return next((node for node, count in least.items() if clock.get(node, 0) < count), None)


def _above(clock: Clock, most: Clock) -> str | None:
    """Return a node of the run at which a clock is higher than anything sent; nodes of the platform's own are free."""
    if clock.items() <= most.items() or not any(map(gt, clock.values(), map(most.get, clock, clock.values()))):
        return None
    return next((node for node, count in clock.items() if count > most.get(node, count)), None)


def _held_without(session: Session, state: State, acknowledged: Iterable[Write]) -> Write | None:
    """Return an acknowledged write that a state holds, or as a final one must hold, and whose clock it lacks."""
    for one in acknowledged:
        if _lower(state.clock, one.clock) is None:
            continue
        if state.final or _holds(session, state, one):
            return one
    return None


def _holds(session: Session, state: State, write: Write) -> bool:
    if state.document is None or write.kind == "counter" or write.acknowledged_ns >= state.begin_ns:
        return False
    return session.holds(state, write)


def _answers(session: Session, sent: Clock) -> Iterator[Violation]:
    users: dict[int, list[tuple[Operation, Clock]]] = defaultdict(list)
    for one, clock in _answered(session):
        users[one.user].append((one, clock))
    distinct = {id(clock): clock for answers in users.values() for _, clock in answers}
    above = {name: _above(clock, sent) for name, clock in distinct.items()}
    for answers in users.values():
        if len(answers) > 1:
            answers.sort(key=lambda entry: entry[0].end_ns)
        ends = [one.end_ns for one, _ in answers]
        for place, (one, clock) in enumerate(answers):
            before = bisect_right(ends, one.invoke_ns, hi=place)  # how many were answered before it was sent
            earlier = answers[before - 1] if before else None
            text = _wrong_answer(one, clock, earlier)
            if node := above[id(clock)]:
                text = f"the answer to {one.token} has {node}: {clock[node]}, above the {sent[node]} that was sent"
            if text:
                operations = (one,) if earlier is None else (earlier[0], one)
                yield Violation("clock_regression", session.session_id, one.path, text, operations)


def _answered(session: Session) -> Iterator[tuple[Operation, Clock]]:
    """Yield the acknowledged first requests with the clocks of their answers.

    Of a session with more than 64 different answers (a thousand clocks of a thousand nodes each are 15 MB) 16 are read
    whole, evenly spread; of the others the nodes that the request itself carried.
    """
    told = [
        one
        for write in session.writes
        for one in write.operations
        if one.outcome == "ok" and one.kind in FIRST_KINDS and one.clock_returned
    ]
    texts = list(dict.fromkeys([one.clock_returned for one in told]))
    whole: dict[str, Clock] = {}  # writes of one transaction share their answer
    for text in texts[:: 1 if len(texts) <= MOST_WHOLE else len(texts) // SAMPLED]:
        clock_of(text, whole)
    for one in told:
        clock = whole.get(one.clock_returned)
        if clock is None:
            clock = _own(one.clock_returned, one.clock) or clock_of(one.clock_returned, whole)
        if clock:
            yield one, clock


def _own(text: str, nodes: Iterable[str]) -> Clock | None:
    """Return only some nodes of a clock written as JSON; None where one cannot be read off the text.

    Examples
    --------
    >>> _own('{"a":1,"b": 25}', ["b"]), _own('{"a":1}', ["b"]), _own('{"a": "x"}', ["a"])
    ({'b': 25}, None, None)
    """
    found: Clock = {}
    for node in nodes:
        name = f'"{node}":'
        place = text.find(name)
        number = NUMBER.match(text, place + len(name)) if place >= 0 else None
        if number is None:
            return None
        found[node] = int(number[1])
    return found


def _wrong_answer(one: Operation, clock: Clock, before: tuple[Operation, Clock] | None) -> str | None:
    if not one.clock.items() <= clock.items() and (node := _lower(clock, one.clock)):
        return (
            f"the answer to {one.token} has {node}: {clock.get(node, 0)}, below the {one.clock[node]} it was sent with"
        )
    if before is not None and any(map(gt, before[1].values(), map(clock.get, before[1], before[1].values()))):
        return f"an earlier answer to user {one.user} had a clock that the answer to {one.token} falls behind"
    return None

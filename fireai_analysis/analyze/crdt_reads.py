"""What the reads of a run show over time: stale, seen and gone, never written, refused and there all the same.

After Jepsen's `set-full`: an element is stale where a read that began after it was known lacks it and a later one has
it; its stable latency runs from the moment it was known to the first read from which on every read has it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from fireai_analysis.analyze.crdt_presence import Fates
from fireai_analysis.analyze.crdt_states import Session, State
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.history import Write

Absences = dict[int, tuple[Write, int]]
"""Writes by identity, each with the place of the last read that should have shown it and did not."""


def stale(session: Session, final: State, fate: Fates) -> Iterator[tuple[Violation, float]]:
    """Yield each stale write with its stable latency in ns (infinite where no later read has a time).

    Stale: a read that began after the write was acknowledged does not show it, although the final state holds it. It is
    never counted as loss: the write is there, a place that was read lagged behind.
    """
    known = [one for one in fate.present if math.isfinite(one.acknowledged_ns) and not one.altered]
    elements = [one for one in known if one.kind == "unique"]
    absences = {**_absent_elements(session, elements), **_absent_registers(session, known)}
    yield from stale_writes(session, final, absences)


def stale_writes(session: Session, final: State, absences: Absences) -> Iterator[tuple[Violation, float]]:
    """Yield the violation and the stable latency in ns of each write that a read lacked."""
    for one, place in absences.values():
        lagging = session.reads[place]
        later = session.reads[place + 1] if place + 1 < len(session.reads) else final
        latency = later.begin_ns - one.acknowledged_ns
        operation = next(each for each in one.operations if each.end_ns == one.acknowledged_ns)
        yield (
            Violation(
                "stale",
                session.session_id,
                one.path,
                f"{one.token} was acknowledged before a read of {lagging.source} began that does not show it",
                (operation,),
                ((lagging, f"does not show {one.token}"), (final, f"holds {one.token}")),
            ),
            latency if latency > 0 else math.inf,
        )


def _absent_elements(session: Session, elements: list[Write]) -> Absences:
    by_token = {one.token: one for one in elements}
    waiting = sorted(elements, key=lambda one: one.acknowledged_ns, reverse=True)
    expected: set[str] = set()
    found: Absences = {}
    for place, read in enumerate(session.reads):
        while waiting and waiting[-1].acknowledged_ns < read.begin_ns:
            expected.add(waiting.pop().token)
        if read.document is None or not expected:
            continue
        for token in expected - session.shown(read, expected):
            found[id(by_token[token])] = (by_token[token], place)
    return found


def _absent_registers(session: Session, known: list[Write]) -> Absences:
    found: Absences = {}
    for one in known:
        if one.kind != "contended":
            continue
        for place, read in enumerate(session.reads):
            begun = read.document is not None and read.begin_ns > one.acknowledged_ns
            if begun and not session.holds(read, one):
                found[id(one)] = (one, place)
    return found


def lost_later(session: Session, final: State, fate: Fates) -> Iterator[Violation]:
    """Yield each write that a read showed and that is gone from the final state without being superseded.

    The worst kind: the platform showed it and then dropped it. An acknowledged one is among the lost writes too; one of
    unknown outcome is counted here alone, for the read proves that it had happened.
    """
    elements = {one.token for one in fate.gone if one.kind == "unique"}
    seen: dict[str, State] = {}
    if elements:
        for read in session.reads:
            for token in session.shown(read, elements) - seen.keys():
                seen[token] = read
    for one in fate.gone:
        shown = seen.get(one.token) if one.kind == "unique" else _register_seen(session, one)
        if shown is not None:
            yield Violation(
                "lost_later",
                session.session_id,
                one.path,
                f"{one.token} was seen by a read of {shown.source} and is gone from the final state",
                (one.operations[0],),
                ((shown, f"shows {one.token}"), (final, f"does not hold {one.token}")),
            )


def _register_seen(session: Session, write: Write) -> State | None:
    for read in session.reads:
        if session.holds(read, write):
            return read
    return None


def foreign(session: Session, form: re.Pattern[str] | None, containers: set[str]) -> Iterator[Violation]:
    """Yield phantoms and resurrected writes, each token once, over all states that were read.

    Phantom: a token of the run's form, where tokens of the run stand, that nobody tried to write to this session
    (Jepsen's `unexpected`). Content of another form was there before or is the platform's own, and is none.
    Resurrected: a write that was definitely refused and is visible all the same. A counter cannot tell whose amount it
    holds: there a refused write shows as excess.

    Parameters
    ----------
    form : pattern or None
        What the tokens of the run look like.
    containers : set of str
        Where the run's elements and registers stand, over all sessions.
    """
    refused = {one.token: one for one in session.writes if not one.possible and one.kind != "counter"}
    seen: set[str] = set()
    for state in session.states:
        for token in _claimed(session, state, refused, containers) - seen:
            if token in refused:
                seen.add(token)
                yield _shown_although_refused(session, state, refused[token])
            elif form is not None and form.fullmatch(token):
                seen.add(token)
                text = f"{state.source} shows {token}, which nobody tried to write to {session.session_id}"
                yield Violation("phantom", session.session_id, "", text, (), ((state, f"shows {token}"),))


def _claimed(session: Session, state: State, refused: Mapping[str, Write], containers: set[str]) -> set[str]:
    """Return the texts of a state that only the run can have written, without those that were rightly tried."""
    if state.document is None:
        return set()
    claimed = state.document.claims(containers, session.tokens) - session.tokens
    elements = {token for token, write in refused.items() if write.kind == "unique"}
    others = {token for token in refused.keys() - elements if session.holds(state, refused[token])}
    return claimed | others | (session.shown(state, elements) if elements else set())


def _shown_although_refused(session: Session, state: State, write: Write) -> Violation:
    return Violation(
        "resurrected",
        session.session_id,
        write.path,
        f"{write.token} was refused with {write.operations[0].status} and stands in {state.source}",
        write.operations,
        ((state, f"shows {write.token}"),),
    )

"""The graver counts of a CRDT history by sets: what nobody wrote, what was refused and is there, seen and gone, twice.

Only of documents that keep each change at its path; of others these counts are told as not recomputed.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from fireai_analysis.verify.clocks import regressions
from fireai_analysis.verify.evidence import Run, numbers, words
from fireai_analysis.verify.fates import (
    FIRST,
    Fate,
    Write,
    at,
    by_path,
    fewest,
    may_stand_for,
    passed,
    stands_at_its_path,
)
from fireai_analysis.verify.held import State, claims, form_of
from fireai_analysis.verify.sessions import (
    Session,
    Tally,
    highest,
    lowest,
    number,
    promised,
    sessions,
    tallies_of,
    watched,
)
from fireai_analysis.verify.traffic import Figures
from fireai_analysis.verify.twice import (
    double_effects,
    duplicated,
    other_answers,
    standing_twice,
    swallowed_bodies,
    usual_times,
    with_more_rows,
)

KINDS = {*FIRST, "replay", "duplicate", "altered"}


# -- the figures


def figures(run: Run, frame: pd.DataFrame, found: list[Write], told: Fate, *, read: bool) -> Figures:
    """Return the figures below `crdt.` of documents by path; none of others, or where the history is not whole.

    Parameters
    ----------
    frame, found, told
        The history, its distinct writes, and what became of them.
    read : bool
        Whether the final state of every session was read at rest.
    """
    known = sessions(run, frame, found, told)
    finals = {name: one.final.document for name, one in known.items() if one.final is not None}
    if not _plain(frame) or not by_path(run.manifest["spec"]["target"]["crdt"].get("document"), found, finals):
        return {}
    tallies = {name: [*tallies_of(one)] for name, one in known.items() if one.final is not None}
    whole = read and all(one.value is not None for group in tallies.values() for one in group)
    seen = whole and all(map(watched, promised(known)))
    keys, usual = run.table("idempotency"), usual_times(known)
    twice = {name: standing_twice(one, usual) for name, one in known.items()}
    swallowed, stored = swallowed_bodies(known, tallies)
    answers, compared = other_answers(frame)
    counts = {
        "phantom": (_phantoms(known), read),
        "resurrected": (sum(map(_resurrected, known.values())), read),
        "illegal_winner": (sum(map(_illegal, known.values())), read),
        "lost_later": (_lost_later(known, tallies), seen),
        "stale": (_stale(known, tallies), seen),
        "duplicated": (duplicated(known, tallies, twice), whole),
        "double_effect": (
            double_effects(known, tallies, twice, with_more_rows(keys, frame)),
            whole and keys is not None,
        ),
        "swallowed_body": (swallowed, whole),
        "other_answer": (answers, compared),
        "clock_regression": regressions(frame, known),
    }
    shown = {name: count if count or known_ else None for name, (count, known_) in counts.items()}
    parts = [shown[name] for name in ("double_effect", "other_answer", "swallowed_body")]
    total = sum(part or 0 for part in parts)
    return {
        **{f"crdt.{name}_count": count for name, count in shown.items()},
        "crdt.idempotency_violations_count": total if total or None not in parts else None,
        "crdt.stored_answer_count": stored if read else None,
    }


def _plain(frame: pd.DataFrame) -> bool:
    """Whether each operation says what it wrote, and each counter what it adds."""
    kinds = words(frame, "kind")
    amounts = numbers(frame, "amount")[[kind == "counter" for kind in kinds]]
    return set(kinds) <= KINDS and all(words(frame, "token")) and not np.isnan(amounts).any()


# -- of elements and registers


def _phantoms(known: dict[str, Session]) -> int:
    """Tokens of the run's form where the run's tokens stand, that nobody tried to write to the session."""
    form = form_of({one.token for session in known.values() for one in session.writes})
    every = (one for session in known.values() for one in session.writes)
    containers = {one.path.rpartition("/")[0] for one in every if one.kind != "counter"}
    count = 0
    for session in known.values():
        tried = {one.token for one in session.writes}
        shown = {text for state in _all(session) for text in claims(state.document, containers)}
        count += sum(form is not None and bool(form.fullmatch(text)) for text in shown - tried)
    return count


def _all(session: Session) -> list[State]:
    return [*session.finals, *session.reads]


def _resurrected(session: Session) -> int:
    refused = {one.token: one for one in session.writes if not one.possible and one.kind != "counter"}
    return sum(any(_shows(state, one) for state in _all(session)) for one in refused.values())


def _shows(state: State, write: Write) -> bool:
    return write.token in state.times and stands_at_its_path(write, state.document)


def _illegal(session: Session) -> int:
    """Return registers that hold a write whose clock another acknowledged one had seen and passed."""
    there, count = set(map(id, session.present)), 0
    rivals = [one for one in session.writes if one.kind == "contended" and one.acknowledged and not one.altered]
    for winner in session.present:
        if winner.kind == "contended" and winner.clock:
            passing = (one for one in rivals if one.path == winner.path and id(one) not in there)
            count += any(passed(one.clock, winner.clock) for one in passing)
    return count


def _lost_later(known: dict[str, Session], tallies: dict[str, list[Tally]]) -> int:
    """Return writes and increments that a read showed and the final state neither holds nor legally replaced."""
    count = 0
    for name, group in tallies.items():
        session = known[name]
        there = set(map(id, session.present))
        for one in session.writes:
            if one.kind == "counter" or id(one) in there or one.altered or not one.possible:
                continue
            rivals = (other for other in session.present if other.path == one.path)
            if not any(may_stand_for(other, one) for other in rivals):
                count += any(_shows(state, one) for state in session.reads)
        for tally in group:
            seen = [number(at(state.document, tally.path), absent=None) for state in session.reads]
            values = [value for value in seen if value is not None]
            if tally.value is not None and values and min(tally.amounts, default=0) >= 0:
                count += fewest(tally.amounts, min(max(values), highest(tally.own)) - tally.value)
    return count


def _stale(known: dict[str, Session], tallies: dict[str, list[Tally]]) -> int:
    """Return writes of the final state that a read lacked although they were acknowledged before it began."""
    count = 0
    for name, group in tallies.items():
        session = known[name]
        held = [one for one in session.present if math.isfinite(one.acknowledged_ns) and not one.altered]
        for one in held:
            later = (state for state in session.reads if state.begin_ns > one.acknowledged_ns)
            count += any(not _shows(state, one) for state in later)
        for tally in group:
            count += len({token for state in session.reads for token in _lagging(tally, state)})
    return count


def _lagging(tally: Tally, state: State) -> list[str]:
    known = sorted(
        (one for one in tally.own if one.acknowledged_ns < state.begin_ns), key=lambda one: one.acknowledged_ns
    )
    value = number(at(state.document, tally.path), absent=0)
    if value is None or tally.value is None:
        return []
    sent = [one for one in tally.own if one.begin_ns <= state.end_ns]
    lacking = fewest([one.amount for one in known], lowest(sent, known) - value) - tally.lacking_count
    return [one.token for one in known[-lacking:]] if lacking > 0 else []

"""What a repetition did to a CRDT history: a second effect, an element twice, another answer, a body that vanished."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict

import pandas as pd

from fireai_analysis.verify.evidence import numbers, words
from fireai_analysis.verify.fates import at, fewest, may_stand_for
from fireai_analysis.verify.held import State
from fireai_analysis.verify.sessions import Request, Session, Tally, highest, number, requests

STILL_OPEN = (409, 425)


def usual_times(known: dict[str, Session]) -> int:
    """Return how often an element stands in the documents, by the layout: the commonest number of twenty or more."""
    counted: Counter[int] = Counter()
    for session in known.values():
        if session.final is not None:
            counted.update(session.final.times[one.token] for one in session.present if one.kind == "unique")
    return counted.most_common(1)[0][0] if counted.total() >= 20 else 1


def standing_twice(session: Session, usual: int) -> set[str]:
    """Return the tokens that stand more often than elements usually do."""
    if session.final is None:
        return set()
    own = [one for one in session.present if one.kind == "unique" and not one.altered]
    return {one.token for one in own if session.final.times[one.token] > usual}


def duplicated(known: dict[str, Session], tallies: dict[str, list[Tally]], twice: dict[str, set[str]]) -> int:
    """Return elements that stand twice, and increments too many, at the end or in a read of the run."""
    count = sum(map(len, twice.values()))
    for name, group in tallies.items():
        for tally in group:
            during = (_excess(tally, state) for state in known[name].reads)
            count += max(tally.excess_count, max(during, default=0)) if tally.value is not None else 0
    return count


def _excess(tally: Tally, state: State) -> int:
    known = [one for one in tally.own if one.acknowledged_ns < state.begin_ns]
    sent = [one for one in tally.own if one.begin_ns <= state.end_ns]
    value = number(at(state.document, tally.path), absent=0)
    return 0 if value is None else fewest(tally.amounts, value - highest(sent, known))


def with_more_rows(keys: pd.DataFrame | None, frame: pd.DataFrame) -> set[str]:
    """Return the keys of the history for which the database holds more than one row."""
    if keys is None:
        return set()
    rows: Counter[str] = Counter()
    for digest, count in zip(words(keys, "key_sha256"), numbers(keys, "rows_count").tolist(), strict=True):
        rows[digest] += int(count) if 0 < count < math.inf else 0
    many = {digest for digest, count in rows.items() if count > 1}
    used = set(words(frame, "idempotency_key")) if many else set()
    return {key for key in used if key in many or hashlib.sha256(key.encode()).hexdigest() in many}


def double_effects(
    known: dict[str, Session], tallies: dict[str, list[Tally]], twice: dict[str, set[str]], many: set[str]
) -> int:
    """Return keys with a second effect: more rows, an element or altered body besides, counters too high."""
    count = 0
    for name, group in tallies.items():
        session, keys = known[name], dict[str, str]()
        there = set(map(id, session.present))
        for one in session.writes:
            key = session.of(one)[0].key
            beside = one.altered and one.possible and id(one) in there and _took_effect(session.original(key))
            if key in many or one.token in twice[name] or beside:
                keys.setdefault(key, one.path)
        found = Counter(keys.values())
        more = (min(one.excess_count, one.repeats_count) - found[one.path] for one in group)
        count += len(keys) + sum(max(0, one) for one in more)
    return count


def _took_effect(original: Request | None) -> bool:
    return original is not None and original.outcome != "fail"


def swallowed_bodies(known: dict[str, Session], tallies: dict[str, list[Tally]]) -> tuple[int, int]:
    """Return altered bodies that were acknowledged and are nowhere, and how many of such got the stored answer."""
    swallowed, stored = 0, 0
    for name, group in tallies.items():
        session = known[name]
        there = set(map(id, session.present))
        full = {one.path for one in group if one.excess_count or one.value is None}
        for one in session.writes:
            if not (one.altered and one.acknowledged) or id(one) in there or one.path in full:
                continue
            if any(other.path == one.path and may_stand_for(other, one) for other in session.present):
                continue
            sent = next(each for each in session.of(one) if each.outcome == "ok")
            original = session.original(sent.key)
            same = original is not None and sent.answer != "" and sent.answer == original.answer
            swallowed, stored = swallowed + (not same), stored + same
    return swallowed, stored


def other_answers(frame: pd.DataFrame) -> tuple[int, bool]:
    """Return repetitions that were answered otherwise than the first, and whether all answers left a hash."""
    groups: dict[tuple[str, str], list[Request]] = defaultdict(list)
    for one in requests(frame):
        if one.key and one.kind != "altered":
            groups[one.session, one.key].append(one)
    count, compared = 0, True
    for group in groups.values():
        answered = sorted((one for one in group if one.outcome == "ok"), key=lambda one: one.end_ns)
        if len(group) < 2 or not answered:
            continue
        first = answered[0]
        compared &= len(answered) < 2 or all(one.answer for one in answered)
        count += sum(bool(one.answer and first.answer) and one.answer != first.answer for one in answered[1:])
        refused = (one for one in group if one.outcome == "fail" and one.status not in STILL_OPEN)
        count += sum(one.begin_ns > first.end_ns for one in refused)
    return count, compared

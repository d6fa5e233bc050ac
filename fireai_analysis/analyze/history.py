"""The CRDT history as operations and writes: which requests stand for the same write, and which are concurrent.

What a row cannot prove it does not claim: a time that cannot be (absent, negative, an end before its begin) becomes one
that decides nothing, and the number of such rows is told.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import gt
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Floats, floats

FIRST_KINDS = ("unique", "contended", "counter")
REPEATED_KINDS = ("replay", "duplicate")
ALTERED = "altered"
OTHER = "other"
"""Kind of a write that nothing can be looked up of: no known kind, or no token. It promises nothing."""
Clock = dict[str, int]
EXACT = 2.0**53
"""Whole numbers below it are exact as floats."""


class Operation(NamedTuple):
    """One request of the history (schema OPERATIONS); a write without an answer ends at infinity."""

    op_id: str
    kind: str
    original_op_id: str
    wave: int
    session_id: str
    user: int
    door: str
    path: str
    token: str
    amount: int | None
    key: str
    clock: Clock
    invoke_ns: float
    end_ns: float
    outcome: str
    status: int
    clock_returned: str
    answer: str


class Write(NamedTuple):
    """One value written to one path, with all requests that carried it.

    Attributes
    ----------
    kind : str
        unique (element that stays), contended (register) or counter; of an altered body, the kind of its path; `OTHER`
        where it cannot be looked up.
    altered : bool
        Whether it was sent under the key of another write only, and so promises nothing.
    begin_ns, end_ns : float
        First invocation and last answer; infinite where the outcome of any request is unknown.
    acknowledged_ns : float
        First answer that acknowledged it; infinite where there is none.
    acknowledged, possible : bool
        Whether any request was acknowledged; whether any may have taken effect.
    """

    session_id: str
    path: str
    token: str
    wave: int
    kind: str
    altered: bool
    amount: int | None
    clock: Clock
    begin_ns: float
    end_ns: float
    acknowledged_ns: float
    acknowledged: bool
    possible: bool
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class History:
    """The operations of a run in order of invocation, and what is odd about their rows, in words."""

    operations: list[Operation]
    oddities: tuple[str, ...]


def history(frame: pd.DataFrame) -> History:
    """Return the rows of a history in order of invocation.

    Rows that are equal in all and carry the same `op_id` count once; an id with different rows is told and all count.
    """
    rows = list(map(Operation, *_columns(frame)))
    distinct, repeated = _distinct(rows)
    backward = sum(one.end_ns < one.invoke_ns for one in distinct)
    timeless = sum(math.isinf(one.invoke_ns) or (one.outcome == "ok" and math.isinf(one.end_ns)) for one in distinct)
    told = (
        (repeated, "operations share the id of another one that differs"),
        (backward, "operations ended before they began"),
        (timeless, "operations carry no usable time"),
    )
    kept = [one._replace(end_ns=math.inf) if one.end_ns < one.invoke_ns else one for one in distinct]
    kept.sort(key=lambda one: one.invoke_ns)
    return History(kept, tuple(f"{count:,} {words}" for count, words in told if count))


def _columns(frame: pd.DataFrame) -> list[list[Any]]:
    clocks: dict[str, Clock] = {}
    ends, outcomes = cells(frame, "end_ns", instant_or(math.inf)), cells(frame, "outcome", _outcome)
    ended = [math.inf if outcome == "unknown" else end for end, outcome in zip(ends, outcomes, strict=True)]
    columns: dict[str, list[Any]] = {
        "clock": [clock_of(text, clocks) for text in cells(frame, "clock_sent", text_of)],
        "invoke_ns": cells(frame, "invoke_ns", instant_or(-math.inf)),
        "end_ns": ended,
        "outcome": outcomes,
        "key": cells(frame, "idempotency_key", text_of),
        "answer": cells(frame, "answer_sha256", text_of),
    }
    columns["amount"] = cells(frame, "amount", _exact)
    for name in ("wave", "user", "status"):
        columns[name] = _whole(floats(frame, name))
    return [columns[name] if name in columns else cells(frame, name, text_of) for name in Operation._fields]


def _whole(values: Floats) -> list[int]:
    """Return whole numbers, 0 where there is none that a float holds exactly."""
    exact = np.abs(values) < EXACT
    return np.where(exact, values, 0.0).astype(np.int64).tolist()  # type: ignore[no-any-return]


def _exact(value: Any) -> int | None:
    """Return a whole number of any size; None where there is none."""
    if value is None or value is pd.NA or isinstance(value, bool | np.bool_):
        return None
    try:
        return int(value) if value == int(value) else None
    except (TypeError, ValueError, OverflowError):
        return None


def cells(frame: pd.DataFrame, column: str, form: Callable[[Any], Any]) -> list[Any]:
    """Return a column, each value as `form` makes it; a column that is not there holds nothing."""
    if column not in frame:
        return [form(None)] * len(frame)
    values = frame[column].astype(object).tolist()
    if form is text_of:  # most columns and nearly all of their values
        return [value if type(value) is str else text_of(value) for value in values]
    return [form(value) for value in values]


def text_of(value: Any) -> str:
    """Return a text as it is, null as the empty text."""
    if isinstance(value, str):
        return value
    return "" if value is None or value is pd.NA or value != value else str(value)


def instant_or(absent: float) -> Callable[[Any], float]:
    """Return the reader of an instant in ns; what is no positive number becomes `absent`.

    Examples
    --------
    >>> [instant_or(math.inf)(value) for value in (5, None, -1, float("nan"))]
    [5, inf, inf, inf]
    """

    def read(value: Any) -> float:
        if type(value) is int:
            return value if value > 0 else absent
        try:
            number = int(value)
        except (TypeError, ValueError, OverflowError):
            return absent
        return number if number > 0 else absent

    return read


def _outcome(value: Any) -> str:
    return value if value in ("ok", "fail") else "unknown"


def clock_of(text: str, known: dict[str, Clock]) -> Clock:
    """Return a vector clock written as JSON; empty where it is no object of whole numbers. `known` saves parsing.

    Examples
    --------
    >>> clock_of('{"a": 1, "b": null}', {}), clock_of("[1]", {}), clock_of("{", {})
    ({'a': 1}, {}, {})
    """
    if text not in known:
        known[text] = _parsed_clock(text)
    return known[text]


def _parsed_clock(text: str) -> Clock:
    try:
        content = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    if set(map(type, content.values())) == {int}:
        return content
    return {node: count for node, count in content.items() if type(count) is int}


def _distinct(rows: list[Operation]) -> tuple[list[Operation], int]:
    """Return the rows without exact repetitions, and how many share an id although they differ."""
    seen: dict[str, Operation] = {}
    kept, odd = [], 0
    for row in rows:
        first = seen.setdefault(row.op_id, row) if row.op_id else row
        if first is row:
            kept.append(row)
        elif first != row:
            kept.append(row)
            odd += 1
    return kept, odd


def writes(operations: Iterable[Operation]) -> list[Write]:
    """Return the distinct writes: a repetition carries the token of its original and is the same write."""
    groups: dict[tuple[str, str, str], list[Operation]] = defaultdict(list)
    kinds: dict[tuple[str, str], str] = {}
    for one in operations:
        groups[one.session_id, one.path, one.token or one.key].append(one)
        if one.kind in FIRST_KINDS:
            kinds[one.session_id, one.path] = one.kind
    return [_write(group, kinds) for group in groups.values()]


def _write(group: list[Operation], kinds: dict[tuple[str, str], str]) -> Write:
    first = group[0]
    sent = [one.kind for one in group]
    kind = next((one for one in sent if one in FIRST_KINDS), None)
    if kind is None and (ALTERED in sent or not set(sent).isdisjoint(REPEATED_KINDS)):
        kind = kinds.get((first.session_id, first.path), "counter" if first.amount else "unique")
    if kind is None or not (first.token or kind == "counter"):
        kind = OTHER
    answered = [one.end_ns for one in group if one.outcome == "ok"]
    only = len(group) == 1
    return Write(
        first.session_id,
        first.path,
        first.token,
        first.wave,
        kind,
        sent.count(ALTERED) == len(sent),
        first.amount if only else next((one.amount for one in group if one.amount is not None), None),
        first.clock,
        first.invoke_ns if only else min([one.invoke_ns for one in group]),
        first.end_ns if only else max([one.end_ns for one in group]),
        min(answered, default=math.inf),
        bool(answered),
        bool(answered) or "unknown" in [one.outcome for one in group],
        tuple(group),
    )


def by_path(found: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes of each path of each session that more than one write went to."""
    groups: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for one in found:
        groups[one.session_id, one.path].append(one)
    yield from (group for group in groups.values() if len(group) > 1)


def dominates(one: Clock, other: Clock) -> bool:
    """Return whether a vector clock has seen all of another and more.

    Examples
    --------
    >>> dominates({"a": 2, "b": 1}, {"a": 1}), dominates({"a": 1}, {"b": 1}), dominates({"a": 1}, {"a": 1})
    (True, False, False)
    """
    return all(one.get(node, 0) >= count for node, count in other.items()) and any(
        count > other.get(node, 0) for node, count in one.items()
    )


def supersedes(winner: Write, loser: Write) -> bool:
    """Return whether the final value of a register may legally stand for another write to its path.

    It may have taken effect, and its clock is not one that the other had seen: among writes that have not seen each
    other the merge rule may choose any, whenever they were sent (DESIGN.md section 5, ruling 7). Where a clock is
    missing, or both are the same, time decides: the winner must not have ended before the other began.
    """
    if winner.clock and loser.clock and winner.clock != loser.clock:
        legal = not dominates(loser.clock, winner.clock)
    else:
        legal = winner.end_ns >= loser.begin_ns
    return loser.kind == "contended" and winner.possible and legal


def in_conflict(group: list[Write]) -> list[Write]:
    """Return the writes of one path that overlap another one in time, neither clock having seen the other.

    From its first invocation to the first answer that acknowledged it: then it took effect. What was never acknowledged
    proves no overlap, and bodies under the key of another write are in conflict with nothing.
    """
    ordered = sorted((one for one in group if one.acknowledged and not one.altered), key=lambda one: one.begin_ns)
    found: list[Write] = []
    alone: list[Write] = []  # still open, in conflict with none so far
    rivals: list[Write] = []  # still open, in conflict with some
    for one in ordered:
        alone = [other for other in alone if other.acknowledged_ns >= one.begin_ns]
        rivals = [other for other in rivals if other.acknowledged_ns >= one.begin_ns]
        met = [other for other in alone if _incomparable(one.clock, other.clock)]
        if met or any(_incomparable(one.clock, other.clock) for other in rivals):
            found += [*met, one]
            rivals += [*met, one]
            known = set(map(id, met))
            alone = [other for other in alone if id(other) not in known] if known else alone
        else:
            alone.append(one)
    return sorted(found, key=lambda one: one.begin_ns)


def _incomparable(one: Clock, other: Clock) -> bool:
    """Whether two clocks are known, and neither has seen all of the other."""
    return any(map(gt, one.values(), map(other.get, one, repeat(0)))) and any(
        map(gt, other.values(), map(one.get, other, repeat(0)))
    )

"""The smallest history that proves the gravest violation: the fewest events of one session, as lanes over time."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fireai_analysis.analyze.crdt_states import State
from fireai_analysis.analyze.crdt_violation import GRAVITY, Violation
from fireai_analysis.analyze.history import Operation
from fireai_analysis.results import Counterexample, Event

MOST_EVENTS = 12
"""More requests than this are told as one event: a counter may have hundreds of increments."""
LONGEST_TEXT = 120


def smallest(found: Iterable[Violation]) -> Counterexample | None:
    """Return the counterexample of the gravest kind of violation with the fewest events; None where there is none.

    Among equals the earliest is taken, then the first by name, so that the same history gives the same one.
    """
    best = min(found, key=_rank, default=None)
    if best is None:
        return None
    events = sorted(
        [*_requests(best.operations), *(_read(state, words) for state, words in best.states)],
        key=lambda event: (event.begin_ns, event.lane),
    )
    return Counterexample(
        kind=best.kind, session_id=best.session_id, path=best.path, text=best.text, events=tuple(events)
    )


def _rank(one: Violation) -> tuple[int, int, float, str, str]:
    begin = min((operation.invoke_ns for operation in one.operations), default=math.inf)
    events = len(one.operations) + len(one.states)
    return GRAVITY.index(one.kind), events, begin, one.session_id, one.text


def _requests(operations: tuple[Operation, ...]) -> list[Event]:
    if len(operations) <= MOST_EVENTS:
        return [_request(one) for one in operations]
    users = {one.user for one in operations}
    total = sum(one.amount or 0 for one in operations)
    text = f"{len(operations)} requests, amounts {total} in all"
    ends = [one.end_ns for one in operations]
    begin = min(one.invoke_ns for one in operations)
    return [Event(lane=f"{len(users)} users", begin_ns=_begin(begin), end_ns=_end(max(ends)), text=text)]


def _request(one: Operation) -> Event:
    if one.status:
        answer = f"{one.status} {'acknowledged' if one.outcome == 'ok' else one.outcome}"
    else:
        answer = {"ok": "acknowledged", "fail": "refused"}.get(one.outcome, "no answer")
    what = f"adds {one.amount} to {one.path}" if one.amount else f"writes {one.token} to {one.path}"
    if one.path.endswith(f"/{one.token}"):
        what = f"adds {one.path}"
    kind = "" if one.kind in ("unique", "contended", "counter") else f"{one.kind}: "
    clock = f", clock {', '.join(f'{node}: {count}' for node, count in one.clock.items())}" if one.clock else ""
    return Event(
        lane=f"user {one.user}",
        begin_ns=_begin(one.invoke_ns),
        end_ns=_end(one.end_ns),
        text=_short(f"{kind}{what}{clock} -> {answer}"),
        op_id=one.op_id or None,
    )


def _read(state: State, words: str) -> Event:
    when = "final read" if state.final else "read"
    return Event(
        lane="database" if state.source == "sql" else f"read at {state.source}",
        begin_ns=_begin(state.begin_ns if math.isfinite(state.begin_ns) else state.end_ns),
        end_ns=_end(state.end_ns),
        text=_short(f"{when} {words}"),
    )


def _begin(instant_ns: float) -> int:
    return int(instant_ns) if math.isfinite(instant_ns) else 0


def _end(instant_ns: float) -> int | None:
    return int(instant_ns) if math.isfinite(instant_ns) else None


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 3]}..."

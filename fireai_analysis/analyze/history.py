"""The CRDT history as operations and writes: which stand for the same write, and which are concurrent."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fireai_analysis.analyze.columns import records


@dataclass(frozen=True, slots=True)
class Operation:
    """One request of the history; a write without an answer ends at infinity, for it may still take effect."""

    kind: str
    wave: int
    session_id: str
    path: str
    token: str
    key: str
    clock: dict[str, int]
    invoke_ns: float
    end_ns: float
    outcome: str
    status: int
    answer: str | None


@dataclass(frozen=True, slots=True)
class Write:
    """One value written to one path, with all requests that carried it.

    Attributes
    ----------
    begin_ns, end_ns : float
        First invocation and last answer; infinite where the outcome of any request is unknown.
    acknowledged, possible : bool
        Whether any request was acknowledged; whether any may have taken effect.
    """

    session_id: str
    path: str
    token: str
    wave: int
    contended: bool
    clock: dict[str, int]
    begin_ns: float
    end_ns: float
    acknowledged: bool
    possible: bool


def operations(frame: pd.DataFrame) -> list[Operation]:
    """Return the rows of a history in order of invocation."""
    found = [_operation(row) for row in records(frame)]
    return sorted(found, key=lambda one: one.invoke_ns)


def _operation(row: dict[str, Any]) -> Operation:
    end, outcome = row.get("end_ns"), str(row.get("outcome"))
    return Operation(
        kind=str(row.get("kind")),
        wave=int(row.get("wave") or 0),
        session_id=str(row.get("session_id")),
        path=str(row.get("path") or ""),
        token=str(row.get("token")),
        key=str(row.get("idempotency_key") or ""),
        clock=_clock(row.get("clock_sent")),
        invoke_ns=row.get("invoke_ns") or 0,
        end_ns=math.inf if end is None or outcome == "unknown" else end,
        outcome=outcome,
        status=int(row.get("status") or 0),
        answer=row.get("answer_sha256") or None,
    )


def _clock(text: Any) -> dict[str, int]:
    try:
        content = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    counts = content.items() if isinstance(content, dict) else ()
    return {str(node): count for node, count in counts if isinstance(count, int)}


def writes(history: Iterable[Operation]) -> list[Write]:
    """Return the distinct writes: a replay carries the token of its original and is the same write."""
    groups: dict[tuple[str, str, str], list[Operation]] = defaultdict(list)
    for one in history:
        groups[one.session_id, one.path, one.token].append(one)
    return [_write(group) for group in groups.values()]


def _write(group: list[Operation]) -> Write:
    first = group[0]
    return Write(
        session_id=first.session_id,
        path=first.path,
        token=first.token,
        wave=first.wave,
        contended=any(one.kind == "contended" for one in group),
        clock=first.clock,
        begin_ns=min(one.invoke_ns for one in group),
        end_ns=max(one.end_ns for one in group),
        acknowledged=any(one.outcome == "ok" for one in group),
        possible=any(one.outcome in ("ok", "unknown") for one in group),
    )


def by_path(found: Iterable[Write]) -> Iterator[list[Write]]:
    """Yield the writes of each path of each session that more than one write went to."""
    groups: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for one in found:
        groups[one.session_id, one.path].append(one)
    yield from (group for group in groups.values() if len(group) > 1)


def dominates(one: dict[str, int], other: dict[str, int]) -> bool:
    """Return whether a vector clock has seen all of another and more.

    Examples
    --------
    >>> dominates({"a": 2, "b": 1}, {"a": 1}), dominates({"a": 1}, {"b": 1}), dominates({"a": 1}, {"a": 1})
    (True, False, False)
    """
    return all(one.get(node, 0) >= count for node, count in other.items()) and any(
        count > other.get(node, 0) for node, count in one.items()
    )


def in_conflict(group: list[Write]) -> list[Write]:
    """Return the writes of one path that overlap another one in time, neither clock having seen the other."""
    ordered = sorted(group, key=lambda one: one.begin_ns)
    found: set[int] = set()
    open_places: list[int] = []
    for place, one in enumerate(ordered):
        open_places = [earlier for earlier in open_places if ordered[earlier].end_ns >= one.begin_ns]
        for earlier in open_places:
            if not {place, earlier} <= found and _incomparable(one.clock, ordered[earlier].clock):
                found |= {place, earlier}
        open_places.append(place)
    return [ordered[place] for place in sorted(found)]


def _incomparable(one: dict[str, int], other: dict[str, int]) -> bool:
    return not dominates(one, other) and not dominates(other, one)

"""What became of the CRDT writes, by sets: acknowledged, less what the database holds, less what legally stands for it.

Phantoms, stale reads, second effects of a key and the like stand in `breaches`.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import Run, numbers, words

FIRST = ("unique", "contended", "counter")
NOWHERE = object()
Clock = dict[str, int]


@dataclass
class Write:
    """One value written to one path of one session, by one request or several."""

    session: str
    path: str
    token: str
    kind: str
    amount: int
    clock: Clock
    begin_ns: float
    end_ns: float
    acknowledged_ns: float
    acknowledged: bool
    possible: bool
    altered: bool
    op_ids: tuple[str, ...]


@dataclass(frozen=True)
class Fate:
    """What the final states of sessions tell of the writes: present, lost, superseded, increments that are lacking."""

    sessions: set[str]
    present: list[Write]
    lost: list[Write]
    superseded: list[Write]
    lacking: dict[tuple[str, str], int]
    recovered_count: int
    unreadable_count: int


def operations(run: Run) -> pd.DataFrame | None:
    """Return the history without rows that stand there twice, with times as numbers; None where there is none."""
    frame = run.table("operations")
    if frame is None:
        return None
    frame = frame.drop_duplicates(ignore_index=True)
    outcome = [one if one in ("ok", "fail") else "unknown" for one in words(frame, "outcome")]
    invoke, end = (pd.to_numeric(frame[name]).astype("Float64") for name in ("invoke_ns", "end_ns"))
    begin = invoke.where(invoke > 0).fillna(-np.inf).to_numpy(dtype=float)
    ended = end.where(end > 0).fillna(np.inf).to_numpy(dtype=float)
    ended = np.where((np.array(outcome) == "unknown") | (ended < begin), np.inf, ended)
    return frame.assign(outcome=outcome, begin=begin, end=ended).sort_values("begin", kind="stable")


def writes(frame: pd.DataFrame) -> list[Write]:
    """Return the distinct writes; requests that carry the same token to the same path are one."""
    names = ("session_id", "path", "token", "idempotency_key", "kind", "op_id", "clock_sent", "outcome")
    columns = [words(frame, name) for name in names]
    amounts = pd.to_numeric(frame["amount"], errors="coerce").astype("Float64").fillna(0).astype(int).tolist()
    groups: dict[tuple[str, str, str], list[tuple[Any, ...]]] = defaultdict(list)
    kinds: dict[tuple[str, str], str] = {}
    lines = zip(*columns, amounts, frame["begin"].tolist(), frame["end"].tolist(), strict=True)
    for session, path, token, key, *rest in lines:
        groups[session, path, token or key].append((token, *rest))
        if rest[0] in FIRST:
            kinds[session, path] = rest[0]
    return [_write(place, group, kinds) for place, group in groups.items()]


def _write(place: tuple[str, str, str], group: list[tuple[Any, ...]], kinds: dict[tuple[str, str], str]) -> Write:
    token, _, _, clock, _, amount, _, _ = group[0]
    sent = [one[1] for one in group]
    outcomes = [one[4] for one in group]
    kind = next((one for one in sent if one in FIRST), kinds.get(place[:2], "counter" if amount else "unique"))
    return Write(
        session=place[0],
        path=place[1],
        token=token,
        kind=kind,
        amount=amount,
        clock=clock_of(clock),
        begin_ns=min(one[6] for one in group),
        end_ns=max(one[7] for one in group),
        acknowledged_ns=min((one[7] for one in group if one[4] == "ok"), default=math.inf),
        acknowledged="ok" in outcomes,
        possible="ok" in outcomes or "unknown" in outcomes,
        altered=set(sent) == {"altered"},
        op_ids=tuple(one[2] for one in group),
    )


@lru_cache(maxsize=4096)
def clock_of(text: str) -> Clock:
    """Return a vector clock written as JSON; empty where it is no object of whole numbers."""
    try:
        content = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return {node: n for node, n in content.items() if type(n) is int} if isinstance(content, dict) else {}


def finals(run: Run) -> dict[str, dict[str, Any]]:
    """Return by session and place the documents that were read last, after the last answer, and stood still."""
    frame = run.table("final_states")
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    if frame is None:
        return found
    ordered = frame.sort_values("read_ns", kind="stable")
    settled = ordered["settled"].astype("object").tolist() if "settled" in ordered else [None] * len(ordered)
    columns = (words(ordered, name) for name in ("session_id", "source", "document"))
    answered, begins = _answered_ns(run), numbers(ordered, "begin_ns").tolist()
    for session, source, text, still, begin in zip(*columns, settled, begins, strict=True):
        found[session].pop(source or "sql", None)
        document = document_of(text)
        late = begin > max(0, answered.get(session, 0))
        if late and document is not NOWHERE and not (still is not None and still is not pd.NA and not still):
            found[session][source or "sql"] = document
    return found


def _answered_ns(run: Run) -> dict[str, float]:
    """Return the last answer of each session that acknowledged a write."""
    frame, found = operations(run), dict[str, float]()
    lines = [] if frame is None else zip(words(frame, "session_id"), frame["outcome"], frame["end"], strict=True)
    for session, outcome, end in lines:
        if outcome == "ok" and math.isfinite(end):
            found[session] = max(end, found.get(session, end))
    return found


def document_of(text: str) -> Any:
    """Return a document; `NOWHERE` where the text is none."""
    try:
        return json.loads(text) if text else NOWHERE
    except (ValueError, RecursionError):
        return NOWHERE


def at(document: Any, path: str) -> Any:
    """Return what stands at a JSON pointer, else `NOWHERE`.

    Examples
    --------
    >>> at({"hot": {"0": "x"}}, "/hot/0"), at({"hot": {}}, "/hot/0") is NOWHERE
    ('x', True)
    """
    for step in path.strip("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name, NOWHERE)
        elif isinstance(document, list) and name.isdecimal() and int(name) < len(document):
            document = document[int(name)]
        else:
            return NOWHERE
    return document


def texts(document: Any) -> set[str]:
    """Return every text in a document, keys and values."""
    found: set[str] = set()
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            found.add(one)
        elif isinstance(one, dict):
            found |= one.keys()
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return found


def fate(found: list[Write], states: dict[str, dict[str, Any]]) -> Fate:
    """Return what became of the writes of the sessions whose final state the database told."""
    held = {session: (places["sql"], texts(places["sql"])) for session, places in states.items() if "sql" in places}
    paths: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for one in found:
        if one.session in held:
            paths[one.session, one.path].append(one)
    by_path = _by_path(paths, held)
    present, lost, superseded = list[Write](), list[Write](), list[Write]()
    for (session, path), group in paths.items():
        if group[0].kind == "counter":
            continue
        laid = path.rpartition("/")[0] in by_path
        there = [one for one in group if _stands(one, *held[session], laid)]
        present += there
        for one in group:
            if one.acknowledged and not one.altered and one not in there:
                (superseded if any(may_stand_for(other, one) for other in there) else lost).append(one)
    by_keys = bool(present) and all(at(held[one.session][0], one.path) is NOWHERE for one in present)
    counted = {place: group for place, group in paths.items() if group[0].kind == "counter"}
    tallies = [_tally(group, at(held[place[0]][0], place[1]), by_keys) for place, group in counted.items()]
    return Fate(
        sessions=set(held),
        present=present,
        lost=lost,
        superseded=superseded,
        lacking={place: tally[0] for place, tally in zip(counted, tallies, strict=True) if tally and tally[0]},
        recovered_count=sum(one.possible and not one.acknowledged and not one.altered for one in present)
        + sum(tally[1] for tally in tallies if tally),
        unreadable_count=sum(tally is None for tally in tallies),
    )


def _by_path(paths: dict[tuple[str, str], list[Write]], held: dict[str, tuple[Any, set[str]]]) -> set[str]:
    """Return the containers whose documents hold something where an acknowledged write to them goes by its path."""
    return {
        path.rpartition("/")[0]
        for (session, path), group in paths.items()
        if any(one.acknowledged and not one.altered for one in group) and at(held[session][0], path) is not NOWHERE
    }


def by_path(layout: str | None, found: list[Write], finals: dict[str, Any]) -> bool:
    """Return whether documents keep changes at their paths, as they show and the target file does not deny.

    Parameters
    ----------
    layout : str or None
        What the target file tells.
    finals : dict
        Final document of each session that was read at rest.
    """
    paths: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for one in found:
        if one.session in finals:
            paths[one.session, one.path].append(one)
    held = {session: (document, texts(document)) for session, document in finals.items()}
    laid = _by_path(paths, held)
    strange = (
        one
        for (session, path), group in paths.items()
        if path.rpartition("/")[0] not in laid
        for one in group
        if one.acknowledged and not one.altered and one.token in held[session][1]
    )
    return layout in (None, "auto", "by_path") and not any(strange)


def _stands(one: Write, document: Any, everything: set[str], laid: bool) -> bool:
    return stands_at_its_path(one, document) if laid else one.token in everything


def stands_at_its_path(one: Write, document: Any) -> bool:
    """Return whether a document by path holds a write: at its path, or in the list to whose end it was added."""
    place = one.path.rpartition("/")[0] if one.path.endswith("/-") else one.path
    return one.token in _values(at(document, place))


def _values(document: Any) -> set[str]:
    if isinstance(document, str):
        return {document}
    inner = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return {text for one in inner for text in _values(one)}


def may_stand_for(winner: Write, loser: Write) -> bool:
    """Whether a register may legally hold one write instead of another: it has not been overwritten by it."""
    if loser.kind != "contended" or not winner.possible:
        return False
    if winner.clock and loser.clock and winner.clock != loser.clock:
        return not passed(loser.clock, winner.clock)
    return winner.end_ns >= loser.begin_ns


def passed(one: dict[str, int], other: dict[str, int]) -> bool:
    """Whether a clock has seen all of another and more."""
    nodes = one.keys() | other.keys()
    return all(one.get(n, 0) >= other.get(n, 0) for n in nodes) and any(one.get(n, 0) > other.get(n, 0) for n in nodes)


def _tally(group: list[Write], value: Any, by_keys: bool) -> tuple[int, int] | None:
    """Return how many acknowledged increments a counter lacks and how many unknown ones it holds; None: no number."""
    if value is NOWHERE and not by_keys:
        value = 0
    if type(value) not in (int, float) or value % 1:
        return None
    own = [one for one in group if not one.altered]
    certain = [one.amount for one in own if one.acknowledged]
    unknown = [one.amount for one in own if one.possible and not one.acknowledged]
    least = sum(certain) + sum(min(0, amount) for amount in unknown)
    return fewest(certain, least - value), min(len(unknown), fewest(unknown, value - least))


def fewest(amounts: list[int], total: float) -> int:
    """Return how many of the amounts, largest first, it takes to reach a total."""
    count, most = 0, sorted((one for one in amounts if one > 0), reverse=True)
    while total > 0:
        total -= most[count] if count < len(most) else (most[0] if most else total)
        count += 1
    return count


def conflicts(found: list[Write]) -> list[Write]:
    """Return the writes that met another one on their path: each from its begin to the answer that acknowledged it.

    Both under way at once, and neither having seen the other; what was never acknowledged proves no meeting.
    """
    groups: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for one in found:
        if one.acknowledged and not one.altered:
            groups[one.session, one.path].append(one)
    met: set[int] = set()
    for group in groups.values():
        begins, ends = (np.array([getattr(one, name) for one in group]) for name in ("begin_ns", "acknowledged_ns"))
        for place, one in enumerate(group):
            overlapping = np.flatnonzero((begins[:place] <= one.acknowledged_ns) & (ends[:place] >= one.begin_ns))
            for other in (group[earlier] for earlier in overlapping.tolist()):
                if not {id(one), id(other)} <= met and _apart(one.clock, other.clock):
                    met |= {id(one), id(other)}
    return [one for one in found if id(one) in met]


def _apart(one: dict[str, int], other: dict[str, int]) -> bool:
    return any(n > other.get(node, 0) for node, n in one.items()) and any(
        n > one.get(node, 0) for node, n in other.items()
    )

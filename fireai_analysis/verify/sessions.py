"""A CRDT history by sessions: the requests and writes of each, what was read of it, and its counters."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from fireai_analysis.verify.evidence import Run, numbers, words
from fireai_analysis.verify.fates import FIRST, NOWHERE, Fate, Write, at, fewest
from fireai_analysis.verify.held import State, states


class Request(NamedTuple):
    """One request of the history."""

    session: str
    path: str
    token: str
    key: str
    kind: str
    outcome: str
    answer: str
    status: float
    begin_ns: float
    end_ns: float


@dataclass
class Session:
    """What was written to a session and read of it; `final` is the state of the database at rest, where it was read."""

    writes: list[Write] = field(default_factory=list)
    requests: dict[tuple[str, str], list[Request]] = field(default_factory=lambda: defaultdict(list))
    present: list[Write] = field(default_factory=list)
    final: State | None = None
    finals: list[State] = field(default_factory=list)
    reads: list[State] = field(default_factory=list)

    def of(self, write: Write) -> list[Request]:
        """Return the requests that carried a write."""
        return self.requests[write.path, write.token]

    def original(self, key: str) -> Request | None:
        """Return the request that a key first stood for: the acknowledged one where there are several."""
        every = [one for write in self.writes for one in self.of(write) if one.key == key and one.kind != "altered"]
        return next((one for one in every if one.outcome == "ok"), every[0] if every else None)


@dataclass(frozen=True)
class Tally:
    """One counter of a session: its increments, how many requests repeated one, and what the final state holds."""

    path: str
    own: list[Write]
    repeats_count: int
    value: int | None

    @property
    def amounts(self) -> list[int]:
        """What each increment adds."""
        return [one.amount for one in self.own]

    @property
    def excess_count(self) -> int:
        """How many increments too many the final state holds."""
        return 0 if self.value is None else fewest(self.amounts, self.value - highest(self.own))

    @property
    def lacking_count(self) -> int:
        """How many acknowledged increments the final state lacks."""
        known = [one for one in self.own if one.acknowledged]
        return 0 if self.value is None else fewest([one.amount for one in known], lowest(self.own, known) - self.value)


def lowest(sent: list[Write], known: list[Write]) -> int:
    """Return the least that a counter may hold: what is known, and of the open ones those that take away."""
    return sum(one.amount for one in known) + sum(min(0, one.amount) for one in _open(sent, known))


def highest(sent: list[Write], known: list[Write] | None = None) -> int:
    """Return the most that a counter may hold: what is known, and of the open ones those that add."""
    certain = [one for one in sent if one.acknowledged] if known is None else known
    return sum(one.amount for one in certain) + sum(max(0, one.amount) for one in _open(sent, certain))


def _open(sent: list[Write], known: list[Write]) -> list[Write]:
    taken = set(map(id, known))
    return [one for one in sent if one.possible and id(one) not in taken]


def sessions(run: Run, frame: pd.DataFrame, found: list[Write], told: Fate) -> dict[str, Session]:
    """Return the sessions that were written to, by name."""
    known: dict[str, Session] = defaultdict(Session)
    for write in found:
        known[write.session].writes.append(write)
    for one in requests(frame):
        known[one.session].requests[one.path, one.token].append(one)
    for write in told.present:
        known[write.session].present.append(write)
    finals, reads = states(run, "final_states"), states(run, "reads")
    for name, session in known.items():
        session.finals, session.reads = finals.get(name, []), reads.get(name, [])
        if name in told.sessions:
            session.final = next(one for one in session.finals if one.source == "sql")
    return known


def requests(frame: pd.DataFrame) -> list[Request]:
    """Return the rows of the history in order."""
    names = ("session_id", "path", "token", "idempotency_key", "kind", "outcome", "answer_sha256")
    times = (frame["begin"].tolist(), frame["end"].tolist())
    return list(map(Request, *(words(frame, one) for one in names), numbers(frame, "status").tolist(), *times))


def promised(known: dict[str, Session]) -> list[Session]:
    """Return the sessions that promised a write; where none did, those that were read."""
    own = [one for one in known.values() if any(each.acknowledged and not each.altered for each in one.writes)]
    return own or [one for one in known.values() if one.finals]


def watched(session: Session) -> bool:
    """Return whether a read of the run began between the first answer and the final read."""
    times = [one.acknowledged_ns for one in session.writes if math.isfinite(one.acknowledged_ns)]
    until_ns = math.inf if session.final is None else session.final.begin_ns
    return any(min(times, default=-math.inf) < one.begin_ns < until_ns for one in session.reads)


def tallies_of(session: Session) -> Iterator[Tally]:
    """Yield the counters of a session whose final state was read."""
    paths: dict[str, list[Write]] = defaultdict(list)
    for one in session.writes:
        paths[one.path].append(one)
    for path, group in paths.items():
        if group[0].kind == "counter" and session.final is not None:
            own = [one for one in group if not one.altered]
            repeats = sum(each.kind not in FIRST for one in group for each in session.of(one))
            yield Tally(path, own, repeats, number(at(session.final.document, path), absent=0))


def number(value: object, *, absent: int | None) -> int | None:
    """Return a whole number; `absent` where nothing stands, None where what stands is none."""
    if value is NOWHERE:
        return absent
    return int(value) if isinstance(value, int | float) and type(value) is not bool and value % 1 == 0 else None

"""The CRDT history of a run: which writes are made, what is known of each, and what became of it.

Every write carries a token that no other write carries, so that a lost one can be told from a superseded one. What a
write will do stands in the journal before it is sent; what it was answered is added after.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from fireai_analysis.collect.schedule import Plan
from fireai_analysis.collect.workload import Request, Workload, element_change, new_id, write_request
from fireai_analysis.spec import Door, Scenario

Outcome = Literal["ok", "fail", "unknown"]
DEFINITE_FAILURES = frozenset((400, 401, 403, 404, 413, 422))


def outcome(status: int, *, conflict_409_applied: bool) -> Outcome:
    """Return whether a write happened, as far as its answer tells.

    Parameters
    ----------
    status : int
        HTTP status, 0 where there was no answer.
    conflict_409_applied : bool
        Whether the target applies a write that it answers with 409 (from the target file).

    Returns
    -------
    {'ok', 'fail', 'unknown'}
        Acknowledged, definitely not done, or either. When in doubt, unknown: that is always safe.

    Examples
    --------
    >>> [outcome(status, conflict_409_applied=False) for status in (200, 409, 422, 503, 0)]
    ['ok', 'fail', 'fail', 'unknown', 'unknown']
    """
    if 200 <= status < 300:
        return "ok"
    if status == 409:
        return "ok" if conflict_409_applied else "fail"
    return "fail" if status in DEFINITE_FAILURES else "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One CRDT write as it is about to be sent."""

    arrival: int
    kind: str
    wave: int
    session_id: str
    user: int
    door: Door
    path: str
    token: str
    key: str
    clock: dict[str, int]
    request: Request

    def invocation(self) -> dict[str, Any]:
        """Return the journal record that stands before the request."""
        return {
            "arrival": self.arrival,
            "kind": self.kind,
            "wave": self.wave,
            "session_id": self.session_id,
            "user": self.user,
            "door": self.door,
            "path": self.path,
            "token": self.token,
            "idempotency_key": self.key,
            "clock_sent": json.dumps(self.clock, separators=(",", ":")),
        }


class Waves:
    """Builds the operations of each wave and chooses what a replay repeats.

    Parameters
    ----------
    scenario : Scenario
        Its mix and hot paths.
    plan : Plan
        The arrivals.
    sessions : list of str
        One session a wave.
    workload : Workload
        Builds the requests.
    seed : int
        Seed of the paths and of the choice of replays.
    """

    def __init__(self, scenario: Scenario, plan: Plan, *, sessions: list[str], workload: Workload, seed: int) -> None:
        self._scenario, self._plan, self._sessions, self._workload = scenario, plan, sessions, workload
        self._random = random.Random(seed)  # noqa: S311 - choices, not secrets
        self._operations: dict[int, Operation] = {}
        self._in_flight: dict[int, None] = {}
        self._acknowledged: list[int] = []
        self._ended: list[int] = []

    def build(self, first: int) -> Iterator[Operation]:
        """Yield the operations of the wave that begins at a position of the plan; replays are chosen when due."""
        self._operations, self._in_flight, self._acknowledged, self._ended = {}, {}, [], []
        wave = int(self._plan.waves[first])
        for position in range(first, len(self._plan)):
            if int(self._plan.waves[position]) != wave:
                break
            entry = self._scenario.mix[int(self._plan.entries[position])]
            if entry.action == "replay" and self._operations:
                continue
            kind = "unique" if entry.action == "replay" else entry.action
            self._operations[position] = self._operation(position, kind, entry.door)
            yield self._operations[position]

    def take(self, position: int) -> Operation:
        """Return the operation that is due now and count it as in flight."""
        operation = self._operations.get(position) or self._replay(position)
        if operation.kind != "replay":
            self._in_flight[position] = None
        return operation

    def answered(self, position: int, status: int) -> None:
        """Take in that an operation ended."""
        if position not in self._in_flight:
            return
        del self._in_flight[position]
        (self._acknowledged if status == 200 else self._ended).append(position)

    def _operation(self, position: int, kind: str, door: Door) -> Operation:
        wave, user = int(self._plan.waves[position]), int(self._plan.users[position])
        session_id, token, key = self._sessions[wave], new_id(), new_id()
        change: dict[str, Any] = element_change(token, user)
        if kind == "contended":
            change = {
                "op": "set",
                "path": f"/hot/{self._random.randrange(self._scenario.hot_paths or 1)}",
                "value": token,
            }
        content = self._workload.write_body(session_id, user, [change], key)
        return Operation(
            arrival=int(self._plan.indexes[position]),
            kind=kind,
            wave=wave,
            session_id=session_id,
            user=user,
            door=door,
            path=change["path"],
            token=token,
            key=key,
            clock=content["vector_clock"],
            request=write_request(kind, door, session_id, content),
        )

    def _replay(self, position: int) -> Operation:
        """Return a repetition of an acknowledged operation of this wave, else of one in flight, else of any sent."""
        candidates = self._acknowledged or list(self._in_flight) or self._ended
        original = self._operations[self._random.choice(candidates)]
        door = self._scenario.mix[int(self._plan.entries[position])].door
        sent = original.request
        request = Request("replay", door, sent.path, sent.headers, sent.body, sent.expect)
        return Operation(
            arrival=int(self._plan.indexes[position]),
            kind="replay",
            wave=original.wave,
            session_id=original.session_id,
            user=int(self._plan.users[position]),
            door=door,
            path=original.path,
            token=original.token,
            key=original.key,
            clock=original.clock,
            request=request,
        )

"""The CRDT history of a run: which writes are made, what is known of each, and what became of it.

Every write carries a token that no other write carries, so that a lost one can be told from a superseded one. What a
write will do stands in the journal before it is sent; what it was answered is added after.

Writes of their own are `unique` (a new element), `contended` (a register that many write to) and `counter` (an
addition to a counter that many add to). Three kinds use the key of another write again: a `replay` is sent after that
one was acknowledged and a `duplicate` while it is in flight, both the same byte for byte; an `altered` one brings
another body under the key of an acknowledged write, and is to be refused (IETF draft idempotency-key-header).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from fireai_analysis.collect.schedule import Plan
from fireai_analysis.collect.workload import Request, Workload, element_change, new_id, write_request
from fireai_analysis.spec import Door, Scenario

Outcome = Literal["ok", "fail", "unknown"]
DEFINITE_FAILURES = frozenset((400, 401, 403, 404, 413, 422))
CHOSEN_WHEN_DUE = frozenset(("replay", "duplicate", "altered"))
COUNTER_PATH = "/counters/0"
"""One counter a session, so that increments meet."""


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
    """One CRDT write as it is about to be sent.

    Attributes
    ----------
    arrival : int
        Its number in the schedule.
    original : int or None
        Arrival of the write whose key it uses again.
    amount : int or None
        What it adds to a counter.
    """

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
    original: int | None = None
    amount: int | None = None

    def invocation(self) -> dict[str, Any]:
        """Return the journal record that stands before the request."""
        return {
            "arrival": self.arrival,
            "kind": self.kind,
            "original": self.original,
            "wave": self.wave,
            "session_id": self.session_id,
            "user": self.user,
            "door": self.door,
            "path": self.path,
            "token": self.token,
            "amount": self.amount,
            "idempotency_key": self.key,
            "body_sha256": hashlib.sha256(self.request.body or b"").hexdigest(),
            "clock_sent": json.dumps(self.clock, separators=(",", ":")),
        }


class Waves:
    """Builds the operations of each wave and chooses what a repetition repeats.

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
        Seed of the paths and of the choice of originals.
    """

    def __init__(self, scenario: Scenario, plan: Plan, *, sessions: list[str], workload: Workload, seed: int) -> None:
        self._scenario, self._plan, self._sessions, self._workload = scenario, plan, sessions, workload
        self._random = random.Random(seed)  # noqa: S311 - choices, not secrets
        self._operations: dict[int, Operation] = {}
        self._in_flight: dict[int, None] = {}
        self._acknowledged: list[int] = []
        self._ended: list[int] = []

    def build(self, first: int) -> Iterator[Operation]:
        """Yield the operations of the wave that begins at a position of the plan; repetitions are chosen when due."""
        self._operations, self._in_flight, self._acknowledged, self._ended = {}, {}, [], []
        wave = int(self._plan.waves[first])
        for position in range(first, len(self._plan)):
            if int(self._plan.waves[position]) != wave:
                break
            action = self._scenario.mix[int(self._plan.entries[position])].action
            if action in CHOSEN_WHEN_DUE and self._operations:
                continue
            self._operations[position] = self._new("unique" if action in CHOSEN_WHEN_DUE else action, position)
            yield self._operations[position]

    def take(self, position: int) -> tuple[Operation, bool]:
        """Return the operation that is due now, and whether it was chosen now; count it as in flight."""
        operation = self._operations.get(position)
        was_chosen = operation is None
        if operation is None:
            operation = self._chosen(position)
        if operation.original is None:
            self._operations[position] = operation
            self._in_flight[position] = None
        return operation, was_chosen

    def answered(self, position: int, status: int) -> None:
        """Take in that an operation ended."""
        if position not in self._in_flight:
            return
        del self._in_flight[position]
        (self._acknowledged if 200 <= status < 300 else self._ended).append(position)

    def _chosen(self, position: int) -> Operation:
        """Return a repetition, of the kind that the state of its original makes it."""
        action = self._scenario.mix[int(self._plan.entries[position])].action
        if action == "altered":
            return self._altered(position)
        if (action == "duplicate" or not self._acknowledged) and self._in_flight:
            return self._repeated("duplicate", position, next(reversed(self._in_flight)))
        return self._repeated("replay", position, self._random.choice(self._acknowledged or self._ended))

    def _repeated(self, kind: str, position: int, original_position: int) -> Operation:
        """Return another operation again, byte for byte, from another user at another door."""
        original, (arrival, user, door) = self._operations[original_position], self._due(position)
        sent = original.request
        return replace(
            original,
            kind=kind,
            arrival=arrival,
            user=user,
            door=door,
            original=original.arrival,
            request=Request(kind, door, sent.path, sent.headers, sent.body, sent.expect, sent.key),
        )

    def _altered(self, position: int) -> Operation:
        """Return a new element under the key of an acknowledged write, whose fate can be told from the final state.

        Where nothing was acknowledged yet there is no key to use again: it is a write of its own.
        """
        if not self._acknowledged:
            return self._new("unique", position)
        original = self._operations[self._random.choice(self._acknowledged)]
        return self._new("altered", position, original)

    def _new(self, kind: str, position: int, original: Operation | None = None) -> Operation:
        """Return a write with a token of its own, and a key of its own where it does not take that of another."""
        arrival, user, door = self._due(position)
        wave, token = int(self._plan.waves[position]), new_id()
        session_id, key = self._sessions[wave], original.key if original else new_id()
        change = self._change(kind, token, user)
        content = self._workload.write_body(session_id, user, [change], key)
        return Operation(
            arrival=arrival,
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
            original=original.arrival if original else None,
            amount=change["value"] if kind == "counter" else None,
        )

    def _change(self, kind: str, token: str, user: int) -> dict[str, Any]:
        if kind == "contended":
            path = f"/hot/{self._random.randrange(self._scenario.hot_paths or 1)}"
            return {"op": "set", "path": path, "value": token}
        if kind == "counter":
            return {"op": "increment", "path": COUNTER_PATH, "value": 1}
        return element_change(token, user)

    def _due(self, position: int) -> tuple[int, int, Door]:
        door = self._scenario.mix[int(self._plan.entries[position])].door
        return int(self._plan.indexes[position]), int(self._plan.users[position]), door

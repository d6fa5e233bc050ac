"""One harmless request to every route of the load: does each answer as the contract says, and how fast."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fireai_analysis.collect.contract import json_object, violation
from fireai_analysis.collect.workload import Request, Workload, new_id, write_request
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.client import Client, Reply, health
from fireai_analysis.preflight.occasion import Occasion, good, refusal
from fireai_analysis.routes import CRDT_WRITES
from fireai_analysis.spec import Door, RunSpec

NAME = "routes"
TRIES_COUNT = 2
"""Of requests that write nothing the faster of two counts: the first one opens the connection."""

REMEDIES = {
    401: "put the target's secret into the variable that auth names",
    403: "give the token the rights that the load needs",
    404: "correct base_url of the door; the path is the contract's",
    405: "correct base_url of the door; the path is the contract's",
    429: "let this machine through the rate limiter: the load would measure it",
}
OTHERWISE = "compare the service with the platform contract; the load would count this as an error"

Route = tuple[str, Door]


@dataclass(frozen=True)
class Asked:
    """A request, its answer, what is wrong with it in a few words, and how long it took."""

    request: Request
    reply: Reply
    problem: str | None
    took_s: float

    @property
    def remedy(self) -> str:
        """What to do about the problem."""
        return REMEDIES.get(self.reply.status, OTHERWISE)

    @property
    def text(self) -> str:
        """Route and problem, with the beginning of an error body, which names what was missing."""
        said = self.reply.body[:120].decode("utf-8", "replace").strip() if self.reply.status >= 400 else ""
        return f"{self.request.method} {self.request.endpoint}: {self.problem}{f': {said}' if said else ''}"


def ask(client: Client, request: Request) -> Asked:
    """Send one request and hold its answer against the contract."""
    started_s = time.perf_counter()
    reply = client.send(request)
    took_s = time.perf_counter() - started_s
    return Asked(request, reply, reply.problem or violation(request, reply.status, reply.body)[0], took_s)


def wanted(specs: Iterable[RunSpec]) -> list[Route]:
    """Return the routes that the mixes ask, each once; all CRDT writes to one door are one route, but for counters."""
    entries = [entry for spec in specs for entry in spec.scenario.mix]
    return list(dict.fromkeys((_as_asked(entry.action), entry.door) for entry in entries))


def _as_asked(action: str) -> str:
    return "results" if action in CRDT_WRITES and action != "counter" else action


@dataclass(frozen=True)
class Answers:
    """What every route answered; `session_id` is of the session that was made for it, None where none was."""

    asked: tuple[tuple[Route, Asked], ...]
    session_id: str | None

    def took_s(self, action: str, door: Door) -> float | None:
        """Return how long a route of the mix took at best; None where it did not answer rightly."""
        own = (one.took_s for route, one in self.asked if route == (_as_asked(action), door) and not one.problem)
        return min(own, default=None)


def answers(occasion: Occasion, client: Client) -> Answers:
    """Ask every route of the runs; leaves one session and one write of each writing route in the target."""
    work, routes = Workload(occasion.target.data, 0), wanted(occasion.specs)
    session = ask(client, work.session("fastapi")) if "fastapi" in occasion.target.doors else None
    found = (json_object(session.reply.body) or {}).get("session_id") if session else None
    session_id = found if isinstance(found, str) else None
    asked: list[tuple[Route, Asked]] = [] if session is None else [(("session", "fastapi"), session)]
    for action, door in routes:
        for _ in range(TRIES_COUNT if action in ("health", "classify") else 1):
            if (action, door) != ("session", "fastapi"):
                asked.append(((action, door), ask(client, _request(work, action, door, session_id or new_id()))))
    return Answers(tuple(asked), session_id)


def _request(work: Workload, action: str, door: Door, session_id: str) -> Request:
    if action == "health":
        return health(door)
    if action == "counter":
        change = {"op": "increment", "path": "/counters/0", "value": 1}
        return write_request("counter", door, session_id, work.write_body(session_id, 0, [change], new_id()))
    return work.request(action, door, user=0, session_id=session_id)


def routes(found: Answers) -> Check:
    """Refuse a target of which a route of the load does not answer as the contract says."""
    wrong = {route: one for route, one in found.asked if one.problem}
    if wrong:
        (_, door), one = next(iter(wrong.items()))
        more = f" ({len(wrong) - 1} more routes fail)" if len(wrong) > 1 else ""
        return refusal(NAME, one.text + more, one.remedy, f"doors.{door}")
    number = len({route for route, _ in found.asked})
    return good(NAME, f"all {number} answer by the contract; left there: {left(found)}")


def left(found: Answers) -> str:
    """Return in words what was written to the target."""
    kinds = {"evidence": "evidence file", "results": "CRDT write", "counter": "CRDT write"}
    written = [kinds[action] for (action, _), one in found.asked if action in kinds and not one.problem]
    counted = [f"{written.count(kind)} {kind}{'s' * (written.count(kind) > 1)}" for kind in dict.fromkeys(written)]
    sessions = [f"session {found.session_id}"] if found.session_id else []
    return ", ".join([*sessions, *counted]) or "nothing"


def timed(found: Answers, spec: RunSpec) -> Iterator[tuple[float, float]]:
    """Yield weight and best time in s of each entry of a mix that answered rightly."""
    for entry in spec.scenario.mix:
        took_s = found.took_s(entry.action, entry.door)
        if took_s is not None:
            yield entry.weight, took_s

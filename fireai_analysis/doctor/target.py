"""Checks of a target: may it be loaded, is it there, does it authenticate, does each route keep the contract."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping

import requests

from fireai_analysis.collect import guard
from fireai_analysis.collect.contract import json_object
from fireai_analysis.collect.workload import Request, Workload, new_id
from fireai_analysis.errors import TargetError, UsageError
from fireai_analysis.preflight import access
from fireai_analysis.preflight.check import Check, ok
from fireai_analysis.preflight.client import Client, Reply, health
from fireai_analysis.preflight.routes import ask
from fireai_analysis.scenarios import run_spec
from fireai_analysis.spec import Door, Target

PART = "target"
MEMORY_KEYS = frozenset(("alloc_mb", "sys_mb", "num_gc", "heap_alloc_mb", "num_goroutines", "timestamp"))
TIMEOUT_S = 5.0
DOORS: tuple[Door, ...] = ("fastapi", "go")


def checks(target: Target, environment: Mapping[str, str]) -> Iterator[Check]:
    """Yield every check of the target; what depends on a failed one is left out."""
    allowed = _allowed(target)
    yield allowed
    if allowed.verdict == "fail":
        return
    try:
        access.check_secrets(target, environment)
        client = Client(target, environment)
    except UsageError as error:
        yield _failed("secrets", str(error))
        return
    yield ok(PART, "secrets", f"{', '.join(target.secret_names()) or 'none needed'}: set")
    healthy = []
    for door in target.doors:
        found = _reachable(target, door, client)
        healthy += [door] if found.verdict == "ok" else []
        yield found
    work = Workload(target.data, 0)
    for door in healthy:
        yield from _authentication(target, door, client, work)
    yield from _routes(healthy, client, work)
    yield from _observed(target)


def _failed(name: str, message: str) -> Check:
    """Return a failed check from an error text of the form `problem; remedy`."""
    problem, _, remedy = message.partition("; ")
    return Check(PART, name, "fail", problem, remedy or "correct it, then ask the doctor again")


def _allowed(target: Target) -> Check:
    """Return whether load may go to the target."""
    try:
        access.check_load([run_spec("doctor", "sustained", "smoke", target, 0)])
    except UsageError as error:
        return _failed("load allowed", str(error))
    hosts = sorted({host for pairs in guard.resolved(target).values() for host, _ in pairs})
    return ok(PART, "load allowed", f"to {', '.join(hosts)}")


def _reachable(target: Target, door: Door, client: Client) -> Check:
    started_s = _now_s()
    reply = client.send(health(door), "none")
    try:
        access.check_reachable(target, door, reply)
    except TargetError as error:
        return _failed(f"{door} door", str(error).removeprefix(f"target {target.name}: "))
    return ok(PART, f"{door} door", f"{target.base_url(door)} answers in {_ms(started_s)}")


def _now_s() -> float:
    return time.perf_counter()


def _ms(started_s: float) -> str:
    return f"{(_now_s() - started_s) * 1000:.0f} ms"


def _authentication(target: Target, door: Door, client: Client, work: Workload) -> Iterator[Check]:
    """Yield whether the right token is accepted and a wrong one refused; neither writes anything."""
    name, auth = f"{door} tokens", target.auth.internal if door == "go" else target.auth.public
    if auth.kind == "none":
        yield Check(PART, name, "warn", "the target file says: no authentication", "nothing, where that is meant")
        return
    request = work.classify(door) if door == "fastapi" else work.results(door, 0, new_id())
    try:
        access.check_accepted(target, door, client.send(request))
    except TargetError as error:
        yield _failed(name, str(error).removeprefix(f"target {target.name}: "))
        return
    status = client.send(request, "wrong").status
    if status in access.REFUSED:
        yield ok(PART, name, f"ours is accepted, a wrong one refused ({status})")
        return
    remedy = "the service must answer 401; see how it checks tokens"
    yield Check(PART, name, "fail", f"a token signed with a wrong secret is answered {status}", remedy)


def _routes(doors: list[Door], client: Client, work: Workload) -> Iterator[Check]:
    """Yield whether each route of the load keeps the contract; the writes that stay are named last."""
    if "fastapi" not in doors:
        return
    yield _route(client, work.classify("fastapi"))[0]
    check, reply = _route(client, work.session("fastapi"))
    yield check
    session_id = (json_object(reply.body) or {}).get("session_id")
    if check.verdict != "ok" or not isinstance(session_id, str):
        return
    for door in doors:
        yield _route(client, work.evidence(door, session_id))[0]
        yield _bad_hash(client, work.evidence(door, session_id))
    for user, door in enumerate(doors):
        request = work.results(door, user, session_id)
        check, reply = _route(client, request)
        yield check
        if check.verdict == "ok":
            yield _replay(client, request, reply)
    left = f"1 session, {len(doors)} evidence files, {len(doors)} CRDT writes: session {session_id}"
    yield ok(PART, "left behind", left)


def _route(client: Client, request: Request) -> tuple[Check, Reply]:
    """Return whether a route answers as the contract says, and its answer."""
    asked = ask(client, request)
    name = f"{request.door} {request.action}"
    if asked.problem:
        return Check(PART, name, "fail", asked.text, asked.remedy), asked.reply
    detail = f"{request.method} {request.endpoint}: {asked.reply.status} in {asked.took_s * 1000:.0f} ms"
    return ok(PART, name, detail), asked.reply


def _bad_hash(client: Client, request: Request) -> Check:
    """Return whether evidence with a wrong hash is refused; it stores nothing."""
    digest, wrong = request.expect["hash"].encode(), b"0" * 64
    body = (request.body or b"").replace(digest, wrong)
    reply = client.send(Request(request.action, request.door, request.path, request.headers, body))
    name = f"{request.door} evidence hash"
    if reply.status == 400:
        return ok(PART, name, "a wrong one is refused (400)")
    return Check(PART, name, "fail", f"a wrong one is answered {reply.status}", "the service must check the hash")


def _replay(client: Client, request: Request, first: Reply) -> Check:
    """Return whether a replayed idempotency key gives the stored answer."""
    second = client.send(request)
    name = f"{request.door} idempotency"
    if (second.status, second.body) == (first.status, first.body):
        return ok(PART, name, "a replayed key gives the stored answer")
    detail = (
        f"a replayed key is answered {second.status} with {'the same' if second.body == first.body else 'another'} body"
    )
    return Check(PART, name, "fail", detail, "the service must answer a replayed key from its store")


def _observed(target: Target) -> Iterator[Check]:
    """Yield whether the figures beside the load can be read: memory, runtime metrics, profiles."""
    with requests.Session() as http:
        http.trust_env = False
        if "go" in target.doors:
            yield _memory(http, target.base_url("go"))
            yield _readable(
                http,
                "go metrics",
                f"{target.base_url('go')}/metrics",
                "figures of the Go runtime and pool will be missing",
            )
        if target.pprof_url:
            yield _readable(
                http, "pprof", f"{target.pprof_url.rstrip('/')}/heap", "there will be no profiles and no hotspots"
            )
        else:
            yield Check(PART, "pprof", "warn", "the target file names no pprof_url", "name it to get profiles")


def _memory(http: requests.Session, base_url: str) -> Check:
    try:
        answer = http.get(f"{base_url}/memory", timeout=TIMEOUT_S, allow_redirects=False)
        missing = MEMORY_KEYS - set(answer.json())
    except (requests.RequestException, json.JSONDecodeError, TypeError):
        return Check(PART, "go memory", "warn", "no JSON object", "memory will come from processes and pprof alone")
    if missing:
        return Check(PART, "go memory", "warn", f"lacks {', '.join(sorted(missing))}", "compare with the contract")
    return ok(PART, "go memory", f"GET /memory: {answer.status_code}")


def _readable(http: requests.Session, name: str, url: str, otherwise: str) -> Check:
    try:
        status = http.get(url, timeout=TIMEOUT_S, allow_redirects=False).status_code
    except requests.RequestException:
        status = 0
    if status == 200:
        return ok(PART, name, "readable")
    return Check(PART, name, "warn", f"answers {status}" if status else "does not answer", otherwise)

"""For every check before a run: targets and machines on which it fires, and some near them on which it is silent."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jwt

from fireai_analysis.preflight import clocks, limiter, machine, rate, routes
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.client import Client
from fireai_analysis.preflight.occasion import Occasion
from fireai_analysis.preflight.production import production
from fireai_analysis.preflight.token_life import token_life
from fireai_analysis.scenarios import run_spec
from fireai_analysis.spec import Auth, DoorAddress, TargetAuth
from tests.collect.stub import SECRETS, target_at
from tests.preflight.contract_stub import Platform, platform

HOUR_S = 3600.0
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Case:
    """One occasion and the verdict of a check on it."""

    check: str
    title: str
    verdict: str
    make: Callable[[], Check]

    @property
    def id(self) -> str:
        """Name of the case in the output of pytest."""
        return f"{self.check}-{self.verdict}-{self.title.replace(' ', '_')}"


def occasion(url: str = NOWHERE, scenario: str = "peak", **changes: Any) -> Occasion:
    """A smoke run of one scenario against a target at one address; `scenario_...` and `target_...` change those."""
    of_scenario = {name.removeprefix("scenario_"): changes.pop(name) for name in [*changes] if "scenario_" in name}
    of_target = {name.removeprefix("target_"): changes.pop(name) for name in [*changes] if "target_" in name}
    target = target_at(url, database_url_env=None, **of_target)
    spec = run_spec("preflight", scenario, "smoke", target, 1)
    fleet = spec.fleet.model_copy(update={"workers": changes.pop("workers", 1)})
    spec = spec.model_copy(update={"scenario": spec.scenario.model_copy(update=of_scenario), "fleet": fleet})
    content = {
        "specs": (spec,),
        "target": target,
        "environment": SECRETS,
        "directory": Path("runs"),
        "lasts_s": HOUR_S,
        "needed_bytes": 1_000_000,
    }
    return Occasion(**(content | changes))


def bearer(token: str) -> Occasion:
    """A run of an hour with a token that cannot be renewed."""
    held = Auth(kind="bearer", env="TOKEN")
    return occasion(target_auth=TargetAuth(public=held, internal=held), environment={"TOKEN": token})


def signed(**claims: float) -> str:
    """A token with claims in seconds from now."""
    now_s = time.time()
    return jwt.encode({name: now_s + value for name, value in claims.items()}, "secret" * 8, algorithm="HS256")


def lifetime(lifetime_s: float) -> Occasion:
    """Tokens signed by us that live a while."""
    held = Auth(kind="hs256", env="INTERNAL_JWT_SECRET_KEY", lifetime_s=lifetime_s)
    return occasion(target_auth=TargetAuth(public=held, internal=held))


def hosts(host: str, **changes: Any) -> Occasion:
    """A run against a host by name."""
    doors = {"go": DoorAddress(base_url=f"http://{host}:9091"), "fastapi": DoorAddress(base_url=f"http://{host}:8080")}
    return occasion(target_kind="remote", target_doors=doors, **changes)


def asked(question: Callable[[Platform, Occasion], Check], told: dict[str, Any], **changes: Any) -> Check:
    """The answer to a question about a stub that behaves as told."""
    with platform(**told) as stub:
        return question(stub, occasion(stub.url, **changes))


def _clock(_: Platform, given: Occasion) -> Check:
    return clocks.clock(given)


def _routes(_: Platform, given: Occasion) -> Check:
    return routes.routes(routes.answers(given, Client(given.target, given.environment)))


def _limiter(_: Platform, given: Occasion) -> Check:
    return limiter.rate_limiter(given, Client(given.target, given.environment))


def _rate(_: Platform, given: Occasion) -> Check:
    return rate.feasible_rate(given, routes.answers(given, Client(given.target, given.environment)))


def free_bytes() -> int:
    """Room where the tests run."""
    return shutil.disk_usage(Path.cwd()).free


def _net(
    check: str, title: str, verdict: str, told: dict[str, Any], *, ask: Callable[[Platform, Occasion], Check],
    **changes: Any,
) -> Case:  # fmt: skip
    return Case(check, title, verdict, lambda: asked(ask, told, **changes))


def _local(check: str, title: str, verdict: str, question: Callable[[], Check]) -> Case:
    return Case(check, title, verdict, question)


CLOSED = {"scenario_load_model": "closed", "scenario_think_s": 1.0}
CASES: list[Case] = [
    _local("production", "by name", "fail", lambda: production(hosts("api.prod.example.com", target_allow_load=True))),
    _local("production", "another confirmed", "fail",
           lambda: production(hosts("live.example.com", target_allow_load=True, target_production_confirmed="live"))),
    _local("production", "not allowed", "fail", lambda: production(hosts("192.0.2.1", target_allow_load=False))),
    _local("production", "allowed", "ok", lambda: production(hosts("192.0.2.1", target_allow_load=True))),
    _local("production", "loopback", "ok", lambda: production(occasion())),
    _local("open_files", "too many users", "fail", lambda: machine.open_files(occasion(scenario_users=50_000_000))),
    _local("open_files", "few users", "ok", lambda: machine.open_files(occasion())),
    _local("disk", "no room", "fail", lambda: machine.disk(occasion(needed_bytes=2 * free_bytes()))),
    _local("disk", "tight", "warn", lambda: machine.disk(occasion(needed_bytes=round(0.7 * free_bytes())))),
    _local("disk", "a place that is not there yet", "ok",
           lambda: machine.disk(occasion(directory=Path("runs/not/there/yet")))),
    _local("token_life", "expires in the run", "fail", lambda: token_life(bearer(signed(exp=HOUR_S / 2)))),
    _local("token_life", "has expired", "fail", lambda: token_life(bearer(signed(exp=-1.0)))),
    _local("token_life", "not valid yet", "fail", lambda: token_life(bearer(signed(exp=9 * HOUR_S, nbf=600.0)))),
    _local("token_life", "opaque", "warn", lambda: token_life(bearer("an-opaque-token"))),
    _local("token_life", "without an end", "warn", lambda: token_life(bearer(signed(iat=0.0)))),
    _local("token_life", "renewed too late", "warn", lambda: token_life(lifetime(10.0))),
    _local("token_life", "lives long", "ok", lambda: token_life(bearer(signed(exp=HOUR_S + 60)))),
    _local("token_life", "signed by us", "ok", lambda: token_life(occasion())),
    _net("clock", "minutes off", "fail", {"clock_us": -90e6}, ask=_clock),
    _net("clock", "a little off", "warn", {"clock_us": 40_000.0}, ask=_clock),
    _net("clock", "cannot be told", "warn", {"clock_us": None}, ask=_clock),
    _net("clock", "aligned", "ok", {}, ask=_clock),
    *(_net("routes", f"{status} of classify", "fail", {"statuses": {"/v1/classify": status}}, ask=_routes)
      for status in (401, 403, 404, 405, 415, 422, 429, 500)),
    _net("routes", "200 where the contract says 201", "fail", {"statuses": {"/v1/evidence": 200}}, ask=_routes),
    _net("routes", "a session that is not made", "fail", {"statuses": {"/sessions": 503}}, ask=_routes),
    _net("routes", "a write refused", "fail", {"statuses": {"/results": 404}}, ask=_routes, scenario="crdt_stress"),
    _net("routes", "by the contract", "ok", {}, ask=_routes),
    _net("routes", "of waves", "ok", {}, ask=_routes, scenario="crdt_stress"),
    _net("routes", "a wrong one that is not asked", "ok", {"statuses": {"/v1/evidence": 404}}, ask=_routes,
         scenario="crdt_stress"),
    _net("rate_limiter", "429 at the rate", "fail", {"allowed_count": 20}, ask=_limiter),
    _net("rate_limiter", "announced below the need", "warn", {"headers": {"RateLimit-Policy": '"x";q=100;w=60'}},
         ask=_limiter),
    _net("rate_limiter", "announced for an unknown time", "warn", {"headers": {"X-RateLimit-Limit": "5000"}},
         ask=_limiter),
    _net("rate_limiter", "retry after", "warn", {"headers": {"Retry-After": "3"}}, ask=_limiter),
    _net("rate_limiter", "errors at the rate", "warn", {"statuses": {"/health": 503}}, ask=_limiter),
    _net("rate_limiter", "announced above the need", "ok", {"headers": {"RateLimit-Limit": "6000, 6000;w=60"}},
         ask=_limiter),
    _net("rate_limiter", "the rest is no limit", "ok",
         {"headers": {"RateLimit-Limit": "6000, 6000;w=60", "RateLimit-Remaining": "1", "RateLimit-Reset": "60"}},
         ask=_limiter),
    _net("rate_limiter", "none", "ok", {}, ask=_limiter),
    _net("rate_limiter", "429 beyond the rate of the run", "ok", {"allowed_count": 20}, ask=_limiter,
         scenario="sustained"),
    _net("feasible_rate", "closed with too few users", "fail", {}, ask=_rate, scenario_users=20, **CLOSED),
    _net("feasible_rate", "closed with users enough", "ok", {}, ask=_rate, scenario_users=60, **CLOSED),
    _net("feasible_rate", "open with users that cannot keep up", "warn", {"delay_s": 0.1}, ask=_rate,
         scenario_users=2),
    _net("feasible_rate", "open with users enough", "ok", {"delay_s": 0.1}, ask=_rate),
    _net("feasible_rate", "beyond the generator", "fail", {}, ask=_rate, capacity_rps=30.0),
    _net("feasible_rate", "near the generator's end", "warn", {}, ask=_rate, capacity_rps=60.0),
    _net("feasible_rate", "two processes", "ok", {}, ask=_rate, capacity_rps=40.0, workers=2),
    _net("feasible_rate", "within the generator", "ok", {}, ask=_rate, capacity_rps=900.0),
]  # fmt: skip


def confirmed(given: Occasion, host: str) -> Occasion:
    """The occasion with a target file that confirms a host as production."""
    return replace(given, target=given.target.model_copy(update={"production_confirmed": host}))

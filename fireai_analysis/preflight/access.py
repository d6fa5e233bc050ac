"""Asks a target, before anything is written, whether it is there, may be loaded, and accepts our tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fireai_analysis.collect import guard
from fireai_analysis.collect.database import Database, database_address, refuse_role
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.collect.workload import Request, Workload, new_id
from fireai_analysis.errors import CollectionError, TargetError, UsageError
from fireai_analysis.preflight.client import Client, Reply, health
from fireai_analysis.spec import Door, RunSpec, Target

REFUSED = (401, 403)
TIMEOUT_S = 5.0


def check_secrets(target: Target, environment: Mapping[str, str]) -> None:
    """Refuse an environment that lacks a secret which the target file names, or holds one that cannot be sent."""
    for name in target.secret_names():
        if not environment.get(name):
            raise UsageError(f"environment: {name} is not set; export it; the target file of {target.name} names it")
    Tokens(target, environment)


def check_load(specs: Iterable[RunSpec]) -> None:
    """Refuse runs that would send load where, or more of it than, the target file allows."""
    guard.refuse_proxies()
    for spec in specs:
        guard.check_names(spec.target)
        guard.check_load(spec, guard.resolved(spec.target))


def check_answers(target: Target, environment: Mapping[str, str]) -> None:
    """Refuse a target that does not answer at every door, or refuses our tokens; nothing is written to it.

    Raises
    ------
    TargetError
        Naming the target, the key of its file, and the remedy.
    """
    client, work = Client(target, environment), Workload(target.data, 0)
    for door in target.doors:
        check_reachable(target, door, client.send(health(door), "none"))
    asked: dict[Door, Request] = {"fastapi": work.classify("fastapi"), "go": work.results("go", 0, new_id())}
    for door in target.doors:
        check_accepted(target, door, client.send(asked[door]))


def check_database(target: Target, environment: Mapping[str, str]) -> None:
    """Refuse a database that lets us do more than read, or that the environment names but nobody answers at.

    Raises
    ------
    TargetError
        Naming the target and the variable, never the address's user or password.
    """
    address = database_address(target, environment)
    if address is None:
        return
    database, variable = Database(address), target.database_url_env
    try:
        refuse_role(database, TIMEOUT_S)
    except CollectionError as error:
        raise TargetError(
            f"target {target.name}: {variable}: {address.place}: {error}; correct {variable}, or take "
            f"database_url_env out of the target file (lost writes are then NOT MEASURED)"
        ) from None
    except TargetError as error:
        raise TargetError(f"target {target.name}: {variable}: {error}") from None
    finally:
        database.close()


def gone(target: Target, environment: Mapping[str, str]) -> str | None:
    """Return why the target cannot be used any more, or None where every door answers."""
    client = Client(target, environment)
    try:
        for door in target.doors:
            check_reachable(target, door, client.send(health(door), "none"))
    except TargetError as error:
        return str(error).removeprefix(f"target {target.name}: ").partition("; ")[0]
    return None


def check_reachable(target: Target, door: Door, reply: Reply) -> None:
    """Raise TargetError unless the reply is that of a healthy service."""
    url = target.base_url(door)
    if reply.problem:
        raise TargetError(
            f"target {target.name}: doors.{door}.base_url: {url} does not answer ({reply.problem}); "
            f"start the service or correct the address"
        )
    if reply.status != 200:
        raise TargetError(
            f"target {target.name}: doors.{door}.base_url: GET {url}/health answers {reply.status} instead of 200; "
            f"name the address of the {door} service"
        )


def check_accepted(target: Target, door: Door, reply: Reply) -> None:
    """Raise TargetError where the reply says that the token was refused, or that there was none."""
    key = "internal" if door == "go" else "public"
    auth = target.auth.internal if door == "go" else target.auth.public
    if reply.problem:
        raise TargetError(f"target {target.name}: doors.{door}: {reply.problem}; see the log of the service")
    if reply.status in REFUSED:
        secret = f"put the target's secret into {auth.env}" if auth.env else "say how a token is had in the target file"
        raise TargetError(
            f"target {target.name}: auth.{key}: {target.base_url(door)} refuses the token ({reply.status}); {secret}"
        )

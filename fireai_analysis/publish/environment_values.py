"""Values about where the campaign ran: addresses, versions, whether secrets were set (never what they are), files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from fireai_analysis.publish.skeleton import Value
from fireai_analysis.results import Summary
from fireai_analysis.units import NOT_MEASURED

Values = dict[str, Value]
MOST_NAMES = 3


def values(summary: Summary) -> Values:
    """Return addresses, versions and environment variables, from `campaign.json` as the summary carries it."""
    environment = summary.environment
    fastapi, go = (_at(environment, "target", "doors", door, "base_url") for door in ("fastapi", "go"))
    return {
        "fastapi.url": _known(fastapi, "environment.target.doors.fastapi.base_url", "no address was recorded"),
        "go.url": _known(go, "environment.target.doors.go.base_url", "no address was recorded"),
        "postgresql.version": _version(summary, "postgresql"),
        "locust.version": _version(summary, "locust"),
        "aurora.config": _aurora(summary),
        "environment.fastapi": Value(str(fastapi or NOT_MEASURED), "environment.target.doors.fastapi.base_url"),
        "environment.go": Value(str(go or NOT_MEASURED), "environment.target.doors.go.base_url"),
        "environment.database": Value(_database(environment), "environment.database_url"),
        "environment.secret": Value(_secret(environment), "environment.secrets"),
    }


def files(summary: Summary) -> Values:
    """Return the paths of the appendix, relative to the campaign directory."""
    wanted: dict[str, tuple[Callable[[str], bool], str]] = {
        "locust": (lambda path: "/raw/" in path, "no log of Locust is in the campaign"),
        "profiles": (lambda path: "/profiles/" in path, "no profile was taken"),
        "system": (lambda path: "/samples/" in path, "no sampler ran"),
        "heap": (lambda path: "/profiles/heap" in path, "no heap profile was taken"),
        "cpu": (lambda path: "/profiles/cpu" in path, "no CPU profile was taken"),
        "memory": (lambda path: path.endswith(("samples/go.parquet", "samples/processes.parquet")), "no sampler ran"),
    }
    paths = [entry.path for entry in summary.files]
    found = {name: _paths([path for path in paths if test(path)], why) for name, (test, why) in wanted.items()}
    manifests = [f"{name}/manifest.json" for name, result in summary.scenarios.items() if result.state != "missing"]
    configuration = ", ".join(["campaign.json", *manifests])
    return {f"files.{name}": value for name, value in found.items()} | {
        "files.configuration": Value(configuration, "files"),
        "files.environment": Value("campaign.json (names and whether they were set, no values)", "environment"),
        "files.schema": Value(_schema(summary), "environment"),
    }


def _at(content: Mapping[str, Any], *path: str) -> Any:
    found: Any = content
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _known(found: Any, key: str, why: str) -> Value:
    return Value(NOT_MEASURED, key, why) if found in (None, "") else Value(str(found), key)


def _version(summary: Summary, name: str) -> Value:
    recorded = [_at(summary.environment, "versions", name)]
    recorded += [result.facts.get(f"{name}_version") for result in summary.scenarios.values()]
    found = next((version for version in recorded if version), None)
    return _known(found, f"environment.versions.{name}", "no version was recorded")


def _aurora(summary: Summary) -> Value:
    key = "scenarios.spike.capacity"
    spike = summary.scenarios.get("spike")
    config = None if spike is None or spike.capacity is None else spike.capacity.get("config")
    return Value(str(config), key) if config else Value("no capacity observed", key)


def _database(environment: Mapping[str, Any]) -> str:
    """Return host, port and database, and nothing else of a DSN, whoever wrote it there."""
    given = environment.get("database_url")
    if not given:
        return "host, port and database were not recorded"
    parts = urlsplit(str(given))
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def _secret(environment: Mapping[str, Any]) -> str:
    state = _at(environment, "secrets", "INTERNAL_JWT_SECRET_KEY")
    return "not recorded" if state is None else "set" if state is True or state == "set" else "not set"


def _paths(paths: list[str], why: str) -> Value:
    """Return paths by folder; where a folder holds many, their number."""
    if not paths:
        return Value(NOT_MEASURED, "files", why)
    groups = groupby(paths, key=lambda path: path.rpartition("/")[0])
    return Value(
        "; ".join(_folder(folder, [path.rpartition("/")[2] for path in members]) for folder, members in groups), "files"
    )


def _folder(folder: str, names: list[str]) -> str:
    return f"{folder}/ ({len(names)} files)" if len(names) > MOST_NAMES else f"{folder}/: {', '.join(names)}"


def _schema(summary: Summary) -> str:
    if _at(summary.environment, "target", "kind") == "embedded":
        return "fireai_analysis/platform/schema.sql (the embedded platform's)"
    return "the target's own; the toolkit reads the tables that its documentation lists and writes none"

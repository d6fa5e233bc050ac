"""What a campaign was asked to do, checked before anything is written."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil

from fireai_analysis import dsn
from fireai_analysis.campaign import campaign_name
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.publish import batch, estimate, preflight
from fireai_analysis.scenarios import SELECTORS, load_criteria, load_target, run_spec
from fireai_analysis.spec import RunSpec, Target
from fireai_analysis.units import size_text

TOOLS = ("fireai-analysis", "locust", "papermill", "nbconvert", "pandas", "numpy", "scipy", "pyarrow", "psycopg")


@dataclass(frozen=True)
class Order:
    """Runs to make, and where.

    Attributes
    ----------
    specs : tuple of RunSpec
        One a scenario, in the order in which they run.
    directory : pathlib.Path
        Campaign directory, absolute; it does not exist yet or is empty.
    """

    specs: tuple[RunSpec, ...]
    directory: Path

    @property
    def target(self) -> Target:
        """The system under test, as the target file names it."""
        return self.specs[0].target

    @property
    def scenarios(self) -> tuple[str, ...]:
        """Names of the scenarios."""
        return tuple(spec.scenario.name for spec in self.specs)


def prepare(scenarios: Sequence[str], profile: str, *, target_name: str, seed: int, output: Path | None) -> Order:
    """Check everything that can be checked without the target; nothing is written.

    Parameters
    ----------
    scenarios : sequence of str
        Names, in the order in which they run; at least one.
    profile, target_name : str
        Names of `params/`; a target may be a file.
    seed : int
        At least 0.
    output : pathlib.Path or None
        Campaign directory; `runs/<UTC time>-<profile>` by default.

    Raises
    ------
    UsageError
        Naming the file, the key and the remedy.
    """
    load_criteria()
    target = load_target(target_name)
    for name in scenarios:
        if list(scenarios).count(name) > 1:
            raise ParamsError("scenario", name, "given twice", "name each once; repeats are campaigns of their own")
    stamp = f"{campaign_name(profile)}-{token_hex(3)}"
    specs = tuple(run_spec(f"{stamp}-{name}", name, profile, target, seed) for name in scenarios)
    preflight.check_load(specs)
    if target.kind == "remote":
        preflight.check_secrets(target, os.environ)
        if target.database_url_env:
            dsn.parse(os.environ[target.database_url_env], target.database_url_env)
    for name in scenarios:
        batch.check_parameters(batch.notebook_path(name), SELECTORS)
    directory = (output or Path("runs") / campaign_name(profile)).absolute()
    _check_place(directory, sum(estimate.of(spec).disk_bytes for spec in specs))
    return Order(specs, directory)


def describe(order: Order, target: Target, secrets: Mapping[str, str], versions: Mapping[str, str]) -> dict[str, Any]:
    """Return the content of `campaign.json`: who ran what against what, on which machine; holds no secret.

    Parameters
    ----------
    order : Order
        What was asked for.
    target : Target
        The target with the addresses it really has.
    secrets : mapping of str to str
        Secrets of the target by name; only whether each is set is told, and the place of the database.
    versions : mapping of str to str
        Versions of the target's parts, where they are known.
    """
    database = secrets.get(target.database_url_env or "")
    return {
        "campaign": order.directory.name,
        "profile": order.specs[0].profile.name,
        "profile_title": order.specs[0].profile.title,
        "scenarios": list(order.scenarios),
        "seed": order.specs[0].seed,
        "target": target.model_dump(mode="json"),
        "secrets": {name: "set" if secrets.get(name) else "not set" for name in target.secret_names()},
        "database_url": f"postgresql://{dsn.parse(database).place}" if database else None,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in TOOLS} | dict(versions),
        "host": {
            "system": platform.system(),
            "kernel": platform.release(),
            "machine": platform.machine(),
            "cores_count": psutil.cpu_count() or 0,
            "memory_bytes": psutil.virtual_memory().total,
        },
    }


def _check_place(directory: Path, needed_bytes: int) -> None:
    """Refuse a campaign directory that is in use, cannot be made, or has too little room."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BundleError(directory, "is not empty", "choose another directory with -o")
    above = next(place for place in (directory, *directory.parents) if place.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise BundleError(above, "cannot be written to", "choose another directory with -o")
    free_bytes = shutil.disk_usage(above).free
    if free_bytes < needed_bytes:
        problem = f"has {size_text(free_bytes)} free, the campaign needs about {size_text(needed_bytes)}"
        raise BundleError(above, problem, "make room or choose another directory with -o")

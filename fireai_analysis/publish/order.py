"""What a campaign was asked to do, checked before anything is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from fireai_analysis import dsn
from fireai_analysis.campaign import campaign_name
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.preflight import access
from fireai_analysis.publish import batch, estimate
from fireai_analysis.scenarios import SELECTORS, closed, load_criteria, load_target, run_spec
from fireai_analysis.spec import Fleet, RunSpec, Target
from fireai_analysis.units import size_text

LOOPBACK = ("127.0.0.1", "localhost", "::1")


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


def prepare(
    scenarios: Sequence[str],
    profile: str,
    *,
    target_name: str,
    seed: int,
    output: Path | None,
    think_s: float | None = None,
) -> Order:
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
    think_s : float or None
        Mean think time of a closed loop; None: open load.

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
    if think_s is not None:
        specs = tuple(closed(spec, think_s) for spec in specs)
    access.check_load(specs)
    if target.kind == "remote":
        access.check_secrets(target, os.environ)
        if target.database_url_env:
            dsn.parse(os.environ[target.database_url_env], target.database_url_env)
    for name in scenarios:
        batch.check_parameters(batch.notebook_path(name), SELECTORS)
    directory = (output or Path("runs") / campaign_name(profile)).absolute()
    _check_place(directory, estimate.campaign(specs).disk_bytes)
    return Order(specs, directory)


def crewed(order: Order, fleet: Fleet) -> Order:
    """Return the order with the generator processes of each run: never more on this machine than there are users.

    Raises
    ------
    ParamsError
        Where workers of other machines are to load a platform that answers on this one only.
    """
    if fleet.kind == "network" and order.target.kind == "embedded" and fleet.bind_host not in LOOPBACK:
        raise ParamsError(
            "fireai run",
            "--bind",
            "the embedded platform answers on this machine only",
            "name a target, or bind 127.0.0.1",
        )
    specs, last = [], len(order.specs) - 1
    for position, spec in enumerate(order.specs):
        workers = min(fleet.workers, spec.scenario.users) if fleet.kind == "host" else fleet.workers
        changes = {"workers": workers, "runs_after_count": last - position}
        specs.append(spec.model_copy(update={"fleet": fleet.model_copy(update=changes)}))
    return replace(order, specs=tuple(specs))


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

"""Where a worker works: in the directory of a run that it shares with its master, or in one of its own."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireai_analysis.collect.channel import Hello
from fireai_analysis.collect.guard import check_load, resolved
from fireai_analysis.collect.opening import JOURNAL_DIR, RUN_DIR_VARIABLE, Opening, planned, replace_json
from fireai_analysis.errors import CollectionError, GuardError
from fireai_analysis.scenarios import load_target
from fireai_analysis.spec import RunSpec, Target

WORKER_VARIABLE, WORK_DIR_VARIABLE, TARGET_VARIABLE = "FIREAI_WORKER", "FIREAI_WORK_DIR", "FIREAI_TARGET"
OUTCOME = "outcome.json"


@dataclass(frozen=True)
class Seat:
    """What a worker finds at its start.

    Attributes
    ----------
    environment : mapping of str to str
        Holds the secrets.
    directory : pathlib.Path
        Run directory, or a private one of its own.
    own : RunSpec or None
        The run of a shared directory.
    worker : int or None
        Number that was given with it.
    """

    environment: Mapping[str, str]
    directory: Path
    own: RunSpec | None
    worker: int | None

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Seat:
        """Return the seat that the variables name.

        Raises
        ------
        CollectionError
            Where they name none: workers are started by `fireai run`.
        """
        shared, private = environment.get(RUN_DIR_VARIABLE), environment.get(WORK_DIR_VARIABLE)
        if shared:
            return cls(environment, Path(shared), planned(Path(shared)), int(environment[WORKER_VARIABLE]))
        if not private:
            raise CollectionError("workers are started by fireai run: --processes N, or --worker --master-host HOST")
        (Path(private) / JOURNAL_DIR).mkdir(mode=0o700)
        return cls(environment, Path(private), None, None)

    def hello(self) -> Hello:
        """Return what the worker says first."""
        run_id = None if self.own is None else self.own.run_id
        return Hello(pid=os.getpid(), host=platform.node()[:255] or "unnamed", worker=self.worker, run_id=run_id)

    def opening(self, told: Mapping[str, Any]) -> Opening:
        """Return what to do, checked against what this machine allows.

        Parameters
        ----------
        told : mapping
            The run as the master tells it; in a shared directory what stands there counts.

        Raises
        ------
        FireAIAnalysisError
            Where it is no run, or load may not go there from here.
        """
        if self.own is not None:
            spec, secrets = self.own, dict(self.environment)
        else:
            try:
                spec = RunSpec.model_validate(told)
            except ValueError:
                raise CollectionError("what the master tells is not a run; use the same version on both") from None
            own = load_target(self.environment.get(TARGET_VARIABLE) or spec.target.name)
            spec = spec.model_copy(update={"target": permitted(spec.target, own)})
            secrets = {**self.environment, **_secrets_here(spec.target)}
        check_load(spec, resolved(spec.target))
        return Opening(spec, secrets, self.directory)

    def tell(self, outcome: Mapping[str, Any]) -> None:
        """Leave word of the end for the process that started a worker of another machine."""
        if self.own is None:
            replace_json(self.directory / OUTCOME, outcome)


def permitted(told: Target, own: Target) -> Target:
    """Return the target of a run as far as this machine's own target file allows it.

    Whoever answers at the master's address could otherwise send load, and tokens, wherever it likes.

    Parameters
    ----------
    told : Target
        As the master tells it.
    own : Target
        As the target file of this machine says.

    Raises
    ------
    GuardError
        Where they differ in what is sent where.
    """
    differing = [name for name in ("kind", "auth") if getattr(told, name) != getattr(own, name)]
    if own.kind == "remote" and told.doors != own.doors:
        differing.append("doors")
    if differing:
        raise GuardError(
            f"target {told.name}: {', '.join(differing)}: the master's differ from those of this machine's own target "
            f"file {own.name}; use the same target file on both machines"
        )
    return told.model_copy(update={"allow_load": own.allow_load, "limits": own.limits})


def _secrets_here(target: Target) -> dict[str, str]:
    """Return the secrets of an embedded platform of this machine, where it is up."""
    if target.kind != "embedded":
        return {}
    from fireai_analysis.platform import control

    status = control.status()
    return {} if status is None else control.secrets(status)

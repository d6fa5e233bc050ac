"""What a generator process starts from: a run directory, or selectors of the environment when started by hand.

Reads `manifest.json` by itself instead of through `bundle.py`, which would load pandas and pyarrow into the process
that must answer the clock.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fireai_analysis.collect.journal import Discard, Writer
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.spec import RunSpec

MANIFEST, JOURNAL_DIR, RAW_DIR = "manifest.json", "journal", "raw"
JOURNAL, PROGRESS, FACTS = "worker-0.journal", "generator.json", "generator-facts.json"
RUN_DIR_VARIABLE = "FIREAI_RUN_DIR"
ROLE_VARIABLE, MASTER = "FIREAI_ROLE", "master"
"""Set for the master of several processes; it sends nothing itself."""
MASTER_JOURNAL = "master.journal"


@dataclass(frozen=True)
class Opening:
    """What to do, with which secrets, and where to record it.

    Attributes
    ----------
    directory : pathlib.Path or None
        Run directory; None where nothing is recorded.
    """

    spec: RunSpec
    environment: Mapping[str, str]
    directory: Path | None

    def writer(self, name: str = JOURNAL) -> Writer:
        """Open a journal; a second generator of the same run is refused."""
        if self.directory is None:
            return Discard()
        path = self.directory / JOURNAL_DIR / name
        try:
            return Writer(path)
        except FileExistsError:
            raise BundleError(path, "this run was already recorded", "start a new run") from None

    def progress_path(self) -> Path | None:
        """Return where progress is written."""
        return None if self.directory is None else self.directory / RAW_DIR / PROGRESS

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Replace the facts that the generator leaves for the manifest."""
        if self.directory is not None:
            replace_json(self.directory / RAW_DIR / FACTS, facts)


def replace_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file whole or not at all, without what `bundle.py` would load."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(dict(content), stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def opening(scenario: str, environment: Mapping[str, str]) -> Opening:
    """Return what the environment asks for.

    Parameters
    ----------
    scenario : str
        The scenario of the locustfile; a run directory must be of the same one.
    environment : Mapping
        `FIREAI_RUN_DIR`, else `FIREAI_PROFILE` (smoke) and `FIREAI_TARGET` (embedded); and the secrets.
    """
    given = environment.get(RUN_DIR_VARIABLE)
    if not given:
        return _by_hand(scenario, environment)
    spec = planned(Path(given))
    if spec.scenario.name != scenario:
        problem = f"is a run of {spec.scenario.name}, not of {scenario}"
        raise BundleError(Path(given) / MANIFEST, problem, "use its own locustfile")
    return Opening(spec, environment, Path(given))


def planned(directory: Path) -> RunSpec:
    """Return what is to be done in a run directory."""
    path = directory / MANIFEST
    try:
        return RunSpec.model_validate(json.loads(path.read_text(encoding="utf-8"))["spec"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BundleError(path, "is not the manifest of a run", "give the directory of a created run") from None


def _by_hand(scenario: str, environment: Mapping[str, str]) -> Opening:
    target = load_target(environment.get("FIREAI_TARGET", "embedded"))
    secrets = dict(environment)
    if target.kind == "embedded":
        from fireai_analysis.platform import control

        status = control.status()
        if status is not None:
            target = control.bind(target, status)
            secrets |= control.secrets(status)
    profile = environment.get("FIREAI_PROFILE", "smoke")
    seed = environment.get("FIREAI_SEED", "1")
    if not seed.isdecimal():
        raise ParamsError("environment", "FIREAI_SEED", f"found {seed!r}", "give a whole number from 0 up")
    return Opening(run_spec(f"by-hand-{uuid.uuid4()}", scenario, profile, target, int(seed)), secrets, None)

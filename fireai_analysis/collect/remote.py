"""Takes part in the runs of a master on another machine: one worker process a run, as long as the master has more.

Nothing is known here of the run before the master tells it. The worker process sees the secrets that this machine's
own target files name, and no other.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fireai_analysis.collect import locust_process
from fireai_analysis.collect.children import stop_generators
from fireai_analysis.collect.progress import read_object
from fireai_analysis.collect.seat import OUTCOME, TARGET_VARIABLE, WORK_DIR_VARIABLE
from fireai_analysis.errors import CollectionError
from fireai_analysis.redact import Redactor, allowed_environment
from fireai_analysis.scenarios import load_target, params_dir

POLL_S, BETWEEN_S = 0.2, 3.0
"""The next worker is started once the master of the last run has surely ended."""
LOG = "worker.log"


def take_part(
    master_host: str, master_port: int, *, target: str | None, tell: Callable[[str], None], stays: bool = True
) -> int:
    """Work for a master until its campaign is over.

    Parameters
    ----------
    master_host, master_port : str, int
        Where the master waits.
    target : str or None
        Target file of this machine that allows the load; the one of the same name as the master's by default.
    tell : callable
        Told in a line how each run began and ended.
    stays : bool
        Whether to wait for the further runs of the campaign.

    Returns
    -------
    int
        0, or the exit code of the run that broke.

    Raises
    ------
    ParamsError
        Where the target is unknown.
    CollectionError
        Where a worker process ended without a last word.
    """
    names = sorted(secret_names(target))
    environment = allowed_environment(names)
    if target is not None:
        environment[TARGET_VARIABLE] = str(Path(target).absolute()) if Path(target).is_file() else target
    redactor = Redactor(environment[name] for name in names if environment.get(name))
    while True:
        tell(f"waiting for a master at {master_host}:{master_port}")
        outcome = _one_run(locust_process.worker_options(master_host, master_port), environment, redactor)
        tell(_line(outcome))
        if outcome["exit_code"] or not stays or not outcome["runs_after_count"]:
            return int(outcome["exit_code"])
        time.sleep(BETWEEN_S)


def secret_names(target: str | None) -> set[str]:
    """Return the secrets that a worker of this machine may see: those of one target file, else of all; no database."""
    given = [target] if target is not None else [path.stem for path in (params_dir() / "targets").glob("*.yaml")]
    found = [load_target(name) for name in given]
    return {name for one in found for name in one.secret_names() if name != one.database_url_env}


def _one_run(options: list[str], environment: dict[str, str], redactor: Redactor) -> dict[str, Any]:
    with _work_dir() as folder:
        given = environment | {WORK_DIR_VARIABLE: str(folder)}
        process = locust_process.launch(locust_process.WORKER_FILE, options, given, redactor, folder / LOG)
        try:
            while process.poll() is None:
                time.sleep(POLL_S)
        finally:
            stop_generators([process])
        outcome = read_object(folder / OUTCOME)
        if not outcome:
            tail = locust_process.last_words(folder / LOG)
            raise CollectionError(f"the worker ended with code {process.returncode}: {tail or 'it left no word'}")
        return outcome


@contextmanager
def _work_dir() -> Iterator[Path]:
    """Yield a private directory; it stays where rows in it did not come home."""
    folder = Path(tempfile.mkdtemp(prefix="fireai-worker-"))
    yield folder
    outcome = read_object(folder / OUTCOME)
    if outcome.get("is_home") or not outcome.get("run_id"):
        shutil.rmtree(folder)


def _line(outcome: Mapping[str, Any]) -> str:
    if outcome["run_id"] is None:
        return f"not taking part: {outcome['reason']}"
    how = "done" if not outcome["exit_code"] else f"ended early: {outcome['reason']}"
    home = "all rows came home" if outcome["is_home"] else f"rows did not all come home, see {outcome['directory']}"
    return f"{outcome['scenario']}: worker {outcome['worker']} of {outcome['workers']}: {how}; {home}"

"""Starts the generator: Locust in a process group of its own, with a listed environment and a redacted log."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.locust_user import PARENT_VARIABLE
from fireai_analysis.collect.opening import RUN_DIR_VARIABLE
from fireai_analysis.redact import ALLOWED_NAMES, Redactor
from fireai_analysis.scenarios import asset_dir
from fireai_analysis.spec import Target

LOCUST_LOG, LOCUST_STATS = "locust.log", "locust-stats"


def child_environment(target: Target, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a generator may see: a short list, and the target's secrets by name.

    Parameters
    ----------
    target : Target
        Names the secrets.
    environment : Mapping
        Where they are taken from.
    """
    secrets = {name for name in target.secret_names() if name != target.database_url_env}
    return {name: value for name, value in environment.items() if name in ALLOWED_NAMES | secrets}


def start(bundle: RunBundle, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start the generator of a run.

    Parameters
    ----------
    bundle : RunBundle
        The run; its specification says what is sent where.
    environment : dict
        Holds the secrets by name; only listed variables are handed on.

    Returns
    -------
    subprocess.Popen
        In a process group of its own (end it with `os.killpg`), and it dies with the thread that called this. Exit
        code 0: ran to its end; 64: circuit breaker; anything else: broke. Progress is in `raw/generator.json`.
    """
    target, users = bundle.manifest.spec.target, bundle.manifest.spec.scenario.users
    allowed = child_environment(target, environment)
    command = [
        *(
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(asset_dir("locustfiles", "FIREAI_LOCUSTFILES_DIR") / f"{bundle.scenario}.py"),
        ),
        *("--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(users)),
        *("--json-file", str(bundle.raw_dir / LOCUST_STATS)),
    ]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and files
        command,
        env=allowed | {RUN_DIR_VARIABLE: str(bundle.directory.resolve()), PARENT_VARIABLE: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    redactor = Redactor(environment[name] for name in target.secret_names() if environment.get(name))
    descriptor = os.open(bundle.raw_dir / LOCUST_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    log = os.fdopen(descriptor, "w", encoding="utf-8")
    threading.Thread(target=_copy, args=(process.stdout, log, redactor), daemon=True).start()
    return process


def _copy(stream: IO[bytes], log: IO[str], redactor: Redactor) -> None:
    with stream, log:
        for line in stream:
            log.write(redactor.text(line.decode("utf-8", "replace")))
            log.flush()

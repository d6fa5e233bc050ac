"""Starts the processes of a generator: each Locust in a process group of its own, listed environment, redacted log."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.opening import MASTER, ROLE_VARIABLE, RUN_DIR_VARIABLE
from fireai_analysis.collect.own_process import PARENT_VARIABLE
from fireai_analysis.collect.seat import WORKER_VARIABLE
from fireai_analysis.redact import ALLOWED_NAMES, Redactor
from fireai_analysis.scenarios import asset_dir
from fireai_analysis.spec import Target

LOCUST_LOG, LOCUST_STATS = "locust.log", "locust-stats"
WORKER_FILE = "worker.py"
LOOPBACK = "127.0.0.1"
LAST_LINES = 3
_SMALL_TALK = re.compile(r"\[[^\]]*\] \S+/(?:DEBUG|INFO)/")
"""How a line of Locust's log begins that tells of nothing that went wrong."""
JOIN_SLACK_S = 60
"""Locust itself gives up waiting for workers that much later than our master, which says why."""


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


def start(bundle: RunBundle, environment: dict[str, str], *, bind_port: int | None = None) -> subprocess.Popen[bytes]:
    """Start the generator of a run: its only process, or the master of several.

    Parameters
    ----------
    bundle : RunBundle
        The run; its specification says what is sent where.
    environment : dict
        Holds the secrets by name; only listed variables are handed on.
    bind_port : int or None
        Where the master of several processes waits for them; None for a single process.

    Returns
    -------
    subprocess.Popen
        In a process group of its own (end it with `os.killpg`), and it dies with the thread that called this. Exit
        code 0: ran to its end; 64: circuit breaker; anything else: broke. Progress is in `raw/generator.json`.
    """
    spec = bundle.manifest.spec
    users = str(spec.scenario.users)
    options = ["--headless", "--only-summary", "--users", users, "--spawn-rate", users]
    options += ["--json-file", str(bundle.raw_dir / LOCUST_STATS)]
    given = {RUN_DIR_VARIABLE: str(bundle.directory.resolve())}
    if bind_port is not None:
        options += ["--master", "--master-bind-host", spec.fleet.bind_host, "--master-bind-port", str(bind_port)]
        options += ["--expect-workers", str(spec.fleet.workers)]
        options += ["--expect-workers-max-wait", str(round(spec.fleet.join_s) + JOIN_SLACK_S)]
        given[ROLE_VARIABLE] = MASTER
    allowed = child_environment(spec.target, environment) | given
    return launch(f"{bundle.scenario}.py", options, allowed, _redactor(spec.target, environment), bundle.raw_dir)


def start_worker(
    bundle: RunBundle, environment: dict[str, str], *, worker: int, master_port: int
) -> subprocess.Popen[bytes]:
    """Start one of several generator processes of this machine; it writes its journal into the run directory.

    Parameters
    ----------
    bundle : RunBundle
        The run.
    environment : dict
        Holds the secrets by name; only listed variables are handed on.
    worker : int
        Number of the process.
    master_port : int
        Where its master waits, on this machine.
    """
    target = bundle.manifest.spec.target
    given = {RUN_DIR_VARIABLE: str(bundle.directory.resolve()), WORKER_VARIABLE: str(worker)}
    return launch(
        WORKER_FILE,
        worker_options(LOOPBACK, master_port),
        child_environment(target, environment) | given,
        _redactor(target, environment),
        bundle.raw_dir / f"locust-worker-{worker}.log",
    )


def worker_options(master_host: str, master_port: int) -> list[str]:
    """Return the options of Locust that make a process a worker."""
    return ["--worker", "--master-host", master_host, "--master-port", str(master_port)]


def launch(
    locustfile: str, options: list[str], environment: dict[str, str], redactor: Redactor, log: Path
) -> subprocess.Popen[bytes]:
    """Start Locust in a process group of its own.

    Parameters
    ----------
    locustfile : str
        Name in `locustfiles/`.
    options : list of str
        Options of Locust; none of them a secret.
    environment : dict
        The whole environment of the process.
    redactor : Redactor
        Takes secrets out of what it prints.
    log : pathlib.Path
        Where that goes: a file, or a directory that gets one.
    """
    place = asset_dir("locustfiles", "FIREAI_LOCUSTFILES_DIR") / locustfile
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and files
        [sys.executable, "-m", "locust", "-f", str(place), *options],
        env=environment | {PARENT_VARIABLE: str(os.getpid())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    descriptor = os.open(log / LOCUST_LOG if log.is_dir() else log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    stream = os.fdopen(descriptor, "w", encoding="utf-8")
    threading.Thread(target=_copy, args=(process.stdout, stream, redactor), daemon=True).start()
    return process


def last_words(log: Path) -> str:
    """Return the last lines of a generator's log that tell of something wrong, empty where there are none."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    told = [line.strip() for line in lines if line.strip() and not _SMALL_TALK.match(line)]
    return " | ".join(told[-LAST_LINES:])


def free_port() -> int:
    """Return a port of this machine that is free now."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return int(taken.getsockname()[1])


def _redactor(target: Target, environment: Mapping[str, str]) -> Redactor:
    return Redactor(environment[name] for name in target.secret_names() if environment.get(name))


def _copy(stream: IO[bytes], log: IO[str], redactor: Redactor) -> None:
    with stream, log:
        for line in stream:
            log.write(redactor.text(line.decode("utf-8", "replace")))
            log.flush()

"""Starts the generator: Locust in a process group of its own, with a listed environment and a redacted log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import IO

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.locust_user import PARENT_VARIABLE
from fireai_analysis.collect.opening import RUN_DIR_VARIABLE
from fireai_analysis.scenarios import asset_dir
from fireai_analysis.spec import Target

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR")
_PASSED_ON_PREFIXES = ("PYTHON", "FIREAI_", "LC_")
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
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
    return {
        name: value
        for name, value in environment.items()
        if name in secrets
        or name in _PASSED_ON
        or (name.startswith(_PASSED_ON_PREFIXES) and name not in target.secret_names())
    }


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
    secrets = [environment[name] for name in target.secret_names() if environment.get(name)]
    descriptor = os.open(bundle.raw_dir / LOCUST_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    log = os.fdopen(descriptor, "w", encoding="utf-8")
    threading.Thread(target=_copy, args=(process.stdout, log, secrets), daemon=True).start()
    return process


def _copy(stream: IO[bytes], log: IO[str], secrets: list[str]) -> None:
    with stream, log:
        for line in stream:
            log.write(redacted(line.decode("utf-8", "replace"), secrets))
            log.flush()


def redacted(text: str, secrets: list[str]) -> str:
    """Return a text without the given secrets and without anything that looks like a signed token.

    Examples
    --------
    >>> redacted("key=hunter2 eyJhbGciOi.eyJzdWIi.c2ln", ["hunter2"])
    'key=[redacted] [redacted]'
    """
    for secret in secrets:
        text = text.replace(secret, "[redacted]")
    return _TOKEN.sub("[redacted]", text)

"""The generator measured against a server that does nothing: once a machine and version, kept, and told with each run.

Client and server share the processors here: the figures hold the null server's part too, and err on the safe side.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from fireai_analysis.bundle import atomic_write, json_bytes
from fireai_analysis.collect import trials
from fireai_analysis.collect.calibrating import LONGEST_S, ORDER_VARIABLE, RESULT, USERS
from fireai_analysis.collect.own_process import PARENT_VARIABLE
from fireai_analysis.collect.progress import read_object
from fireai_analysis.errors import CollectionError
from fireai_analysis.platform.paths import cache_dir
from fireai_analysis.redact import allowed_environment
from fireai_analysis.scenarios import asset_dir

DELAY_MS = 20.0
"""How long the null server waits for the bias part: a latency on which 3 % are far above the clock's grain."""
POLL_S = 0.1
_VERSIONS = ("fireai-analysis", "locust", "gevent", "geventhttpclient")
_CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Return what a calibration holds for: kind of machine, and versions of the software."""
    return {
        "cpu": _cpu_model(),
        "cores_count": psutil.cpu_count() or 0,
        "usable_cores_count": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python_version": platform.python_version(),
        **{f"{name.replace('-', '_')}_version": version(name) for name in _VERSIONS},
    }


def stored() -> dict[str, Any] | None:
    """Return the calibration of this machine and version, None where it was never calibrated."""
    return read_object(_place()) or None


def is_known() -> bool:
    """Return whether a run can take over a calibration instead of making one.

    One with a bias above the limit is made again: something else may have had the machine at that moment.
    """
    return trials.is_within((stored() or {}).get("p95_bias_ratio"))


def calibrated(refuse_to_go_on: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Return the calibration of this machine and version; where there is none, make it, at most one at a time.

    It takes about a quarter of a minute and must have the machine for itself: call it while no load runs.

    Parameters
    ----------
    refuse_to_go_on : callable
        Called ten times a second; what it raises ends the calibration.

    Returns
    -------
    dict
        `p95_bias_ratio`, `p95_bias_ms` (client's service time against the server's own, P95), `p95_bias_ratios` of
        all tries, `null_p95_ms`, `capacity_rps`, `requests_count`, `measured_ns`, and what `machine` returns.

    Raises
    ------
    CollectionError
        Where the generator or the null server did not come to an end.
    """
    with _alone(refuse_to_go_on):
        found = stored() if is_known() else None
        if found is None:
            found = measured(refuse_to_go_on)
            atomic_write(_place(), json_bytes(found))
    return found


def measured(refuse_to_go_on: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Return the calibration as it is now, without keeping it; as `calibrated`."""
    began_ns = time.time_ns()
    with tempfile.TemporaryDirectory(prefix="fireai-calibration-") as name, null_server(DELAY_MS) as ports:
        directory = Path(name)
        order = {"directory": name, "immediate_port": ports[0], "delayed_port": ports[1]}
        _generate(directory, order, refuse_to_go_on)
        found = read_object(directory / RESULT)
    if not found:
        raise CollectionError("calibration: the generator left no result")
    return {"measured_ns": began_ns} | found | machine()


@contextmanager
def null_server(delay_ms: float) -> Iterator[tuple[int, int]]:
    """Run a null server and yield its ports: the one that answers at once, and the one that answers after a delay.

    Parameters
    ----------
    delay_ms : float
        Above 0.
    """
    command = [sys.executable, "-m", "fireai_analysis.collect.nullserver", str(delay_ms)]
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, env=_environment({}), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with server:
        try:
            ports = server.stdout.readline().split() if server.stdout is not None else []
            if len(ports) != 2:
                raise CollectionError("calibration: the null server did not start")
            yield int(ports[0]), int(ports[1])
        finally:
            server.terminate()


def _generate(directory: Path, order: Mapping[str, Any], refuse_to_go_on: Callable[[], None]) -> None:
    file = asset_dir("locustfiles", "FIREAI_LOCUSTFILES_DIR") / "calibration.py"
    options = ("--headless", "--only-summary", "--users", str(USERS), "--spawn-rate", str(USERS))
    changes = {ORDER_VARIABLE: json.dumps(order), PARENT_VARIABLE: str(os.getpid())}
    with (directory / "locust.log").open("wb") as log:
        generator = subprocess.Popen(  # noqa: S603 - our own interpreter and files
            [sys.executable, "-m", "locust", "-f", str(file), *options],
            env=_environment(changes),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + LONGEST_S
    try:
        while generator.poll() is None and time.monotonic() < deadline:
            refuse_to_go_on()
            time.sleep(POLL_S)
    finally:
        generator.kill()
        generator.wait()


@contextmanager
def _alone(refuse_to_go_on: Callable[[], None]) -> Iterator[None]:
    """Wait until no other calibration of this user runs."""
    with (cache_dir() / "calibration.lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                refuse_to_go_on()
                time.sleep(POLL_S)
        yield


def _place() -> Path:
    digest = hashlib.sha256(json.dumps(machine(), sort_keys=True).encode()).hexdigest()
    return cache_dir() / f"calibration-{digest[:16]}.json"


def _environment(changes: Mapping[str, str]) -> dict[str, str]:
    return allowed_environment() | dict(changes)


def _cpu_model() -> str:
    try:
        lines = _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())

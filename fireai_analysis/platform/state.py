"""The state file of the embedded platform: what runs where, and what is left of one whose supervisor died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil
from pydantic import Field, ValidationError

from fireai_analysis.errors import PlatformError
from fireai_analysis.spec import Frozen

Phase = Literal["starting", "up", "failed"]

SAME_START_S = 1.0
WORK_PREFIX = "fireai-"


class PlatformStatus(Frozen):
    """A running platform; holds no secret.

    Attributes
    ----------
    fastapi_url, go_url, pprof_url : str
        Addresses without trailing slash; `pprof_url` ends with `/debug/pprof`.
    database_url : str
        Address of the read-only role over loopback.
    pids : dict of str to int
        `supervisor`, `postgres`, `go`, `fastapi`.
    started_ns : int
        UTC nanoseconds at which everything answered.
    state_dir : pathlib.Path
        Holds the logs of the parts.
    versions : dict of str to str
        Version of each part.
    faults : tuple of str
        Names of planted faults; empty means correct behaviour.
    exited : dict of str to int
        Parts that ended by themselves, with their exit code (negative: signal).
    """

    fastapi_url: str
    go_url: str
    pprof_url: str
    database_url: str
    pids: dict[str, int]
    started_ns: int
    state_dir: Path
    versions: dict[str, str]
    faults: tuple[str, ...] = ()
    exited: dict[str, int] = Field(default_factory=dict)


class State(Frozen):
    """Content of the state file.

    Attributes
    ----------
    phase : {'starting', 'up', 'failed'}
        How far the supervisor has come.
    message : str
        Progress, or why it failed.
    starts_s : dict of str to float
        Start time of each process, so that a number used again is not taken for the process.
    work : pathlib.Path or None
        Temporary directory with the data.
    platform : PlatformStatus or None
        Set in phase `up`.
    """

    phase: Phase
    message: str
    pids: dict[str, int]
    starts_s: dict[str, float]
    work: Path | None = None
    platform: PlatformStatus | None = None

    def supervisor_lives(self) -> bool:
        """Whether the supervisor that wrote the state still runs."""
        return is_alive(self.pids["supervisor"], self.starts_s["supervisor"])


def state_file(directory: Path) -> Path:
    """Return the place of the state file."""
    return directory / "state.json"


def secrets_file(directory: Path) -> Path:
    """Return the place of the secrets of the running platform."""
    return directory / "secrets.json"


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 at once or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(name).replace(path)


def read_state(directory: Path) -> State | None:
    """Return the state of the supervisor that runs, or that failed; clean up after one that died."""
    path = state_file(directory)
    try:
        state = State.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise PlatformError(f"{path} is not a state file of this version; remove it once nothing runs") from None
    if state.supervisor_lives() or state.phase == "failed":
        return state
    clean_up(directory, state)
    return None


def clean_up(directory: Path, state: State) -> None:
    """End what is left of a platform whose supervisor died, and remove its files."""
    left = [
        psutil.Process(pid)
        for name, pid in state.pids.items()
        if name != "supervisor" and is_alive(pid, state.starts_s.get(name, 0.0))
    ]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGQUIT if process.pid == state.pids.get("postgres") else signal.SIGKILL)
    psutil.wait_procs(left, timeout=10)
    remove_work(state.work)
    secrets_file(directory).unlink(missing_ok=True)
    state_file(directory).unlink(missing_ok=True)


def remove_work(work: Path | None) -> None:
    """Remove the temporary directory of a platform."""
    if work is not None and work.name.startswith(WORK_PREFIX):
        shutil.rmtree(work, ignore_errors=True)


def is_alive(pid: int, start_s: float) -> bool:
    """Return whether the process with this number and start time runs."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - start_s) < SAME_START_S and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start_time_s(pid: int) -> float:
    """Return when a process started, in seconds since 1970; now where it has ended already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return time.time()


def read_secrets(directory: Path) -> dict[str, str]:
    """Return the secrets of the running platform."""
    try:
        found = json.loads(secrets_file(directory).read_bytes())
    except FileNotFoundError:
        raise PlatformError("the embedded platform is not up; start it with `fireai platform up`") from None
    return {str(name): str(value) for name, value in found.items()}

"""Starts, finds and stops the embedded platform."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fireai_analysis.campaign import held
from fireai_analysis.errors import PlatformError, TargetError
from fireai_analysis.platform.gobuild import built_service
from fireai_analysis.platform.paths import state_dir
from fireai_analysis.platform.state import PlatformStatus, State, read_secrets, read_state, state_file
from fireai_analysis.spec import DoorAddress, Target

POLL_S = 0.05
STOP_TIMEOUT_S = 60

Progress = Callable[[str], None]


def status() -> PlatformStatus | None:
    """Return the running platform, or None; what a dead supervisor left behind is cleaned up."""
    state = read_state(state_dir())
    return state.platform if state is not None and state.supervisor_lives() else None


def up(progress: Progress = lambda text: None) -> PlatformStatus:
    """Start the platform in the background, where it stays after the caller has ended, or return the one that is up."""
    running_already = status()
    if running_already is not None:
        return running_already
    supervisor = _spawn(progress, owned=False)
    try:
        return _await_up(supervisor, progress)
    except BaseException:
        supervisor.terminate()
        raise


def down() -> bool:
    """Stop the platform and return when it is gone; False where none was running."""
    directory = state_dir()
    state = read_state(directory)
    if state is None or not state.supervisor_lives():
        state_file(directory).unlink(missing_ok=True)
        return False
    with suppress(ProcessLookupError):
        os.kill(state.pids["supervisor"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while state.supervisor_lives():
        if time.monotonic() > deadline:
            raise PlatformError(
                f"the embedded platform did not stop; its supervisor is process {state.pids['supervisor']}"
            )
        time.sleep(POLL_S)
    return True


@contextmanager
def running(progress: Progress = lambda text: None) -> Iterator[PlatformStatus]:
    """Use the platform that is up, or one of our own that is stopped at the end, also when we are killed.

    Parameters
    ----------
    progress : callable
        Called with a line of text at each step of the start.

    Yields
    ------
    PlatformStatus
        Addresses and processes.
    """
    running_already = status()
    if running_already is not None:
        yield running_already
        return
    supervisor = _spawn(progress, owned=True)
    try:
        yield _await_up(supervisor, progress)
    finally:
        supervisor.terminate()
        if supervisor.stdin is not None:
            supervisor.stdin.close()
        supervisor.wait(STOP_TIMEOUT_S)
        read_state(state_dir())


@contextmanager
def reserved() -> Iterator[None]:
    """Keep the platform for one load at a time: two would measure each other, and one could stop the other's target.

    Raises
    ------
    TargetError
        Where another process runs a load against the platform of this state directory.
    """

    def refusal(holder: str) -> TargetError:
        return TargetError(f"the embedded platform is under load by process {holder}; wait for that run to end")

    with held(state_dir() / "load.lock", refusal):
        yield


def secrets(status: PlatformStatus) -> dict[str, str]:
    """Return the environment that collectors of this platform need: signing keys and `DATABASE_URL`."""
    return read_secrets(status.state_dir)


def bind(target: Target, status: PlatformStatus) -> Target:
    """Return the target with the addresses and process numbers of the running platform."""
    urls = {"fastapi": status.fastapi_url, "go": status.go_url}
    return target.model_copy(
        update={
            "doors": {
                door: DoorAddress(base_url=urls[door], base_url_env=address.base_url_env)
                for door, address in target.doors.items()
            },
            "pprof_url": status.pprof_url,
            "process_ids": {name: status.pids[name] for name in ("go", "fastapi", "postgres")},
        }
    )


def _spawn(progress: Progress, *, owned: bool) -> subprocess.Popen[bytes]:
    built_service(progress)  # here, where Ctrl-C ends a build at once
    directory = state_dir()
    command = [sys.executable, "-m", "fireai_analysis.platform", *(["--owned"] if owned else [])]
    descriptor = os.open(directory / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE if owned else subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "FIREAI_STATE_DIR": str(directory)},
        )
    finally:
        os.close(descriptor)


def _await_up(supervisor: subprocess.Popen[bytes], progress: Progress) -> PlatformStatus:
    """Follow the state file until the platform is up; raise where its supervisor ends before that.

    A supervisor that finds another one at work ends at once; then the other one is followed.
    """
    directory, said = state_dir(), ""
    while True:
        ended = supervisor.poll() is not None
        state = read_state(directory)
        if state is not None and state.platform is not None and state.phase == "up":
            return state.platform
        if state is not None and state.message != said and state.phase == "starting":
            said = state.message
            progress(said)
        if ended and not (state is not None and state.supervisor_lives()):
            raise PlatformError(_why_it_ended(directory, state))
        time.sleep(POLL_S)


def _why_it_ended(directory: Path, state: State | None) -> str:
    if state is not None and state.phase == "failed":
        state_file(directory).unlink(missing_ok=True)
        return state.message
    log = directory / "supervisor.log"
    return f"the embedded platform ended before it was up; its log is {log}"

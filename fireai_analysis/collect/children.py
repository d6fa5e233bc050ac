"""The processes that a runner starts: how they end, also when they do not want to, and when the runner is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from fireai_analysis.bundle import RunBundle
from fireai_analysis.redact import allowed_environment

SAMPLERS_STOP_S, GENERATOR_STOP_S, KILL_S = 6.0, 12.0, 5.0
COLLECTOR_LOG, SAMPLERS_LOG = "collector.log", "samplers.log"
MOST_STARTS = 5


class Samplers:
    """The samplers process of a run, started anew where it died.

    It ends when its standard input does, which also happens when we are killed.

    Parameters
    ----------
    bundle : RunBundle
        The run.
    environment : mapping of str to str
        Holds the secrets. The process is told the address of the database, and of the keys of the doors only where
        it reads sessions there.
    """

    def __init__(self, bundle: RunBundle, environment: Mapping[str, str]) -> None:
        spec = bundle.manifest.spec
        reads_doors = spec.scenario.arrivals == "waves" and spec.target.crdt.reads
        names = spec.target.secret_names() if reads_doors else filter(None, [spec.target.database_url_env])
        self._bundle, self._environment = bundle, allowed_environment(names, environment)
        self._process: subprocess.Popen[bytes] | None = None
        self.starts_count = 0

    def start(self) -> None:
        """Start the process."""
        descriptor = os.open(self._bundle.raw_dir / SAMPLERS_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        place = [str(self._bundle.directory), str(self.starts_count)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "fireai_analysis.collect.samplers", *place],
                stdin=subprocess.PIPE,
                stdout=descriptor,
                stderr=descriptor,
                env=self._environment,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        self.starts_count += 1

    def revive(self) -> None:
        """Start the process again where it ended by itself; not more than a few times."""
        if self._process is not None and self._process.poll() is not None and self.starts_count < MOST_STARTS:
            self._close()
            self.start()

    def stop(self) -> None:
        """Have every source read once more and end the process; it is killed where it does not."""
        if self._process is None:
            return
        self._close()
        if not ended(self._process, SAMPLERS_STOP_S):
            self._process.kill()
            ended(self._process, KILL_S)
        self._process = None

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


def stop_generators(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """End generators and all that belongs to them: all are asked at once, then killed; then their logs are complete."""
    for process in processes:
        if process.poll() is None:
            signal_group(process, signal.SIGTERM)
    if not all_ended(processes, GENERATOR_STOP_S):
        for process in processes:
            signal_group(process, signal.SIGKILL)
        all_ended(processes, KILL_S)
    deadline_s = time.monotonic() + KILL_S
    while any(map(_is_writing, processes)) and time.monotonic() < deadline_s:
        time.sleep(0.01)


def all_ended(processes: Sequence[subprocess.Popen[bytes]], timeout_s: float) -> bool:
    """Return whether all processes end within a time that they share."""
    deadline_s = time.monotonic() + timeout_s
    return all([ended(process, max(0.0, deadline_s - time.monotonic())) for process in processes])


def _is_writing(process: subprocess.Popen[bytes]) -> bool:
    return process.stdout is not None and not process.stdout.closed


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process group that a child leads, as long as the child was not waited for."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def ended(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Return whether a process ends within a time."""
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return False
    return True

"""The generator processes of a run as its runner sees them: started together, ended together, none left behind."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect import locust_process
from fireai_analysis.collect.children import all_ended, signal_group, stop_generators

QUIT_S = 5.0
"""How long the workers together may take to end by themselves once their master has ended in order."""


class Generators:
    """The processes of a generator.

    Parameters
    ----------
    main : subprocess.Popen
        The only process, or the master; its exit code is that of the run.
    workers : dict
        The workers of this machine, by number; none for a single process.
    """

    def __init__(self, main: subprocess.Popen[bytes], workers: Mapping[int, subprocess.Popen[bytes]]) -> None:
        self._main, self._workers = main, dict(workers)

    @classmethod
    def start(cls, bundle: RunBundle, environment: dict[str, str]) -> Generators:
        """Start what the specification of a run asks for; workers of the network are started where they are."""
        fleet = bundle.manifest.spec.fleet
        if fleet.kind == "single":
            return cls(locust_process.start(bundle, environment), {})
        port = fleet.bind_port or locust_process.free_port()
        main = locust_process.start(bundle, environment, bind_port=port)
        numbers = range(fleet.workers) if fleet.kind == "host" else range(0)
        workers = {
            number: locust_process.start_worker(bundle, environment, worker=number, master_port=port)
            for number in numbers
        }
        return cls(main, workers)

    def poll(self) -> int | None:
        """Return the exit code of the run, None while it goes on."""
        return self._main.poll()

    def lost(self) -> dict[int, int]:
        """Return the exit codes of the workers that have ended; while the run goes on, that is before their time."""
        codes = {number: one.poll() for number, one in self._workers.items()}
        return {number: code for number, code in codes.items() if code is not None}

    def stop(self) -> None:
        """End all: the master asks its workers; whoever does not end is killed.

        Workers whose master was killed know nothing of it yet, and still send: they are asked at once.
        """
        workers = list(self._workers.values())
        stop_generators([self._main])
        if not was_killed(self._main.returncode):
            all_ended(workers, QUIT_S)
        stop_generators(workers)

    def kill(self) -> None:
        """End all at once."""
        for process in (self._main, *self._workers.values()):
            signal_group(process, signal.SIGKILL)


def was_killed(code: int | None) -> bool:
    """Return whether an exit code says that a signal ended a process, and not the process itself."""
    return code is not None and code < 0


def how_ended(code: int) -> str:
    """Return in words how a process ended.

    Examples
    --------
    >>> how_ended(-9), how_ended(4)
    ('was killed by signal 9', 'ended with code 4')
    """
    return f"was killed by signal {-code}" if was_killed(code) else f"ended with code {code}"

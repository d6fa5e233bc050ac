"""Runs the samplers of a run until standard input ends, which it also does when the runner is killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import Database, database_address
from fireai_analysis.collect.opening import JOURNAL_DIR, MANIFEST
from fireai_analysis.collect.samplers.go import GoSource
from fireai_analysis.collect.samplers.host import HostSource
from fireai_analysis.collect.samplers.journal import JournalWriter, journal_path
from fireai_analysis.collect.samplers.loop import Loop
from fireai_analysis.collect.samplers.postgres import PostgresSource
from fireai_analysis.collect.samplers.processes import ProcessSource
from fireai_analysis.collect.samplers.sessions import INTERVAL_S, session_sources
from fireai_analysis.collect.samplers.source import Reading, Source
from fireai_analysis.errors import CollectionError, ParamsError
from fireai_analysis.spec import RunSpec


def main(arguments: list[str]) -> None:
    """Sample the run in the directory given.

    Parameters
    ----------
    arguments : list of str
        Directory of the run, and the number of this samplers process in it.
    """
    directory, number = Path(arguments[0]), int(arguments[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    content = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    spec, clock = RunSpec.model_validate(content["spec"]), Clock()
    writer = JournalWriter(journal_path(directory / JOURNAL_DIR, number))
    reads = session_sources(spec, directory, os.environ, clock)
    loop = Loop(
        [*sources(spec, os.environ, clock), *reads],
        writer,
        clock=clock,
        interval_s=spec.profile.sample_interval_s,
        own_intervals_s={source.name: INTERVAL_S for source in reads},
    )
    loop.start()
    while os.read(sys.stdin.fileno(), 4096):
        pass
    loop.stop()
    writer.close()
    os._exit(0)  # a source that still hangs must not keep the process


def sources(spec: RunSpec, environment: Mapping[str, str], clock: Clock) -> list[Source]:
    """Return what is sampled of a run; a target without a database has no such sampler."""
    target = spec.target
    found: list[Source] = [
        GoSource(target.base_url("go"), clock),
        ProcessSource(target.process_ids, clock, runner_pid=os.getppid()),
        HostSource(clock),
    ]
    if target.database_url_env is None:
        return found
    try:
        address = database_address(target, environment)
    except ParamsError as error:
        return [*found, Unreadable("postgres", str(error))]
    if address is None:
        return [*found, Unreadable("postgres", f"{target.database_url_env} is not set")]
    return [*found, PostgresSource(Database(address), clock)]


class Unreadable:
    """A source that is known from the start not to deliver.

    Parameters
    ----------
    name : str
        The sampler.
    reason : str
        Why; without secrets.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name, self._reason = name, reason

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Raise CollectionError with the reason."""
        raise CollectionError(self._reason)

    def close(self) -> None:
        """Nothing is held."""


if __name__ == "__main__":
    main(sys.argv[1:])

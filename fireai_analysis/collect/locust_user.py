"""The Locust side of a generator: N users that Locust shows, and one dispatcher that sends for them.

A generator is one process; or a master, which sends nothing, and several workers (`master.py`, `worker.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import gevent

from fireai_analysis.collect import locust_view
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.generator import EXIT_BROKE, EXIT_TERMINATED, Generator
from fireai_analysis.collect.guard import Address, ConnectGuard, check_load, refuse_proxies, resolved
from fireai_analysis.collect.journal import HEADER, TOTALS, Discard
from fireai_analysis.collect.lead import OwnLead
from fireai_analysis.collect.master import MasterSession
from fireai_analysis.collect.opening import MASTER, ROLE_VARIABLE, Opening, opening
from fireai_analysis.collect.own_process import settle_in
from fireai_analysis.collect.recorder import Recorder
from fireai_analysis.collect.transport import Place
from fireai_analysis.collect.worker import WorkerSession
from fireai_analysis.errors import FireAIAnalysisError, UsageError


def user_class(scenario: str) -> type:
    """Return the Locust user class of a scenario and set up the process around it; what a locustfile calls.

    A wrong parameter, a missing secret or a place where load may not go ends the process with one clear line.
    """
    settle_in()
    return _or_exit(lambda: _set_up(scenario))


def worker_class() -> type:
    """Return the Locust user class of a worker, which is told by its master what to do; what its locustfile calls."""
    settle_in()
    return _or_exit(_set_up_worker)


def _or_exit(set_up: Callable[[], type]) -> type:
    try:
        refuse_proxies()
        return set_up()
    except FireAIAnalysisError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


def _set_up(scenario: str) -> type:
    opened = opening(scenario, os.environ)
    if os.environ.get(ROLE_VARIABLE) == MASTER:
        MasterSession(opened).listen()
    else:
        places = resolved(opened.spec.target)
        check_load(opened.spec, places)
        LocustSession(opened, places).listen()
    return locust_view.user_class(opened.spec.target.base_url("fastapi"))


def _set_up_worker() -> type:
    WorkerSession(os.environ).listen()
    return locust_view.user_class(None)


class LocustSession:
    """Ties Locust's events to the generator runs of a single process; with Locust's web page there may be several.

    Parameters
    ----------
    opened : Opening
        What to do and where to record it.
    places : dict
        Addresses of each door.
    """

    def __init__(self, opened: Opening, places: dict[str, tuple[Address, ...]]) -> None:
        self.opened, self.target = opened, opened.spec.target
        self.guard = ConnectGuard(pair for pairs in places.values() for pair in pairs)
        self.places = {door: Place.of(self.target.base_url(door), places[door]) for door in self.target.doors}
        self._generator: Generator | None = None
        self._run: gevent.Greenlet | None = None
        self._check_secrets()
        self._writer = opened.writer()

    def listen(self) -> None:
        """Connect to Locust's events."""
        from locust import events as locust_events

        events: Any = locust_events
        events.init_command_line_parser.add_listener(self._on_parser)
        events.init.add_listener(self._on_init)
        events.spawning_complete.add_listener(self._on_spawned)
        events.test_stopping.add_listener(self._on_stopping)
        events.quitting.add_listener(self._on_quitting)

    def _check_secrets(self) -> None:
        self._new_generator(Recorder(Discard(), Clock(), duration_s=0, progress_path=None))

    def _new_generator(self, recorder: Recorder) -> Generator:
        return Generator(self.opened.spec, self.opened.environment, recorder=recorder)

    def _on_parser(self, parser: Any, **_: Any) -> None:
        users = self.opened.spec.scenario.users
        parser.set_defaults(num_users=users, spawn_rate=users, web_host="127.0.0.1")

    def _on_init(self, environment: Any, runner: Any, **_: Any) -> None:
        if type(runner).__name__ != "LocalRunner":
            sys.stderr.write(
                "a generator runs in one process: start Locust without --master, --worker, --processes; "
                "several processes are started by fireai run --processes N\n"
            )
            sys.exit(UsageError.exit_code)
        self.environment, self.runner = environment, runner
        self.guard.install()

    def _on_spawned(self, **_: Any) -> None:
        if self._run is None or self._run.ready():
            self._run = gevent.spawn(self._carry_out)
            self._run.link_exception(self._on_defect)

    def _on_defect(self, greenlet: gevent.Greenlet) -> None:
        """End the process where a run ended by an exception: a generator that idles would look alive."""
        self.environment.process_exit_code = EXIT_BROKE
        self.runner.quit()

    def _carry_out(self) -> None:
        spec, clock = self.opened.spec, Clock()
        recorder = Recorder(
            self._writer, clock, duration_s=spec.scenario.duration_s, progress_path=self.opened.progress_path()
        )
        recorder.users_count = lambda: int(self.runner.user_count)
        recorder.record(HEADER, locust_view.header(spec, OwnLead(clock), clock))
        generator = self._generator = self._new_generator(recorder)
        generator.dispatcher.users = locust_view.identities(self.environment, self.places, spec.scenario.users)
        generator.run(self._announce)
        self.environment.process_exit_code = generator.exit_code
        self._generator = None
        if self.environment.web_ui is None:
            self.runner.quit()
        else:
            self.runner.stop()

    def _announce(self, facts: dict[str, Any]) -> None:
        """Write the facts, with Locust's own counts; at the end they go into the journal too."""
        counts = locust_view.counts(self.runner)
        facts |= locust_view.count_facts(counts) | {"guard_refused_count": self.guard.refused_count}
        if "late_count" in facts and self._generator is not None:
            self._generator.recorder.record(TOTALS, {"counts": counts})
        self.opened.write_facts(facts)

    def _on_stopping(self, **_: Any) -> None:
        """End the run early: somebody pressed Stop, or Locust is ending."""
        if self._generator is not None and self._run is not None and gevent.getcurrent() is not self._run:
            self._generator.abort("stopped from outside", EXIT_TERMINATED)
            self._run.join()

    def _on_quitting(self, **_: Any) -> None:
        self._on_stopping()

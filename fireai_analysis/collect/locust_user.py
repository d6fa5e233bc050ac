"""The Locust side of a generator: N users that Locust shows, and one dispatcher that sends for them.

Locust is imported inside functions only: importing it patches the standard library of the whole process for gevent,
which belongs into generator processes alone.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from typing import Any

import gevent

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.generator import EXIT_BROKE, EXIT_TERMINATED, Generator
from fireai_analysis.collect.guard import Address, ConnectGuard, check_load, refuse_proxies, resolved
from fireai_analysis.collect.journal import HEADER, TOTALS, Discard
from fireai_analysis.collect.opening import Opening, opening
from fireai_analysis.collect.recorder import Recorder
from fireai_analysis.collect.transport import Doors, Place
from fireai_analysis.errors import FireAIAnalysisError, UsageError

PARENT_VARIABLE = "FIREAI_PARENT_PID"
_PR_SET_PDEATHSIG = 1
_IDLE_S = 3600.0


def user_class(scenario: str) -> type:
    """Return the Locust user class of a scenario and set up the process around it; what a locustfile calls.

    A wrong parameter, a missing secret or a place where load may not go ends the process with one clear line.
    """
    _belong_to_parent(os.environ.get(PARENT_VARIABLE))
    _raise_file_limit()
    try:
        refuse_proxies()
        opened = opening(scenario, os.environ)
        places = resolved(opened.spec.target)
        check_load(opened.spec, places)
        session = LocustSession(opened, places)
    except FireAIAnalysisError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)
    session.listen()
    return _platform_user(session)


class LocustSession:
    """Ties Locust's events to generator runs; with Locust's web page there may be one after the other.

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
        self.users: list[Any] = []
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
        events.test_start.add_listener(self._on_test_start)
        events.spawning_complete.add_listener(self._on_spawned)
        events.test_stopping.add_listener(self._on_stopping)
        events.quitting.add_listener(self._on_quitting)

    def _check_secrets(self) -> None:
        self._new_generator(Recorder(Discard(), Clock(), duration_s=0, progress_path=None))

    def _new_generator(self, recorder: Recorder) -> Generator:
        return Generator(self.opened.spec, self.opened.environment, recorder=recorder, clock=recorder.clock)

    def _on_parser(self, parser: Any, **_: Any) -> None:
        users = self.opened.spec.scenario.users
        parser.set_defaults(num_users=users, spawn_rate=users, web_host="127.0.0.1")

    def _on_init(self, environment: Any, runner: Any, **_: Any) -> None:
        if type(runner).__name__ != "LocalRunner":
            sys.stderr.write("a generator runs in one process: start Locust without --master, --worker, --processes\n")
            sys.exit(UsageError.exit_code)
        self.environment, self.runner = environment, runner
        self.guard.install()

    def _on_test_start(self, **_: Any) -> None:
        self.users.clear()

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
        recorder.record(HEADER, _header(self.opened, clock))
        generator = self._generator = self._new_generator(recorder)
        generator.dispatcher.users = list(self.users)
        generator.run(self._announce)
        self.environment.process_exit_code = generator.exit_code
        self._generator = None
        if self.environment.web_ui is None:
            self.runner.quit()
        else:
            self.runner.stop()

    def _announce(self, facts: dict[str, Any]) -> None:
        """Write the facts, with Locust's own counts; at the end they go into the journal too."""
        import locust

        entries = self.runner.stats.entries.values()
        counts = [{"name": entry.name, "method": entry.method, "count": entry.num_requests} for entry in entries]
        facts |= {
            "locust_version": locust.__version__,
            "locust_requests_count": sum(int(count["count"]) for count in counts),
            "guard_refused_count": self.guard.refused_count,
        }
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


def _header(opened: Opening, clock: Clock) -> dict[str, Any]:
    return {
        "schema": 1,
        "run_id": opened.spec.run_id,
        "scenario": opened.spec.scenario.name,
        "worker": 0,
        "workers": 1,
        "pid": os.getpid(),
        "t_ns": clock.now_ns(),
        "clock_offset_ns": clock.offset_ns,
    }


def _platform_user(session: LocustSession) -> type:
    from locust import User, task

    class PlatformUser(User):  # type: ignore[misc,unused-ignore]
        """One identity; it idles, because the dispatcher sends for it when the schedule says so."""

        host = session.target.base_url("fastapi")

        def __init__(self, environment: Any) -> None:
            super().__init__(environment)
            self.doors = Doors(session.places)
            session.users.append(self)

        @task
        def idle(self) -> None:
            gevent.sleep(_IDLE_S)

    return PlatformUser


def _raise_file_limit() -> None:
    """Raise the soft limit of open files to the hard one: a thousand users keep a connection each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _belong_to_parent(parent: str | None) -> None:
    """Die with the process that started us, even when it is killed."""
    if parent is None:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):
        sys.exit(EXIT_TERMINATED)

"""One of several generator processes: it is told by its master what to send and when, and brings its rows home.

Where it shares the disk of the run it writes its journal there; elsewhere it keeps the journal by itself and sends it
over Locust's channel while it grows. Secrets come from its own environment, never over the channel, and load goes only
where its own machine allows it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import gevent
from gevent.event import Event

from fireai_analysis.collect import channel, locust_view
from fireai_analysis.collect.alignment import Offset, Ping, offset
from fireai_analysis.collect.channel import Done
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.generator import EXIT_BROKE, EXIT_TERMINATED, Generator
from fireai_analysis.collect.guard import ConnectGuard, resolved
from fireai_analysis.collect.journal import HEADER, TOTALS
from fireai_analysis.collect.lead import Sessions
from fireai_analysis.collect.opening import JOURNAL_DIR, Opening
from fireai_analysis.collect.recorder import Recorder
from fireai_analysis.collect.seat import Seat
from fireai_analysis.collect.shipping import Outbox
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.collect.transport import Place
from fireai_analysis.errors import CollectionError, FireAIAnalysisError, UsageError

POLL_S, PROGRESS_S, SHIP_S = 0.01, 0.5, 0.1
HELLO_S, HELLOS_COUNT = 1.0, 20
WELCOME_S, PONG_S, PONG_POLL_S, PINGS_COUNT = 60.0, 2.0, 0.0005, 15
HOME_S, QUIT_S = 30.0, 20.0
"""How long the last rows may take to come home, and the master to let this process go."""
MASTER_LOST_AFTER_S = 15.0
NOT_OURS = ("sessions", "profiled_sessions")
"""Facts that the master knows from the worker that made them."""


class WorkerSession:
    """Ties Locust's events to the generator of a worker.

    Parameters
    ----------
    environment : mapping of str to str
        Tells the seat, and holds the secrets.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._seat = Seat.of(environment)
        self._mail: dict[str, Any] = {}
        self._pings: list[Ping] = []
        self._stopped: tuple[str, int] | None = None
        self._generator: Generator | None = None
        self._facts: dict[str, Any] = {}
        self._outbox: Outbox | None = None
        self._finished = Event()
        self._run: gevent.Greenlet | None = None
        self._clock = Clock()
        self.worker, self.workers = 0, 1

    def listen(self) -> None:
        """Connect to Locust's events; Locust's own logs stay on this machine."""
        from locust import events as locust_events
        from locust import runners

        runners.WORKER_LOG_REPORT_INTERVAL = -1
        events: Any = locust_events
        events.init.add_listener(self._on_init)
        events.test_stopping.add_listener(self._on_stopping)
        events.quitting.add_listener(self._on_stopping)

    def _on_init(self, environment: Any, runner: Any, **_: Any) -> None:
        if type(runner).__name__ != "WorkerRunner":
            sys.stderr.write("a worker is started by fireai run: --processes N, or --worker --master-host HOST\n")
            sys.exit(UsageError.exit_code)
        self._environment, self._runner = environment, runner
        kept = (channel.WELCOME, channel.REFUSED, channel.GO, channel.SESSIONS)
        listeners: dict[str, channel.Listener] = {kind: self._keep(kind) for kind in kept}
        listeners |= {
            channel.PONG: self._on_pong,
            channel.BEGIN: lambda _, told: self._mail.__setitem__(str(told["window"]), told),
            channel.STOP: lambda _, told: self._stop(str(told["reason"]), int(told["exit_code"])),
            channel.ARRIVED: self._on_arrived,
        }
        channel.listen(runner, listeners)
        self._run = gevent.spawn(self._carry_out)
        self._run.link_exception(self._on_defect)

    def _keep(self, kind: str) -> channel.Listener:
        return lambda _, told: self._mail.__setitem__(kind, told)

    def _send(self, kind: str, content: Mapping[str, Any]) -> None:
        self._runner.send_message(kind, dict(content))

    # -- what the master says

    def _on_pong(self, _: str, told: Any) -> None:
        self._pings.append(Ping(int(told["sent_ns"]), int(told["master_ns"]), self._clock.now_ns()))

    def _on_arrived(self, _: str, told: Any) -> None:
        if self._outbox is not None:
            self._outbox.acknowledge(int(told["arrived_bytes"]), time.monotonic())

    def _stop(self, reason: str, exit_code: int) -> None:
        if self._stopped is None:
            self._stopped = (reason, exit_code)
        if self._generator is not None:
            self._generator.abort(reason, exit_code)

    def _await(self, kind: str, patience_s: float) -> Any:
        """Return what the master says of a kind; raise CollectionError where it does not, or ends the run."""
        told = self._next(kind, patience_s)
        if told is None:
            raise CollectionError(f"the master was silent for {patience_s:.0f} s")
        return told

    def _next(self, kind: str, patience_s: float) -> Any:
        """Return what the master says of a kind, None where it says nothing in time."""
        deadline_s = time.monotonic() + patience_s
        while kind not in self._mail:
            if self._stopped is not None:
                raise CollectionError(self._stopped[0])
            if channel.REFUSED in self._mail:
                raise CollectionError(f"the master refused: {self._mail[channel.REFUSED]['reason']}")
            if time.monotonic() > deadline_s:
                return None
            gevent.sleep(POLL_S)
        return self._mail.pop(kind)

    # -- the run

    def _carry_out(self) -> None:
        opened = None
        try:
            opened = self._join()
            with self._kept_up():
                self._await(channel.GO, opened.spec.fleet.join_s + WELCOME_S)
                done = self._work(opened)
        except FireAIAnalysisError as error:
            done = Done(facts={}, exit_code=error.exit_code, reason=str(error), journal_bytes=0)
            self._send(channel.REFUSED, {"reason": done.reason})
        self._send(channel.DONE, done.model_dump())
        self._environment.process_exit_code = done.exit_code
        self._leave_word(opened, done)
        self._finished.set()
        gevent.sleep(QUIT_S if opened is not None else PROGRESS_S)  # the master ends this process before
        self._runner.quit()

    def _join(self) -> Opening:
        """Say hello until the master answers, and tell it that all is there: permission, secrets, clock."""
        welcome = self._welcome()
        self.worker, self.workers = int(welcome["worker"]), int(welcome["workers"])
        opened = self._seat.opening(welcome["spec"])
        Tokens(opened.spec.target, opened.environment)  # refuses where a secret is missing
        found = self._measured_offset()
        self._clock.offset_ns += found.shift_ns
        self._send(channel.READY, found._asdict() | {"shift_ns": found.shift_ns})
        return opened

    def _welcome(self) -> Any:
        for number in range(HELLOS_COUNT):
            if number == HELLOS_COUNT // 2:
                self._runner.client.send(self._ready_message())  # to a master that took the place of the first one
            self._send(channel.HELLO, self._seat.hello().model_dump())
            welcome = self._next(channel.WELCOME, HELLO_S)
            if welcome is not None:
                return welcome
        raise CollectionError(f"the master was silent for {HELLOS_COUNT * HELLO_S:.0f} s")

    def _ready_message(self) -> Any:
        import locust
        from locust import rpc

        locust_rpc: Any = rpc
        return locust_rpc.Message("client_ready", locust.__version__, self._runner.client_id)

    def _measured_offset(self) -> Offset:
        for number in range(PINGS_COUNT):
            self._send(channel.PING, {"sent_ns": self._clock.now_ns()})
            deadline_s = time.monotonic() + PONG_S
            while len(self._pings) <= number and time.monotonic() < deadline_s:
                gevent.sleep(PONG_POLL_S)  # not 0: gevent then looks for messages only every 5 ms
        found = offset(self._pings)
        if found is None:
            raise CollectionError("the master's clock was not told: no answer to any question")
        return found

    # -- the load

    def _work(self, opened: Opening) -> Done:
        """Carry out the share of this process, and bring its rows home."""
        spec, target = opened.spec, opened.spec.target
        pinned = resolved(target)
        places = {door: Place.of(target.base_url(door), pinned[door]) for door in target.doors}
        guard = ConnectGuard(pair for pairs in pinned.values() for pair in pairs)
        guard.install()
        name = f"worker-{self.worker}.journal"
        recorder = Recorder(opened.writer(name), self._clock, duration_s=spec.scenario.duration_s, progress_path=None)
        recorder.users_count = lambda: int(self._runner.user_count)
        recorder.record(HEADER, locust_view.header(spec, self, self._clock))
        generator = self._generator = Generator(spec, opened.environment, recorder=recorder, lead=self)
        generator.dispatcher.users = locust_view.identities(self._environment, places, spec.scenario.users)
        path = self._seat.directory / JOURNAL_DIR / name
        if self._seat.own is None:
            self._outbox = Outbox(path)
        generator.run(lambda facts: self._announce(facts, guard))
        self._bring_home()
        self._tell_progress()
        self._runner._send_stats()  # what Locust counted since its last report; the messages keep their order
        facts = {name: value for name, value in generator.facts.items() if name not in NOT_OURS}
        journal_bytes = path.stat().st_size
        return Done(facts=facts, exit_code=generator.exit_code, reason=generator.reason, journal_bytes=journal_bytes)

    def _announce(self, facts: dict[str, Any], guard: ConnectGuard) -> None:
        """Journal the orderly end; the counts of Locust are the master's, which adds up those of all workers."""
        if "late_count" in facts and self._generator is not None:
            facts["guard_refused_count"] = guard.refused_count
            self._generator.recorder.record(TOTALS, {"counts": []})

    @contextmanager
    def _kept_up(self) -> Iterator[None]:
        """Tell progress and send the journal while the block runs."""
        works = ((PROGRESS_S, self._tell_progress), (SHIP_S, self._ship))
        greenlets = [gevent.spawn(_repeat, period_s, work) for period_s, work in works]
        try:
            yield
        finally:
            gevent.killall(greenlets)

    def _tell_progress(self) -> None:
        """Tell how far this process is; where it ended early, or the master is gone, the run ends."""
        generator = self._generator
        if generator is None:
            self._send(channel.PROGRESS, {})
            return
        heard_s = self._runner.last_heartbeat_timestamp
        if heard_s is not None and time.time() - heard_s > MASTER_LOST_AFTER_S:
            generator.abort("the master was lost", EXIT_BROKE)
        if generator.reason is not None and self._stopped is None:
            self._stopped = (generator.reason, generator.exit_code)
            self._send(channel.STOP, {"reason": generator.reason, "exit_code": generator.exit_code})
        self._send(channel.PROGRESS, asdict(generator.recorder.refreshed()))

    def _ship(self) -> None:
        if self._outbox is not None:
            for place, data in self._outbox.pieces(time.monotonic()):
                self._send(channel.PIECE, {"place": place, "data": data})

    def _bring_home(self) -> None:
        """Wait until every byte of the journal is acknowledged; what is not stays here, and the outcome says so."""
        deadline_s = time.monotonic() + HOME_S
        while self._outbox is not None and not self._outbox.is_empty and time.monotonic() < deadline_s:
            gevent.sleep(POLL_S)

    def _leave_word(self, opened: Opening | None, done: Done) -> None:
        is_home = self._outbox is not None and self._outbox.is_empty
        spec = None if opened is None else opened.spec
        self._seat.tell(
            {
                "run_id": None if spec is None else spec.run_id,
                "scenario": None if spec is None else spec.scenario.name,
                "worker": self.worker,
                "workers": self.workers,
                "exit_code": done.exit_code,
                "reason": done.reason,
                "is_home": is_home,
                "directory": str(self._seat.directory),
                "runs_after_count": 0 if spec is None else spec.fleet.runs_after_count,
            }
        )

    # -- what the generator asks

    def sessions(self, make: Callable[[], Sessions]) -> Sessions:
        """Return the sessions: made by the first worker, and told to the others."""
        if self.worker == 0:
            made = make()
            self._send(channel.SESSIONS, made)
            return made
        told: Sessions = self._await(channel.SESSIONS, HOME_S + WELCOME_S)
        return told

    def start_ns(self, window: str) -> int | None:
        """Return the instant at which all workers begin, by the master's clock."""
        self._send(channel.PREPARED, {"window": window})
        try:
            return int(self._await(window, HOME_S + WELCOME_S)["start_ns"])
        except CollectionError as error:
            if self._generator is not None:
                self._generator.abort(str(error), EXIT_BROKE)
            return None

    # -- ended from outside

    def _on_stopping(self, **_: Any) -> None:
        """End the run early: Locust is ending."""
        if self._run is not None and not self._finished.is_set() and gevent.getcurrent() is not self._run:
            self._stop("stopped from outside", EXIT_TERMINATED)
            self._finished.wait(QUIT_S)

    def _on_defect(self, greenlet: gevent.Greenlet) -> None:
        """End the process where the run ended by an exception: a worker that idles would look alive."""
        self._environment.process_exit_code = EXIT_BROKE
        self._runner.quit()


def _repeat(period_s: float, work: Callable[[], None]) -> None:
    while True:
        gevent.sleep(period_s)
        work()

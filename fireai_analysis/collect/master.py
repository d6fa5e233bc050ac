"""The master of several generator processes: it sends no load, and leads its workers through the run together.

It waits for all of them, lets one make the sessions, names the instant at which each window begins, takes in their
progress and the journals of those on other machines, and ends the run for all when one of them ends early or is lost.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
from gevent.event import Event

from fireai_analysis.collect import channel, locust_view
from fireai_analysis.collect.channel import Done, Hello, Piece, Ready, SessionsMade, checked
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.crew import Crew, Member
from fireai_analysis.collect.generator import EXIT_BROKE, EXIT_DONE, EXIT_TERMINATED, STOP_S, longest_s
from fireai_analysis.collect.journal import TOTALS, pack_json
from fireai_analysis.collect.lead import Sessions
from fireai_analysis.collect.opening import JOURNAL_DIR, MASTER_JOURNAL, Opening, replace_json
from fireai_analysis.errors import BundleError, CollectionError, UsageError
from fireai_analysis.units import NS_PER_S

HEAD_START_S = 0.5
"""From the word that a window begins to its first instant: long enough to reach every worker."""
POLL_S, PROGRESS_S = 0.05, 0.5
SPAWN_S, SYNC_S, FINISH_S = 30.0, 30.0, 20.0
"""How long is waited for users to be spawned, for all to be prepared, and for those that were stopped to finish."""
ALARM_AFTER_S = 30


class MasterSession:
    """Leads the workers of one run.

    Parameters
    ----------
    opened : Opening
        What to do and where to record it; a run directory.

    Raises
    ------
    BundleError
        Where the run was recorded already.
    """

    def __init__(self, opened: Opening) -> None:
        if opened.directory is None:
            raise BundleError("FIREAI_RUN_DIR", "is not set", "start several processes with fireai run")
        self._opened, self._spec, self._clock = opened, opened.spec, Clock()
        self._journal = opened.writer(MASTER_JOURNAL)
        self._crew = Crew(self._spec.run_id, self._spec.fleet.workers, opened.directory / JOURNAL_DIR)
        self._spawned = Event()
        self._sessions: Sessions | None = None
        self._stopped: tuple[str, int] | None = None
        self._run: gevent.Greenlet | None = None
        self._phase = "waiting"
        self._went_s = 0.0

    def listen(self) -> None:
        """Connect to Locust's events."""
        from locust import events as locust_events

        events: Any = locust_events
        events.init.add_listener(self._on_init)
        events.spawning_complete.add_listener(lambda **_: self._spawned.set())
        events.test_stopping.add_listener(self._on_stopping)
        events.quitting.add_listener(self._on_stopping)

    def _on_init(self, environment: Any, runner: Any, **_: Any) -> None:
        if type(runner).__name__ != "MasterRunner":
            sys.stderr.write("the master of several processes is started by fireai run\n")
            sys.exit(UsageError.exit_code)
        self._environment, self._runner = environment, runner
        channel.listen(
            runner,
            {
                channel.HELLO: self._answering(self._on_hello),
                channel.PING: self._answering(self._on_ping),
                channel.READY: self._answering(self._on_ready),
                channel.SESSIONS: self._answering(self._on_sessions),
                channel.PREPARED: self._answering(self._on_prepared),
                channel.PROGRESS: self._answering(self._on_progress),
                channel.PIECE: self._answering(self._on_piece),
                channel.REFUSED: self._answering(self._on_refused),
                channel.STOP: self._answering(self._on_stop),
                channel.DONE: self._answering(self._on_done),
            },
        )
        self._run = gevent.spawn(self._carry_out)
        self._run.link_exception(self._on_defect)

    def _answering(self, hear: Callable[[str, Any], None]) -> channel.Listener:
        """Refuse who sends what it should not, instead of breaking over it."""

        def listener(client: str, content: Any) -> None:
            try:
                hear(client, content)
            except CollectionError as error:
                self._send(channel.REFUSED, {"reason": str(error)}, client)

        return listener

    def _send(self, kind: str, content: Mapping[str, Any], client: str | None = None) -> None:
        """Tell one, or all members that still work."""
        clients = [member.client for member in self._crew.members("joined", "ready")] if client is None else [client]
        for one in clients:
            self._runner.send_message(kind, dict(content), client_id=one)

    # -- what the workers say

    def _on_hello(self, client: str, content: Any) -> None:
        if self._run is None or self._run.ready():
            raise CollectionError("the run is over")
        member = self._crew.join(client, checked(Hello, content))
        welcome = {"worker": member.worker, "workers": self._spec.fleet.workers}
        self._send(channel.WELCOME, welcome | {"spec": self._spec.model_dump(mode="json")}, client)

    def _on_ping(self, client: str, content: Any) -> None:
        self._crew.heard(client)
        self._send(channel.PONG, {"sent_ns": content["sent_ns"], "master_ns": self._clock.now_ns()}, client)

    def _on_ready(self, client: str, content: Any) -> None:
        member = self._crew.heard(client)
        member.clock, member.state = checked(Ready, content), "ready"

    def _on_sessions(self, client: str, content: Any) -> None:
        self._crew.heard(client)
        made = checked(SessionsMade, content).model_dump()
        self._sessions = made
        self._opened.write_facts(made | locust_view.count_facts([]) | {"mix_sessions": []})
        self._send(channel.SESSIONS, made)

    def _on_prepared(self, client: str, content: Any) -> None:
        self._crew.heard(client).prepared.add(str(content["window"]))

    def _on_progress(self, client: str, content: Any) -> None:
        self._crew.heard(client).progress = dict(content)

    def _on_piece(self, client: str, content: Any) -> None:
        member, piece = self._crew.heard(client), checked(Piece, content)
        if member.inbox is not None:
            arrived = member.inbox.take(piece.place, piece.data)
            self._send(channel.ARRIVED, {"arrived_bytes": arrived}, client)

    def _on_refused(self, client: str, content: Any) -> None:
        member = self._crew.heard(client)
        self._stop(f"{member.name} refused the run: {content['reason']}", EXIT_BROKE)

    def _on_stop(self, client: str, content: Any) -> None:
        """End the run for all where one of them ends early."""
        self._crew.heard(client)
        self._stop(str(content["reason"]), int(content["exit_code"]))

    def _on_done(self, client: str, content: Any) -> None:
        member = self._crew.heard(client)
        member.done = checked(Done, content)
        member.state, member.reason = "done", member.done.reason
        if member.reason is not None:
            self._stop(member.reason, member.done.exit_code)

    # -- the run

    def _carry_out(self) -> None:
        signal.alarm(int(longest_s(self._spec)) + ALARM_AFTER_S)
        progress = gevent.spawn(self._tell_progress)
        try:
            self._lead()
        except CollectionError as error:
            self._stop(str(error), EXIT_BROKE)
            self._let_finish()
        progress.kill()
        self._conclude()
        signal.alarm(0)
        self._environment.parsed_options.expect_workers = 0  # Locust, too, is not to wait for workers any longer
        self._runner.quit()

    def _lead(self) -> None:
        fleet = self._spec.fleet
        if not self._wait(lambda: self._crew.are_all("ready"), fleet.join_s):
            found = len(self._crew.members("ready"))
            raise CollectionError(f"{found} of {fleet.workers} workers were ready within {fleet.join_s:.0f} s")
        self._until(self._spawned.is_set, SPAWN_S, "spawn its users")
        self._phase, self._went_s = "setup", time.monotonic()
        self._send(channel.GO, {})
        sessions_s = SYNC_S + 3 * self._spec.target.request_timeout_s
        self._until(lambda: self._sessions is not None, sessions_s, "make the sessions")
        self._window("judged", self._spec.profile.settle_s + SYNC_S)
        windows_s = self._spec.scenario.duration_s
        if self._spec.profile.profiled_s > 0:
            self._window("profiled", windows_s + self._spec.target.request_timeout_s + SYNC_S)
            windows_s = self._spec.profile.profiled_s
        self._until(lambda: self._crew.are_all("done"), windows_s + longest_s(self._spec), "end")

    def _window(self, window: str, patience_s: float) -> None:
        """Let a window begin at one instant, once all are prepared for it."""
        self._until(lambda: self._crew.are_prepared(window), patience_s, f"prepare for the {window} window")
        start_ns = self._clock.now_ns() + round(HEAD_START_S * NS_PER_S)
        self._send(channel.BEGIN, {"window": window, "start_ns": start_ns})

    def _until(self, is_so: Callable[[], bool], patience_s: float, what: str) -> None:
        if not self._wait(is_so, patience_s):
            raise CollectionError(f"the workers did not {what} within {patience_s:.0f} s")

    def _wait(self, is_so: Callable[[], bool], patience_s: float) -> bool:
        """Wait until something is so; raise CollectionError where the run is to end instead."""
        deadline_s = time.monotonic() + patience_s
        while not is_so():
            self._refuse_to_go_on()
            if time.monotonic() > deadline_s:
                return False
            gevent.sleep(POLL_S)
        self._refuse_to_go_on()
        return True

    def _refuse_to_go_on(self) -> None:
        if self._stopped is not None:
            raise CollectionError(self._stopped[0])
        lost = self._crew.find_lost()
        if lost is not None:
            raise CollectionError(self._loss(lost))

    def _loss(self, member: Member) -> str:
        after = f" {time.monotonic() - self._went_s:.1f} s into the run" if self._went_s else ""
        return f"{member.name} was lost{after}: {member.reason}"

    def _stop(self, reason: str, exit_code: int) -> None:
        """Have all stop sending; the first reason stays."""
        if self._stopped is None:
            self._stopped = (reason, exit_code)
            self._send(channel.STOP, {"reason": reason, "exit_code": exit_code})

    def _let_finish(self) -> None:
        """Give the workers time to end in order; who does not, is lost."""
        deadline_s = time.monotonic() + (STOP_S + 3 if self._stopped_by_signal else FINISH_S)
        while self._crew.members("ready") and time.monotonic() < deadline_s:
            self._crew.find_lost()
            gevent.sleep(POLL_S)

    @property
    def _stopped_by_signal(self) -> bool:
        return self._stopped is not None and self._stopped[1] == EXIT_TERMINATED

    # -- what is left of it

    def _conclude(self) -> None:
        """Write the facts of all, Locust's counts over all, and the last progress."""
        counts = locust_view.counts(self._runner)
        self._journal.append(pack_json(TOTALS, {"counts": counts}))
        self._journal.close()
        self._crew.close()
        sessions: Sessions = self._sessions or {"sessions": [], "profiled_sessions": []}
        self._opened.write_facts(sessions | self._crew.facts() | locust_view.count_facts(counts))
        self._phase = "done" if self._stopped is None else "aborted"
        self._write_progress()
        self._environment.process_exit_code = EXIT_DONE if self._stopped is None else self._stopped[1]

    def _tell_progress(self) -> None:
        while True:
            self._write_progress()
            gevent.sleep(PROGRESS_S)

    def _write_progress(self) -> None:
        path = self._opened.progress_path()
        if path is None:
            return
        told = self._crew.progress()
        if self._phase in ("waiting", "done", "aborted"):
            told["phase"] = self._phase
        ending = {"duration_s": self._spec.scenario.duration_s, "reason": self._stopped and self._stopped[0]}
        replace_json(path, told | ending | {"workers_ready_count": len(self._crew.members("ready", "done"))})

    # -- ended from outside

    def _on_stopping(self, **_: Any) -> None:
        """End the run early: Locust is ending, by a signal."""
        run = self._run
        if run is not None and not run.ready() and gevent.getcurrent() is not run:
            self._stop("stopped from outside", EXIT_TERMINATED)
            run.join()

    def _on_defect(self, greenlet: gevent.Greenlet) -> None:
        """End the process where the run ended by an exception: a master that idles would look alive."""
        self._environment.process_exit_code = EXIT_BROKE
        self._runner.quit()

"""Walks an absolute schedule: one greenlet wakes for each arrival and hands it to a greenlet of its own.

A slow answer never delays a later arrival, because the walker waits for the clock alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Group

from fireai_analysis.collect import contract, keys
from fireai_analysis.collect.alarm import Alarm
from fireai_analysis.collect.breaker import Breaker
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.journal import Row
from fireai_analysis.collect.recorder import Recorder
from fireai_analysis.collect.schedule import Plan
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.collect.traffic import Traffic
from fireai_analysis.collect.transport import Exchange
from fireai_analysis.collect.workload import Request
from fireai_analysis.spec import Door, Target
from fireai_analysis.units import NS_PER_MS

_SPAWN_AT_ONCE = 64


class Dispatcher:
    """Sends the requests of one generator process.

    Parameters
    ----------
    target : Target
        Addresses and deadline.
    tokens : Tokens
        Authentication headers.
    recorder : Recorder
        Takes in every request.
    clock : Clock
        Source of time stamps.
    abort : callable
        Called once with a reason where load must stop at once.
    """

    def __init__(
        self, target: Target, tokens: Tokens, *, recorder: Recorder, clock: Clock, abort: Callable[[str], None]
    ) -> None:
        self._target, self._tokens, self._recorder = target, tokens, recorder
        self._clock, self._abort = clock, abort
        self._breaker, self._is_load_due = Breaker(), True
        self.users: list[Any] = []
        self.stop = Event()
        self.in_flight = Group()

    def walk(self, plan: Plan, traffic: Traffic, *, phase: int, start_ns: int, give_up_ns: int) -> None:
        """Send every arrival of a plan when it is due, until all are sent, `stop` is set, or it is too late.

        Parameters
        ----------
        plan : Plan
            The arrivals.
        traffic : Traffic
            What each of them sends.
        phase : int
            `JUDGED` or `PROFILED`.
        start_ns, give_up_ns : int
            Begin of the window, and when what is still unsent is given up.
        """
        with Alarm(self._clock, self.stop) as alarm:
            unyielded_count = 0
            for position, offset_ns in enumerate(plan.offsets_ns.tolist()):
                due_ns = start_ns + offset_ns
                waited = alarm.wait_until(due_ns - traffic.lead_ns)
                traffic.prepare(position)
                waited = alarm.wait_until(due_ns) or waited
                if self.stop.is_set() or self._clock.now_ns() > give_up_ns:
                    return
                self._spawn(plan, traffic, phase, position, due_ns)
                unyielded_count = 0 if waited else unyielded_count + 1
                if unyielded_count >= _SPAWN_AT_ONCE:
                    unyielded_count = 0
                    gevent.sleep(0)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Let the circuit breaker watch the requests of a window for as long as some of them are still to be sent.

        After that there is no load to stop: answers that fail in the drain are what was measured.
        """
        self._breaker, self._is_load_due = Breaker(), True
        try:
            yield
        finally:
            self._is_load_due = False

    def make_ready(self, door: Door, user: int) -> None:
        """Have a connection and a token of a user ready before its request is due."""
        self._tokens.headers(door, user)
        self.users[user % len(self.users)].doors.connect(door, timeout_s=self._target.request_timeout_s)

    def drain(self, timeout_s: float) -> None:
        """Wait until all requests ended; those that did not in time are stopped and recorded so."""
        self.in_flight.join(timeout=timeout_s)
        self.in_flight.kill(block=True)

    def send(
        self, request: Request, *, phase: int, entry: int, index: int, user: int, due_ns: int
    ) -> tuple[Exchange, dict[str, Any]]:
        """Send one request and record its row; return what came back and its JSON object."""
        doors = self.users[user % len(self.users)].doors
        headers = request.headers | self._tokens.headers(request.door, user)
        self._recorder.sent(phase, due_ns, self._clock.now_ns())
        got = doors.exchange(request, headers, timeout_s=self._target.request_timeout_s, clock=self._clock)
        error: str | None = got.failure
        answer: dict[str, Any] = {}
        if error is None:
            error, answer = contract.violation(request, got.status, got.body)
        number = self._recorder.error_number(error)
        self._recorder.ended(
            Row(
                phase,
                entry,
                got.status,
                index,
                user,
                due_ns,
                got.sent_ns,
                got.end_ns,
                len(got.body),
                number,
                got.timing,
                keys.digest(request),
            )
        )
        self._tell_locust(request, got, due_ns, error)
        if error == contract.GUARD_REFUSED:
            self._abort("guard: a connection outside the target file was refused")
        if self._breaker.trips(t_ns=got.end_ns, ok=error is None) and self._is_load_due:
            self._abort(self._breaker.reason())
        return got, answer

    def broke(self, greenlet: gevent.Greenlet) -> None:
        """End the run where a greenlet ended by an exception."""
        self._abort(f"generator defect: {type(greenlet.exception).__name__}")

    def _spawn(self, plan: Plan, traffic: Traffic, phase: int, position: int, due_ns: int) -> None:
        greenlet = gevent.Greenlet(self._arrive, plan, traffic, phase, position, due_ns)
        greenlet.link_exception(self.broke)
        self.in_flight.start(greenlet)

    def _arrive(self, plan: Plan, traffic: Traffic, phase: int, position: int, due_ns: int) -> None:
        request = traffic.request(position)
        got, answer = self.send(
            request,
            phase=phase,
            entry=int(plan.entries[position]),
            index=int(plan.indexes[position]),
            user=int(plan.users[position]),
            due_ns=due_ns,
        )
        traffic.answered(position, request, got, answer)

    def _tell_locust(self, request: Request, got: Exchange, due_ns: int, error: str | None) -> None:
        self.users[0].environment.events.request.fire(
            request_type=request.method,
            name=f"{request.door} {request.endpoint}",
            response_time=(got.end_ns - due_ns) / NS_PER_MS,
            response_length=len(got.body),
            exception=error,
            context={},
        )

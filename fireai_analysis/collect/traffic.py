"""Which request each arrival sends: the standard mix, or waves of CRDT writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent
from gevent.pool import Group

from fireai_analysis.collect.answers import Packer
from fireai_analysis.collect.crdt_operations import Waves
from fireai_analysis.collect.journal import Answer
from fireai_analysis.collect.recorder import Recorder
from fireai_analysis.collect.schedule import Plan
from fireai_analysis.collect.transport import Exchange
from fireai_analysis.collect.workload import Request, Workload
from fireai_analysis.spec import Door, Scenario
from fireai_analysis.units import NS_PER_S

_BUILD_AT_ONCE = 20
_READY_S = 1.0


class Traffic(Protocol):
    """What the dispatcher asks of a kind of traffic."""

    lead_ns: int

    def prepare(self, position: int) -> None:
        """Do what must be done `lead_ns` before the arrival at this position is due."""

    def request(self, position: int) -> Request:
        """Return the request of the arrival that is due now."""

    def answered(self, position: int, request: Request, exchange: Exchange, answer: dict[str, Any]) -> None:
        """Take in the end of a request; `answer` is the JSON object of its body, empty where there is none."""


class MixTraffic:
    """The standard mix: each user works in a session of its own.

    Attributes
    ----------
    made_sessions : list of str
        Sessions that the mix itself made.
    """

    lead_ns = 0

    def __init__(self, scenario: Scenario, plan: Plan, *, sessions: list[str], workload: Workload) -> None:
        self._scenario, self._plan, self._sessions, self._workload = scenario, plan, sessions, workload
        self.made_sessions: list[str] = []

    def prepare(self, position: int) -> None:
        """Nothing to prepare: each request is built when it is due."""

    def request(self, position: int) -> Request:
        """Build the request of an arrival."""
        entry = self._scenario.mix[int(self._plan.entries[position])]
        user = int(self._plan.users[position])
        return self._workload.request(entry.action, entry.door, user=user, session_id=self._sessions[user])

    def answered(self, position: int, request: Request, exchange: Exchange, answer: dict[str, Any]) -> None:
        """Remember sessions that were made, because they stay in the target."""
        if request.action == "session" and answer.get("session_id"):
            self.made_sessions.append(str(answer["session_id"]))


class WaveTraffic:
    """Waves of CRDT writes, built and journaled before each wave, a session a wave.

    Parameters
    ----------
    scenario, plan : Scenario, Plan
        Mix and arrivals.
    waves : Waves
        Builds the operations.
    make_ready : callable
        Given door and user of an operation before its wave: connects, renews tokens.
    recorder : Recorder or None
        Keeps the history; None where it is not part of the evidence (profiled stretch).
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Plan,
        *,
        waves: Waves,
        make_ready: Callable[[Door, int], None],
        recorder: Recorder | None,
    ) -> None:
        self._plan, self._waves, self._make_ready, self._recorder = plan, waves, make_ready, recorder
        self._packer = Packer()
        idle_s = (scenario.wave_period_s or 0.0) - (scenario.wave_spread_s or 0.0)
        self.lead_ns = int(min(2.0, max(0.0, idle_s / 2)) * NS_PER_S)
        self._prepared_wave = -1

    def prepare(self, position: int) -> None:
        """Build the wave that begins here, a few operations at a time, and bring its invocations to the journal.

        Connections are opened and tokens signed before the wave too: what is measured is a thousand writes at once.
        """
        wave = int(self._plan.waves[position])
        if wave == self._prepared_wave:
            return
        self._prepared_wave = wave
        preparing = Group()
        for number, operation in enumerate(self._waves.build(position)):
            preparing.spawn(self._make_ready, operation.door, operation.user)
            if self._recorder is not None:
                self._recorder.invocation(operation.invocation())
            if number % _BUILD_AT_ONCE == 0:
                gevent.sleep(0)
        preparing.join(timeout=_READY_S)
        if self._recorder is not None:
            self._recorder.flush()

    def request(self, position: int) -> Request:
        """Return the operation that is due; a repetition is chosen, journaled and written now."""
        operation, was_chosen = self._waves.take(position)
        if was_chosen and self._recorder is not None:
            self._recorder.invocation(operation.invocation())
            self._recorder.flush()
        return operation.request

    def answered(self, position: int, request: Request, exchange: Exchange, answer: dict[str, Any]) -> None:
        """Journal the answer of a write."""
        self._waves.answered(position, exchange.status)
        if self._recorder is not None and exchange.status:
            self._recorder.answer(Answer(int(self._plan.indexes[position]), self._packer.packed(exchange.body)))

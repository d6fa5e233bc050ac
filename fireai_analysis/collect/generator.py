"""The phases of one generator process: set-up, settle, judged window, drain, profiled stretch, done."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import numpy as np
from gevent.pool import Pool

from fireai_analysis.collect.crdt_operations import Waves
from fireai_analysis.collect.dispatcher import Dispatcher
from fireai_analysis.collect.lead import Lead, OwnLead, Sessions
from fireai_analysis.collect.loop import ClosedLoop
from fireai_analysis.collect.recorder import JUDGED, PROFILED, SETUP, SETUP_ENTRY, Recorder
from fireai_analysis.collect.schedule import Plan, plan, wave_count
from fireai_analysis.collect.share import share
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.collect.traffic import MixTraffic, Traffic, WaveTraffic
from fireai_analysis.collect.workload import Workload
from fireai_analysis.errors import CollectionError
from fireai_analysis.spec import RunSpec, Scenario
from fireai_analysis.units import NS_PER_S

EXIT_DONE, EXIT_BREAKER, EXIT_BROKE, EXIT_TERMINATED = 0, 64, 4, 143
SETUP_AT_ONCE = 8
STOP_S = 5.0
"""How long requests in flight are waited for when the run is stopped from outside."""
_BREATH_S = 0.05
_PROFILED_SEED = 1_000_003
_WORKER_SEED = 7_919
"""Added to the seed of contents and choices for each further worker, so that no two of them choose alike."""


def profiled_scenario(spec: RunSpec) -> Scenario:
    """Return the load of the profiled stretch: the same for `profiled_s`, at the mean rate; of waves one small wave."""
    scenario, duration_s = spec.scenario, spec.profile.profiled_s
    if scenario.arrivals != "waves":
        return scenario.model_copy(update={"duration_s": duration_s, "curve": None})
    users = max(1, min(scenario.users, round(scenario.rate_rps * duration_s)))
    changes = {"duration_s": duration_s, "users": users, "wave_period_s": duration_s, "wave_spread_s": duration_s}
    return scenario.model_copy(update=changes)


def longest_s(spec: RunSpec) -> float:
    """Return after how many seconds a run is killed, whatever it does."""
    windows_s = spec.scenario.duration_s + spec.profile.settle_s + spec.profile.profiled_s
    return windows_s + 6 * spec.target.request_timeout_s + 60 + spec.fleet.join_s


class Generator:
    """Carries out one run's load.

    Parameters
    ----------
    spec : RunSpec
        What to do.
    environment : Mapping
        Holds the secrets by name.
    recorder : Recorder
        Takes in what happens.
    lead : Lead or None
        Tells when to begin what where this is one of several processes.
    """

    def __init__(
        self, spec: RunSpec, environment: Mapping[str, str], *, recorder: Recorder, lead: Lead | None = None
    ) -> None:
        self.spec, self.recorder = spec, recorder
        recorder.judged_entries = frozenset(n for n, entry in enumerate(spec.scenario.mix) if entry.judged)
        self._clock = clock = recorder.clock
        self._lead: Lead = OwnLead(clock) if lead is None else lead
        self.exit_code = EXIT_DONE
        self.reason: str | None = None
        self._stopped_ns: int | None = None
        self.facts: dict[str, Any] = {"sessions": [], "profiled_sessions": [], "mix_sessions": []}
        self.tokens = Tokens(spec.target, environment)
        self.dispatcher = Dispatcher(spec.target, self.tokens, recorder=recorder, clock=clock, abort=self._trip)
        self._seed = spec.seed + self._lead.worker * _WORKER_SEED
        self._workload = Workload(spec.target.data, self._seed)
        self._plan = share(plan(spec.scenario, spec.seed), self._lead.worker, self._lead.workers)

    def abort(self, reason: str, exit_code: int) -> None:
        """Stop sending; the first reason stays."""
        if self.reason is None:
            self.reason, self.exit_code, self._stopped_ns = reason, exit_code, self._clock.now_ns()
        self.dispatcher.stop.set()

    def _trip(self, reason: str) -> None:
        self.abort(reason, EXIT_BREAKER if reason.startswith("circuit breaker") else EXIT_BROKE)

    def run(self, announce: Callable[[dict[str, Any]], None]) -> None:
        """Go through all phases; `announce` is given the facts once the sessions exist, and again at the end."""
        signal.alarm(int(longest_s(self.spec)) + 1)
        self.recorder.start()
        try:
            self._phases(announce)
        except CollectionError as error:
            self.abort(str(error), EXIT_BROKE)
        finally:
            self.dispatcher.stop.set()
            self.dispatcher.drain(STOP_S)
            self._finish(announce)
            signal.alarm(0)

    def _phases(self, announce: Callable[[dict[str, Any]], None]) -> None:
        self.recorder.enter("setup")
        self.facts |= self._lead.sessions(self._make_sessions)
        announce(self.facts)
        self.recorder.enter("settle")
        self.dispatcher.stop.wait(self.spec.profile.settle_s)
        if not self.dispatcher.stop.is_set():
            self._judged()
        if not self.dispatcher.stop.is_set() and self.spec.profile.profiled_s > 0:
            self._profiled()

    def _finish(self, announce: Callable[[dict[str, Any]], None]) -> None:
        self.facts |= {
            "late_count": self.recorder.late_count,
            "in_flight_at_end_count": self.recorder.in_flight_at_end_count,
            "clock_drift_us": self._clock.drift_us(),
            "tokens_signed_count": self.tokens.signed_count,
        }
        announce(self.facts)
        self.recorder.enter("done" if self.reason is None else "aborted", reason=self.reason)
        self.recorder.stop()

    # -- set-up

    def _make_sessions(self) -> Sessions:
        waves = wave_count(self.spec.scenario)
        needed = waves + 1 if waves else self.spec.scenario.users
        made: list[str | None] = Pool(SETUP_AT_ONCE).map(self._make_session, range(needed))
        sessions = [session for session in made if session is not None]
        if len(sessions) < needed:
            raise CollectionError(self.reason or "set-up: sessions could not be made")
        return {
            "sessions": sessions[:waves] if waves else sessions,
            "profiled_sessions": sessions[waves:] if waves else [],
        }

    def _make_session(self, number: int) -> str | None:
        if self.dispatcher.stop.is_set():
            return None
        request = self._workload.session("fastapi")
        user, due_ns = number % self.spec.scenario.users, self._clock.now_ns()
        _, answer = self.dispatcher.send(
            request, phase=SETUP, entry=SETUP_ENTRY, index=number, user=user, due_ns=due_ns
        )
        if answer.get("session_id"):
            return str(answer["session_id"])
        self.abort(f"set-up: {request.method} {request.endpoint}: {self.recorder.last_error}", EXIT_BROKE)
        return None

    # -- windows

    def _judged(self) -> None:
        scenario, offsets = self.spec.scenario, self._plan.offsets_ns
        traffic = self._traffic(scenario, self._plan, self.facts["sessions"], self.recorder)
        if len(self._plan):
            traffic.prepare(0)
        gc.collect()
        gc.freeze()  # what exists now stays: later collections need not look at it
        gevent.sleep(_BREATH_S)  # the probe's sleep that the collection overran must not end inside the window
        start_ns = self._lead.start_ns("judged")
        if start_ns is None:
            return
        end_ns = start_ns + round(scenario.duration_s * NS_PER_S)
        self.recorder.due_count = lambda now_ns: int(np.searchsorted(offsets, min(now_ns, end_ns) - start_ns, "right"))
        if isinstance(traffic, ClosedLoop):
            self.recorder.due_count = lambda now_ns: self.recorder.progress.sent_count  # it intends what it sends
        self.recorder.enter("judged", started_ns=start_ns)
        self._window(traffic, self._plan, JUDGED, start_ns, end_ns)
        stopped_ns = self._stopped_ns or self._clock.now_ns()  # what is due later was not to be sent
        ended_ns = max(start_ns, min(end_ns, stopped_ns))
        if not isinstance(traffic, ClosedLoop):
            self.recorder.due_count = lambda now_ns: int(np.searchsorted(offsets, ended_ns - start_ns, "left"))
        self.recorder.enter("drain", ended_ns=ended_ns)
        self._drain()
        if isinstance(traffic, MixTraffic):
            self.facts["mix_sessions"] = traffic.made_sessions

    def _profiled(self) -> None:
        scenario = profiled_scenario(self.spec)
        arrivals = plan(scenario, self.spec.seed + _PROFILED_SEED)
        arrivals = share(arrivals, self._lead.worker, self._lead.workers)
        sessions = self.facts["profiled_sessions"] or self.facts["sessions"]
        traffic = self._traffic(scenario, arrivals, sessions, None)
        if len(arrivals):
            traffic.prepare(0)
        start_ns = self._lead.start_ns("profiled")
        if start_ns is None:
            return
        self.recorder.enter("profiled")
        self._window(traffic, arrivals, PROFILED, start_ns, start_ns + round(scenario.duration_s * NS_PER_S))
        self._drain()
        if isinstance(traffic, MixTraffic):
            self.facts["mix_sessions"] += traffic.made_sessions

    def _traffic(self, scenario: Scenario, arrivals: Plan, sessions: list[str], history: Recorder | None) -> Traffic:
        if scenario.load_model == "closed":
            lead, workload = self._lead, self._workload
            place = {"worker": lead.worker, "workers": lead.workers}
            return ClosedLoop(scenario, self.spec.seed, sessions=sessions, workload=workload, **place)
        if scenario.arrivals != "waves":
            return MixTraffic(scenario, arrivals, sessions=sessions, workload=self._workload)
        waves = Waves(scenario, arrivals, sessions=sessions, workload=self._workload, seed=self._seed)
        return WaveTraffic(scenario, arrivals, waves=waves, make_ready=self.dispatcher.make_ready, recorder=history)

    def _window(self, traffic: Traffic, arrivals: Plan, phase: int, start_ns: int, end_ns: int) -> None:
        give_up_ns = end_ns + round(self.spec.target.request_timeout_s * NS_PER_S)
        with self.dispatcher.sending():
            if isinstance(traffic, ClosedLoop):
                traffic.run(self.dispatcher, self._clock, phase=phase, start_ns=start_ns, end_ns=end_ns)
            else:
                self.dispatcher.walk(arrivals, traffic, phase=phase, start_ns=start_ns, give_up_ns=give_up_ns)
        self.dispatcher.stop.wait(max(0.0, (end_ns - self._clock.now_ns()) / NS_PER_S))

    def _drain(self) -> None:
        stopped = self.dispatcher.stop.is_set()
        self.dispatcher.drain(STOP_S if stopped else self.spec.target.request_timeout_s + 1)

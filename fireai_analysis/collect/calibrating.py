"""The Locust side of a calibration: the same dispatcher, transport and recorder, against a server that does nothing."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from secrets import token_hex
from typing import Any

import gevent

from fireai_analysis.collect import journal, locust_view, trials
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.dispatcher import Dispatcher
from fireai_analysis.collect.guard import ConnectGuard, resolved
from fireai_analysis.collect.journal import Writer
from fireai_analysis.collect.own_process import settle_in
from fireai_analysis.collect.recorder import JUDGED, Recorder
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.collect.traffic import MixTraffic
from fireai_analysis.collect.transport import Place
from fireai_analysis.collect.trials import Bias
from fireai_analysis.collect.workload import Workload, new_id
from fireai_analysis.scenarios import load_scenario, load_target
from fireai_analysis.spec import DoorAddress, Target
from fireai_analysis.units import NS_PER_MS, NS_PER_S

ORDER_VARIABLE = "FIREAI_CALIBRATION"
RESULT = "result.json"
SCENARIO, USERS = "peak", 50
BIAS_TRIALS, BIAS_RPS, BIAS_S = 3, 100.0, 2.0
MORE_TRIALS = 2
"""Trials more where the middle one is beyond the limit: on a machine that does something else, one may be."""
CAPACITY_S = 1.2
LONGEST_S = 60
_HEAD_START_NS, _DRAIN_S = 50 * NS_PER_MS, 2.0


def user_class() -> type:
    """Return the Locust user class of a calibration and set up the process around it; what its locustfile calls."""
    from locust import events as locust_events

    settle_in()
    signal.alarm(LONGEST_S)
    order = json.loads(os.environ[ORDER_VARIABLE])
    calibration = Calibration(Path(order["directory"]), order["immediate_port"], order["delayed_port"])
    events: Any = locust_events
    events.init.add_listener(calibration.on_init)
    events.spawning_complete.add_listener(calibration.on_spawned)
    return locust_view.user_class(None)


def null_target(port: int) -> Target:
    """Return a target whose doors are the null server at a port of this machine."""
    target = load_target("embedded")
    address = DoorAddress(base_url=f"http://127.0.0.1:{port}")
    return target.model_copy(update={"doors": dict.fromkeys(target.doors, address)})


class Calibration:
    """Carries out the trials of one calibration.

    Parameters
    ----------
    directory : pathlib.Path
        Where the journals of the trials and the result are written.
    immediate_port, delayed_port : int
        Where the null server answers at once, and after its delay.
    """

    def __init__(self, directory: Path, immediate_port: int, delayed_port: int) -> None:
        self._directory = directory
        self._immediate, self._delayed = null_target(immediate_port), null_target(delayed_port)
        self._trials_count = 0

    def on_init(self, environment: Any, runner: Any, **_: Any) -> None:
        """Guard the process as in a run."""
        self._environment, self._runner = environment, runner
        targets = (self._immediate, self._delayed)
        ConnectGuard(pair for one in targets for pairs in resolved(one).values() for pair in pairs).install()

    def on_spawned(self, **_: Any) -> None:
        """Begin the trials; whatever comes, the process ends with them."""
        gevent.spawn(self._carry_out).link(lambda greenlet: self._runner.quit())

    def _carry_out(self) -> None:
        found = self._biases(BIAS_TRIALS)
        chosen = trials.middle(found)
        if chosen is not None and not trials.is_within(chosen.ratio):
            found += self._biases(MORE_TRIALS)
        capacity = trials.capacity_rps(self._healthy_at)
        (self._directory / RESULT).write_text(json.dumps(trials.figures(found, capacity)))

    def _biases(self, count: int) -> list[Bias]:
        contents = [self._trial(self._delayed, BIAS_RPS, BIAS_S)[0] for _ in range(count)]
        found = [trials.bias([row for row in content.of(journal.ROW) if not row.error]) for content in contents]
        return [one for one in found if one is not None]

    def _healthy_at(self, rate_rps: float) -> bool:
        content, planned_count = self._trial(self._immediate, rate_rps, CAPACITY_S)
        started_ns = next(phase["started_ns"] for phase in content.of(journal.PHASE) if "started_ns" in phase)
        ended_ns = next(phase["ended_ns"] for phase in content.of(journal.PHASE) if "ended_ns" in phase)
        inside = [tick for tick in content.of(journal.TICK) if started_ns < tick["t_ns"] <= ended_ns + NS_PER_MS]
        return trials.is_healthy(inside, content.of(journal.ROW), planned_count)

    def _trial(self, target: Target, rate_rps: float, duration_s: float) -> tuple[journal.Journal, int]:
        """Send the peak's mix at a rate for a while; return the journal of it, and how many arrivals were drawn."""
        self._trials_count += 1
        path, clock = self._directory / f"trial-{self._trials_count}.journal", Clock()
        recorder = Recorder(Writer(path), clock, duration_s=duration_s, progress_path=path.with_suffix(".json"))
        dispatcher = self._dispatcher(target, recorder)
        changes = {"rate_rps": rate_rps, "duration_s": duration_s, "users": USERS, "curve": None}
        scenario = load_scenario(SCENARIO).model_copy(update=changes)
        arrivals, workload = plan(scenario, self._trials_count), Workload(target.data, self._trials_count)
        traffic = MixTraffic(scenario, arrivals, sessions=[new_id() for _ in range(USERS)], workload=workload)
        for door in target.doors:
            for user in range(USERS):
                dispatcher.make_ready(door, user)
        recorder.start()
        start_ns = clock.now_ns() + _HEAD_START_NS
        gevent.sleep(_HEAD_START_NS / NS_PER_S)
        recorder.enter("judged", started_ns=start_ns)
        end_ns = start_ns + round(duration_s * NS_PER_S)
        dispatcher.walk(arrivals, traffic, phase=JUDGED, start_ns=start_ns, give_up_ns=end_ns + NS_PER_S)
        recorder.enter("drain", ended_ns=clock.now_ns())
        dispatcher.drain(_DRAIN_S)
        recorder.stop()
        return journal.read(path), len(arrivals)

    def _dispatcher(self, target: Target, recorder: Recorder) -> Dispatcher:
        tokens = Tokens(target, {name: token_hex() for name in target.secret_names()})
        dispatcher = Dispatcher(target, tokens, recorder=recorder, clock=recorder.clock, abort=lambda reason: None)
        pinned = resolved(target)
        places = {door: Place.of(target.base_url(door), pinned[door]) for door in target.doors}
        dispatcher.users = locust_view.identities(self._environment, places, USERS)
        return dispatcher

"""The closed load model, only on request: each user sends, waits for the answer, thinks, and sends again.

A slow answer delays the next request of its user, so a stall stops the load that would have met it: what is measured
is service time, and fewer of the slow ones than there would have been (Schroeder, Wierman, Harchol-Balter, NSDI 2006).
Think times are exponential, which is the way that makes many users look like independent ones.
"""

from __future__ import annotations

import random
from itertools import count

import gevent

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.dispatcher import Dispatcher
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.traffic import MixTraffic
from fireai_analysis.collect.workload import Workload
from fireai_analysis.spec import Scenario
from fireai_analysis.units import NS_PER_S


class ClosedLoop(MixTraffic):
    """The standard mix as a closed loop.

    Parameters
    ----------
    scenario : Scenario
        Users, think time and mix.
    seed : int
        Seed of think times and choices.
    sessions : list of str
        A session for each user.
    workload : Workload
        Builds the requests.
    worker, workers : int
        Which share of the users: every `workers`-th, beginning with `worker`.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        *,
        sessions: list[str],
        workload: Workload,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        super().__init__(scenario, plan(scenario, seed), sessions=sessions, workload=workload)
        self._seed, self._share = seed, range(worker, scenario.users, workers)
        self._think_s = scenario.think_s or 0.0
        self._weights = [entry.weight for entry in scenario.mix]

    def run(self, dispatcher: Dispatcher, clock: Clock, *, phase: int, start_ns: int, end_ns: int) -> None:
        """Let all users work until the window ends; who waits for an answer then is left to the drain."""
        for user in self._share:
            greenlet = gevent.Greenlet(self._work, dispatcher, clock, phase, user, start_ns, end_ns)
            greenlet.link_exception(dispatcher.broke)
            dispatcher.in_flight.start(greenlet)
        dispatcher.stop.wait(max(0.0, (end_ns - clock.now_ns()) / NS_PER_S))

    def _work(self, dispatcher: Dispatcher, clock: Clock, phase: int, user: int, start_ns: int, end_ns: int) -> None:
        chance = random.Random(f"{self._seed}/{user}")  # noqa: S311 - a schedule, not a secret
        ready_ns = start_ns
        for turn in count():
            ready_ns += round(chance.expovariate(1 / self._think_s) * NS_PER_S)
            dispatcher.stop.wait(max(0.0, (min(ready_ns, end_ns) - clock.now_ns()) / NS_PER_S))
            now_ns = clock.now_ns()
            if dispatcher.stop.is_set() or now_ns >= end_ns:
                return
            self._ask(dispatcher, chance, phase=phase, user=user, turn=turn, now_ns=now_ns)
            ready_ns = clock.now_ns()

    def _ask(
        self, dispatcher: Dispatcher, chance: random.Random, *, phase: int, user: int, turn: int, now_ns: int
    ) -> None:
        number = chance.choices(range(len(self._weights)), self._weights)[0]
        entry = self._scenario.mix[number]
        request = self._workload.request(entry.action, entry.door, user=user, session_id=self._sessions[user])
        index = user + turn * self._scenario.users
        got, answer = dispatcher.send(request, phase=phase, entry=number, index=index, user=user, due_ns=now_ns)
        self.answered(index, request, got, answer)

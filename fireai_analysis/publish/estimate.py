"""What a run will take before it is started: time, requests, disk space, and the writes it leaves in the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from fireai_analysis.collect import schedule
from fireai_analysis.spec import RunSpec, Scenario

AROUND_RUN_S, AROUND_CAMPAIGN_S = 14.0, 20.0
"""Start, setup, drain, profiles and notebook around each judged window; platform and report around all of them.
Measured at smoke scale on 2 cores, like the sizes below."""

RUN_BYTES, CAMPAIGN_BYTES = 700_000, 8_000_000
BYTES_PER_REQUEST, BYTES_PER_TICK, BYTES_PER_CLOCK_ENTRY = 300, 3_500, 1
"""Journal and row of a request, samples of a tick, one user's share of what a write of a wave adds: its answer, and the
reads of its session."""

WRITES = {
    "session": "sessions",
    "evidence": "evidence files",
    "results": "CRDT writes",
    "unique": "CRDT writes",
    "contended": "CRDT writes",
    "counter": "CRDT writes",
}


@dataclass(frozen=True)
class Estimate:
    """What one run will take.

    Attributes
    ----------
    requests_count : int
        Intended arrivals of the judged window, drawn from the schedule.
    wall_s : float
        Seconds from its start to the start of the next run.
    disk_bytes : int
        Size of the run bundle.
    writes : dict of str to int
        Rows that stay in the target, by kind.
    """

    requests_count: int
    wall_s: float
    disk_bytes: int
    writes: dict[str, int]


def of(spec: RunSpec) -> Estimate:
    """Return what a run will take; the schedule is drawn, so requests are exact and the rest is near.

    Of a closed loop it is the most that its users could send.

    Examples
    --------
    >>> from fireai_analysis.scenarios import load_target, run_spec
    >>> of(run_spec("r", "sustained", "full", load_target("embedded"), 1)).requests_count
    17280
    """
    scenario, profile = spec.scenario, spec.profile
    plan = schedule.plan(_drawn(scenario), spec.seed)
    around = (profile.settle_s + profile.profiled_s) / scenario.duration_s
    counts = Counter(scenario.mix[entry].action for entry in plan.entries.tolist())
    writes = {"sessions": _sessions_of_setup(spec), "evidence files": 0, "CRDT writes": 0}
    for action, count in counts.items():
        if action in WRITES:
            writes[WRITES[action]] += round(count * (1 + around))
    wall_s = scenario.duration_s + profile.settle_s + profile.profiled_s + AROUND_RUN_S
    ticks_bytes = wall_s / profile.sample_interval_s * BYTES_PER_TICK
    clock_bytes = scenario.users * BYTES_PER_CLOCK_ENTRY if scenario.arrivals == "waves" else 0
    rows_bytes = len(plan) * (1 + around) * (BYTES_PER_REQUEST + clock_bytes)
    return Estimate(len(plan), wall_s, RUN_BYTES + round(ticks_bytes + rows_bytes), writes)


def _drawn(scenario: Scenario) -> Scenario:
    """Return a scenario that draws a schedule: of a closed loop one in which no answer takes any time."""
    if scenario.load_model == "open":
        return scenario
    return scenario.model_copy(update={"load_model": "open", "think_s": None, "rate_rps": scenario.peak_rate_rps})


def campaign(specs: Iterable[RunSpec]) -> Estimate:
    """Return what all runs and the report will take together."""
    each = [of(spec) for spec in specs]
    writes: Counter[str] = Counter()
    for one in each:
        writes.update(one.writes)
    return Estimate(
        sum(one.requests_count for one in each),
        sum(one.wall_s for one in each) + AROUND_CAMPAIGN_S,
        sum(one.disk_bytes for one in each) + CAMPAIGN_BYTES,
        dict(writes),
    )


def _sessions_of_setup(spec: RunSpec) -> int:
    """Sessions made before the load begins: one a user, or one a wave."""
    scenario = spec.scenario
    if scenario.wave_period_s is None:
        return scenario.users
    return round((scenario.duration_s + spec.profile.profiled_s) / scenario.wave_period_s)

"""What a run will take before it is started: time, requests, disk space, and the writes it leaves in the target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fireai_analysis.collect import schedule
from fireai_analysis.spec import RunSpec

SURROUNDINGS_S = 14.0
"""Start, setup, drain, profiles and notebook around the judged window, measured at smoke scale on 2 cores."""

BYTES_PER_REQUEST = 700
BYTES_PER_TICK = 2_500
FIXED_BYTES = 3_000_000
"""Disk space of a run, measured: journals and rows of a request, samples of a tick, profiles and notebook."""

WRITES = {
    "session": "sessions",
    "evidence": "evidence files",
    "results": "CRDT writes",
    "unique": "CRDT writes",
    "contended": "CRDT writes",
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

    Examples
    --------
    >>> from fireai_analysis.scenarios import load_target, run_spec
    >>> of(run_spec("r", "sustained", "full", load_target("embedded"), 1)).requests_count
    17280
    """
    scenario, profile = spec.scenario, spec.profile
    plan = schedule.plan(scenario, spec.seed)
    around = (profile.settle_s + profile.profiled_s) / scenario.duration_s
    counts = Counter(scenario.mix[entry].action for entry in plan.entries.tolist())
    writes = {"sessions": _sessions_of_setup(spec), "evidence files": 0, "CRDT writes": 0}
    for action, count in counts.items():
        if action in WRITES:
            writes[WRITES[action]] += round(count * (1 + around))
    wall_s = scenario.duration_s + profile.settle_s + profile.profiled_s + SURROUNDINGS_S
    ticks = wall_s / profile.sample_interval_s
    disk_bytes = FIXED_BYTES + round(len(plan) * (1 + around) * BYTES_PER_REQUEST + ticks * BYTES_PER_TICK)
    return Estimate(len(plan), wall_s, disk_bytes, writes)


def _sessions_of_setup(spec: RunSpec) -> int:
    """Sessions made before the load begins: one a user, or one a wave."""
    scenario = spec.scenario
    if scenario.wave_period_s is None:
        return scenario.users
    return round((scenario.duration_s + spec.profile.profiled_s) / scenario.wave_period_s)

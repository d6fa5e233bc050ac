"""What speaks against a pass although the figure itself keeps its limit: rare stalls, the warm-up, leaks."""

from __future__ import annotations

import math
from collections.abc import Iterable

from fireai_analysis.reasons import Doubt
from fireai_analysis.results import Measured, ScenarioResult
from fireai_analysis.spec import Criterion
from fireai_analysis.units import BYTES_PER_MIB, duration_text, number_text, percent_text

LEAK_HORIZON_DAYS, HOURS_PER_DAY = 7.0, 24
ALLOWED_RATIO, EPISODES_ENOUGH = 0.05, 10
"""Share of the requests that a p95 leaves out; separate stretches over the limit from which on no bound is printed."""


def share_over(criterion: Criterion, p95: Measured) -> tuple[Doubt, ...]:
    """Return that more than 5 % may lie over the limit where the interval of the p95 itself does not reach it."""
    share, interval = p95.over_limit_interval, p95.interval
    if interval is None or interval[1] is None or not criterion.within(interval[1]):
        return ()
    if share is None or share[1] is None or p95.over_limit_ratio is None or p95.episodes_count is None:
        return (Doubt("NO_EVIDENCE", "how many requests lie over the limit is not known"),)
    told = []
    if share[1] > ALLOWED_RATIO:
        told.append(
            f"up to {percent_text(share[1])} % of the requests may lie over the limit, and a P95 leaves out 5 %"
        )
    most = _share_of_most_episodes(p95.over_limit_ratio, p95.episodes_count, p95.episodes_most_count)
    if most > ALLOWED_RATIO:
        told.append(
            f"{percent_text(p95.over_limit_ratio)} % of the requests lie over the limit, in "
            f"{p95.episodes_count} separate stretches; in the {number_text(p95.episodes_most_count, 1)} that a run "
            f"like it may hold it would be {percent_text(most)} %, and a P95 leaves out 5 %"
        )
    return tuple(Doubt("INTERVAL_REACHES_LIMIT", one) for one in told)


def _share_of_most_episodes(share: float, episodes: int, most: float | None) -> float:
    """Return the share over the limit if as many stretches came as a run like this may hold; 0 where these are no few.

    An interval by cells cannot know of rare long stalls that this run was spared: with few of them their number is what
    is uncertain, not their length.
    """
    if not 0 < episodes < EPISODES_ENOUGH:
        return 0.0
    return math.inf if most is None else share * most / episodes


def cut_over(p95: Measured, warm_up_s: float | None) -> tuple[Doubt, ...]:
    """Return that the limit is kept only without the warm-up: who asks in that time waits as well."""
    share = p95.uncut_over_limit_ratio
    if share is None or share <= ALLOWED_RATIO:
        return ()
    with_it = number_text(p95.uncut_value, 1, "ms") if p95.uncut_value is not None else "infinite"
    told = (
        f"the P95 is {number_text(p95.value, 1, 'ms')} after {duration_text(warm_up_s or 0.0)} of warm-up and "
        f"{with_it} with it, as {percent_text(share)} % of the requests of the whole run lie over the limit"
    )
    return (Doubt("NO_STEADY_STATE", told),)


def leak_unknown(result: ScenarioResult) -> tuple[Doubt, ...]:
    """Return that a leak could not be looked for, in the scenario that is there to find it."""
    if result.scenario != "sustained" or result.facts.get("leak_label") is not None:
        return ()
    told = "whether memory leaks could not be told (samples of the live heap over more than an hour are needed)"
    return (Doubt("LEAK", told),)


def leak_forecast(result: ScenarioResult) -> tuple[Doubt, ...]:
    """Return a leak of the live heap that crosses the limit within a week; one without a forecast may."""
    label, days = result.facts.get("leak_label"), result.facts.get("leak_days_to_limit")
    if label != "DETECTED" or (days is not None and days > LEAK_HORIZON_DAYS):
        return ()
    told = f"a leak of {number_text(result.live_heap_mib.slope_mib_per_h, 2, 'MiB/h')} (live heap)"
    if days is None:
        return (Doubt("LEAK", f"{told} has no forecast"),)
    latest = result.growth.crossing.latest_days
    end = "no latest day" if latest is None else f"at the latest in {latest:.1f}"
    return (Doubt("LEAK", f"{told} is forecast to cross the limit within {days:.1f} days ({end})"),)


def other_leaks(result: ScenarioResult, left_bytes: float) -> Iterable[Doubt]:
    """Yield what else of the Go process grows without end: a resident set that crosses within a week, goroutines.

    Neither shows in the live heap: memory outside the Go heap, and stacks.
    """
    resident, goroutines = result.growth.resident_set, result.growth.goroutines
    if resident.label == "DETECTED":
        high = None if resident.interval_mib_per_h is None else resident.interval_mib_per_h[1]
        if high is None or high * BYTES_PER_MIB * LEAK_HORIZON_DAYS * HOURS_PER_DAY >= left_bytes:
            slope = number_text(resident.slope_mib_per_h, 2, "MiB/h")
            yield Doubt("LEAK", f"the resident set grows by {slope}, which may cross the limit within 7 days")
    if goroutines.label == "DETECTED":
        yield Doubt("LEAK", f"goroutines pile up by {number_text(goroutines.slope_per_h, 1)} an hour")

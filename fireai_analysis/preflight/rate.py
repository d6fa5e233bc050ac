"""Whether users and generator can make the rate: Little's law, and the generator's calibrated capacity.

Little: requests in flight = rate x time in the system. The time here is the best one measured before the run, so that
the load is never refused for a cold first answer; under load it will be longer.
"""

from __future__ import annotations

from collections.abc import Sequence

from fireai_analysis.collect import calibration
from fireai_analysis.preflight import routes
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import Occasion, good, refusal, warning
from fireai_analysis.spec import RunSpec

NAME = "feasible_rate"
CAPACITY_TIMES = 2.0


def known_capacity_rps() -> float | None:
    """Return what one generator process can send on this machine; None where it was never calibrated."""
    capacity_rps = (calibration.stored() or {}).get("capacity_rps")
    return float(capacity_rps) if isinstance(capacity_rps, int | float) else None


def feasible_rate(occasion: Occasion, found: routes.Answers) -> Check:
    """Refuse a rate that cannot be made, warn of one that leaves no room; the worst scenario is told."""
    checks = [_of(spec, list(routes.timed(found, spec)), occasion) for spec in occasion.specs]
    for verdict in ("fail", "warn"):
        for check in checks:
            if check.verdict == verdict:
                return check
    return good(NAME, "; ".join(check.detail for check in checks))


def in_flight(rate_rps: float, times: Sequence[tuple[float, float]]) -> float:
    """Return how many requests are in flight at a rate: rate times the weighted mean of the times in s.

    Examples
    --------
    >>> in_flight(100.0, [(3.0, 0.1), (1.0, 0.3)])
    15.0
    """
    total = sum(weight for weight, _ in times)
    return round(rate_rps * sum(weight * took_s for weight, took_s in times) / total, 9)


def _of(spec: RunSpec, times: list[tuple[float, float]], occasion: Occasion) -> Check:
    scenario, name = spec.scenario, spec.scenario.name
    room = _capacity(spec, occasion)
    if room is not None and room.verdict == "fail":
        return room
    if not times:
        return room or warning(NAME, f"{name}: no service time is known", "see the check of the routes")
    busy = in_flight(scenario.rate_rps, times)
    detail = f"{name}: {busy:.2g} of {scenario.users:,} users busy at {scenario.rate_rps:g} rps"
    if scenario.load_model == "closed":
        busy += scenario.rate_rps * (scenario.think_s or 0.0)
        if busy > scenario.users:
            most_rps = scenario.rate_rps * scenario.users / busy
            detail = f"{name}: {scenario.users:,} users who wait and think can send {most_rps:.3g} rps at most"
            remedy = f"{scenario.rate_rps:g} rps need {busy:,.0f} users, or load_model: open"
            return refusal(NAME, detail, remedy, f"scenarios.{name}.users")
    elif busy > scenario.users:
        remedy = "each user would have several requests under way at once; give the scenario more users"
        return warning(NAME, f"{detail}: {busy:,.0f} at once", remedy, f"scenarios.{name}.users")
    return room or good(NAME, detail)


def _capacity(spec: RunSpec, occasion: Occasion) -> Check | None:
    """Return what the calibrated capacity says against a rate; None where nothing does, or it is not known."""
    if occasion.capacity_rps is None:
        return None
    able_rps, rate_rps = occasion.capacity_rps * spec.fleet.workers, spec.scenario.peak_rate_rps
    detail = f"{spec.scenario.name}: {rate_rps:g} rps are asked, the generator can send {able_rps:,.0f}"
    remedy = "start more generator processes (--processes), or use another machine"
    if able_rps < rate_rps:
        return refusal(NAME, detail, remedy, f"scenarios.{spec.scenario.name}.rate_rps")
    if able_rps < CAPACITY_TIMES * rate_rps:
        return warning(NAME, f"{detail}, less than twice that", remedy, f"scenarios.{spec.scenario.name}.rate_rps")
    return None

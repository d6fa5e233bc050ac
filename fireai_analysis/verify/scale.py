"""Whether a run was what its scenario is in `params/`: a full scale that was lowered makes a short run look whole."""

from __future__ import annotations

from typing import Any

from fireai_analysis.errors import ParamsError
from fireai_analysis.scenarios import load_profile, load_scenario, scaled
from fireai_analysis.spec import Profile, Scenario
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.ledger import ABSENT, Ledger, flat, look, same

LEFT = ("title", "question")
CLOSED = ("load_model", "think_s")


def hold(run: Run, ledger: Ledger) -> None:
    """Hold the specification of a run against `params/`: the full scale, and what the profile makes of it."""
    file = f"{run.name}/manifest.json"
    full, profile = load_scenario(run.name), _profile(str(look(run.manifest, "spec.profile.name")))
    _compare(run, full, run.full, "spec.full", ledger, but=LEFT)
    if profile is None:
        ledger.differ("spec.profile.name", file, look(run.manifest, "spec.profile.name"), "no such profile in params/")
        return
    asked = CLOSED if run.scenario.get("load_model") == "closed" else ()
    _compare(run, scaled(full, profile), run.scenario, "spec.scenario", ledger, but=(*LEFT, *asked))


def _profile(name: str) -> Profile | None:
    try:
        return load_profile(name)
    except ParamsError:
        return None


def _compare(
    run: Run, wanted: Scenario, told: dict[str, Any], prefix: str, ledger: Ledger, *, but: tuple[str, ...]
) -> None:
    expected = wanted.model_dump(mode="json", exclude=set(but))
    if look(run.manifest, "spec.target.crdt.counters") is not True:
        swapped = ({**one, "action": "contended"} if one["action"] == "counter" else one for one in expected["mix"])
        expected["mix"] = list(swapped)
    left = dict(flat({key: value for key, value in told.items() if key not in but}, prefix))
    right = dict(flat(expected, prefix))
    for key in sorted(left.keys() | right.keys()):
        if not same(left.get(key, ABSENT), right.get(key, ABSENT)):
            wanted_text = f"{right.get(key, ABSENT)} in params/"
            ledger.differ(key, f"{run.name}/manifest.json", left.get(key, ABSENT), wanted_text)


def identity(run: Run) -> dict[str, Any]:
    """Return the figures that the manifest alone gives: scale, window, users, rates, and what was noted."""
    scenario, full, window = run.scenario, run.full, run.window_ns
    planned = scenario["duration_s"] / full["duration_s"]
    whole = run.duration_s >= 0.999 * scenario["duration_s"]
    peak = peak_rps(scenario)
    return {
        "scenario": scenario["name"],
        "scale.duration_ratio": planned if whole else run.duration_s / full["duration_s"],
        "scale.users_ratio": scenario["users"] / full["users"],
        "scale.rate_ratio": min(scenario["rate_rps"], peak) / full["rate_rps"],
        "started_ns": window[0] if window else None,
        "duration_s": run.duration_s if window else None,
        "users_count": scenario["users"],
        "rate_rps": scenario["rate_rps"],
        "peak_rate_rps": peak,
        "lowest_rate_rps": min(
            (float(one["rate_rps"]) for one in scenario.get("curve") or ()), default=scenario["rate_rps"]
        ),
        "load_model": scenario["load_model"],
        "hotspots": [str(one) for one in run.facts.get("hotspots") or ()],
        **{f"facts.{key}": value for key, value in run.facts.items()},
        "facts.seed": run.manifest["spec"]["seed"],
        "facts.planned_duration_s": scenario["duration_s"],
        "facts.full_duration_s": full["duration_s"],
        "facts.full_users_count": full["users"],
        "facts.full_rate_rps": full["rate_rps"],
    }


def peak_rps(scenario: dict[str, Any]) -> float:
    """Return the largest rate of a scenario: of its curve, or what the users of a closed loop can send at most."""
    if scenario.get("think_s") is not None:
        return float(scenario["users"]) / float(scenario["think_s"])
    return max((float(point["rate_rps"]) for point in scenario.get("curve") or ()), default=scenario["rate_rps"])

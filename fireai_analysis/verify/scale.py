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
    if run.origin is not None:
        return
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
    scenario, full = run.scenario, run.full
    if run.origin is not None:
        return _identity_of_others(run, run.origin)
    planned = scenario["duration_s"] / full["duration_s"]
    whole = run.duration_s >= 0.999 * scenario["duration_s"]
    return {
        "scale.duration_ratio": planned if whole else run.duration_s / full["duration_s"],
        "scale.users_ratio": scenario["users"] / full["users"],
        "scale.rate_ratio": min(scenario["rate_rps"], peak_rps(scenario)) / full["rate_rps"],
        "users_count": scenario["users"],
        **_noted(run),
    }


def _identity_of_others(run: Run, origin: dict[str, Any]) -> dict[str, Any]:
    """Return the same of results of another tool: what its files show, null where they do not."""
    told = {"duration": origin["duration_s"], "users": origin["users_count"], "rate": origin["rate_rps"]}
    full = {"duration": run.full["duration_s"], "users": run.full["users"], "rate": run.full["rate_rps"]}
    scales = {name: None if value is None else value / full[name] for name, value in told.items()}
    if scales["duration"] is not None and 0.999 <= scales["duration"] < 1:
        scales["duration"] = 1.0
    found = {f"scale.{name}_ratio": value for name, value in scales.items()}
    noted = {"users_count": origin["users_count"], "duration_s": origin["duration_s"], "rate_rps": origin["rate_rps"]}
    return found | _noted(run) | noted | {"peak_rate_rps": None, "lowest_rate_rps": None}


def _noted(run: Run) -> dict[str, Any]:
    scenario, full, window, peak = run.scenario, run.full, run.window_ns, peak_rps(run.scenario)
    return {
        "scenario": scenario["name"],
        "started_ns": window[0] if window else None,
        "duration_s": run.duration_s if window else None,
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


def state(run: Run) -> str:
    """Return the state that a run is reported in."""
    state = str(run.manifest.get("state"))
    return "analyzed" if state == "recorded" else state


def peak_rps(scenario: dict[str, Any]) -> float:
    """Return the largest rate of a scenario: of its curve, or what the users of a closed loop can send at most."""
    if scenario.get("think_s") is not None:
        return float(scenario["users"]) / float(scenario["think_s"])
    return max((float(point["rate_rps"]) for point in scenario.get("curve") or ()), default=scenario["rate_rps"])

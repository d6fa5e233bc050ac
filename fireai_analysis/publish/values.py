"""Every value of the report: the slot of the skeleton it fills, its text, and its key in `summary.json`."""

from __future__ import annotations

from collections.abc import Mapping

from fireai_analysis import narrative
from fireai_analysis.narrative import words
from fireai_analysis.publish import environment_values, layer_values, scenario_values
from fireai_analysis.publish.skeleton import Value
from fireai_analysis.publish.source import Source, limits
from fireai_analysis.results import CriterionResult, Summary
from fireai_analysis.scenarios import SCENARIO_NAMES
from fireai_analysis.tables.verdicts import actual_text
from fireai_analysis.units import NOT_MEASURED, duration_text, number_text

Filling = Mapping[str, tuple[Value, ...]]
CRITERIA = ("p95_latency", "crdt_data_loss", "aurora_scaling", "go_memory", "error_rate")
LOADS = ("sustained", "peak", "spike")


def of(summary: Summary) -> Filling:
    """Return what fills each slot of the skeleton.

    Parameters
    ----------
    summary : Summary
        The judged campaign.

    Returns
    -------
    mapping of str to tuple of Value
        One value a slot; slots that start with `*.` get the name of each scenario and its value in turn, or one
        value where the campaign has one scenario, or none has any and all give the same reason.
    """
    single = {**_campaign(summary), **environment_values.values(summary), **environment_values.files(summary)}
    single |= _criteria(summary) | _scenarios(summary)
    return {key: (value,) for key, value in single.items()} | _each(summary)


def _campaign(summary: Summary) -> dict[str, Value]:
    ran = sum(words.ran(result) for result in summary.scenarios.values())
    count = number_text(ran, 0) if ran == len(SCENARIO_NAMES) else f"{ran} of {len(SCENARIO_NAMES)}"
    met = f"{summary.criteria_met}/{summary.criteria_total}"
    measured = duration_text(summary.measured_s)
    return {
        "generated": Value(summary.generated, "generated"),
        "overall": Value(summary.overall, "overall", kind="verdict"),
        "tests_executed": Value(f"{count} test scenarios", "scenarios"),
        "criteria_met": Value(met, "criteria_met"),
        "duration.total": Value(measured, "scenarios", "" if summary.measured_s is not None else "nothing was run"),
        "readiness": Value(summary.readiness.replace("_", " "), "readiness"),
        "confidence": Value(summary.confidence, "confidence"),
        "actions": Value(narrative.actions(summary), "recommendations"),
        **{
            f"advice.{topic}": Value(narrative.advice(summary, topic))
            for topic in ("heap", "goroutines", "pool", "cache")
        },
    }


def _criteria(summary: Summary) -> dict[str, Value]:
    places = {criterion.id: place for place, criterion in enumerate(summary.criteria)}
    found: dict[str, Value] = {}
    for name in CRITERIA:
        place = places.get(name)
        found |= _absent(name) if place is None else _criterion(summary.criteria[place], f"criteria.{place}")
    return found


def _criterion(criterion: CriterionResult, key: str) -> dict[str, Value]:
    reason = criterion.reason if criterion.actual is None else ""
    return {
        f"{criterion.id}.actual": Value(actual_text(criterion), f"{key}.actual", reason),
        f"{criterion.id}.verdict": Value(criterion.verdict, f"{key}.verdict", kind="verdict"),
        f"{criterion.id}.analysis": Value(narrative.criterion_analysis(criterion), f"{key}.reason"),
    }


def _absent(name: str) -> dict[str, Value]:
    why = "params/criteria.yaml has no such criterion"
    return {
        f"{name}.actual": Value(NOT_MEASURED, "criteria", why),
        f"{name}.verdict": Value(NOT_MEASURED, "criteria", kind="verdict"),
        f"{name}.analysis": Value(NOT_MEASURED, "criteria", why),
    }


def _scenarios(summary: Summary) -> dict[str, Value]:
    sources = {name: Source(name, summary.scenarios.get(name)) for name in SCENARIO_NAMES}
    found: dict[str, Value] = {}
    for name, source in sources.items():
        own = scenario_values.common(source, limits(summary))
        own |= scenario_values.load(source, limits(summary)) if name in LOADS else {}
        found |= {f"{name}.{key}": value for key, value in own.items()}
    found["sustained.memory_growth"] = scenario_values.memory_growth(sources["sustained"])
    found["sustained.stability"] = scenario_values.stability(sources["sustained"])
    found["spike.dropped"] = scenario_values.dropped(sources["spike"])
    found["spike.scaling"] = scenario_values.scaling(sources["spike"])
    return found | scenario_values.crdt(sources["crdt_stress"])


def _each(summary: Summary) -> dict[str, tuple[Value, ...]]:
    results = {name: summary.scenarios.get(name) for name in SCENARIO_NAMES}
    asked = [name for name, result in results.items() if result is None or words.asked_for(result)]
    by_scenario = {name: layer_values.values(Source(name, results[name])) for name in asked or SCENARIO_NAMES}
    keys = next(iter(by_scenario.values()))
    return {f"*.{key}": _in_turn({name: found[key] for name, found in by_scenario.items()}) for key in keys}


def _in_turn(values: Mapping[str, Value]) -> tuple[Value, ...]:
    absent = all(value.reason or not value.key for value in values.values())
    if absent and len({(value.text, value.reason) for value in values.values()}) == 1:
        return (next(iter(values.values())),)
    if len(values) == 1:
        return tuple(values.values())
    return tuple(part for name, value in values.items() for part in (Value(words.title(name), kind="scenario"), value))

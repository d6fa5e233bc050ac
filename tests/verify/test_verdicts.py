"""The second table of verdicts agrees with the judge, whatever was measured: neither reads the other."""

import itertools
from datetime import date
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from fireai_analysis import rulings
from fireai_analysis.judge import summarize
from fireai_analysis.results import ScenarioResult, Summary
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria
from fireai_analysis.spec import Waiver
from fireai_analysis.verify import verdicts
from fireai_analysis.verify.ledger import look, same
from tests import made

TODAY = date.fromisoformat(made.GENERATED[:10])
NAMES = sorted(
    {name for table in (rulings.NEEDED, rulings.NEEDED_WHERE_TOLD) for one in table.values() for name in one}
)
FIGURES: dict[str, list[Any]] = {
    "response_p95.value": [299.9, 300.0, 300.1, None],
    "response_p95.infinite": [False, True],
    "response_p95.interval": [None, (290.0, 300.0), (301.0, 320.0), (290.0, None), (280.0, 301.0)],
    "response_p95.violation_interval": [None, (290.0, 310.0), (301.0, 310.0)],
    "response_p95.over_limit_interval": [None, (0.04, 0.05), (0.04, 0.051)],
    "response_p95.over_limit_ratio": [None, 0.009, 0.01, 0.028],
    "response_p95.episodes_count": [None, 0, 1, 9, 10],
    "response_p95.episodes_most_count": [None, 5.5, 17.1],
    "response_p95.uncut_over_limit_ratio": [None, 0.05, 0.051],
    "error_ratio": [0.0, 0.05, 0.06, None],
    "error_interval": [(0.0, 0.05), (0.06, 0.08), (0.04, 0.06), None],
    "crdt.lost_count": [0, 1, None],
    "crdt.phantom_count": [0, 1, None],
    "crdt.stale_count": [0, 2, None],
    "crdt.conflicts_count": [999, 1000, None],
    "crdt.unknown_count": [0, 5000],
    "crdt.idempotency_violations_count": [0, 1, None],
    "crdt.final_state_read": [True, False],
    "crdt.doubts": [(), ("one",)],
    "crdt.operations_count": [30_000, 0, None],
    "go.high_water_end_bytes": [80_000_000, 511_999_999, 512_000_000, None],
    "go.high_water_start_bytes": [60_000_000, 512_000_000, None],
    "go.restarted": [False, True, None],
    "facts.go_sampled_peak_bytes": [70_000_000, 600_000_000, None],
    "facts.leak_label": ["NONE", "DETECTED", None],
    "facts.leak_days_to_limit": [None, 0.0, 6.9, 8.0],
    "growth.resident_set.label": ["NONE", "DETECTED", None],
    "growth.resident_set.interval_mib_per_h": [None, (1.0, 1.5), (1.0, 50.0), (-2.0, -1.0)],
    "growth.goroutines.label": ["STEP", "DETECTED", None],
    "capacity": [None, {"reached_after_s": 30}],
    "scale.duration_ratio": [1.0, 0.5],
    "scale.users_ratio": [1.0, 0.9],
    "load_model": ["open", "closed"],
}
SICK = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([True, False, None]), max_size=2)
CHANGED = st.dictionaries(st.sampled_from(sorted(FIGURES)), st.integers(0, 9), max_size=3)


def changed(result: ScenarioResult, figures: dict[str, int], answers: dict[str, bool | None]) -> ScenarioResult:
    """The same result with other figures and answers."""
    content = result.model_dump()
    for key, place in figures.items():
        *steps, last = key.split(".")
        holder = content
        for step in steps:
            holder = holder[step]
        holder[last] = FIGURES[key][place % len(FIGURES[key])]
    for check in content["validity"]:
        check["ok"] = answers.get(check["check"], check["ok"])
    return ScenarioResult.model_validate(content)


def disagreements(summary: Summary, waivers: tuple[Waiver, ...] = ()) -> list[tuple[str, Any, Any]]:
    """What the second table says of a judged summary, where it is not what the summary says."""
    reported = summary.model_dump(mode="json", by_alias=True)
    criteria = load_criteria().model_copy(update={"waivers": waivers})
    known = {
        name: verdicts.Known(name, one, {}, {check["check"]: check["ok"] for check in one["validity"]})
        for name, one in reported["scenarios"].items()
    }
    told = verdicts.of_campaign(known, criteria, TODAY, 1)
    told |= {f"scenarios.{name}.verdict": verdicts.of_scenario(one, criteria, TODAY) for name, one in known.items()}
    said = {key: look(reported, key) for key in told}
    return [
        (key, said[key], value)
        for key, value in told.items()
        if not same(said[key], value) and list(value or ()) != list(said[key] or ())
    ]


def test_four_healthy_runs_pass_all_that_can_be_measured() -> None:
    summary = made.summary()
    assert made.verdicts(summary)["p95_latency"] == "PASSED"
    assert disagreements(summary) == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(figures=st.tuples(*[CHANGED] * 4), answers=st.tuples(*[SICK] * 4))
def test_both_agree_whatever_was_measured(
    figures: tuple[dict[str, int], ...], answers: tuple[dict[str, bool | None], ...]
) -> None:
    results = {
        name: changed(made.healthy_result(name), figures[place], answers[place])
        for place, name in enumerate(SCENARIO_NAMES)
    }
    assert disagreements(made.summary(results)) == []


TOGETHER = (
    ("response_p95.over_limit_ratio", "response_p95.episodes_count", "response_p95.episodes_most_count"),
    ("response_p95.uncut_over_limit_ratio", "response_p95.interval"),
    ("facts.leak_label", "facts.leak_days_to_limit"),
    ("growth.resident_set.label", "growth.resident_set.interval_mib_per_h"),
    ("growth.goroutines.label",),
)


@pytest.mark.parametrize("keys", TOGETHER)
def test_both_agree_on_all_values_of_what_decides_together(keys: tuple[str, ...]) -> None:
    """Each combination in both scenarios that it may decide, and both verdicts occur."""
    seen = set()
    for places in itertools.product(*(range(len(FIGURES[key])) for key in keys)):
        results = {one: made.healthy_result(one) for one in SCENARIO_NAMES}
        for one in ("peak", "sustained"):
            results[one] = changed(results[one], dict(zip(keys, places, strict=True)), {})
        summary = made.summary(results)
        assert disagreements(summary) == []
        criterion = "p95_latency" if keys[0].startswith("response_p95") else "go_memory"
        seen.add(made.verdicts(summary)[criterion])
    assert seen >= {"PASSED", "INCONCLUSIVE"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer", [False, None])
def test_both_agree_on_every_check(name: str, answer: bool | None) -> None:
    """Each check failed, or without evidence, in all scenarios: within the limits, and beyond them."""
    for figures in ({}, {"response_p95.interval": 2, "error_interval": 1, "crdt.lost_count": 1}):
        results = {one: changed(made.healthy_result(one), figures, {name: answer}) for one in SCENARIO_NAMES}
        assert disagreements(made.summary(results)) == []


def test_both_agree_where_scenarios_are_missing() -> None:
    for gone in SCENARIO_NAMES:
        results = {name: made.healthy_result(name) for name in SCENARIO_NAMES if name != gone}
        assert disagreements(made.summary(results)) == []


@pytest.mark.parametrize("expires", ["2026-10-04", "2026-10-05"])
def test_both_agree_on_waivers(expires: str) -> None:
    waiver = Waiver(
        criterion="aurora_scaling",
        reason="no Aurora here yet",
        approved_by="a person",
        expires=date.fromisoformat(expires),
    )
    criteria = load_criteria().model_copy(update={"waivers": (waiver,)})
    results = {name: made.healthy_result(name) for name in SCENARIO_NAMES}
    summary = summarize(campaign=made.CAMPAIGN, results=results, criteria=criteria, generated=made.GENERATED)
    assert disagreements(summary, (waiver,)) == []


def test_a_rule_that_is_missing_would_be_seen() -> None:
    """The agreement is no accident: without one check in its table the second path passes what the judge does not."""
    bound = verdicts.BINDINGS["error_rate"]
    bound.needed.discard("calibration")
    try:
        results = {one: changed(made.healthy_result(one), {}, {"calibration": None}) for one in SCENARIO_NAMES}
        assert disagreements(made.summary(results))
    finally:
        bound.needed.add("calibration")

"""Which check binds which criterion: a sick generator voids latency and errors both ways, never a proven loss."""

import re

import pytest

from fireai_analysis.judge import judge_one
from fireai_analysis.results import Check, ScenarioResult
from fireai_analysis.rulings import GENERATOR, NEEDED, NEEDED_WHERE_TOLD, SAME_RUN, VOIDING, WHERE_TOLD, obstacles
from fireai_analysis.scenarios import load_criteria
from tests import made
from tests.analyze.gate_cases import (
    LOST,
    Change,
    both,
    counted_less,
    failing,
    frozen,
    good,
    half_asked,
    process,
    sample,
    scenario_with,
    shortened,
    slow_errors,
    uncounted,
    unsampled,
    with_facts,
    with_rows,
)

CRITERIA = {one.id: one for one in load_criteria().criteria}
SCENARIO = {"crdt_data_loss": "crdt_stress"}
SHORTEST = {"p95_latency": "peak", "crdt_data_loss": "crdt_stress"}
"""Where a criterion can pass with the fewest rows; the others in the spike."""
JUDGED = sorted(set(NEEDED) - {"aurora_scaling"})


def with_check(result: ScenarioResult, name: str, ok: bool | None) -> ScenarioResult:
    """The result with another outcome of one check."""
    others = [one for one in result.validity if one.check != name]
    return result.model_copy(update={"validity": (*others, Check(check=name, ok=ok, detail="planted"))})


def violating(criterion: str) -> ScenarioResult:
    """A run at full scale in which everything holds but the criterion."""
    result = made.healthy_result(SCENARIO.get(criterion, "peak"))
    if criterion == "p95_latency":
        assert result.response_p95 is not None
        far = {"value": 600.0, "interval": (590.0, 610.0), "violation_interval": (590.0, 610.0)}
        return result.model_copy(update={"response_p95": result.response_p95.model_copy(update=far)})
    if criterion == "error_rate":
        return result.model_copy(update={"error_ratio": 0.5, "error_interval": (0.4, 0.6)})
    if criterion == "crdt_data_loss":
        return result.model_copy(update={"crdt": result.crdt.model_copy(update={"lost_count": 1})})
    go = {"high_water_start_bytes": 60_000_000, "high_water_end_bytes": 600_000_000}
    return result.model_copy(update={"go": result.go.model_copy(update=go)})


def verdict(criterion: str, result: ScenarioResult) -> str:
    return judge_one(CRITERIA[criterion], result).verdict


@pytest.mark.parametrize("criterion", JUDGED)
def test_a_violation_is_failed_where_all_checks_hold(criterion: str) -> None:
    assert verdict(criterion, violating(criterion)) == "FAILED"


EVERY = [*(one.check for one in made.healthy_result("peak").validity), "rows_refused"]
"""The last one is a check of files of other tools only."""


@pytest.mark.parametrize("criterion", JUDGED)
def test_exactly_the_checks_of_the_table_void_a_violation(criterion: str) -> None:
    result = violating(criterion)
    voiding = {name for name in EVERY if verdict(criterion, with_check(result, name, False)) == "INCONCLUSIVE"}
    assert voiding == set(VOIDING[criterion])
    assert {name for name in EVERY if verdict(criterion, with_check(result, name, None)) != "FAILED"} == set()


def test_a_reason_counts_the_routes_that_differ_and_leaves_their_list_to_the_check() -> None:
    result = made.result(both(counted_less("locust", 3), with_facts(workers=LOST))(good()))
    (check,) = (one for one in result.validity if one.check == "counts_locust")
    head, _, routes = check.detail.partition(": ")
    assert routes.count("/") >= 2
    told = [text for text in obstacles("p95_latency", result) if text.startswith("counts_locust")]
    assert told == [f"counts_locust failed ({head})"]
    assert re.fullmatch(
        r"rows [\d,]+, locust [\d,]+(, [\d,]+ of them before or after the window)?; "
        r"Locust lacks what .+; routes that differ, \d+",
        head,
    )


@pytest.mark.parametrize("criterion", JUDGED)
def test_no_evidence_is_an_obstacle_only_where_it_is_needed(criterion: str) -> None:
    result = made.healthy_result(SCENARIO.get(criterion, "peak"))
    open_ = {name for name in EVERY if verdict(criterion, with_check(result, name, None)) == "INCONCLUSIVE"}
    assert open_ == set(NEEDED[criterion])
    assert not open_ & set(WHERE_TOLD)


@pytest.mark.parametrize("criterion", JUDGED)
def test_exactly_the_checks_of_the_tables_keep_it_from_passing(criterion: str) -> None:
    result = made.healthy_result(SCENARIO.get(criterion, "peak"))
    obstacle = {name for name in EVERY if verdict(criterion, with_check(result, name, False)) == "INCONCLUSIVE"}
    assert obstacle == {*NEEDED[criterion], *NEEDED_WHERE_TOLD[criterion]}


LIES = [
    ("p95_latency", "slow_errors", slow_errors(25)),
    ("p95_latency", "latency_values", shortened(10)),
    ("error_rate", "status_marks", with_rows(response_bytes=0)),
    ("go_memory", "memory_mark", both(process("go", rss_bytes=lambda tick: 600_000_000 + tick),
                                      sample("processes", high_water_bytes=None))),
    ("go_memory", "sampler_go", frozen(lambda tick: 0 * tick)),
]  # fmt: skip


@pytest.mark.parametrize(("criterion", "check", "plant"), LIES, ids=[check for _, check, _ in LIES])
def test_what_makes_a_run_worthless_keeps_it_from_passing(criterion: str, check: str, plant: Change) -> None:
    judged = judge_one(CRITERIA[criterion], made.result(plant(made.healthy_run("spike"))))
    assert judged.verdict == "INCONCLUSIVE"
    assert f"{check} failed" in judged.reason


def test_a_sick_generator_never_voids_a_loss_or_a_mark() -> None:
    assert VOIDING["crdt_data_loss"] == VOIDING["go_memory"] == ()
    for name in ("p95_latency", "error_rate"):
        assert set((*GENERATOR, *WHERE_TOLD, *SAME_RUN)) <= set(VOIDING[name])
        assert set((*GENERATOR, "calibration", *SAME_RUN)) <= set(NEEDED[name])


SATURATED = {"cpu_ratio": 0.97, "loop_lag_p99_ms": 120.0, "gap_p95_ms": 200.0, "send_lag_p99_ms": 90.0}


def test_a_saturated_generator_leaves_no_latency_verdict_either_way() -> None:
    for changes in ((), (failing(9, error="timeout"),)):
        result = made.result(both(sample("generator", **SATURATED), *changes)(made.healthy_run("peak")))
        judged = judge_one(CRITERIA["p95_latency"], result)
        assert judged.verdict == "INCONCLUSIVE"
        assert all(name in judged.reason for name in ("generator_cpu", "generator_lag", "generator_gap"))


CLOSED = scenario_with(load_model="closed", think_s=1.0)


@pytest.mark.parametrize("criterion", ["p95_latency", "error_rate", "go_memory"])
def test_a_closed_loop_never_passes_and_can_fail(criterion: str) -> None:
    good = made.result(CLOSED(made.healthy_run(SHORTEST.get(criterion, "spike"))))
    assert verdict(criterion, good) == "INCONCLUSIVE"
    assert "load_model failed (closed loop" in judge_one(CRITERIA[criterion], good).reason
    closed = {one.check: one for one in good.validity}
    bad = violating(criterion)
    same = tuple(closed[one.check] for one in bad.validity)
    assert verdict(criterion, bad.model_copy(update={"validity": same})) == "FAILED"


def test_a_closed_loop_scales_nothing() -> None:
    closed = obstacles("aurora_scaling", made.result(CLOSED(made.healthy_run("spike"))))
    assert [text for text in closed if text.startswith("load_model failed")]


def test_a_sick_closed_loop_that_times_out_still_fails() -> None:
    bad = made.result(both(CLOSED, failing(9, error="timeout"))(made.healthy_run("peak")))
    assert verdict("p95_latency", bad) == "FAILED"


@pytest.mark.parametrize("criterion", JUDGED)
def test_half_of_the_load_passes_nothing(criterion: str) -> None:
    judged = judge_one(CRITERIA[criterion], made.result(half_asked(made.healthy_run(SHORTEST.get(criterion, "spike")))))
    assert judged.verdict == "INCONCLUSIVE"
    assert "arrivals failed" in judged.reason


@pytest.mark.parametrize("criterion", JUDGED)
def test_a_part_of_the_target_that_nobody_saw_keeps_it_from_passing(criterion: str) -> None:
    whole = made.healthy_run(SHORTEST.get(criterion, "spike"))
    assert verdict(criterion, made.result(uncounted(whole))) == "PASSED"
    unseen = made.result(both(uncounted, unsampled("processes"))(whole))
    judged = judge_one(CRITERIA[criterion], unseen)
    assert judged.verdict == "INCONCLUSIVE"
    assert "no evidence for target_restart" in judged.reason
    assert "no evidence for fastapi" in judged.reason


def test_a_lost_worker_is_named() -> None:
    lost = with_facts(workers=[{"worker": 0, "state": "done"}, {"worker": 1, "state": "lost", "reason": "killed"}])
    judged = judge_one(CRITERIA["error_rate"], made.result(lost(made.healthy_run("peak"))))
    assert (judged.verdict, "workers failed (1 of 2 did not come home: 1 (killed))" in judged.reason) == (
        "INCONCLUSIVE",
        True,
    )


def test_what_was_to_be_looked_at_before_the_run_is_told_with_the_run() -> None:
    checks = [
        {"check": "clock", "verdict": "warn", "detail": "go is +9.0 ms off", "remedy": "", "key": ""},
        {"check": "disk", "verdict": "ok", "detail": "room", "remedy": "", "key": ""},
    ]
    result = made.result(with_facts(preflight=checks)(made.healthy("peak", "smoke")))
    assert [one for one in result.warnings if "before" in one] == ["before the run: clock: go is +9.0 ms off"]
    made.result(with_facts(preflight="nonsense")(made.healthy("peak", "smoke")))

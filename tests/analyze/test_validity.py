"""The validity gate: all good on a healthy run, each planted defect fails its own check, no evidence is no pass."""

import itertools
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.validity.schedule import expected
from fireai_analysis.rates import RatePoint
from fireai_analysis.results import Check
from fireai_analysis.scenarios import SCENARIO_NAMES, load_scenario
from tests import made
from tests.analyze.gate_cases import (
    CALIBRATED,
    CASES,
    Case,
    Change,
    altered_refused,
    both,
    counted_less,
    drawn,
    follow,
    good,
    late,
    restarted,
    sample,
    scenario_of,
    scenario_with,
    two_workers,
    uncounted,
    unsampled,
    with_facts,
    with_manifest,
)
from tests.made import S

UNKNOWN_ON_SHORT_RUNS = {"steady_state"}
WHEN = ("arrivals", "users", "mix", "achieved_rate", "recorder_complete")


def found(data: RunData) -> dict[str, Check]:
    return {one.check: one for one in made.result(data).validity}


def checks(data: RunData) -> dict[str, bool | None]:
    return {name: one.ok for name, one in found(data).items()}


def test_all_checks_hold_on_a_healthy_run() -> None:
    seen = checks(good())
    assert {name for name, ok in seen.items() if ok is None} == UNKNOWN_ON_SHORT_RUNS
    assert False not in seen.values()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_case(case: Case) -> None:
    check = found(case.make())[case.check]
    assert (check.ok is False) == case.fires, check
    assert check.detail


# -- what is no evidence


@pytest.mark.parametrize("told", [[], [None], [{"worker": 0, "state": "done"}, "done"], "done", {"worker": 0}])
def test_what_is_no_list_of_processes_is_no_evidence(told: object) -> None:
    assert checks(with_facts(workers=told)(good()))["workers"] is None


@pytest.mark.parametrize("scenario", ["peak", "crdt_stress"])
def test_no_key_counted_where_keyed_writes_were_sent_is_no_evidence(scenario: str) -> None:
    none_counted = with_facts(generator={"keys_sent_count": 0, "keys_distinct_count": 0})
    assert checks(none_counted(drawn(scenario)))["idempotency_keys"] is None
    assert checks(none_counted(good()))["idempotency_keys"] is True


@pytest.mark.parametrize(
    ("check", "column"),
    [
        ("generator_cpu", "cpu_ratio"),
        ("generator_lag", "loop_lag_p99_ms"),
        ("generator_steal", "steal_ratio"),
        ("generator_gap", "gap_p95_ms"),
    ],
)
def test_a_figure_of_the_generator_that_cannot_be_is_no_evidence(check: str, column: str) -> None:
    assert checks(sample("generator", **{column: -3.0})(good()))[check] is None
    assert checks(sample("generator", **{column: 0.0})(good()))[check] is True


def test_an_impossible_second_does_not_hide_a_sick_generator() -> None:
    cpu = np.where(np.arange(len(good().samples["generator"])) == 0, -1.0, 0.95)
    assert checks(sample("generator", cpu_ratio=cpu)(good()))["generator_cpu"] is False


@pytest.mark.parametrize("name", ["go", "postgres"])
def test_an_offset_that_is_no_number_is_no_evidence(name: str) -> None:
    offsets = {"go": 20.0, "postgres": 30.0} | {name: float("nan")}
    assert checks(with_manifest(clock_offset_us=offsets)(good()))["clock"] is None


@pytest.mark.parametrize("wrong", [None, "12", float("inf")])
def test_an_offset_after_the_load_or_a_drift_that_is_no_number_is_no_evidence(wrong: object) -> None:
    assert checks(with_facts(clock_offset_end_us={"go": wrong})(good()))["clock"] is None
    drift = checks(with_facts(generator={"clock_drift_us": wrong})(good()))["clock"]
    assert drift is (True if wrong is None else None)


# -- what the details say


def test_the_calibration_tells_the_range_of_its_tries() -> None:
    tries = CALIBRATED | {"p95_bias_ratios": [0.03, 0.021, 0.086]}
    detail = found(with_facts(calibration=tries)(good()))["calibration"].detail
    assert detail == "P95 bias +1.0 % (3 tries: 2.1 to 8.6 %), capacity 900 rps"
    assert found(with_facts(calibration=CALIBRATED)(good()))["calibration"].detail.startswith("P95 bias +1.0 %, cap")


def test_a_clock_that_was_right_before_the_load_is_named_where_it_was_off_after() -> None:
    detail = found(with_facts(clock_offset_end_us={"fastapi": 10.0, "go": -6_000.0})(good()))["clock"].detail
    assert detail == "largest offset -6000 µs (go, after the load)"


def test_arrivals_that_an_early_end_left_out_are_told() -> None:
    said = found(with_facts(generator={"left_out_count": 1161})(good()))["run_length"].detail
    assert said.endswith("; 1,161 arrivals of the drawn schedule were due later and have no row")
    assert "arrivals" not in found(with_facts(generator={"left_out_count": 0})(good()))["run_length"].detail


def test_of_several_workers_the_worst_clock_and_process_seconds_are_told() -> None:
    clocks = [
        {"worker": 0, "state": "done", "clock_offset_us": 20.0, "clock_uncertainty_us": 40.0},
        {"worker": 1, "state": "done", "clock_offset_us": -1250.0, "clock_uncertainty_us": 90.0},
    ]
    seen = found(with_facts(workers=clocks)(two_workers(good())))
    assert seen["workers"].detail == "2 of 2 came home; largest clock offset 1,250 µs, known to 90 µs"
    assert " process-seconds, " in seen["generator_cpu"].detail
    assert " process-seconds, " in seen["generator_gap"].detail
    alone = found(with_facts(workers=clocks[:1])(good()))
    assert alone["workers"].detail == "1 of 1 came home"
    assert " seconds, " in alone["generator_cpu"].detail
    assert found(two_workers(good()))["workers"].detail == "2 of 2 came home"


def test_the_arrivals_tell_the_dispersion_that_is_accepted() -> None:
    detail = found(good())["arrivals"].detail
    assert re.search(r"index of dispersion \d\.\d\d \(\d\.\d\d to \d\.\d\d accepted, \w+\)$", detail)


def test_the_marks_tell_how_many_rows_were_looked_at() -> None:
    data = good()
    assert found(data)["status_marks"].detail == f"{len(data.requests):,} rows are marked as their status says"


# -- no evidence


@pytest.mark.parametrize(
    ("table", "unknown"),
    [
        ("counts", {"counts_locust", "counts_server"}),
        (
            "generator",
            {"generator_cpu", "generator_lag", "generator_steal", "generator_gap", "sampler_generator"},
        ),
        ("ticks", {"sampler_go", "sampler_processes", "sampler_pool", "sampler_host", "sampler_postgres"}),
    ],
)
def test_no_evidence_is_unknown(table: str, unknown: set[str]) -> None:
    seen = checks(made.cut(good(), table))
    assert {name for name, ok in seen.items() if ok is None} == unknown | UNKNOWN_ON_SHORT_RUNS


def test_facts_that_were_not_told_are_unknown() -> None:
    seen = checks(made.cut(with_manifest(clock_offset_us={}, facts={})(good()), "generator"))
    told = {"clock", "recorder_complete", "workers", "calibration", "idempotency_keys"}
    assert {name for name in told if seen[name] is None} == told


@pytest.mark.parametrize("told", [None, [], "3", 7, {"p95_bias_ratio": "x", "capacity_rps": True}])
def test_facts_that_are_no_figures_are_unknown(told: object) -> None:
    seen = checks(with_facts(calibration=told, workers=[], generator=told)(good()))
    assert (seen["calibration"], seen["workers"], seen["idempotency_keys"]) == (None, None, None)


def test_what_a_column_does_not_tell_is_unknown() -> None:
    nothing = {"steal_ratio": np.nan, "gap_p95_ms": np.nan}
    seen = checks(sample("generator", **nothing)(good()))
    assert (seen["generator_steal"], seen["generator_gap"], seen["generator_cpu"]) == (None, None, True)
    bare = good().requests.drop(columns=["user"]).assign(status=pd.NA)
    seen = checks(made.with_requests(good(), bare))
    assert (seen["users"], seen["status_marks"]) == (None, None)


def test_a_wide_gap_beside_an_unseen_server_is_unknown() -> None:
    unseen = made.cut(sample("generator", gap_p95_ms=200.0)(good()), "processes")
    assert found(unseen)["generator_gap"].ok is None
    assert "not known" in found(unseen)["generator_gap"].detail


REMOTE = both(unsampled("processes"), uncounted)
"""A target on another machine, whose doors count nothing."""


@pytest.mark.parametrize(
    ("change", "unseen"),
    [
        (REMOTE, "fastapi"),
        (both(REMOTE, unsampled("go")), "go, fastapi"),
        (both(REMOTE, unsampled("go", "postgres_database")), "go, fastapi, postgres"),
        (both(REMOTE, sample("postgres_database", t_ns=made.STARTED_NS)), "fastapi, postgres"),
        (both(REMOTE, sample("go", start_ns=pd.NA, t_ns=made.STARTED_NS + 20 * S)), "go, fastapi"),
        (both(uncounted, lambda data: process_rows(data, until_s=12.0)), "fastapi"),
        (both(unsampled("processes"), counted_less("server", 1)), "fastapi"),
    ],
)
def test_a_part_of_the_target_that_was_not_seen_is_no_evidence(change: Change, unseen: str) -> None:
    check = found(change(good()))["target_restart"]
    assert (check.ok, check.detail.rpartition("; ")[2]) == (None, f"no evidence for {unseen}")


def process_rows(data: RunData, until_s: float) -> RunData:
    """The run whose sampler of processes ended early; nothing says that it was they who ended."""
    frame = data.samples["processes"]
    return replace(data, samples={**data.samples, "processes": frame[frame["t_ns"] < made.STARTED_NS + until_s * S]})


def test_a_door_that_counted_every_request_was_never_reset() -> None:
    check = found(unsampled("processes")(good()))["target_restart"]
    assert (check.ok, check.detail) == (True, "no restart of go, fastapi, postgres")


def test_a_restart_is_told_beside_what_was_not_seen() -> None:
    check = found(both(REMOTE, restarted)(good()))["target_restart"]
    assert (check.ok, check.detail) == (False, "restarted: go; no evidence for fastapi")


def test_only_what_the_target_has_must_be_seen() -> None:
    spec = good().manifest.spec
    doors = {"go": spec.target.doors["go"]}
    target = spec.target.model_copy(update={"doors": doors, "database_url_env": None})
    alone = with_manifest(spec=spec.model_copy(update={"target": target}))
    check = found(both(REMOTE, alone)(good()))["target_restart"]
    assert (check.ok, check.detail) == (True, "no restart of go")


def test_a_closed_loop_has_no_schedule_to_compare_with() -> None:
    seen = checks(scenario_with(load_model="closed", think_s=1.0)(good()))
    assert (seen["load_model"], seen["arrivals"]) == (False, None)


def test_a_run_without_rows_has_no_figures() -> None:
    result = made.result(made.cut(good(), "requests"))
    assert (result.verdict, result.requests_count, result.validity) == ("NOT MEASURED", None, ())


# -- what binds what


def test_lateness_does_not_bind_waves() -> None:
    waves = sample("generator", loop_lag_p99_ms=90.0, gap_p95_ms=200.0)(good("crdt_stress"))
    seen = found(late(0.5, 20.0)(waves))
    for name in ("generator_lag", "late_starts", "generator_gap"):
        assert seen[name].ok is True
        assert "does not bind" in seen[name].detail
    assert checks(sample("generator", cpu_ratio=0.95)(waves))["generator_cpu"] is False


def test_restart_resets_the_servers_count() -> None:
    assert checks(counted_less("server", 1)(restarted(good())))["counts_server"] is None


def test_rows_outside_the_window_are_not_complete() -> None:
    frame = good().requests.copy()
    frame.loc[0, "intended_ns"] = (good().manifest.started_ns or 0) - S
    assert checks(made.with_requests(good(), frame))["recorder_complete"] is False


def test_only_the_refusals_of_used_keys_are_as_designed() -> None:
    data = altered_refused(0.05)(good("crdt_stress"))
    frame = data.requests.copy()
    frame.loc[len(frame) - 30 :, "status"] = 422
    check = found(made.with_requests(data, frame))["status_marks"]
    assert (check.ok, "30 of" in check.detail, "422 (30)" in check.detail) == (False, True, True)


def test_generator_seconds_are_counted_once_for_all_workers() -> None:
    frame = good().samples["generator"]
    both = pd.concat([frame, frame.assign(worker=1)])
    assert checks(replace(good(), samples={**good().samples, "generator": both}))["sampler_generator"] is True


# -- as drawn by the generator


@pytest.mark.parametrize(("ordered", "ran"), list(itertools.permutations(SCENARIO_NAMES, 2)))
def test_a_scenario_that_ran_another_ones_users_is_named(ordered: str, ran: str) -> None:
    assert found(scenario_of(ordered)(drawn(ran)))["users"].ok is False


@pytest.mark.parametrize("profile", ["smoke", "rehearsal"])
@pytest.mark.parametrize("scenario", SCENARIO_NAMES)
def test_what_the_generator_draws_is_silent(scenario: str, profile: str) -> None:
    for seed in range(10 if profile == "smoke" else 2):
        seen = found(drawn.__wrapped__(scenario, profile, seed))
        assert {name: seen[name] for name in WHEN if seen[name].ok is not True} == {}


CURVES = st.lists(st.floats(0.0, 60.0), min_size=2, max_size=5).filter(lambda rates: sum(rates) > 20)


@settings(max_examples=25, deadline=None)
@given(CURVES, st.sampled_from(["fixed", "poisson"]), st.integers(0, 10_000))
def test_arrivals_under_a_curve_are_silent_and_a_flat_rate_is_not_theirs(
    rates: list[float], arrivals: str, seed: int
) -> None:
    duration_s = 60.0
    times = np.linspace(0.0, duration_s, len(rates)).tolist()
    points = tuple(RatePoint(t_s=at, rate_rps=rate) for at, rate in zip(times, rates, strict=True))
    mean = sum((a + b) / 2 for a, b in itertools.pairwise(rates)) / (len(rates) - 1)
    changes = {"duration_s": duration_s, "rate_rps": mean, "arrivals": arrivals, "curve": points}
    scenario = load_scenario("peak").model_copy(update=changes)
    spec = good().manifest.spec.model_copy(update={"scenario": scenario})
    ended = made.STARTED_NS + round(duration_s * S)
    data = follow(scenario, good(), seed, {"spec": spec, "ended_ns": ended})
    if len(data.requests):
        assert found(data)["arrivals"].ok is True, found(data)["arrivals"]


def test_a_flat_rate_is_no_spike() -> None:
    shape = ((0.0, 5.0), (25.0, 5.0), (25.0, 140.0), (30.0, 140.0))
    curve = tuple(RatePoint(t_s=at, rate_rps=rate) for at, rate in shape)
    scenario = load_scenario("peak").model_copy(update={"duration_s": 30.0, "rate_rps": 27.5})
    spec = good().manifest.spec
    curved = spec.model_copy(update={"scenario": scenario.model_copy(update={"curve": curve})})
    assert found(follow(curved.scenario, good(), 3, {"spec": curved}))["arrivals"].ok is True
    assert found(follow(scenario, good(), 3, {"spec": curved}))["arrivals"].ok is False


def test_plan_of_a_curve_is_its_area() -> None:
    curve = tuple(RatePoint(t_s=at, rate_rps=rate) for at, rate in ((0.0, 0.0), (10.0, 20.0), (10.0, 5.0), (20.0, 5.0)))
    scenario = load_scenario("peak").model_copy(update={"duration_s": 20.0, "rate_rps": 7.5, "curve": curve})
    assert expected(scenario, np.array([0.0, 5.0, 10.0, 12.0, 20.0, 99.0])).tolist() == [0, 25, 100, 110, 150, 150]

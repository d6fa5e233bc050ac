"""Verdicts: PASSED is reachable and only by full evidence, each planted violation FAILED, everything else says why."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.missing import missing_result
from fireai_analysis.judge import PRECEDENCE, exit_code, judge_one, merged, waived
from fireai_analysis.readings import READERS
from fireai_analysis.results import Measured, ScenarioResult, Summary
from fireai_analysis.rulings import NEEDED, VOIDING, rulings
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria, load_target, run_spec
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from fireai_analysis.spec import Criteria, Waiver
from tests import made
from tests.made import MIB, summary, verdicts

CRITERIA = {one.id: one for one in load_criteria().criteria}
GOOD = {
    "p95_latency": "PASSED",
    "crdt_data_loss": "PASSED",
    "aurora_scaling": "NOT MEASURED",
    "go_memory": "PASSED",
    "error_rate": "PASSED",
}
WAIVER = Waiver(
    criterion="aurora_scaling",
    reason="plain PostgreSQL is shipped first",
    approved_by="Ann",
    expires=date(2026, 12, 31),
)


def with_waiver() -> dict[str, object]:
    return {"criteria": load_criteria().model_copy(update={"waivers": (WAIVER,)})}


def judged_with(**runs: RunData) -> Summary:
    return summary(made.results(**runs))


def of(given: Summary, criterion_id: str) -> str:
    return next(one.reason for one in given.criteria if one.id == criterion_id)


# -- reachable


def test_a_healthy_campaign_passes_everything_that_was_measured() -> None:
    found = summary()
    assert verdicts(found) == GOOD
    assert (found.overall, found.readiness, found.criteria_met, found.criteria_total) == (
        "NOT MEASURED",
        "NOT_READY",
        3,
        4,
    )
    assert exit_code(found) == 3


def test_with_a_waiver_it_is_ready() -> None:
    found = summary(**with_waiver())
    assert verdicts(found) == GOOD | {"aurora_scaling": "WAIVED"}
    assert (found.overall, found.readiness, found.criteria_met) == ("PASSED", "READY", 3)
    assert {name: result.verdict for name, result in found.scenarios.items()} == dict.fromkeys(SCENARIO_NAMES, "PASSED")
    assert exit_code(found) == 0


# -- planted violations


def slow(data: RunData) -> RunData:
    frame = data.requests.assign(response_us=data.requests["response_us"] + 250_000)
    return made.with_requests(data, frame.assign(service_us=frame["service_us"] + 250_000))


def unanswered(data: RunData) -> RunData:
    return made.with_requests(data, made.failing(data.requests, 11, error="timeout"))


def hung(data: RunData) -> RunData:
    """For the last 60 % nothing is answered; the server counted none of that."""
    found = made.with_requests(data, made.hung(data.requests, 0.4))
    counts, unseen = found.samples["counts"].copy(), int((~found.requests["ok"]).sum())
    counts.loc[counts["source"] == "server", "requests_count"] -= unseen
    return replace(found, samples={**found.samples, "counts": counts})


def lost(data: RunData) -> RunData:
    rows = made.wave_rows(data.manifest)
    states = made.final_states(rows, gone=("token-0",))
    return replace(data, samples={**data.samples, "final_states": states})


def marked(data: RunData, end_bytes: int, start_bytes: int = 60 * MIB) -> RunData:
    facts = data.manifest.facts | {"go_high_water_end_bytes": end_bytes, "go_high_water_start_bytes": start_bytes}
    return replace(data, manifest=data.manifest.model_copy(update={"facts": facts}))


def restarted(data: RunData) -> RunData:
    pids = np.where(np.arange(len(data.samples["go"])) > 4, 999, 200)
    return made.with_sample(data, "go", pid=pids)


VIOLATIONS: list[tuple[str, str, Callable[[RunData], RunData]]] = [
    ("p95_latency", "peak", slow),
    ("p95_latency", "peak", unanswered),
    ("error_rate", "peak", hung),
    ("crdt_data_loss", "crdt_stress", lost),
    ("go_memory", "spike", lambda data: marked(data, 512_000_000)),
    ("go_memory", "sustained", restarted),
    ("error_rate", "spike", lambda data: made.with_requests(data, made.failing(data.requests, 16))),
]


@pytest.mark.parametrize("profile", ["full", "smoke"])
@pytest.mark.parametrize(("criterion", "scenario", "plant"), VIOLATIONS, ids=range(len(VIOLATIONS)))
def test_a_violation_is_failed_at_any_scale(
    criterion: str, scenario: str, plant: Callable[[RunData], RunData], profile: str
) -> None:
    data = made.healthy_run(scenario) if profile == "full" else made.healthy(scenario, profile)
    found = judged_with(**{scenario: plant(data)})
    assert verdicts(found)[criterion] == "FAILED"
    assert (found.overall, found.readiness, found.confidence) == ("FAILED", "NOT_READY", "HIGH")
    assert found.scenarios[scenario].verdict == "FAILED"
    assert exit_code(found) == 99


def test_an_infinite_p95_is_failed_without_a_number() -> None:
    found = judged_with(peak=unanswered(made.healthy("peak", "smoke")))
    p95 = next(one for one in found.criteria if one.id == "p95_latency")
    assert (p95.verdict, p95.actual) == ("FAILED", None)
    assert "P95 infinite" in p95.reason


def test_one_lost_write_stays_proven_under_a_sick_generator() -> None:
    data = made.with_sample(lost(made.healthy("crdt_stress", "smoke")), "generator", cpu_ratio=0.99)
    assert verdicts(judged_with(crdt_stress=data))["crdt_data_loss"] == "FAILED"


@pytest.mark.parametrize("profile", ["full", "smoke"])
def test_a_sick_generator_voids_latency_and_errors_both_ways(profile: str) -> None:
    good = made.healthy_run("peak") if profile == "full" else made.healthy("peak", profile)
    bad = made.with_requests(slow(good), made.failing(slow(good).requests, 9))
    for data in (good, bad):
        found = judged_with(peak=made.with_sample(data, "generator", cpu_ratio=0.99))
        assert verdicts(found)["p95_latency"] == "INCONCLUSIVE"
        assert verdicts(found)["error_rate"] == "INCONCLUSIVE"
        assert "generator_cpu" in of(found, "p95_latency")


def test_wrong_routes_measure_the_wrong_thing() -> None:
    data = made.with_requests(made.healthy_run("peak"), made.failing(made.healthy_run("peak").requests, 10, status=401))
    assert verdicts(judged_with(peak=data))["error_rate"] == "INCONCLUSIVE"
    assert "status_mix" in of(judged_with(peak=data), "error_rate")


# -- memory


def test_a_mark_older_than_the_run_decides_nothing() -> None:
    old = marked(made.healthy_run("peak"), 600_000_000, 600_000_000)
    found = judged_with(peak=old)
    assert verdicts(found)["go_memory"] == "INCONCLUSIVE"
    assert "older than the run" in of(found, "go_memory")


def test_a_mark_of_unknown_age_decides_nothing_unless_the_process_is_new() -> None:
    facts = {"go_high_water_end_bytes": 600_000_000}
    data = made.cut(made.healthy_run("peak"), "processes")
    data = replace(data, manifest=data.manifest.model_copy(update={"facts": facts}))
    result = made.result(data)
    assert judge_one(CRITERIA["go_memory"], result).verdict == "INCONCLUSIVE"
    fresh = result.model_copy(update={"facts": result.facts | {"go_process_started_ns": (result.started_ns or 0) + 1}})
    assert judge_one(CRITERIA["go_memory"], fresh).verdict == "FAILED"


def test_samples_over_the_limit_prove_an_old_mark() -> None:
    data = made.with_sample(
        marked(made.healthy_run("peak"), 600_000_000, 600_000_000), "processes", rss_bytes=550_000_000
    )
    assert verdicts(judged_with(peak=data))["go_memory"] == "FAILED"


NO_SIZES = {"rss_bytes": None, "high_water_bytes": None}


@pytest.mark.parametrize(
    ("mark", "resident", "runtime", "verdict"),
    [
        (80 * MIB, None, 50 * MIB, "PASSED"),
        (50 * MIB, None, 51 * MIB, "PASSED"),
        (10, None, 50 * MIB, "INCONCLUSIVE"),
        (80 * MIB, None, 600_000_000, "INCONCLUSIVE"),
        (80 * MIB, 600_000_000, 50 * MIB, "INCONCLUSIVE"),
        (511_000_000, 512_000_000, 50 * MIB, "INCONCLUSIVE"),
        (511_000_000, 511_900_000, 50 * MIB, "PASSED"),
    ],
)
def test_a_mark_under_the_samples_does_not_pass(mark: int, resident: int | None, runtime: int, verdict: str) -> None:
    """Whoever told the mark: of the resident set a check holds it, of the Go runtime's sum the reading does."""
    data = marked(made.healthy_run("peak"), mark, 1)
    processes = data.samples["processes"]
    go = (processes["process"] == "go").to_numpy()
    sizes = NO_SIZES | {"rss_bytes": resident}
    frame = processes.assign(**{name: processes[name].astype("Float64").mask(go, size) for name, size in sizes.items()})
    data = made.with_sample(made.with_sample(data, "processes", **frame), "go", total_bytes=runtime, released_bytes=0)
    assert judge_one(CRITERIA["go_memory"], made.result(data)).verdict == verdict


@pytest.mark.parametrize(
    ("mark", "verdict"), [(511_999_999, "PASSED"), (512_000_000, "FAILED"), (512_000_001, "FAILED")]
)
def test_the_memory_limit_is_strict(mark: int, verdict: str) -> None:
    found = judged_with(peak=marked(made.healthy_run("peak"), mark))
    assert verdicts(found)["go_memory"] == verdict
    assert next(one.actual for one in found.criteria if one.id == "go_memory") == mark


def test_a_leak_that_crosses_within_a_week_does_not_pass() -> None:
    leaking = made.healthy("sustained", growth_mib_per_h=20.0)
    found = judged_with(sustained=leaking)
    assert verdicts(found)["go_memory"] == "INCONCLUSIVE"
    assert "forecast" in of(found, "go_memory")
    assert any(one.id == "go_heap_leak" and one.priority == "P0" for one in found.scenarios["sustained"].findings)


def test_a_slow_leak_passes_within_its_horizon() -> None:
    assert verdicts(judged_with(sustained=made.healthy("sustained", growth_mib_per_h=1.5)))["go_memory"] == "PASSED"


# -- fail closed


TABLES = ("requests", "operations", *made.healthy_run("crdt_stress").samples)
NEEDS = {
    "requests": set(CRITERIA),
    "operations": {"crdt_data_loss"},
    "final_states": {"crdt_data_loss"},
    "idempotency": {"crdt_data_loss"},
    "counts": {"p95_latency", "crdt_data_loss", "error_rate"},
    "generator": {"p95_latency", "error_rate"},
    "ticks": {"go_memory"},
    "go": {"go_memory"},
    "processes": {"go_memory"},
}
HISTORY = ("operations", "final_states", "idempotency")


def concerned(table: str) -> tuple[str, ...]:
    """The scenarios whose figures may change without a table; the others keep theirs."""
    if table in HISTORY:
        return ("crdt_stress",)
    return SCENARIO_NAMES if table in NEEDS else ("sustained", "peak")


@pytest.mark.parametrize("table", TABLES)
def test_taking_evidence_away_never_helps(table: str) -> None:
    less = {name: made.result(made.cut(made.healthy_run(name), table)) for name in concerned(table)}
    found = summary(made.results() | less, **with_waiver())
    passed = {name for name, verdict in verdicts(found).items() if verdict in ("PASSED", "WAIVED")}
    assert not passed & (NEEDS.get(table, set()) - {"aurora_scaling"})
    assert found.readiness == ("NOT_READY" if table in NEEDS else "READY")


@pytest.mark.parametrize("table", TABLES)
def test_a_violating_run_is_never_better_with_less(table: str) -> None:
    rank = {verdict: place for place, verdict in enumerate(PRECEDENCE)}
    data = lost(made.healthy("crdt_stress", "smoke"))
    less = verdicts(judged_with(crdt_stress=made.cut(data, table)))
    for name, verdict in verdicts(judged_with(crdt_stress=made.healthy("crdt_stress", "smoke"))).items():
        assert less[name] != "PASSED" or verdict == "PASSED", name
        assert rank[less[name]] <= rank["PASSED"]


@pytest.mark.parametrize("name", SCENARIO_NAMES)
def test_without_a_scenario_nothing_that_needs_it_passes(name: str) -> None:
    given = made.results() | {name: missing_result(name, "was not asked for")}
    found = summary(given, **with_waiver())
    concerned = {one.id for one in CRITERIA.values() if one.scenario in ("all", name)} - {"aurora_scaling"}
    assert {one for one, verdict in verdicts(found).items() if verdict == "NOT MEASURED"} == concerned
    assert (exit_code(found), found.readiness) == (3, "NOT_READY")
    assert found.scenarios[name].verdict == "NOT MEASURED"


def test_nothing_at_all_is_not_measured() -> None:
    found = summary({}, campaign={"campaign": "empty"})
    assert set(verdicts(found).values()) == {"NOT MEASURED"}
    assert exit_code(found) == 3


@pytest.mark.parametrize("profile", ["smoke", "rehearsal"])
def test_nothing_passes_below_full_scale(profile: str) -> None:
    found = summary({name: made.result(made.healthy(name, profile)) for name in SCENARIO_NAMES})
    assert set(verdicts(found).values()) == {"INCONCLUSIVE", "NOT MEASURED"}
    assert exit_code(found) == 3


def test_the_reason_says_what_would_settle_it() -> None:
    found = judged_with(peak=made.healthy("peak", "smoke"))
    assert "within the limit, but ran 30 s of 1 h" in of(found, "p95_latency")
    assert found.scenarios["peak"].verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("ratio", "interval", "words", "codes"),
    [
        (
            *(0.5, (0.0, 0.0974)),
            "the figure is within the limit, its interval reaches over it: 36 requests are too few to tell; ran",
            ("INTERVAL_REACHES_LIMIT", "TOO_SHORT"),
        ),
        (0.5, (0.0, 0.05), "within the limit, but ran", ("TOO_SHORT",)),
        (
            *(1.0, (0.0, 0.0974)),
            "the figure is within the limit, its interval reaches over it: its interval reaches 9.74 %; about",
            ("INTERVAL_REACHES_LIMIT",),
        ),
    ],
)
def test_a_figure_within_the_limit_whose_interval_is_not_is_not_called_within(
    ratio: float, interval: tuple[float, float], words: str, codes: tuple[str, ...]
) -> None:
    result = made.healthy_result("peak")
    scale = result.scale.model_copy(update={"duration_ratio": ratio})
    few = {"error_interval": interval, "requests_count": 36, "scale": scale}
    found = judge_one(CRITERIA["error_rate"], result.model_copy(update=few))
    assert (found.verdict, found.reasons) == ("INCONCLUSIVE", codes)
    assert f"errors (95 % interval 0.00 % to {interval[1] * 100:.2f} %): {words} " in found.reason


def test_a_recommendation_names_each_scenario_that_shows_it() -> None:
    hot = {name: made.with_sample(made.healthy(name, "smoke"), "host", cpu_ratio=0.93) for name in ("peak", "spike")}
    found = [one for one in judged_with(**hot).recommendations if one.finding == "host_cpu"]
    assert [one.text.count("93.0") for one in found] == [4]
    assert "(seen in peak: CPU 93.0" in found[0].text
    assert "; spike: CPU 93.0" in found[0].text


@pytest.mark.parametrize("state", ["aborted", "crashed", "salvaged", "recording"])
def test_only_a_recorded_run_can_hold_a_pass(state: str) -> None:
    data = made.healthy_run("peak")
    broken = replace(data, manifest=data.manifest.model_copy(update={"state": state}))
    found = judged_with(peak=broken)
    assert not {"p95_latency", "go_memory", "error_rate"} & {
        name for name, verdict in verdicts(found).items() if verdict == "PASSED"
    }
    assert exit_code(found) == 4


def test_a_run_that_ended_early_counts_as_long_as_it_ran() -> None:
    data = made.healthy_run("peak")
    ended = (data.manifest.started_ns or 0) + 1200 * made.S
    short = replace(
        data,
        manifest=data.manifest.model_copy(update={"ended_ns": ended}),
        requests=data.requests[data.requests["intended_ns"] < ended],
    )
    assert "ran 20 min of 1 h" in of(judged_with(peak=short), "p95_latency")


# -- intervals and rounding


def p95_of(value: float | None, interval: tuple[float, float | None] | None, **changes: object) -> ScenarioResult:
    known = {"over_limit_ratio": 0.04, "over_limit_interval": (0.0, 0.05), "episodes_count": 40, "n_count": 126_000}
    measured = Measured(value=value, interval=interval, violation_interval=interval, **known)
    return made.healthy_result("peak").model_copy(update={"response_p95": measured.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (290.0, 299.0, 300.0, "PASSED"),
        (290.0, 299.0, math.nextafter(300.0, 301), "INCONCLUSIVE"),
        (300.0, 301.0, 302.0, "INCONCLUSIVE"),
        (math.nextafter(300.0, 301), 301.0, 302.0, "FAILED"),
        (299.96, 300.04, 300.1, "INCONCLUSIVE"),
    ],
)
def test_rounding_never_decides(low: float, value: float, high: float, verdict: str) -> None:
    assert judge_one(CRITERIA["p95_latency"], p95_of(value, (low, high))).verdict == verdict


@given(st.floats(299, 301), st.floats(0, 1), st.floats(0, 1))
def test_the_interval_decides_exactly(value: float, below: float, above: float) -> None:
    low, high = value - below, value + above
    expected = "PASSED" if high <= 300 else ("FAILED" if low > 300 else "INCONCLUSIVE")
    assert judge_one(CRITERIA["p95_latency"], p95_of(value, (low, high))).verdict == expected


def test_near_the_limit_it_says_how_much_longer() -> None:
    reason = judge_one(CRITERIA["p95_latency"], p95_of(297.0, (293.0, 303.0))).reason
    assert "its interval reaches 303.0 ms; about 3 h more at this rate would decide" in reason


def test_a_share_over_the_limit_that_is_not_known_keeps_from_passing() -> None:
    judgement = judge_one(CRITERIA["p95_latency"], p95_of(200.0, (190.0, 210.0), over_limit_interval=None))
    assert (judgement.verdict, "is not known" in judgement.reason) == ("INCONCLUSIVE", True)


def test_without_an_interval_a_full_run_does_not_pass() -> None:
    judgement = judge_one(CRITERIA["p95_latency"], p95_of(200.0, None, note="clusters of 300 s"))
    assert (judgement.verdict, "clusters of 300 s" in judgement.reason) == ("INCONCLUSIVE", True)


def test_an_open_upper_bound_does_not_pass() -> None:
    assert judge_one(CRITERIA["p95_latency"], p95_of(200.0, (190.0, None))).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(("ratio", "interval", "verdict"), [
    (0.05, (0.05, 0.05), "PASSED"),
    (0.05, (0.049, 0.0500001), "INCONCLUSIVE"),
    (0.06, (0.05, 0.07), "INCONCLUSIVE"),
    (0.06, (0.0500001, 0.07), "FAILED"),
])  # fmt: skip
def test_error_rate_bounds(ratio: float, interval: tuple[float, float], verdict: str) -> None:
    result = made.healthy_result("spike").model_copy(update={"error_ratio": ratio, "error_interval": interval})
    found = summary(made.results() | {"spike": result})
    assert verdicts(found)["error_rate"] == verdict
    assert next(one.actual for one in found.criteria if one.id == "error_rate") == ratio


@pytest.mark.parametrize(
    "changes",
    [
        {"final_state_read": False},
        {"conflicts_count": 999},
        {"idempotency_violations_count": None},
        {"idempotency_violations_count": 1},
        {"acknowledged_count": 20_000},
        {"unknown_count": 900},
    ],
)
def test_a_weak_history_does_not_pass(changes: dict[str, object]) -> None:
    result = made.healthy_result("crdt_stress")
    weak = result.model_copy(update={"crdt": result.crdt.model_copy(update=changes)})
    assert judge_one(CRITERIA["crdt_data_loss"], weak).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize("criterion", sorted(set(NEEDED) - {"aurora_scaling"}))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_needed_check_that_does_not_hold_keeps_from_passing(criterion: str, data: st.DataObject) -> None:
    name = {"crdt_data_loss": "crdt_stress"}.get(criterion, "peak")
    result = made.healthy_result(name)
    check, ok = data.draw(st.sampled_from(NEEDED[criterion])), data.draw(st.sampled_from([None, False, "absent"]))
    checks = [one.model_copy(update={"ok": ok}) if one.check == check else one for one in result.validity]
    checks = [one for one in checks if one.ok != "absent"]
    assert judge_one(CRITERIA[criterion], result).verdict == "PASSED"
    assert (
        judge_one(CRITERIA[criterion], result.model_copy(update={"validity": tuple(checks)})).verdict == "INCONCLUSIVE"
    )


# -- merging, waivers, exit codes, shape


VERDICTS = st.lists(st.sampled_from(PRECEDENCE), max_size=6)


@given(VERDICTS, VERDICTS)
def test_merging_is_the_worst_and_does_not_depend_on_order(one: list, other: list) -> None:
    rank = [verdict for verdict in PRECEDENCE if verdict != "WAIVED"]
    assert merged(one + other) == merged(other + one) == merged(list(reversed(one + other)))
    if one and other:
        assert rank.index(merged(one + other)) == min(rank.index(merged(one)), rank.index(merged(other)))


@pytest.mark.parametrize(("today", "verdict"), [("2026-12-31", "WAIVED"), ("2027-01-01", "NOT MEASURED")])
def test_a_waiver_expires(today: str, verdict: str) -> None:
    assert verdicts(summary(generated=f"{today}T00:00:00Z", **with_waiver()))["aurora_scaling"] == verdict


@pytest.mark.parametrize("verdict", ["FAILED", "INCONCLUSIVE", "PASSED"])
def test_a_waiver_covers_not_measured_only(verdict: str) -> None:
    judgement = judge_one(CRITERIA["aurora_scaling"], made.healthy_result("spike"))
    kept = waived(replace(judgement, verdict=verdict), CRITERIA["aurora_scaling"], [WAIVER], date(2026, 1, 1))  # type: ignore[arg-type]
    assert kept.verdict == verdict


def test_a_scenario_that_was_ordered_and_is_missing_broke() -> None:
    spec = run_spec("x", "spike", "smoke", load_target("embedded"), 1)
    gone = summary(made.results() | {"spike": missing_result(spec, "the target was gone")})
    assert exit_code(gone) == 4
    assert "the target was gone" in of(gone, "error_rate")
    absent = summary({name: result for name, result in made.results().items() if name != "spike"})
    assert exit_code(absent) == 4


def test_proven_violations_outrank_a_broken_run() -> None:
    data = lost(made.healthy("crdt_stress", "smoke"))
    broken = replace(data, manifest=data.manifest.model_copy(update={"state": "aborted"}))
    assert exit_code(judged_with(crdt_stress=broken)) == 99


def test_recorded_capacity_is_not_passed_unread() -> None:
    spike = made.healthy_result("spike").model_copy(update={"capacity": {"acu": [2, 16]}})
    assert verdicts(summary(made.results() | {"spike": spike}))["aurora_scaling"] == "INCONCLUSIVE"


def test_every_criterion_has_a_reader_and_its_rules() -> None:
    assert {one.metric for one in CRITERIA.values()} == set(READERS)
    assert set(CRITERIA) == set(NEEDED) == set(VOIDING)


def test_every_rule_names_a_check_that_exists() -> None:
    known = {one.check for one in made.healthy_result("peak").validity} | {"rows_refused"}  # of results of other tools
    assert {check for checks in (*NEEDED.values(), *VOIDING.values()) for check in checks} <= known


def test_confidence_prints_its_terms() -> None:
    found = summary(**with_waiver())
    assert found.confidence == "MEDIUM"
    assert [term.split(":")[0] for term in found.confidence_terms] == ["evidence", "margin", "scale", "repeats"]
    assert summary(campaign=made.CAMPAIGN | {"repeats_count": 5}, **with_waiver()).confidence == "HIGH"
    assert judged_with(peak=made.healthy("peak", "smoke")).confidence == "LOW"


def test_rulings_carry_the_arithmetic() -> None:
    text = " ".join(summary().rulings)
    for words in ("1.2 rps x 4 h = 17,280", "166 rps x 5 min = 49,800", "512,000,000 bytes", "X of 4"):
        assert words in text


def test_rulings_tell_the_limits_as_they_are_declared() -> None:
    """A file with looser limits says so in the report by itself."""
    told = " ".join(rulings(load_criteria()))
    assert (
        "Bounds: P95 <= 300 ms inclusive; memory strictly under 512 MB; error ratio <= 5 % inclusive; no lost" in told
    )
    loose = {"p95_latency": 300.04, "go_memory": 1_024_000_001.0, "error_rate": 0.5, "crdt_data_loss": 3.0}
    content = [one.model_copy(update={"limit": loose.get(one.id, one.limit)}) for one in load_criteria().criteria]
    other = " ".join(rulings(Criteria(criteria=tuple(content), waivers=())))
    for words in (
        *("P95 <= 300.04 ms", "under 1,024.000001 MB", "1,024,000,001 bytes (976.6 MiB)", "error ratio <= 50 %"),
        *("at most 3 lost writes", "answered rightly within 300.04 ms"),
    ):
        assert words in other


def test_recommendations_are_ordered_and_name_their_finding() -> None:
    found = judged_with(
        peak=slow(made.healthy("peak", "smoke")), crdt_stress=lost(made.healthy("crdt_stress", "smoke"))
    )
    assert [one.priority for one in found.recommendations] == sorted(one.priority for one in found.recommendations)
    assert {"crdt_lost_writes", "scale", "aurora_scaling"} <= {one.finding for one in found.recommendations}


def test_the_committed_schema_is_that_of_the_summary() -> None:
    path = Path(__file__).resolve().parents[1] / "fireai_analysis" / "summary.schema.json"
    assert json.loads(path.read_text()) == Summary.model_json_schema(by_alias=True)


def test_the_summary_is_json_and_reads_back() -> None:
    text = summary().model_dump_json(by_alias=True)
    assert json.loads(text)["schema"] == 1
    assert Summary.model_validate_json(text) == summary()


def test_results_survive_the_way_over_disk() -> None:
    for name in SCENARIO_NAMES:
        result = made.healthy_result(name)
        assert ScenarioResult.model_validate_json(result.model_dump_json()) == result


def test_made_frames_have_the_contracts_columns() -> None:
    data = made.healthy_run("crdt_stress")
    assert set(data.requests) == set(REQUESTS.names)
    assert data.operations is not None
    assert set(data.operations) == set(OPERATIONS.names)
    for name, frame in data.samples.items():
        assert set(frame) == set(SAMPLES[name].names), name

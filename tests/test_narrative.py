"""The words of the report: true to the figures, and honest about what is missing."""

from functools import partial

import pytest

from fireai_analysis import narrative
from fireai_analysis.narrative import delay, words
from fireai_analysis.publish import values
from fireai_analysis.scenarios import load_criteria
from tests.publish import campaigns

LIMITS = {one.id: one.limit for one in load_criteria().criteria}
analysis = partial(narrative.analysis, limits=LIMITS)


@pytest.mark.parametrize("name", campaigns.LOADS)
def test_a_run_that_left_nothing_says_so(name: str) -> None:
    assert analysis(campaigns.missing(name)) == ("NOT MEASURED: was not part of this campaign",)


@pytest.mark.parametrize("name", campaigns.LOADS)
def test_scale_is_said_in_every_analysis(name: str) -> None:
    text = " ".join(analysis(campaigns.result(name)))
    assert "it can prove a violation, not readiness" in text
    full = {"duration_ratio": 1.0, "users_ratio": 1.0, "rate_ratio": 1.0}
    assert "it can prove" not in " ".join(analysis(campaigns.result(name, scale=full)))


def test_figures_of_the_peak() -> None:
    text = " ".join(analysis(campaigns.result("peak")))
    assert "95 % within 14.8 ms (95 % interval 13.2 to 16.9 ms)" in text
    assert "database 36.00 %" in text
    assert "No request failed." in text


def test_errors_are_named_most_frequent_first() -> None:
    broken = campaigns.result(
        "peak", failures_count=40, timeouts_count=2, error_ratio=0.04, errors={"status 500": 40, "timeout": 2}
    )
    text = " ".join(analysis(broken))
    assert "4.00 % of them went wrong (40 failed, 2 timed out); most often: status 500 (40 times)." in text


def test_unmeasured_parts_are_not_left_out() -> None:
    bare = campaigns.result(
        "sustained", memory_mib={}, connections={}, response_ms={}, response_p95=None, error_ratio=None
    )
    text = " ".join(analysis(bare))
    for what in ("error ratio", "Latency", "memory of the Go service", "Database connections"):
        assert any(what in sentence and "NOT MEASURED" in sentence for sentence in text.split(". ")), what


def test_a_lost_write_is_said_with_an_example() -> None:
    crdt = {"operations_count": 10, "acknowledged_count": 10, "lost_count": 1, "final_state_read": True}
    text = " ".join(analysis(campaigns.result("crdt_stress", crdt=crdt | {"lost_examples": ["/elements/a"]})))
    assert "1 acknowledged write cannot be found in the final state (for example /elements/a)." in text
    assert "Every acknowledged write" not in text


def test_of_many_lost_writes_three_are_named() -> None:
    counts = {"operations_count": 10, "acknowledged_count": 10, "lost_count": 5, "final_state_read": True}
    many = {"lost_examples": [f"operation {number}" for number in range(5)]}
    text = " ".join(analysis(campaigns.result("crdt_stress", crdt=counts | many)))
    assert "(for example operation 0; operation 1; operation 2; and 2 more)" in text


def test_proven_violations_beside_lost_writes_are_told() -> None:
    crdt = {"operations_count": 10, "acknowledged_count": 10, "lost_count": 0, "final_state_read": True}
    only = campaigns.result("crdt_stress", crdt=crdt | {"phantom_count": 1, "divergence_count": 2})
    text = " ".join(analysis(only))
    assert "Proven wrong: 1 value was written by nobody; 2 sessions differ between places at rest." in text
    both = campaigns.result("crdt_stress", crdt=crdt | {"lost_count": 2, "lost_later_count": 2})
    assert "Proven as well: 2 writes were seen by a read and are gone." in " ".join(analysis(both))
    assert "Proven" not in " ".join(analysis(campaigns.result("crdt_stress", crdt=crdt)))


def test_a_counterexample_takes_the_place_of_examples() -> None:
    event = {"lane": "user 1", "begin_ns": 1, "end_ns": 2, "text": "adds x"}
    shown = {"kind": "lost", "session_id": "s", "path": "/x", "text": "x is absent", "events": [event]}
    crdt = {"operations_count": 10, "acknowledged_count": 10, "lost_count": 1, "final_state_read": True}
    given = campaigns.result("crdt_stress", crdt=crdt | {"lost_examples": ["s /x x"], "counterexample": shown})
    text = " ".join(analysis(given))
    assert "The timeline below shows the smallest counterexample: an acknowledged write that is absent." in text
    assert "for example" not in text


def test_an_unread_final_state_is_not_called_complete() -> None:
    crdt = {"operations_count": 10, "acknowledged_count": 10, "lost_count": None, "final_state_read": False}
    text = " ".join(analysis(campaigns.result("crdt_stress", crdt=crdt)))
    assert "Whether writes were lost is NOT MEASURED" in text


def test_an_aborted_run_says_so_first() -> None:
    broken = campaigns.result("peak", state="aborted", reason="the target was gone")
    assert "The run is aborted: the target was gone." in analysis(broken)[0]
    scenarios = {name: campaigns.result(name) for name in campaigns.LOADS} | {"peak": broken}
    assert narrative.run_warnings(campaigns.summary(scenarios=scenarios))[0] == "Peak is aborted: the target was gone."


def test_a_failed_check_is_a_doubt() -> None:
    check = {"check": "generator", "ok": False, "detail": "CPU at 99 %"}
    text = analysis(campaigns.result("peak", validity=[check]))[-1]
    assert text == "The validity gate does not hold: generator (CPU at 99 %)."


@pytest.mark.parametrize(
    ("readiness", "verdict", "start"),
    [("READY", "PASSED", "Yes."), ("NOT_READY", "FAILED", "No."), ("NOT_READY", "INCONCLUSIVE", "Not shown.")],
)
def test_the_answer(readiness: str, verdict: str, start: str) -> None:
    criteria = [entry | {"verdict": verdict} for entry in campaigns.criteria()]
    assert narrative.answer(campaigns.summary(readiness=readiness, criteria=criteria)).startswith(start)


def test_findings_of_several_scenarios_are_told_once() -> None:
    finding = campaigns.result("peak").findings[0]
    words_of_ids = campaigns.summary(recommendations=[{"priority": "P0", "text": "x", "finding": "aurora_scaling"}])
    assert narrative.recommendations(words_of_ids, "P0") == [("Aurora scaling", "x")]
    both = {name: campaigns.result(name, findings=[finding.model_dump()]) for name in ("peak", "spike")}
    pairs = narrative.bottlenecks(campaigns.summary(scenarios=both))
    assert [head for head, _ in pairs] == [finding.title, ""]
    share = "36.00 % of the slow tail, confidence MEDIUM"
    assert pairs[0][1].startswith(f"Peak: {share}; Spike: {share}. In Peak: ")


def test_each_scenario_keeps_its_own_share_and_confidence() -> None:
    tail = campaigns.result("peak").findings[0].model_dump() | {"id": "tail_generator_wait", "recommendation": None}
    most = tail | {"share_of_tail_ratio": 0.793, "confidence": "HIGH", "evidence": ["mean 300 ms"]}
    scenarios = {
        "peak": campaigns.result("peak", findings=[tail | {"share_of_tail_ratio": 0.134, "confidence": "LOW"}]),
        "crdt_stress": campaigns.result("crdt_stress", findings=[most | {"recommendation": "move the generator"}]),
    }
    ((_, text), _) = narrative.bottlenecks(campaigns.summary(scenarios=scenarios))
    assert text == (
        "Peak: 13.40 % of the slow tail, confidence LOW; CRDT Stress: 79.30 % of the slow tail, confidence HIGH. "
        "In CRDT Stress: mean 300 ms. Move the generator."
    )


def test_a_latency_that_the_generator_may_have_made_says_so() -> None:
    effect = "96.10 % of the judged requests met a stall of the generator: P95 460.7 ms, 46.7 ms without them"
    waves = {"check": "stall_effect", "ok": True, "detail": f"{effect}; does not bind waves"}
    own = "Part of this latency may be the load generator's own: what does not hold is stall_effect"
    text = " ".join(analysis(campaigns.result("crdt_stress", validity=[waves])))
    assert f"{own} ({effect}). No criterion is judged on it." in text
    sick = campaigns.result("peak", validity=[waves | {"ok": False, "detail": effect}])
    assert delay.of_generator(sick) == f"{own} ({effect})."
    assert delay.of_generator(campaigns.result("peak")) == ""
    assert delay.of_generator(campaigns.result("peak", validity=[waves | {"detail": effect}])) == ""


def test_advice_is_none_where_no_finding_gives_any() -> None:
    assert narrative.advice(campaigns.summary(), "goroutines") == "None from this evidence."
    leak = {"id": "goroutine_leak", "title": "Goroutines leak", "layer": "go", "confidence": "HIGH"}
    leak |= {"evidence": ["12 to 900"], "recommendation": "Close response bodies."}
    summary = campaigns.summary(scenarios={"peak": campaigns.result("peak", findings=[leak])})
    assert narrative.advice(summary, "goroutines") == "Close response bodies."
    assert narrative.goroutine_leaks(summary.scenarios["peak"]) == "DETECTED: Goroutines leak"


@pytest.mark.parametrize(
    ("ratio", "stable", "said"),
    [
        (0.0021, True, "STABLE over 30 s only (0.21 % of the ticket's time: too short to judge)"),
        (1.0, True, "STABLE over 30 s"),
        (0.0021, False, "UNSTABLE over 30 s"),
    ],
)
def test_connections_are_called_stable_over_the_time_that_was_seen(ratio: float, stable: bool, said: str) -> None:
    scale = {"duration_ratio": ratio, "users_ratio": 1.0, "rate_ratio": 1.0}
    found = campaigns.result("sustained", scale=scale, connections={"stable": stable})
    assert values.of(campaigns.summary(scenarios={"sustained": found}))["sustained.stability"][0].text == said


def test_no_leak_is_claimed_of_a_run_too_short_for_the_rule() -> None:
    seen = {"go": {"goroutines": {"initial": 19, "peak": 72, "final": 71}}, "findings": []}
    short = campaigns.result("peak", **seen, growth={})
    told = "(19 at first, 71 at the end of the load)"
    assert narrative.goroutine_leaks(short) == f"not judged: too short {told}"
    long = campaigns.result("peak", **seen, growth={"goroutines": {"label": "NONE"}})
    assert narrative.goroutine_leaks(long) == f"NONE found {told}"


def test_recommendations_by_priority() -> None:
    summary = campaigns.summary()
    assert narrative.recommendations(summary, "P0") == [("", "None from this evidence.")]
    assert narrative.recommendations(summary, "P1") == [
        ("The database takes the largest part of the slow tail", "Cache active rules in the Go service.")
    ]
    assert narrative.actions(summary) == "P1: Cache active rules in the Go service."
    assert "settle what is open: P95 Latency" in narrative.actions(campaigns.summary(recommendations=[]))


def test_conclusion_counts_and_next_steps() -> None:
    text = " ".join(narrative.conclusion(campaigns.summary()))
    assert "Of the ticket's 4 criteria, 0 are met." in text
    assert "2 min of load in 4 scenarios; 1 finding follows from it" in text
    one_ran = {name: campaigns.result(name) for name in ("peak", "spike")}
    one_ran["spike"] = campaigns.result("spike", state="missing", duration_s=None)
    assert "30 s of load in 1 scenario;" in " ".join(narrative.conclusion(campaigns.summary(scenarios=one_ran)))
    assert "run it at full scale (fireai run --profile full)" in text
    assert "provide the evidence that is missing for Aurora Auto-scaling" in text


def test_words_about_the_database() -> None:
    peak = campaigns.result("peak")
    assert narrative.lock_contention(peak) == "0 lock waits sampled, 0 deadlocks"
    assert narrative.index_usage(peak) == (
        "1,082 index scans, 3 sequential scans (users 2, buildings 1); unused: evidence_checksum_idx"
    )
    assert narrative.query_performance(campaigns.result("peak", database={})) is None
    assert words.listed(["a", "b"]) == "a and b"


def test_what_became_of_the_arrivals_is_said() -> None:
    late = {"late_count": 12, "late_ratio": 12 / 1042, "latest_ms": 48.2}
    text = " ".join(
        analysis(campaigns.result("peak", delay=late, never_sent_count=3, generator={"in_flight_at_end_count": 1}))
    )
    assert (
        "12 were sent more than 15 ms after they were due (at most 48.2 ms), 3 were never sent, and 1 was in flight"
        in text
    )
    bare = " ".join(analysis(campaigns.result("peak", delay={}, generator={})))
    assert "How many were sent late is NOT MEASURED" in bare
    assert "in flight when the window ended is NOT MEASURED" in bare


def test_the_difference_of_the_two_latencies_is_explained() -> None:
    on_time = {"p99_ms": 1.3, "late_count": 0, "late_ratio": 0.0, "latest_ms": 4.0}
    text = " ".join(analysis(campaigns.result("peak", delay=on_time)))
    assert "At the P99 response time is 1.3 ms above service time" in text
    assert "every request went out within 4.0 ms of its time" in text
    late = " ".join(analysis(campaigns.result("peak", delay=on_time | {"late_count": 9, "late_ratio": 0.02})))
    assert "2.00 % of the requests went out more than 15 ms late" in late


def test_a_stall_is_told_with_what_a_closed_loop_would_have_hidden() -> None:
    stall = {"worst_at_s": 25.0, "worst_in_flight_count": 175, "worst_waited_ms": 5012.0, "hidden_count": 125}
    text = " ".join(analysis(campaigns.result("peak", delay=stall)))
    assert "25 s into the window, 175 requests were in flight, and the slowest of them took 5,012 ms" in text
    assert "A closed loop of 50 users would have held back at least 125 of them" in text
    short = " ".join(analysis(campaigns.result("peak", delay=stall | {"worst_waited_ms": 400.0})))
    assert "closed loop" not in short

"""Every kind of violation in a CRDT history becomes one finding and the verdict that its definition asks for."""

import re

import pytest

from fireai_analysis.analyze.crdt_violation import GRAVITY
from fireai_analysis.diagnose.history import KINDS, findings
from fireai_analysis.judge import judge_one
from fireai_analysis.results import Counterexample, Event, ScenarioResult
from fireai_analysis.scenarios import load_criteria
from tests import made

LOSS = next(one for one in load_criteria().criteria if one.id == "crdt_data_loss")
FOUND = {
    "lost_later_count": ("crdt_lost_later", "FAILED"),
    "lost_count": ("crdt_lost_writes", "FAILED"),
    "phantom_count": ("crdt_phantom", "FAILED"),
    "resurrected_count": ("crdt_resurrected", "FAILED"),
    "divergence_count": ("crdt_divergence", "FAILED"),
    "illegal_winner_count": ("crdt_illegal_winner", "FAILED"),
    "clock_regression_count": ("crdt_clock_regression", "INCONCLUSIVE"),
    "duplicated_count": ("crdt_duplicated", "INCONCLUSIVE"),
    "stale_count": ("crdt_stale_reads", "INCONCLUSIVE"),
}
OF_KEYS = {"double_effect_count": "FAILED", "swallowed_body_count": "FAILED", "other_answer_count": "INCONCLUSIVE"}


def with_crdt(**changes: object) -> ScenarioResult:
    healthy = made.healthy_result("crdt_stress")
    return healthy.model_copy(update={"crdt": healthy.crdt.model_copy(update=changes)})


def test_a_healthy_history_has_no_finding_and_passes() -> None:
    assert findings(with_crdt()) == []
    assert judge_one(LOSS, with_crdt()).verdict == "PASSED"


@pytest.mark.parametrize("field", FOUND)
def test_each_kind_is_named_with_its_count(field: str) -> None:
    name, verdict = FOUND[field]
    run = with_crdt(**{field: 1234})
    (one,) = findings(run)
    assert one.id == name
    assert "1,234" in one.evidence[0]
    assert judge_one(LOSS, run).verdict == verdict
    assert "1,234" in judge_one(LOSS, run).reason


@pytest.mark.parametrize("field", sorted(FOUND.keys() - {"lost_count"}))
def test_one_is_told_as_one(field: str) -> None:
    (one,), (more,) = (findings(with_crdt(**{field: count})) for count in (1, 2))
    assert re.match(r"1 \w+[^s] ", one.evidence[0])
    assert re.match(r"2 \w+s ", more.evidence[0])


def test_one_violation_of_a_key_is_told_as_one() -> None:
    run = with_crdt(double_effect_count=1, idempotency_violations_count=1, replays_count=1)
    (one,) = findings(run)
    assert one.evidence[:2] == ("1 violation in 1 replay", "1 key with a second effect")


@pytest.mark.parametrize("field", OF_KEYS)
def test_repeated_keys_are_one_finding_with_its_parts(field: str) -> None:
    run = with_crdt(**{field: 7, "idempotency_violations_count": 7})
    (one,) = findings(run)
    assert one.id == "idempotency_violations"
    assert any(line.startswith("7 ") for line in one.evidence[1:])
    assert judge_one(LOSS, run).verdict == OF_KEYS[field]


@pytest.mark.parametrize("field", [name for name in FOUND if FOUND[name][1] == "FAILED" and name != "lost_count"])
def test_a_violation_is_proven_whatever_was_not_read(field: str) -> None:
    run = with_crdt(**{"lost_count": None, "final_state_read": False, field: 1})
    assert judge_one(LOSS, run).verdict == "FAILED"


def test_a_doubt_keeps_from_passing_and_is_told() -> None:
    judgement = judge_one(LOSS, with_crdt(doubts=("3 sessions were not read at rest at go",)))
    assert judgement.verdict == "INCONCLUSIVE"
    assert "3 sessions were not read at rest at go" in judgement.reason


def test_a_stored_answer_to_another_body_is_told_although_it_is_legal() -> None:
    (one,) = findings(with_crdt(stored_answer_count=2))
    assert (one.id, one.priority) == ("idempotency_stored_answer", "P2")


def test_the_counterexample_stands_in_the_finding_of_its_kind_alone() -> None:
    event = Event(lane="user 3", begin_ns=1, end_ns=2, text="adds /elements/a -> 200 acknowledged")
    shown = Counterexample(kind="phantom", session_id="s", path="", text="nobody wrote a", events=(event,))
    found = {one.id: one for one in findings(with_crdt(phantom_count=1, stale_count=1, counterexample=shown))}
    assert "counterexample: nobody wrote a" in found["crdt_phantom"].evidence
    assert f"user 3: {event.text}" in found["crdt_phantom"].evidence
    assert not any("nobody wrote" in line for line in found["crdt_stale_reads"].evidence)


def test_every_kind_of_violation_has_a_finding() -> None:
    assert {kind for one in KINDS for kind in one.kinds} == set(GRAVITY)

"""From what was journaled to the history: who repeated whom, and what is known of each end."""

import json
from typing import Any

import pytest

from fireai_analysis.collect.answers import Packer
from fireai_analysis.collect.crdt_history import operations
from fireai_analysis.collect.journal import Answer, Row
from fireai_analysis.collect.recorder import JUDGED, PROFILED
from fireai_analysis.collect.recording import Recording
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.schemas import OPERATIONS
from fireai_analysis.spec import RunSpec

CLOCK = {"user-0001": 1, "user-0002": 4}
BODY = json.dumps({"status": "merged", "vector_clock": CLOCK}).encode()


def spec(*, conflict_409_applied: bool = False) -> RunSpec:
    target = load_target("embedded")
    crdt = target.crdt.model_copy(update={"conflict_409_applied": conflict_409_applied})
    return run_spec("run", "crdt_stress", "smoke", target.model_copy(update={"crdt": crdt}), 1)


def invocation(arrival: int, kind: str = "unique", original: int | None = None) -> dict[str, Any]:
    return {
        "arrival": arrival, "kind": kind, "original": original, "wave": 0, "session_id": "s", "user": 1, "door": "go",
        "path": "/p", "token": f"t{arrival}", "amount": None, "idempotency_key": f"k{arrival}", "body_sha256": "b",
        "clock_sent": '{"user-0001":1}',
    }  # fmt: skip


def row(arrival: int, status: int, phase: int = JUDGED) -> Row:
    return Row(phase, 0, status, arrival, 1, 10, 20 + arrival, 30 + arrival, 1, 0, "")


def recording(invocations: list[dict[str, Any]], rows: list[Row], **changes: Any) -> Recording:
    content: dict[str, Any] = {
        "worker": 0, "header": {}, "rows": rows, "errors": {}, "invocations": invocations, "answers": {}, "ticks": [],
        "totals": [{"counts": []}], "started_ns": 0, "ended_ns": 100, "is_cut": False, "dropped_bytes": 0,
    }  # fmt: skip
    return Recording(**content | changes)


def test_a_repetition_names_its_original_and_every_column_is_there() -> None:
    made = [invocation(0), invocation(1, "replay", 0), invocation(2, "altered", 0)]
    found = operations(spec(), recording(made, [row(0, 200), row(1, 200), row(2, 422)], worker=3))
    assert [one["op_id"] for one in found] == ["run/0", "run/1", "run/2"]
    assert [one["original_op_id"] for one in found] == [None, "run/0", "run/0"]
    assert [one["outcome"] for one in found] == ["ok", "ok", "fail"]
    assert {one["worker"] for one in found} == {3}
    assert all(set(one) == set(OPERATIONS.names) for one in found)
    assert [(one["invoke_ns"], one["end_ns"]) for one in found] == [(20, 30), (21, 31), (22, 32)]


@pytest.mark.parametrize(
    ("kind", "applied", "outcome"),
    [
        ("contended", False, "fail"),
        ("contended", True, "ok"),
        ("altered", False, "fail"),
        ("altered", True, "unknown"),
    ],
)
def test_what_a_conflict_tells(kind: str, applied: bool, outcome: str) -> None:
    made = [invocation(0, kind, None if kind == "contended" else 5)]
    (found,) = operations(spec(conflict_409_applied=applied), recording(made, [row(0, 409)]))
    assert found["outcome"] == outcome


def test_equal_answers_share_their_clock_and_their_digest() -> None:
    packer = Packer()
    answers = {number: Answer(number, packer.packed(BODY)) for number in range(3)}
    answers[3] = Answer(3, packer.packed(b"no json"))
    made = [invocation(number) for number in range(5)]
    found = operations(spec(), recording(made, [row(number, 200) for number in range(5)], answers=answers))
    assert [json.loads(one["clock_returned"]) for one in found[:3]] == [CLOCK] * 3
    assert found[0]["clock_returned"] is found[2]["clock_returned"]  # held once, whatever its size
    assert len({one["answer_sha256"] for one in found[:3]}) == 1
    assert [one["clock_returned"] for one in found[3:]] == [None, None]
    assert [one["answer_sha256"] is None for one in found] == [False] * 4 + [True]


def test_an_operation_of_the_profiled_stretch_is_no_end_of_a_judged_one() -> None:
    made = recording([invocation(0)], [row(0, 200, PROFILED)])
    assert operations(spec(), made) == []
    (found,) = operations(spec(), recording([invocation(0)], [row(0, 200, PROFILED)], totals=[]))
    assert (found["outcome"], found["end_ns"], found["status"]) == ("unknown", None, 0)

"""The history checker: known histories, and every mutation of them that matters."""

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.history import dominates
from fireai_analysis.results import Crdt
from fireai_analysis.units import moment_text
from tests import made
from tests.made import STARTED_NS, S, contended, operation, replay

BASE = made.with_crdt(made.healthy("peak", "smoke"), document="auto")


def checked(rows: list[dict[str, Any]], states: pd.DataFrame | None = None, **samples: pd.DataFrame) -> Crdt:
    tables = {
        "final_states": made.final_states(rows) if states is None else states,
        "idempotency": made.idempotency(rows),
    }
    return measure(replace(BASE, operations=made.history(rows), samples=tables | samples)).crdt


def states(document: object) -> pd.DataFrame:
    late = {"begin_ns": STARTED_NS + 899 * S, "read_ns": STARTED_NS + 900 * S}
    return pd.DataFrame([{"session_id": "session-0", **late, "document": json.dumps(document)}])


def test_healthy_history() -> None:
    rows = [operation(number) for number in range(10)]
    rows += [contended(20 + number) for number in range(5)] + [replay(rows[0], 30)]
    crdt = checked(rows)
    assert (crdt.operations_count, crdt.acknowledged_count, crdt.conflicts_count) == (16, 16, 5)
    assert (crdt.lost_count, crdt.superseded_count, crdt.idempotency_violations_count) == (0, 4, 0)
    assert (crdt.replays_count, crdt.final_state_read, crdt.lost_ratio_bound) == (1, True, 0.2)
    assert crdt.resolution_ms is not None
    assert crdt.resolution_ms.p50 == 10.0


@given(st.sets(st.integers(0, 29)), st.sets(st.integers(0, 29)))
@settings(max_examples=30, deadline=None)
def test_exactly_the_acknowledged_absent_ones_are_lost(gone: set[int], unknown: set[int]) -> None:
    rows = [
        operation(number, **({"outcome": "unknown", "end_ns": None} if number in unknown else {}))
        for number in range(30)
    ]
    crdt = checked(rows, made.final_states(rows, gone=tuple(f"token-{number}" for number in gone)))
    assert crdt.lost_count == len(gone - unknown)
    assert crdt.unknown_count == len(unknown)
    assert len(crdt.lost_examples) == min(10, len(gone - unknown))


def test_a_lost_write_is_told_by_operation_user_path_moment_door_and_session() -> None:
    rows = [operation(0), operation(7)]
    (told,) = checked(rows, made.final_states(rows, gone=("token-7",))).lost_examples
    row = rows[1]
    for part in ("operation op-7", f"user {row['user']}", row["path"], row["door"], f"session {row['session_id']}"):
        assert part in told
    assert moment_text(row["invoke_ns"]) in told


def test_by_keys_documents_are_understood() -> None:
    rows = [operation(0), operation(1)]
    kept = {"changes": [{"op": "add", "path": row["path"], "value": {"token": row["token"]}} for row in rows]}
    assert checked(rows, states(kept)).lost_count == 0
    kept["changes"].pop()
    assert checked(rows, states(kept)).lost_count == 1


def test_a_token_as_part_of_another_text_does_not_survive() -> None:
    assert checked([operation(0)], states({"note": "token-0 was here", "list": ["xtoken-0"]})).lost_count == 1


def test_the_final_value_stands_for_concurrent_and_earlier_writes() -> None:
    rows = [contended(0), contended(1), contended(2, at_ms=500)]
    assert checked(rows, states({"hot": {"0": "token-2"}})).lost_count == 0


def test_among_writes_that_have_not_seen_each_other_any_may_win() -> None:
    rows = [contended(0), contended(1, at_ms=500)]
    assert checked(rows, states({"hot": {"0": "token-0"}})).lost_count == 0


def test_without_clocks_an_earlier_value_cannot_supersede_a_later_write() -> None:
    rows = [contended(0, clock_sent="{}"), contended(1, at_ms=500, clock_sent="{}")]
    assert checked(rows, states({"hot": {"0": "token-0"}})).lost_count == 1


def test_an_unknown_write_may_supersede_whenever_it_began() -> None:
    rows = [contended(0, outcome="unknown", end_ns=None), contended(1, at_ms=500)]
    assert checked(rows, states({"hot": {"0": "token-0"}})).lost_count == 0


def test_a_write_that_failed_cannot_supersede() -> None:
    rows = [contended(0, outcome="fail", status=400), contended(1)]
    assert checked(rows, states({"hot": {"0": "token-0"}})).lost_count == 1


def test_a_value_that_the_other_had_seen_cannot_supersede() -> None:
    rows = [contended(0, clock_sent='{"a": 1}'), contended(1, clock_sent='{"a": 2}')]
    assert checked(rows, states({"hot": {"0": "token-0"}})).lost_count == 1
    assert checked(rows, states({"hot": {"0": "token-1"}})).lost_count == 0


def test_a_value_nobody_wrote_supersedes_nothing() -> None:
    assert checked([contended(0), contended(1)], states({"hot": {"0": "phantom"}})).lost_count == 2


def test_a_token_on_another_path_is_not_the_final_value() -> None:
    rows = [contended(0), contended(1)]
    assert checked(rows, states({"hot": {"0": "phantom", "7": "token-0"}})).lost_count == 2


def test_a_unique_element_is_never_superseded() -> None:
    rows = [operation(0, path="/hot/0"), contended(1)]
    assert checked(rows, states({"hot": {"0": "token-1"}})).lost_count == 1


def test_an_acknowledged_replay_promises_its_original() -> None:
    rows = [operation(0, outcome="unknown", end_ns=None)]
    rows.append(replay(rows[0], 1, outcome="ok"))
    assert checked(rows, states({})).lost_count == 1


def test_without_final_state_nothing_is_known() -> None:
    rows = [operation(0)]
    for absent in (
        made.final_states(rows).iloc[:0],
        pd.DataFrame([{"session_id": "session-0", "document": "{not json"}]),
    ):
        crdt = checked(rows, absent)
        assert (crdt.lost_count, crdt.final_state_read, crdt.idempotency_violations_count) == (None, False, None)


def test_a_loss_in_a_session_that_was_read_is_proven_all_the_same() -> None:
    crdt = checked([operation(0), operation(1, session_id="session-9")], states({}))
    assert (crdt.lost_count, crdt.final_state_read) == (1, False)


@pytest.mark.parametrize(
    ("again", "violations"),
    [
        ({}, 0),
        ({"answer_sha256": "another"}, 1),
        ({"outcome": "fail", "status": 422}, 1),
        ({"outcome": "fail", "status": 409}, 0),
        ({"outcome": "unknown", "end_ns": None}, 0),
        ({"answer_sha256": None}, None),
    ],
)
def test_replays(again: dict[str, Any], violations: int | None) -> None:
    rows = [operation(0)]
    rows.append(replay(rows[0], 1, **again))
    assert checked(rows).idempotency_violations_count == violations


def test_a_second_effect_is_a_violation() -> None:
    twice = {"elements": [{"token": "token-0"}, {"token": "token-0"}]}
    assert checked([operation(0)], states(twice)).idempotency_violations_count == 1


def test_several_rows_of_a_key_are_a_violation() -> None:
    rows = [operation(0)]
    double = made.idempotency(rows).assign(rows_count=2)
    assert checked(rows, idempotency=double).idempotency_violations_count == 1


def test_without_the_table_of_keys_idempotency_is_unknown() -> None:
    rows = [operation(0)]
    assert checked(rows, idempotency=made.idempotency(rows).iloc[:0]).idempotency_violations_count is None


def test_conflicts_need_overlap_and_incomparable_clocks() -> None:
    apart = [contended(0), contended(1, at_ms=100)]
    seen = [contended(0, clock_sent='{"a": 1}'), contended(1, clock_sent='{"a": 2}')]
    other_path = [contended(0), contended(1, "/hot/1")]
    other_session = [contended(0), contended(1, session_id="session-1")]
    assert [checked(rows).conflicts_count for rows in (apart, seen, other_path, other_session)] == [0, 0, 0, 0]
    assert checked([contended(0), contended(1, at_ms=5)]).conflicts_count == 2


def test_conflicts_are_counted_in_operations_not_pairs() -> None:
    assert checked([contended(number) for number in range(10)]).conflicts_count == 10


CLOCKS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3))


@given(CLOCKS, CLOCKS, CLOCKS)
def test_dominates_is_a_strict_order(one: dict[str, int], two: dict[str, int], three: dict[str, int]) -> None:
    assert not dominates(one, one)
    assert not (dominates(one, two) and dominates(two, one))
    if dominates(one, two) and dominates(two, three):
        assert dominates(one, three)


def test_waves_add_up() -> None:
    rows = [operation(number, wave=number % 3, invoke_ns=STARTED_NS, end_ns=STARTED_NS + S) for number in range(9)]
    states_read = made.final_states(rows, gone=("token-4",))
    data = replace(BASE, operations=made.history(rows), samples={"final_states": states_read})
    waves = measure(data).waves
    assert waves["acknowledged_count"].tolist() == [3, 3, 3]
    assert waves["lost_count"].tolist() == [0, 1, 0]
    assert waves["drain_s"].tolist() == [1.0, 1.0, 1.0]


def test_run_without_history() -> None:
    assert measure(BASE).crdt == Crdt()


def test_without_clocks_time_decides_and_an_unknown_write_never_ended() -> None:
    bare = {"clock_sent": None}
    late = contended(1, at_ms=500, **bare)
    final = states({"hot": {"0": "token-0"}})
    assert checked([contended(0, **bare), late], final).lost_count == 1
    assert checked([contended(0, outcome="unknown", **bare), late], final).lost_count == 0
    assert checked([contended(0, outcome="unknown", end_ns=None, **bare), late], final).lost_count == 0

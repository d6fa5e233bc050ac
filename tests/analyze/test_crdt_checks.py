"""Each count of the checker on a history small enough to know the answer by hand, and histories that make no sense."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.crdt_counters import value_at
from fireai_analysis.analyze.crdt_states import form_of
from fireai_analysis.analyze.document import Document
from fireai_analysis.results import Crdt
from tests import made
from tests.made import STARTED_NS, S, contended, operation, replay

BASE = made.with_crdt(made.healthy("crdt_stress", "smoke"), document="auto")
LATE_NS = STARTED_NS + 100 * S


def increment(number: int, **changes: Any) -> dict[str, Any]:
    return operation(number, **({"kind": "counter", "path": "/counters/0", "amount": 1} | changes))


def altered(original: dict[str, Any], number: int, **changes: Any) -> dict[str, Any]:
    """Another body under the key of a write, acknowledged with an answer of its own unless told."""
    own = {"kind": "altered", "token": f"token-{number}", "path": f"/elements/token-{number}", "amount": None}
    return replay(original, number, **(own | {"answer_sha256": f"answer-{number}"} | changes))


def state(document: Any, *, source: str = "sql", at_ns: int = STARTED_NS + 900 * S, **changes: Any) -> dict[str, Any]:
    text = document if isinstance(document, str) else json.dumps(document)
    content = {"session_id": "session-0", "source": source, "begin_ns": at_ns, "read_ns": at_ns + S, "since_ns": at_ns}
    return content | {"settled": True, "document": text, "vector_clock": None} | changes


def elements(*tokens: str, **more: Any) -> dict[str, Any]:
    return {"elements": {token: {"token": token} for token in tokens}, "hot": {}, "counters": {}} | more


def checked(rows: list[dict[str, Any]], finals: list[dict[str, Any]], reads: list[dict[str, Any]] = ()) -> Crdt:  # type: ignore[assignment]
    tables = {"final_states": pd.DataFrame(finals), "reads": pd.DataFrame(reads), "idempotency": made.idempotency(rows)}
    return measure(replace(BASE, operations=made.history(rows), samples=tables)).crdt


# -- reads


def test_stale_is_missing_from_a_read_begun_after_the_answer_and_there_at_the_end() -> None:
    reads = [
        state(elements(), at_ns=STARTED_NS + S // 200),  # before the answer
        state(elements(), at_ns=STARTED_NS + 2 * S, source="go"),
        state(elements("token-0"), at_ns=STARTED_NS + 5 * S, source="go"),
    ]
    crdt = checked([operation(0)], [state(elements("token-0"))], reads)
    assert (crdt.stale_count, crdt.lost_count, crdt.lost_later_count) == (1, 0, 0)
    assert crdt.stale_ms is not None
    assert crdt.stale_ms.max == 4990.0  # answered at 10 ms, always seen from 5 s on
    assert crdt.counterexample is not None
    assert [event.lane for event in crdt.counterexample.events] == ["user 0", "read at go", "database"]


def test_a_stale_register_is_one_that_shows_another_value() -> None:
    reads = [state({"hot": {"0": "token-0"}}, at_ns=STARTED_NS + 20 * S)]
    rows = [contended(0), contended(1, at_ms=500)]
    assert checked(rows, [state({"hot": {"0": "token-1"}})], reads).stale_count == 1
    assert checked(rows, [state({"hot": {"0": "token-0"}})], reads).stale_count == 0


def test_seen_and_gone_is_worse_than_lost_and_proves_an_unknown_write() -> None:
    rows = [operation(0), operation(1, outcome="unknown", end_ns=None), operation(2)]
    reads = [state(elements("token-0", "token-1"), at_ns=LATE_NS)]
    crdt = checked(rows, [state(elements())], reads)
    assert (crdt.lost_count, crdt.lost_later_count, crdt.recovered_count) == (2, 2, 0)
    assert crdt.counterexample is not None
    assert crdt.counterexample.kind == "lost_later"


def test_without_reads_stale_and_lost_later_are_unknown_and_it_says_so() -> None:
    rows = [operation(0)]
    found = measure(
        replace(
            BASE, operations=made.history(rows), samples={"final_states": pd.DataFrame([state(elements("token-0"))])}
        )
    )
    assert (found.crdt.stale_count, found.crdt.lost_later_count, found.crdt.stale_ms) == (None, None, None)
    assert "1 sessions were not read while the load ran" in found.warnings[-1]


def test_recovered_is_unknown_and_there() -> None:
    unknown = {"outcome": "unknown", "end_ns": None}
    rows = [operation(0, **unknown), operation(1, **unknown), contended(2, **unknown)]
    crdt = checked(rows, [state(elements("token-0", hot={"0": "token-2"}))])
    assert (crdt.recovered_count, crdt.lost_count) == (2, 0)


# -- what must not be there


def test_a_phantom_has_the_form_of_the_runs_tokens_and_stands_among_them() -> None:
    rows = [operation(0), operation(1), contended(2)]
    clean = elements("token-0", "token-1", note="token-99", hot={"0": "token-2"}, building="token of another kind")
    assert checked(rows, [state(clean)]).phantom_count == 0
    clean["elements"]["an older element"] = {"token": "an older one"}
    assert checked(rows, [state(clean)]).phantom_count == 0
    clean["elements"]["token-99"] = {"token": "token-99"}
    assert checked(rows, [state(clean)]).phantom_count == 1
    clean["hot"]["7"] = "token-98"
    assert checked(rows, [state(clean)]).phantom_count == 2


def test_a_phantom_is_found_where_the_changes_themselves_are_kept() -> None:
    rows = [operation(0), contended(1)]
    kept = [{"op": "add", "path": "/elements/token-0", "value": {"token": "token-0", "by": "token-77"}}]
    kept.append({"op": "set", "path": "/hot/0", "value": "token-1"})
    assert checked(rows, [state({"changes": kept})]).phantom_count == 0
    kept.append({"op": "set", "path": "/hot/5", "value": "token-99"})
    assert checked(rows, [state({"changes": kept})]).phantom_count == 1
    kept.append({"op": "add", "path": "/elements/token-98", "value": {}})
    assert checked(rows, [state({"changes": kept})]).phantom_count == 2


def test_a_token_of_another_session_is_a_phantom_here() -> None:
    rows = [operation(0), operation(1, session_id="session-1")]
    finals = [state(elements("token-0", "token-1")), state(elements("token-1"), session_id="session-1")]
    crdt = checked(rows, finals)
    assert crdt.phantom_count == 1
    assert crdt.counterexample is not None
    assert crdt.counterexample.session_id == "session-0"


def test_uuids_are_told_from_other_texts() -> None:
    tokens = ["00000000-0000-4000-8000-000000000001", "9f000000-0000-4000-8000-000000000002"]
    form = form_of(tokens)
    assert form is not None
    assert form.fullmatch("11111111-1111-4111-8111-111111111111")
    assert not form.fullmatch("elements")
    assert form_of([]) is None


def test_a_refused_write_that_shows_is_resurrected_wherever_it_is_seen() -> None:
    rows = [operation(0), operation(1, outcome="fail", status=422)]
    shown = elements("token-0", "token-1")
    assert checked(rows, [state(shown)]).resurrected_count == 1
    assert (
        checked(rows, [state(elements("token-0"))], [state(shown, source="go", at_ns=LATE_NS)]).resurrected_count == 1
    )
    assert checked(rows, [state(elements("token-0"))]).resurrected_count == 0


def test_an_illegal_winner_had_been_overwritten_knowingly() -> None:
    rows = [
        contended(0, clock_sent='{"a": 1}'),
        contended(1, clock_sent='{"a": 2}'),
        contended(2, clock_sent='{"b": 1}'),
    ]
    crdt = checked(rows, [state({"hot": {"0": "token-0"}})])
    assert (crdt.illegal_winner_count, crdt.lost_count, crdt.superseded_count) == (1, 1, 1)
    for legal in ("token-1", "token-2"):
        assert checked(rows, [state({"hot": {"0": legal}})]).illegal_winner_count == 0


def test_a_refused_token_that_a_list_beside_the_elements_tells_is_not_visible() -> None:
    rows = [operation(0), operation(1, outcome="fail", status=422)]
    assert checked(rows, [state(elements("token-0", rejected=["token-1"]))]).resurrected_count == 0


def test_changes_of_the_platform_itself_are_no_phantoms_where_changes_are_kept() -> None:
    rows = [operation(0), contended(1)]
    kept = [{"op": "add", "path": "/elements/token-0", "value": "token-0"}, {"path": "/hot/0", "value": "token-1"}]
    kept.append({"op": "set", "path": "/building_id", "value": "token-77"})
    assert checked(rows, [state({"changes": kept})]).phantom_count == 0


def test_a_change_that_removes_is_none_that_stands() -> None:
    rows = [operation(0), operation(1)]
    kept = [{"op": op, "path": f"/elements/token-{n}", "value": f"token-{n}"} for n, op in enumerate(("add", "remove"))]
    assert checked(rows, [state({"changes": kept})]).lost_count == 1


# -- conflicts


def test_writes_conflict_while_none_has_been_acknowledged() -> None:
    serial = [contended(number, at_ms=1000 * number) for number in range(4)]
    final = [state({"hot": {"0": "token-3"}})]
    assert checked(serial, final).conflicts_count == 0
    unanswered = contended(0) | {"outcome": "unknown", "end_ns": None}
    assert checked([unanswered, *serial[1:]], final).conflicts_count == 0
    late = replay(serial[0], 9, invoke_ns=serial[3]["invoke_ns"], end_ns=serial[3]["end_ns"])
    assert checked([*serial, late], final).conflicts_count == 0
    assert checked([*serial, contended(5, at_ms=1001)], final).conflicts_count == 2


# -- counters


def test_a_repetition_may_come_first_or_alone() -> None:
    first = increment(0)
    again = replay(first, 1, kind="duplicate", invoke_ns=int(first["invoke_ns"]) - 5)
    for rows in ([first, again], [again]):
        crdt = checked(rows, [state(elements(counters={"0": 1}))])
        assert (crdt.lost_count, crdt.duplicated_count) == (0, 0)


@pytest.mark.parametrize(
    ("value", "lost", "duplicated"), [(2, 1, 0), (3, 0, 0), (4, 0, 0), (5, 0, 1), (0, 3, 0), (9, 0, 5)]
)
def test_a_counter_holds_what_was_acknowledged_and_at_most_what_may_have_happened(
    value: int, lost: int, duplicated: int
) -> None:
    rows = [increment(number) for number in range(3)] + [increment(3, outcome="unknown", end_ns=None)]
    rows.append(increment(4, outcome="fail", status=422))
    crdt = checked(rows, [state(elements(counters={"0": value}))])
    assert (crdt.lost_count, crdt.duplicated_count, crdt.double_effect_count) == (lost, duplicated, 0)
    assert crdt.recovered_count == int(value >= 4)


def test_a_repetition_adds_nothing_and_explains_an_excess() -> None:
    rows = [increment(0), increment(1)]
    rows.append(replay(rows[0], 2))
    assert checked(rows, [state(elements(counters={"0": 2}))]).double_effect_count == 0
    crdt = checked(rows, [state(elements(counters={"0": 4}))])
    assert (crdt.duplicated_count, crdt.double_effect_count, crdt.idempotency_violations_count) == (2, 1, 1)


def test_larger_amounts_are_explained_by_the_fewest_writes() -> None:
    rows = [increment(0, amount=5), increment(1, amount=1), increment(2, amount=1)]
    assert checked(rows, [state(elements(counters={"0": 2}))]).lost_count == 1
    assert checked(rows, [state(elements(counters={"0": 1}))]).lost_count == 2


def test_a_counter_in_mid_run_may_hold_what_is_under_way() -> None:
    rows = [increment(0), increment(1), increment(2, invoke_ns=STARTED_NS + 2 * S, end_ns=STARTED_NS + 60 * S)]
    final = [state(elements(counters={"0": 3}))]

    def reads(value: int) -> list[dict[str, Any]]:
        return [state(elements(counters={"0": value}), at_ns=STARTED_NS + 5 * S)]

    assert [checked(rows, final, reads(value)).stale_count for value in (1, 2, 3)] == [1, 0, 0]
    assert [checked(rows, final, reads(value)).duplicated_count for value in (3, 4)] == [0, 1]


def test_a_counter_without_a_whole_number_is_unknown_and_told() -> None:
    for held in ("7", True, 1.5, None, [1]):
        crdt = checked([increment(0)], [state(elements(counters={"0": held}))])
        assert crdt.lost_count is None
        assert "1 counters hold no whole number" in crdt.doubts


# -- keys


def test_an_altered_body_is_refused_or_answered_from_the_store_or_swallowed_or_done() -> None:
    first = operation(0)
    final = [state(elements("token-0"))]
    refused = altered(first, 1, outcome="fail", status=422)
    crdt = checked([first, refused], final)
    assert (crdt.swallowed_body_count, crdt.stored_answer_count, crdt.double_effect_count) == (0, 0, 0)
    stored = checked([first, altered(first, 1, answer_sha256=first["answer_sha256"])], final)
    assert (stored.swallowed_body_count, stored.stored_answer_count) == (0, 1)
    assert "altered bodies were acknowledged with the stored answer" in " ".join(stored.doubts)
    swallowed = checked([first, altered(first, 1)], final)
    assert (swallowed.swallowed_body_count, swallowed.idempotency_violations_count, swallowed.lost_count) == (1, 1, 0)
    done = checked([first, altered(first, 1)], [state(elements("token-0", "token-1"))])
    assert (done.swallowed_body_count, done.double_effect_count) == (0, 1)


def test_an_altered_increment_that_was_acknowledged_and_adds_nothing_is_swallowed() -> None:
    first = increment(0)
    again = altered(first, 1, path="/counters/0", amount=1)
    assert checked([first, again], [state(elements(counters={"0": 1}))]).swallowed_body_count == 1
    crdt = checked([first, again], [state(elements(counters={"0": 2}))])
    assert (crdt.swallowed_body_count, crdt.double_effect_count) == (0, 1)


def test_a_key_with_several_effects_counts_once() -> None:
    first = operation(0)
    rows = [first, replay(first, 1), altered(first, 2)]
    final = elements("token-0", "token-2") | {"more": [{"token": "token-0"}, {"token": "token-0"}]}
    crdt = checked(rows, [state(final)])
    assert (crdt.duplicated_count, crdt.double_effect_count) == (1, 1)


def test_a_second_row_and_the_excess_that_it_made_are_one_effect() -> None:
    rows = [increment(0), increment(1)]
    rows.append(replay(rows[0], 2))
    finals = pd.DataFrame([state(elements(counters={"0": 3}))])
    keys = made.idempotency(rows).assign(rows_count=[2, 1])
    crdt = measure(
        replace(BASE, operations=made.history(rows), samples={"final_states": finals, "idempotency": keys})
    ).crdt
    assert (crdt.duplicated_count, crdt.double_effect_count) == (1, 1)


def test_rows_of_one_key_are_added_up() -> None:
    rows = [operation(0), operation(1)]
    keys = pd.concat([made.idempotency(rows), made.idempotency(rows[:1])])
    samples = {"final_states": pd.DataFrame([state(elements("token-0", "token-1"))]), "idempotency": keys}
    crdt = measure(replace(BASE, operations=made.history(rows), samples=samples)).crdt
    assert crdt.double_effect_count == 1


def test_a_layout_that_keeps_a_log_beside_the_elements_is_no_second_effect() -> None:
    rows = [operation(number) for number in range(30)]
    tokens = [row["token"] for row in rows]
    log = elements(*tokens) | {"log": [{"token": token} for token in tokens]}
    assert checked(rows, [state(log)]).duplicated_count == 0
    log["log"].append({"token": "token-3"})
    assert checked(rows, [state(log)]).duplicated_count == 1


# -- clocks


def clocks(*held: dict[str, int] | None, source: str = "sql") -> list[dict[str, Any]]:
    """Reads of one place, one after the other, with their clocks."""
    return [
        state(elements("token-0"), source=source, at_ns=LATE_NS + number * 5 * S, vector_clock=json.dumps(clock))
        for number, clock in enumerate(held)
    ]


@pytest.mark.parametrize(
    ("final", "reads", "count"),
    [
        ({"user-0": 1}, [], 0),
        ({"user-0": 1, "server": 9}, [], 0),  # a node of the platform's own
        ({"user-0": 2}, [], 1),  # above all that was sent
        ({"server": 1}, [], 1),  # lacks the acknowledged write
        ({}, [], None),  # no clock was read at all
        ({"user-0": 1, "server": 3}, [{"user-0": 1, "server": 4}], 1),  # falls
        ({"user-0": 1}, [{"user-0": 0}], 1),  # holds the element, and not its clock
        ({"user-0": 1}, [{"user-0": 1}, {"user-0": 1}], 0),
    ],
)
def test_clocks(final: dict[str, int], reads: list[dict[str, int]], count: int | None) -> None:
    last = [state(elements("token-0"), vector_clock=json.dumps(final))]
    assert checked([operation(0)], last, clocks(*reads)).clock_regression_count == count


def test_a_read_that_lags_behind_with_its_clock_is_stale_and_no_regression() -> None:
    last = [state(elements("token-0"), vector_clock='{"user-0": 1}')]
    lagging = [state(elements(), source="go", at_ns=LATE_NS, vector_clock='{"server": 1}')]
    crdt = checked([operation(0)], last, lagging)
    assert (crdt.stale_count, crdt.clock_regression_count) == (1, 0)


def test_answers_to_one_user_never_fall() -> None:
    last = [state(elements("token-0", "token-1"), vector_clock='{"a": 1, "b": 5}')]
    sent = {"user": 0, "clock_sent": '{"a": 1}'}
    rows = [
        operation(0, clock_returned='{"a": 1, "s": 5}', **sent),
        operation(1, clock_returned='{"a": 1, "s": 4}', **sent),
    ]
    assert checked(rows, last).clock_regression_count == 1
    rows[1]["user"] = 1
    assert checked(rows, last).clock_regression_count == 0
    rows[1]["clock_returned"] = '{"a": 0}'
    assert checked(rows, last).clock_regression_count == 1


def test_of_very_many_answers_the_own_node_of_each_is_looked_at() -> None:
    rows = [operation(number, clock_returned=f'{{"user-{number}": 1, "s": {number}}}') for number in range(200)]
    final = [
        state(elements(*(row["token"] for row in rows)), vector_clock=json.dumps({f"user-{n}": 1 for n in range(200)}))
    ]
    assert checked(rows, final).clock_regression_count == 0
    for number, told in ((3, 0), (77, 2), (150, 0)):
        rows[number]["clock_returned"] = f'{{"user-{number}": {told}, "s": {number}}}'
    rows[9]["clock_returned"] = '{"s": 9}'
    assert checked(rows, final).clock_regression_count == 4


# -- places


def test_places_that_differ_after_quiesce_diverge_once_a_session() -> None:
    rows = [operation(0), operation(1)]
    same = [state(elements("token-0", "token-1"), source=source) for source in ("sql", "fastapi", "go")]
    crdt = checked(rows, same)
    assert (crdt.divergence_count, crdt.doors) == (0, ("sql", "fastapi", "go"))
    assert crdt.converge_ms is not None
    cached = [*same[:2], state(elements("token-0"), source="go")]
    assert checked(rows, cached).divergence_count == 1
    other_parts = [*same[:2], state(elements("token-0", "token-1", fetched_at="now"), source="go")]
    assert checked(rows, other_parts).divergence_count == 0


def test_a_register_or_a_counter_may_differ_too() -> None:
    rows = [contended(0), contended(1), increment(2)]
    first = state(elements(hot={"0": "token-0"}, counters={"0": 1}))
    for other in (elements(hot={"0": "token-1"}, counters={"0": 1}), elements(hot={"0": "token-0"}, counters={"0": 0})):
        assert checked(rows, [first, state(other, source="go")]).divergence_count == 1


def test_converging_takes_from_the_last_answer_to_the_slowest_place() -> None:
    answered = STARTED_NS + S // 100
    finals = [
        state(elements("token-0"), source=source, since_ns=answered + after * S)
        for source, after in (("sql", 1), ("fastapi", 3), ("go", 2))
    ]
    crdt = checked([operation(0)], finals)
    assert crdt.converge_ms is not None
    assert crdt.converge_ms.max == 3000.0


def test_a_door_that_was_not_read_or_still_changed_is_a_doubt_and_no_divergence() -> None:
    rows, whole = [operation(0)], elements("token-0")
    for unread in (
        [state(whole), state(whole, source="go")],
        [state(whole), state(whole, source="go"), state("", source="fastapi") | {"document": None}],
        [state(whole), state(whole, source="go"), state(elements(), source="fastapi", settled=False)],
    ):
        crdt = checked(rows, unread)
        assert crdt.divergence_count is None
        assert "1 sessions were not read at rest at fastapi" in crdt.doubts


def test_a_final_state_that_still_changed_proves_no_loss() -> None:
    crdt = checked([operation(0)], [state(elements(), settled=False)])
    assert (crdt.lost_count, crdt.final_state_read) == (None, False)
    assert "the final state of 1 sessions still changed when it was read" in crdt.doubts
    unsure = checked([operation(0)], [state(elements("token-0"), settled=None)])
    assert unsure.lost_count == 0
    assert "whether the final state of 1 sessions stood still is not known" in unsure.doubts


# -- where a write has to stand


@pytest.mark.parametrize(
    "held",
    [{}, {"token-0": None}, {"token-0": {"token": "token-1"}}, {"token-0": {}}, {"other": {"token": "token-0"}}],
    ids=["absent", "tombstone", "of another", "empty", "elsewhere"],
)
def test_an_element_stands_at_its_path_with_its_token(held: dict[str, Any]) -> None:
    rows = [operation(0), operation(1)]
    final = elements("token-1") | {"audit": ["token-0"]}
    final["elements"] |= held
    crdt = checked(rows, [state(final)])
    assert crdt.lost_count == 1
    assert crdt.counterexample is not None
    assert crdt.counterexample.kind == "lost"


def test_a_register_that_is_gone_from_its_path_is_lost_wherever_else_its_token_is_told() -> None:
    rows = [contended(0), contended(1, "/hot/1")]
    crdt = checked(rows, [state({"hot": {"1": "token-1"}, "audit": ["token-0"]})])
    assert (crdt.lost_count, crdt.superseded_count) == (1, 0)


def test_elements_may_be_added_to_the_end_of_a_list() -> None:
    rows = [operation(number, path="/elements/-") for number in range(3)]
    assert checked(rows, [state({"elements": ["token-0", {"token": "token-1"}]})]).lost_count == 1


def test_of_change_objects_the_one_of_the_path_counts() -> None:
    rows = [operation(0), contended(1)]
    kept = [{"op": "add", "path": "/elements/token-0", "value": "token-0"}, {"path": "/else", "value": "token-1"}]
    crdt = checked(rows, [state({"changes": kept})])
    assert crdt.lost_count == 0
    assert "writes to /hot stand neither at their paths nor as change objects" in " ".join(crdt.doubts)
    kept.append({"op": "set", "path": "/hot/1", "value": "token-2"})
    assert checked([*rows, contended(2, "/hot/1")], [state({"changes": kept})]).lost_count == 1


def test_among_equal_clocks_time_decides() -> None:
    same = {"clock_sent": '{"a": 1}'}
    rows = [contended(0, **same), contended(1, at_ms=500, **same)]
    assert checked(rows, [state({"hot": {"0": "token-0"}})]).lost_count == 1
    assert checked(rows, [state({"hot": {"0": "token-1"}})]).lost_count == 0


def test_amounts_of_any_size_are_exact_and_one_that_is_not_told_leaves_the_counter_open() -> None:
    rows = [increment(0, amount=2**60), increment(1, amount=2**60 + 1)]
    assert checked(rows, [state(elements(counters={"0": 2**61 + 1}))]).lost_count == 0
    crdt = checked(rows, [state(elements(counters={"0": 2**61}))])
    assert (crdt.lost_count, crdt.duplicated_count) == (1, 0)
    rows.append(increment(2, amount=None))
    crdt = checked(rows, [state(elements(counters={"0": 2**61 + 9}))])
    assert (crdt.lost_count, crdt.duplicated_count) == (None, None)


def test_a_counter_of_four_hundred_digits_is_an_excess_and_no_crash() -> None:
    text = '{"counters": {"0": 1' + "0" * 400 + "}}"
    assert checked([increment(0)], [state(text)]).duplicated_count


# -- histories that make no sense


DEEP = "[" * 200_000 + "]" * 200_000


@pytest.mark.parametrize("document", ["", "null", "{", DEEP, "[1, 2]", '"text"', "NaN", '{"elements": null}', None])
def test_hostile_documents_lose_nothing_silently(document: str | None) -> None:
    crdt = checked([operation(0), contended(1), increment(2)], [state("") | {"document": document}])
    assert crdt.lost_count != 0
    assert crdt.doubts


@pytest.mark.parametrize(
    "clock", ["[]", "{", "null", '{"a": "x"}', '{"a": 1.5}', '{"a": null}', '{"a": 99999999999999999999}']
)
def test_hostile_clocks_are_no_clocks(clock: str) -> None:
    rows = [operation(0, clock_sent=clock, clock_returned=clock), contended(1, clock_sent=clock)]
    crdt = checked(rows, [state(elements("token-0", hot={"0": "token-1"}), vector_clock=clock)])
    assert (crdt.lost_count, crdt.conflicts_count) == (0, 0)


def test_times_that_cannot_be_are_told_and_prove_nothing() -> None:
    rows = [
        operation(0, end_ns=STARTED_NS - S),
        operation(1, invoke_ns=None),
        operation(2, end_ns=None),
        operation(3, invoke_ns=-4),
    ]
    read = [state(elements(), at_ns=LATE_NS)]
    crdt = checked(rows, [state(elements(*(row["token"] for row in rows)))], read)
    assert crdt.stale_count == 2  # 1 and 3: when they were answered is known
    assert "1 operations ended before they began" in crdt.doubts
    assert "3 operations carry no usable time" in crdt.doubts


def test_a_row_recorded_twice_counts_once_and_an_id_used_twice_is_told() -> None:
    final = [state(elements("token-0", "token-1"))]
    assert checked([operation(0), operation(0)], final).operations_count == 1
    crdt = checked([operation(0), operation(1, op_id="op-0")], final)
    assert crdt.operations_count == 2
    assert "1 operations share the id of another one that differs" in crdt.doubts


ANYTHING = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(["token-0", "{}", '{"a": 1}']),
)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_table_crashes_the_checker(data: st.DataObject) -> None:
    def rows(names: list[str]) -> pd.DataFrame:
        shown = data.draw(st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(names, ANYTHING)), max_size=4))
        return pd.DataFrame(shown, dtype=object)

    operations = rows(list(operation(0)))
    tables = {name: rows(list(state({}))) for name in ("final_states", "reads")}
    tables["idempotency"] = rows(["key_sha256", "rows_count"])
    crdt = measure(replace(BASE, operations=operations, samples=tables)).crdt
    assert crdt.operations_count in (None, *range(5))


@pytest.mark.parametrize("text", ["1" + "0" * 400, "1e999", "NaN", "-1e999"])
def test_a_counter_beyond_all_numbers_breaks_nothing(text: str) -> None:
    document = Document.parse(f'{{"counters": {{"0": {text}}}}}')
    assert document is not None
    assert value_at(document, "/counters/0", absent=0) == (10**400 if text.isdecimal() else None)

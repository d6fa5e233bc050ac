"""The CRDT history: waves, replays, outcomes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.crdt_operations import Waves, outcome
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.workload import Workload
from fireai_analysis.scenarios import load_scenario, load_target

SCENARIO = load_scenario("crdt_stress").model_copy(update={"duration_s": 40.0, "users": 200})
PLAN = plan(SCENARIO, 1)
SESSIONS = ["session-a", "session-b"]


def new_waves() -> Waves:
    return Waves(SCENARIO, PLAN, sessions=SESSIONS, workload=Workload(load_target("embedded").data, 1), seed=1)


def test_outcomes_by_the_table() -> None:
    assert {status: outcome(status, conflict_409_applied=False) for status in (200, 201, 204)} == dict.fromkeys(
        (200, 201, 204), "ok"
    )
    for status in (400, 401, 403, 404, 413, 422):
        assert outcome(status, conflict_409_applied=False) == "fail"
    for status in (0, 301, 408, 429, 500, 502, 503, 504):
        assert outcome(status, conflict_409_applied=True) == "unknown"
    assert outcome(409, conflict_409_applied=True) == "ok"
    assert outcome(409, conflict_409_applied=False) == "fail"


def test_a_wave_writes_to_one_session_with_unique_tokens_and_keys() -> None:
    waves = new_waves()
    first, second = list(waves.build(0)), list(waves.build(200))
    assert {each.session_id for each in first} == {"session-a"}
    assert {each.session_id for each in second} == {"session-b"}
    everything = first + second
    assert len({each.token for each in everything}) == len({each.key for each in everything}) == len(everything)
    assert all(each.clock == {f"user-{each.user:04d}": 1} for each in everything)
    for each in everything:
        content = json.loads(each.request.body or b"")
        (change,) = content["changes"]
        assert (content["idempotency_key"], content["vector_clock"]) == (each.key, each.clock)
        assert change["path"] == each.path
        if each.kind == "contended":
            assert (change["op"], change["value"]) == ("set", each.token)
            assert each.path in {f"/hot/{number}" for number in range(8)}
        else:
            assert each.kind == "unique"
            assert (change["op"], change["value"]["token"], each.path) == ("add", each.token, f"/elements/{each.token}")
    assert len({each.path for each in everything if each.kind == "contended"}) == 8


def test_nothing_of_an_answer_is_in_a_wave() -> None:
    waves = new_waves()
    built = {each.arrival: each.invocation() for each in waves.build(0)}
    for position in sorted(built)[:50]:
        waves.take(position)
        waves.answered(position, 200)
    assert {position: waves.take(position).invocation() for position in sorted(built)} == built


@given(st.integers(0, 3), st.data())
def test_a_replay_repeats_an_acknowledged_write_of_its_wave(answered_every: int, data: st.DataObject) -> None:
    waves = new_waves()
    built = {each.arrival for each in waves.build(0)}
    acknowledged, sent = set(), {}
    for position in range(200):
        operation = waves.take(position)
        if position in built:
            sent[position] = operation
            if answered_every and position % answered_every == 0:
                status = data.draw(st.sampled_from((200, 500)))
                waves.answered(position, status)
                acknowledged |= {position} if status == 200 else set()
            continue
        assert operation.kind == "replay"
        (original,) = [each for each in sent.values() if each.key == operation.key]
        assert original.arrival in acknowledged or not acknowledged
        assert operation.request.body == original.request.body
        assert (operation.token, operation.path, operation.clock) == (original.token, original.path, original.clock)
        assert operation.arrival == position != original.arrival
        waves.answered(position, 200)


def test_a_wave_that_begins_with_a_replay_begins_with_a_unique_write() -> None:
    only_replays = SCENARIO.model_copy(update={"mix": (SCENARIO.mix[4],)})
    waves = Waves(
        only_replays,
        plan(only_replays, 1),
        sessions=SESSIONS,
        workload=Workload(load_target("embedded").data, 1),
        seed=1,
    )
    assert [each.kind for each in waves.build(0)] == ["unique"]
    assert waves.take(0).kind == "unique"
    assert waves.take(1).kind == "replay"

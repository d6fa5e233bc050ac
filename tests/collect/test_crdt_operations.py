"""The CRDT history: waves, replays, outcomes."""

import hashlib
import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.crdt_operations import Operation, Waves, outcome
from fireai_analysis.collect.schedule import plan
from fireai_analysis.collect.workload import Workload
from fireai_analysis.scenarios import load_scenario, load_target, run_spec
from fireai_analysis.spec import Scenario

SCENARIO = load_scenario("crdt_stress").model_copy(update={"duration_s": 40.0, "users": 200})
PLAN = plan(SCENARIO, 1)
SESSIONS = ["session-a", "session-b"]


def new_waves(scenario: Scenario = SCENARIO) -> Waves:
    workload = Workload(load_target("embedded").data, 1)
    return Waves(scenario, plan(scenario, 1), sessions=SESSIONS, workload=workload, seed=1)


def only(*actions: str) -> Scenario:
    """The scenario with these actions alone."""
    return SCENARIO.model_copy(update={"mix": tuple(entry for entry in SCENARIO.mix if entry.action in actions)})


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
        assert (each.original, each.amount) == (None, 1 if each.kind == "counter" else None)
        if each.kind == "contended":
            assert (change["op"], change["value"]) == ("set", each.token)
            assert each.path in {f"/hot/{number}" for number in range(2)}
        elif each.kind == "counter":
            assert (change["op"], change["value"]) == ("increment", 1)
            assert each.path in {"/counters/0"}
        else:
            assert each.kind == "unique"
            assert (change["op"], change["value"]["token"], each.path) == ("add", each.token, f"/elements/{each.token}")
    assert len({each.path for each in everything if each.kind == "contended"}) == 2


def test_an_invocation_names_the_body_as_it_is_sent() -> None:
    for operation in new_waves().build(0):
        told = operation.invocation()
        assert told["body_sha256"] == hashlib.sha256(operation.request.body or b"").hexdigest()
        assert (told["arrival"], told["token"], told["amount"]) == (
            operation.arrival, operation.token, operation.amount
        )  # fmt: skip


def test_nothing_of_an_answer_is_in_a_wave() -> None:
    waves = new_waves()
    built = {each.arrival: each.invocation() for each in waves.build(0)}
    for position in sorted(built)[:50]:
        waves.take(position)
        waves.answered(position, 200)
    assert {position: waves.take(position)[0].invocation() for position in sorted(built)} == built


@given(st.lists(st.sampled_from((0, 200, 409, 500)), min_size=200, max_size=200), st.integers(1, 12))
def test_what_uses_a_key_again_is_called_by_the_state_of_its_original(statuses: list[int], delay: int) -> None:
    waves = new_waves(only("unique", "contended", "replay", "duplicate", "altered"))
    built = {each.arrival for each in waves.build(0)}
    acknowledged: set[int] = set()
    in_flight: set[int] = set()
    sent: dict[int, Operation] = {}
    for position in range(200):
        if position >= delay:
            ended = position - delay
            waves.answered(ended, statuses[ended])
            in_flight -= {ended}
            acknowledged |= {ended} if statuses[ended] == 200 and sent[ended].original is None else set()
        operation, was_chosen = waves.take(position)
        assert was_chosen == (position not in built)
        assert operation.arrival == position
        sent[position] = operation
        if operation.original is None:
            in_flight.add(position)
            continue
        original = sent[operation.original]
        assert operation.key == original.key == operation.request.key
        assert original.original is None
        if operation.kind == "altered":
            assert original.arrival in acknowledged
            assert operation.token != original.token
            assert operation.request.body != original.request.body
            assert json.loads(operation.request.body or b"")["idempotency_key"] == original.key
            continue
        assert operation.request.body == original.request.body
        assert (operation.token, operation.path, operation.clock) == (original.token, original.path, original.clock)
        assert (original.arrival in in_flight) == (operation.kind == "duplicate")
        if operation.kind == "replay":
            assert original.arrival in acknowledged or not acknowledged


def test_before_anything_is_acknowledged_an_altered_write_has_no_key_to_use_again() -> None:
    waves = new_waves(only("altered"))
    list(waves.build(0))
    first, second = waves.take(0)[0], waves.take(1)[0]
    assert [first.kind, second.kind] == ["unique", "unique"]
    assert first.key != second.key
    waves.answered(1, 200)
    third = waves.take(2)[0]
    assert (third.kind, third.original, third.key) == ("altered", 1, second.key)


def test_a_wave_that_begins_with_a_replay_begins_with_a_unique_write() -> None:
    waves = new_waves(only("replay"))
    assert [each.kind for each in waves.build(0)] == ["unique"]
    assert waves.take(0)[0].kind == "unique"
    assert waves.take(1)[0].kind == "duplicate"
    waves.answered(0, 200)
    assert waves.take(2)[0].kind == "replay"


def test_a_target_without_counters_gets_contended_writes_in_their_place() -> None:
    target = load_target("embedded")
    without = target.model_copy(update={"crdt": target.crdt.model_copy(update={"counters": False})})
    weights = {}
    for name, one in (("with", target), ("without", without)):
        spec = run_spec("r", "crdt_stress", "smoke", one, 1)
        assert spec.full.mix == spec.scenario.mix
        weights[name] = Counter[str]()
        for entry in spec.scenario.mix:
            weights[name][entry.action] += round(100 * entry.weight)
    assert weights["with"]["counter"] == 1000
    assert weights["without"] == weights["with"] - Counter(counter=1000) + Counter(contended=1000)


def test_the_weights_of_the_mix() -> None:
    spec = run_spec("r", "crdt_stress", "smoke", load_target("embedded"), 1)
    assert sum(entry.weight for entry in spec.scenario.mix) == 100
    writes = plan(spec.scenario, 1)
    kinds = Counter(spec.scenario.mix[entry].action for entry in writes.entries)
    assert kinds["contended"] + kinds["counter"] > 1150  # of 2,000: room for 1,000 in conflict


def test_several_processes_share_the_waves_without_overlap() -> None:
    scenario, arrivals, sessions = only("unique", "contended", "replay"), [], set()
    for worker in range(3):
        share = plan(scenario, 1, worker=worker, workers=3)
        workload = Workload(load_target("embedded").data, 1)
        waves = Waves(scenario, share, sessions=SESSIONS, workload=workload, seed=1)
        own: set[int] = set()
        wave = -1
        for position in range(len(share)):
            if int(share.waves[position]) != wave:
                wave = int(share.waves[position])
                list(waves.build(position))
            operation, _ = waves.take(position)
            waves.answered(position, 200)
            own.add(operation.arrival)
            sessions.add((operation.wave, operation.session_id))
            assert operation.original is None or operation.original in own
        arrivals += sorted(own)
    assert sorted(arrivals) == list(range(400))
    assert sessions == {(0, "session-a"), (1, "session-b")}

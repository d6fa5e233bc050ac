"""CRDT writes: nothing acknowledged is lost, one effect a key, the documented winner."""

import asyncio
import json
import uuid
from itertools import pairwise
from typing import Any

import aiohttp
import pytest

from tests.platform.conftest import Client, element, increment, register

pytestmark = pytest.mark.real

DOORS = ["go", "fastapi"]


def at_once(client: Client, writes: list[tuple[str, dict[str, Any]]]) -> list[tuple[int, bytes]]:
    """Send writes all at once, each to its door, and return statuses and bodies."""
    headers = {door: client.headers(door) for door in DOORS}

    async def send(http: aiohttp.ClientSession, door: str, body: dict[str, Any]) -> tuple[int, bytes]:
        url = f"{client.url(door)}/v1/tests/sessions/{body['session_id']}/results"
        text = json.dumps(body).replace('"HUGE"', "1e999999")
        async with http.post(url, data=text, headers=headers[door]) as answer:
            return answer.status, await answer.read()

    async def send_all() -> list[tuple[int, bytes]]:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            return await asyncio.gather(*(send(http, door, body) for door, body in writes))

    return asyncio.run(send_all())


def test_all_concurrent_writes_to_one_session_survive(client: Client) -> None:
    session_id, count = client.new_session(), 200
    writes = [(DOORS[i % 10 == 0], element(session_id, f"token-{i}", f"node-{i}")) for i in range(count)]
    answers = at_once(client, writes)
    assert [status for status, _ in answers] == [200] * count
    document, clock = client.row("SELECT session_data, vector_clock FROM test_sessions WHERE id = %s", session_id)
    assert document["elements"] == {f"token-{i}": {"token": f"token-{i}"} for i in range(count)}
    assert clock == {f"node-{i}": 1 for i in range(count)}
    for (_, write), (_, body) in zip(writes, answers, strict=True):
        reply = json.loads(body)
        assert reply["status"] == "merged"
        assert reply["vector_clock"].items() >= write["vector_clock"].items()


def test_concurrent_writes_to_a_register_leave_the_documented_winner(client: Client) -> None:
    session_id = client.new_session()
    clocks = [{f"node-{i:03d}": 1 + i % 7} for i in range(100)]
    writes = [("go", register(session_id, f"v{i}", clock)) for i, clock in enumerate(clocks)]
    assert {status for status, _ in at_once(client, writes)} == {200}
    winner = max(range(100), key=lambda i: (sum(clocks[i].values()), max(clocks[i]), f"v{i}"))
    assert client.document(session_id)["hot"] == {"k": f"v{winner}"}


def test_concurrent_increments_all_count_and_repeated_ones_once(client: Client) -> None:
    session_id = client.new_session()
    writes = [("go", increment(session_id, f"n{i}", i % 3, key="ab"[i % 2])) for i in range(90)]
    again = [(DOORS[i % 2], write) for i, (_, write) in enumerate(writes[::3])]
    answers = at_once(client, writes + again)
    assert {status for status, _ in answers} == {200}
    later = [client.write("go", write) for _, write in writes[:5]]
    assert [answer.content for answer in later] == [body for _, body in answers[:5]]
    wanted = {key: sum(i % 3 for i in range(90) if "ab"[i % 2] == key) for key in "ab"}
    assert client.document(session_id)["counters"] == wanted


def test_another_amount_under_a_used_key_is_refused_and_adds_nothing(client: Client) -> None:
    session_id = client.new_session()
    write = increment(session_id, "n", 2)
    assert client.write("go", write).status_code == 200
    before = client.row("SELECT session_data, vector_clock, updated_at FROM test_sessions WHERE id = %s", session_id)
    other = increment(session_id, "m", 5) | {"idempotency_key": write["idempotency_key"]}
    assert [client.write(door, other).status_code for door in DOORS] == [422, 422]
    after = client.row("SELECT session_data, vector_clock, updated_at FROM test_sessions WHERE id = %s", session_id)
    assert after == before
    assert after[0]["counters"] == {"k": 2}


def test_a_later_write_wins_and_a_dominated_one_does_not(client: Client) -> None:
    session_id = client.new_session()
    first = client.write("go", register(session_id, "first", {"a": 1})).json()["vector_clock"]
    assert client.write("fastapi", register(session_id, "second", first | {"b": 1})).status_code == 200
    assert client.write("go", register(session_id, "late", {"a": 1})).status_code == 200
    assert client.document(session_id)["hot"] == {"k": "second"}


@pytest.mark.parametrize("door", DOORS)
def test_a_replayed_key_gives_the_stored_answer_and_changes_nothing(client: Client, door: str) -> None:
    session_id = client.new_session()
    write = element(session_id, "once")
    first = client.write("go", write)
    client.write("go", element(session_id, "between", "m"))
    before = client.row("SELECT session_data, vector_clock, updated_at FROM test_sessions WHERE id = %s", session_id)
    again = client.write(door, write)
    assert (again.status_code, again.content) == (200, first.content)
    after = client.row("SELECT session_data, vector_clock, updated_at FROM test_sessions WHERE id = %s", session_id)
    assert after == before


def test_concurrent_duplicates_have_one_effect_and_one_answer(client: Client) -> None:
    session_id = client.new_session()
    originals = [element(session_id, f"d{i}", f"n{i}") for i in range(5)]
    answers = at_once(client, [(DOORS[i % 4 == 0], originals[i % 5]) for i in range(60)])
    assert {status for status, _ in answers} == {200}
    for i in range(5):
        assert len({body for _, body in answers[i::5]}) == 1
    assert len(client.document(session_id)["elements"]) == 5
    keys = [write["idempotency_key"] for write in originals]
    stored = client.row(
        "SELECT count(*) FROM idempotency_keys WHERE key_hash = ANY "
        "(SELECT encode(sha256(key::bytea), 'hex') FROM unnest(%s::text[]) key)",
        keys,
    )
    assert stored == (5,)


def test_a_key_used_for_another_body_is_refused(client: Client) -> None:
    session_id = client.new_session()
    write = element(session_id, "one")
    assert client.write("go", write).status_code == 200
    other = element(session_id, "two", "m") | {"idempotency_key": write["idempotency_key"]}
    answers = at_once(client, [("go", other), ("fastapi", other)])
    assert [status for status, _ in answers] == [422, 422]
    document, clock = client.row("SELECT session_data, vector_clock FROM test_sessions WHERE id = %s", session_id)
    assert set(document["elements"]) == {"one"}
    assert clock == {"n": 1}
    assert client.write("fastapi", write).status_code == 200


def test_of_many_bodies_at_once_under_one_key_one_is_merged(client: Client) -> None:
    session_id, key = client.new_session(), str(uuid.uuid4())
    others = [("go", element(session_id, f"other-{i}", f"n{i}")) for i in range(60)]
    rivals = [("go", element(session_id, f"rival-{i}") | {"idempotency_key": key}) for i in range(40)]
    answers = at_once(client, [write for pair in zip(others, rivals, strict=False) for write in pair] + others[40:])
    statuses = [status for status, _ in answers]
    assert sorted(statuses[1:80:2]) == [200] + [422] * 39
    assert len([token for token in client.document(session_id)["elements"] if token.startswith("rival")]) == 1


def test_the_same_key_at_once_in_two_sessions_has_one_effect(client: Client) -> None:
    sessions = [client.new_session(), client.new_session()]
    key = str(uuid.uuid4())
    answers = at_once(client, [("go", element(name, "t") | {"idempotency_key": key}) for name in sessions])
    assert sorted(status for status, _ in answers) == [200, 422]
    assert sum(len(client.document(name)["elements"]) for name in sessions) == 1


def test_another_value_for_an_element_is_a_conflict(client: Client) -> None:
    session_id = client.new_session()
    assert client.write("go", element(session_id, "e")).status_code == 200
    other = element(session_id, "e", "m")
    other["changes"][0]["value"] = {"token": "e", "changed": True}
    refusal = client.write("go", other)
    assert refusal.status_code == 409
    assert client.write("go", other).content == refusal.content
    assert client.write("go", element(session_id, "e", "o")).status_code == 200
    document, clock = client.row("SELECT session_data, vector_clock FROM test_sessions WHERE id = %s", session_id)
    assert document["elements"] == {"e": {"token": "e"}}
    assert clock == {"n": 1, "o": 1}


def test_a_clock_never_falls(client: Client) -> None:
    session_id = client.new_session()
    replies = [client.write("go", element(session_id, f"t{count}", "n", count)).json() for count in (3, 1, 5, 2)]
    seen = [reply["vector_clock"]["n"] for reply in replies]
    assert all(earlier <= later for earlier, later in pairwise(seen))
    assert seen[-1] == 5


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "changed",
    [
        {"changes": []},
        {"vector_clock": {}},
        {"vector_clock": {"n": -1}},
        {"vector_clock": {"n": "1"}},
        {"idempotency_key": ""},
        {"session_id": str(uuid.uuid4())},
        {"changes": [{"op": "remove", "path": "/elements/t", "value": {}}]},
        {"changes": [{"op": "add", "path": "/elsewhere/t", "value": {}}]},
        {"changes": [{"op": "set", "path": "/hot/k", "value": 1}]},
        {"changes": [{"op": "increment", "path": "/counters/k", "value": "1"}]},
        {"changes": [{"op": "increment", "path": "/counters/k", "value": 1.5}]},
        {"changes": [{"op": "increment", "path": "/counters/k", "value": 1000001}]},
        {"changes": [{"op": "add", "path": "/elements/t", "value": {"token": "\0"}}]},
    ],
    ids=lambda changed: json.dumps(changed)[:40],
)
def test_what_is_no_write_is_refused(client: Client, door: str, changed: dict[str, Any]) -> None:
    session_id = client.new_session()
    body = element(session_id, "t") | changed
    answer = client.post(door, f"/v1/tests/sessions/{session_id}/results", json=body)
    assert answer.status_code == 422, answer.text
    assert client.document(session_id) == {"elements": {}, "hot": {}, "counters": {}}


def test_one_write_that_the_database_cannot_hold_harms_no_other(client: Client) -> None:
    session_id = client.new_session()
    writes = [("go", element(session_id, f"t{i}", f"n{i}")) for i in range(40)]
    huge = element(session_id, "huge")
    huge["changes"][0]["value"]["number"] = "HUGE"
    writes[5:5] = [("go", huge)]
    statuses = [status for status, _ in at_once(client, writes)]
    assert statuses[5] == 422
    assert statuses[:5] + statuses[6:] == [200] * 40
    assert len(client.document(session_id)["elements"]) == 40


def test_an_unknown_session_is_refused_and_its_key_stays_free(client: Client) -> None:
    write = element(str(uuid.uuid4()), "t")
    assert client.write("go", write).status_code == 404
    session_id = client.new_session()
    assert client.write("go", write | {"session_id": session_id}).status_code == 200


@pytest.mark.parametrize("door", DOORS)
def test_a_session_is_read_as_it_is_committed(client: Client, door: str) -> None:
    session_id = client.new_session()
    writes = [element(session_id, "é"), register(session_id, "v", {"m": 1}), increment(session_id, "o", 4)]
    for write in writes:
        assert client.write("go", write).status_code == 200
    answer = client.get(door, f"/v1/tests/sessions/{session_id}")
    assert answer.status_code == 200
    assert answer.json() == {
        "session_id": session_id,
        "session_data": {"elements": {"é": {"token": "é"}}, "hot": {"k": "v"}, "counters": {"k": 4}},
        "vector_clock": {"n": 1, "m": 1, "o": 1},
    }


@pytest.mark.parametrize("door", DOORS)
def test_a_read_needs_a_token_a_uuid_and_a_session_and_is_not_counted(client: Client, door: str) -> None:
    before = client.http.get(f"{client.url(door)}/metrics", timeout=10).json()["requests"]
    path = f"/v1/tests/sessions/{uuid.uuid4()}"
    assert client.http.get(f"{client.url(door)}{path}", timeout=10).status_code == 401
    assert client.get(door, path).status_code == 404
    assert client.get(door, "/v1/tests/sessions/no-uuid").status_code == 422
    assert client.http.get(f"{client.url(door)}/metrics", timeout=10).json()["requests"] == before

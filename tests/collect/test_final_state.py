"""Final states are taken once they stand still at every place; what fails is told and nothing is invented."""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect import final_state, session_reads
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.database import Database
from fireai_analysis.collect.final_state import MOST_FAILURES, Course, Quiesce, read_final_states
from fireai_analysis.collect.session_reads import State, places
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.dsn import parse
from fireai_analysis.errors import CollectionError
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.scenarios import load_target
from fireai_analysis.spec import Target
from tests.collect.http_stub import Stub, http, says, serving
from tests.collect.stub import run_bundle, target_at

SESSIONS = [str(uuid.UUID(int=n)) for n in range(5)]
SECRETS = {"INTERNAL_JWT_SECRET_KEY": "i" * 32, "FIREAI_PUBLIC_JWT_SECRET_KEY": "p" * 32}


class Scripted:
    """A place whose reads are told by a function of session and number of the read."""

    def __init__(self, source: str, told: Callable[[str, int], str | None]) -> None:
        self.source, self._told, self.asked = source, told, []

    def read(self, session_id: str, deadline_s: float) -> State:
        self.asked.append(session_id)
        number = self.asked.count(session_id)
        document = self._told(session_id, number)
        if document is None:
            raise CollectionError("no answer")
        return State(session_id, self.source, 10 * len(self.asked), 10 * len(self.asked) + 5, document, "{}")

    def close(self) -> None:
        pass


def settled(*found: Scripted, patience_s: float = 60.0) -> Quiesce:
    reads = Quiesce(found, SESSIONS, Clock())
    reads.settle(lambda _: None, patience_s)
    return reads


def test_only_what_changed_is_read_again() -> None:
    sql = Scripted("sql", lambda session, number: str(min(number, 4)) if session == SESSIONS[3] else "0")
    reads = settled(sql)
    assert reads.notes() == []
    assert sql.asked == [*SESSIONS, *SESSIONS, SESSIONS[3], SESSIONS[3], SESSIONS[3]]
    row = reads.courses[SESSIONS[3], "sql"].row()
    assert (row["document"], row["settled"]) == ("4", True)
    assert row["begin_ns"] - row["since_ns"] == 10


def test_a_place_that_lags_is_waited_for_until_it_agrees() -> None:
    sql = Scripted("sql", lambda session, number: '{"a": 1, "b": 2}')
    go = Scripted("go", lambda session, number: '{"b":2,"a":1}' if number > 6 else "{}")
    reads = settled(sql, go)
    assert reads.notes() == []
    assert go.asked.count(SESSIONS[0]) == 8
    assert reads.courses[SESSIONS[0], "go"].row()["settled"]


def test_what_never_agrees_or_never_stands_still_is_told() -> None:
    sql, go = Scripted("sql", lambda session, number: "1"), Scripted("go", lambda session, number: "2")
    assert settled(sql, go, patience_s=0.05).notes() == ["5 sessions differ between sql, go"]
    moving = Scripted("sql", lambda session, number: str(number))
    reads = settled(moving, patience_s=0.05)
    assert reads.notes() == ["5 of the reads still changed when patience ended"]
    assert not any(course.settled for course in reads.courses.values())


def test_a_place_that_fails_is_given_up_and_leaves_rows_without_a_document() -> None:
    sql, go = Scripted("sql", lambda session, number: "1"), Scripted("go", lambda session, number: None)
    reads = settled(sql, go)
    assert len(go.asked) == MOST_FAILURES
    assert reads.notes() == ["go: 5 sessions not read: no answer"]
    rows = reads.rows()
    assert [row["document"] for row in rows if row["source"] == "sql"] == ["1"] * 5
    unread = [row for row in rows if row["source"] == "go"]
    assert [(row["session_id"], row.get("document"), row["settled"], row["since_ns"]) for row in unread] == [
        (session, None, False, None) for session in SESSIONS
    ]
    assert [row.get("read_ns") is not None for row in unread] == [True] * MOST_FAILURES + [False] * 2


@given(st.lists(st.sampled_from(("a", "b", None)), min_size=1, max_size=8))
def test_the_course_of_a_session_by_its_definition(told: list[str | None]) -> None:
    course = Course()
    for number, one in enumerate(told):
        state = State("s", "sql", number, number, None if one is None else json.dumps(one), None)
        if one is None:
            course.fail(state)
        else:
            course.take(state)
    row = course.row()
    good = [one for one in told if one is not None]
    assert row["document"] == (json.dumps(good[-1]) if good else None)
    assert row["settled"] == (len(told) > 1 and told[-1] is not None and told[-1] == told[-2])
    if told[-1] is not None:
        run = next((n for n, one in enumerate(reversed(told)) if one != told[-1]), len(told))
        assert row["since_ns"] == len(told) - run


# -- the doors


def door(target: Target) -> Any:
    found, _ = places(target, SECRETS, Clock())
    return next(place for place in found if place.source == "go")


def test_a_door_is_asked_with_its_token_and_told_apart_from_another_answer() -> None:
    content = {"session_id": "s", "session_data": {"é": 1}, "vector_clock": {"a": 2}}
    with serving(says(content)) as stub:
        state = door(target_at(stub.url)).read("s", 5)
        assert (state.source, state.document, state.vector_clock) == ("go", '{"é": 1}', '{"a": 2}')
        assert state.begin_ns < state.read_ns
        for answer, words in (
            (says(content | {"session_id": "t"}), "answered with another session"),
            (says(content | {"session_data": None}), "answered without session_data"),
            (says(b"[]"), "JSON that is no object"),
            (says(content, 401), "answered 401"),
            (lambda connection, path: connection.sendall(http(b"{" + b" " * (9 << 20))), "more than 8388608 bytes"),
        ):
            stub.answer = answer
            with pytest.raises(CollectionError, match=words):
                door(target_at(stub.url)).read("s", 5)


def test_a_door_that_hangs_is_cut_off() -> None:
    with serving() as stub:
        stub.answer = stub.hang
        with pytest.raises(CollectionError, match=r"no answer within 0\.2 s"):
            door(target_at(stub.url)).read("s", 0.2)


def test_without_secrets_nothing_is_read_and_that_is_told(tmp_path: Path) -> None:
    bundle = run_bundle(tmp_path, target_at("http://127.0.0.1:1"), "crdt_stress")
    notes = read_final_states(bundle, {}, SESSIONS)
    assert [note.split(":")[0] for note in notes] == ["sql", "fastapi", "go"]
    assert bundle.samples("final_states") is None
    assert all("secret" not in note.lower() or "SECRET_KEY" in note for note in notes)


# -- the embedded platform


@pytest.fixture
def target(platform: PlatformStatus) -> Target:
    return control.bind(load_target("embedded"), platform)


@pytest.fixture
def bundle(tmp_path: Path, target: Target) -> RunBundle:
    return run_bundle(tmp_path, target, "crdt_stress")


@pytest.fixture
def database(platform: PlatformStatus) -> Iterator[Database]:
    database = Database(parse(platform.database_url))
    yield database
    database.close()


def new_session(target: Target, tokens: Tokens) -> str:
    asked = {
        "building_id": target.data.building_id,
        "session_name": "n",
        "status": "active",
        "created_by": target.data.user_id,
    }
    path, headers = f"{target.base_url('fastapi')}/v1/tests/sessions", tokens.headers("fastapi", 0)
    return str(requests.post(path, json=asked, headers=headers, timeout=10).json()["session_id"])


def write(target: Target, tokens: Tokens, session: str, token: str, key: str) -> int:
    change = {"op": "add", "path": f"/elements/{token}", "value": {"token": token}}
    content = {"session_id": session, "changes": [change], "vector_clock": {token: 1}, "idempotency_key": key}
    path = f"{target.base_url('go')}/v1/tests/sessions/{session}/results"
    return requests.post(path, json=content, headers=tokens.headers("go", 0), timeout=10).status_code


@pytest.mark.real
def test_the_states_of_the_embedded_platform(
    bundle: RunBundle, platform: PlatformStatus, target: Target, database: Database
) -> None:
    secrets = control.secrets(platform)
    tokens = Tokens(target, secrets)
    session, key = new_session(target, tokens), f"key-{uuid.uuid4()}"
    assert write(target, tokens, session, "t1", key) == 200
    assert read_final_states(bundle, secrets, [session]) == []
    frame = bundle.samples("final_states")
    assert frame is not None
    assert frame["source"].tolist() == ["sql", "fastapi", "go"]
    assert frame["settled"].all()
    assert (frame["since_ns"] < frame["begin_ns"]).all()
    assert (frame["begin_ns"] < frame["read_ns"]).all()
    assert frame["document"].nunique() == frame["vector_clock"].nunique() == 1  # the same text at every place
    assert "t1" in json.loads(frame["document"][0])["elements"]
    assert json.loads(frame["vector_clock"][0]) == {"t1": 1}
    final_state.read_idempotency(bundle, database, [key, key, "never used"])
    rows = bundle.samples("idempotency")
    assert rows is not None
    found = {row.key_sha256: (row.rows_count, row.status_code) for row in rows.fillna(-1).itertuples()}
    assert found == {
        hashlib.sha256(key.encode()).hexdigest(): (1, 200),
        hashlib.sha256(b"never used").hexdigest(): (0, -1),
    }


@pytest.mark.real
def test_a_session_that_is_nowhere_is_told_of_each_place(bundle: RunBundle, platform: PlatformStatus) -> None:
    notes = read_final_states(bundle, control.secrets(platform), [str(uuid.uuid4()), "no-uuid"], pause=lambda _: None)
    assert [note.split(":")[0] for note in notes] == ["sql", "fastapi", "go"]
    frame = bundle.samples("final_states")
    assert frame is not None
    assert frame["document"].isna().all()
    assert len(frame) == 6


@pytest.mark.real
def test_a_document_that_is_too_large_is_not_fetched(
    bundle: RunBundle, platform: PlatformStatus, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_reads, "LARGEST_BYTES", 20)
    secrets = control.secrets(platform)
    notes = read_final_states(bundle, secrets, [new_session(target, Tokens(target, secrets))], pause=lambda _: None)
    assert notes[0].startswith("sql: 1 sessions not read: the document has ")
    assert notes[1:] == [f"{door}: 1 sessions not read: answered with more than 20 bytes" for door in ("fastapi", "go")]


@pytest.mark.real
def test_states_are_waited_for_while_writes_still_come(
    bundle: RunBundle, platform: PlatformStatus, target: Target
) -> None:
    secrets = control.secrets(platform)
    tokens = Tokens(target, secrets)
    session = new_session(target, tokens)
    assert write(target, tokens, session, "first", str(uuid.uuid4())) == 200

    def keep_writing(pause_s: float) -> None:
        if len(tokens_written) < 4:
            tokens_written.append(f"late-{len(tokens_written)}")
            assert write(target, tokens, session, tokens_written[-1], str(uuid.uuid4())) == 200

    tokens_written: list[str] = []
    assert read_final_states(bundle, secrets, [session], pause=keep_writing) == []
    frame = bundle.samples("final_states")
    assert frame is not None
    assert {frozenset(json.loads(text)["elements"]) for text in frame["document"]} == {
        frozenset(("first", *tokens_written))
    }
    assert len(tokens_written) == 4


@pytest.mark.real
def test_a_door_that_is_gone_leaves_the_others(bundle: RunBundle, platform: PlatformStatus, target: Target) -> None:
    with serving(says({}, 500)) as stub:
        broken = _moved(target, stub)
        moved = run_bundle(bundle.directory.parent / "moved", broken, "crdt_stress")
        secrets = control.secrets(platform)
        session = new_session(target, Tokens(target, secrets))
        notes = read_final_states(moved, secrets, [session], pause=lambda _: None)
    assert notes == ["fastapi: 1 sessions not read: answered 500"]
    frame = moved.samples("final_states")
    assert frame is not None
    assert dict(zip(frame["source"], frame["document"].notna(), strict=True)) == {
        "sql": True, "fastapi": False, "go": True
    }  # fmt: skip


def _moved(target: Target, stub: Stub) -> Target:
    doors = {**target.doors, "fastapi": target_at(stub.url).doors["fastapi"]}
    return target.model_copy(update={"doors": doors})

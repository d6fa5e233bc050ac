"""Final states are taken once they stand still; idempotency keys are counted; chunks change nothing."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect import final_state
from fireai_analysis.collect.database import Database
from fireai_analysis.collect.tokens import Tokens
from fireai_analysis.dsn import parse
from fireai_analysis.errors import CollectionError
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.scenarios import load_target
from tests.collect.stub import run_bundle, target_at

SESSIONS = [str(uuid.UUID(int=n)) for n in range(45)]


class Changing:
    """A database whose session `moving` changes at each of the first reads."""

    def __init__(self, moving: str, changes_count: int) -> None:
        self.moving, self.changes_count, self.asked = moving, changes_count, []

    def rows(self, query: str, deadline_s: float, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(list(parameters["sessions"]))
        reads = sum(self.moving in asked for asked in self.asked)
        return [
            {"session_id": one, "document": json.dumps(self._version(one, reads)), "vector_clock": None}
            for one in parameters["sessions"]
        ]

    def _version(self, session: str, reads: int) -> int:
        return min(reads, self.changes_count) if session == self.moving else 0


@pytest.fixture
def bundle(tmp_path: Path) -> RunBundle:
    return run_bundle(tmp_path, target_at("http://127.0.0.1:1"), "crdt_stress")


def documents(bundle: RunBundle) -> dict[str, str]:
    frame = bundle.samples("final_states")
    assert frame is not None
    return dict(zip(frame["session_id"], frame["document"], strict=True))


def test_only_what_changed_is_read_again(bundle: RunBundle) -> None:
    database, pauses = Changing(SESSIONS[3], 4), []
    doubt = final_state.read_final_states(bundle, database, SESSIONS, pause=pauses.append)  # type: ignore[arg-type]
    assert doubt is None
    assert documents(bundle) == {one: "4" if one == SESSIONS[3] else "0" for one in SESSIONS}
    assert [len(asked) for asked in database.asked] == [20, 20, 5, 20, 20, 5, 1, 1, 1]
    assert len(pauses) == 4


def test_what_never_stands_still_is_told(bundle: RunBundle) -> None:
    database = Changing(SESSIONS[0], 10**6)
    doubt = final_state.read_final_states(bundle, database, SESSIONS[:2], pause=lambda _: None)  # type: ignore[arg-type]
    assert doubt == "1 sessions still changed after 10 reads"
    assert len(documents(bundle)) == 2


@pytest.fixture
def database(platform: PlatformStatus) -> Iterator[Database]:
    database = Database(parse(platform.database_url))
    yield database
    database.close()


@pytest.mark.real
def test_the_states_of_the_embedded_platform(bundle: RunBundle, platform: PlatformStatus, database: Database) -> None:
    target = control.bind(load_target("embedded"), platform)
    tokens = Tokens(target, control.secrets(platform))
    made = requests.post(
        f"{platform.fastapi_url}/v1/tests/sessions",
        json={
            "building_id": target.data.building_id,
            "session_name": "n",
            "status": "active",
            "created_by": target.data.user_id,
        },
        headers=tokens.headers("fastapi", 0),
        timeout=10,
    )
    session, key = made.json()["session_id"], f"key-{uuid.uuid4()}"
    change = {"op": "add", "path": "/elements/t1", "value": {"token": "t1"}}
    write = {"session_id": session, "changes": [change], "vector_clock": {"n1": 1}, "idempotency_key": key}
    path = f"{platform.go_url}/v1/tests/sessions/{session}/results"
    assert requests.post(path, json=write, headers=tokens.headers("go", 0), timeout=10).status_code == 200
    absent = str(uuid.uuid4())
    doubt = final_state.read_final_states(bundle, database, [session, absent], pause=lambda _: None)
    assert doubt == "1 sessions are not in the database"
    assert "t1" in json.loads(documents(bundle)[session])["elements"]
    final_state.read_idempotency(bundle, database, [key, key, "never used"])
    frame = bundle.samples("idempotency")
    assert frame is not None
    found = {row.key_sha256: (row.rows_count, row.status_code) for row in frame.fillna(-1).itertuples()}
    assert found == {
        hashlib.sha256(key.encode()).hexdigest(): (1, 200),
        hashlib.sha256(b"never used").hexdigest(): (0, -1),
    }


@pytest.mark.real
def test_a_session_id_that_is_none_is_an_error_in_words(bundle: RunBundle, database: Database) -> None:
    with pytest.raises(CollectionError, match="uuid"):
        final_state.read_final_states(bundle, database, ["no-uuid"], pause=lambda _: None)

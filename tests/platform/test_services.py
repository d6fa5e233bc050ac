"""Every endpoint of both doors, its answers and its refusals."""

import hashlib
import time
import uuid
from typing import Any

import psycopg
import pytest
import requests

from fireai_analysis.schemas import SAMPLES
from tests.platform.conftest import BUILDING, USER, Client, element

pytestmark = pytest.mark.real

DOORS = ["go", "fastapi"]
OBSERVATION = {"item_code": "AS1851-2012-FE-01", "observed_condition": "pressure_low"}


def parts(answer: requests.Response) -> dict[str, float]:
    pieces = (piece.split(";dur=") for piece in answer.headers["Server-Timing"].split(", "))
    return {name: float(duration_ms) for name, duration_ms in pieces}


@pytest.mark.parametrize("door", DOORS)
def test_health(client: Client, door: str) -> None:
    answer = requests.get(f"{client.url(door)}/health", timeout=5)
    assert answer.status_code == 200
    assert answer.json()["status"] == "healthy"


def test_memory_has_the_contracts_keys(client: Client) -> None:
    facts = requests.get(f"{client.status.go_url}/memory", timeout=5).json()
    assert set(facts) == set(
        "alloc_mb total_alloc_mb sys_mb num_gc gc_cpu_fraction heap_alloc_mb heap_sys_mb heap_idle_mb heap_inuse_mb "
        "num_goroutines timestamp".split()
    )
    assert 0 < facts["heap_inuse_mb"] < facts["sys_mb"] < 512


def test_pprof_names_the_largest_resident_set(client: Client) -> None:
    text = requests.get(f"{client.status.pprof_url}/heap?debug=1", timeout=5).text
    assert "# MaxRSS = " in text
    assert requests.get(f"{client.status.pprof_url}/goroutine", timeout=5).content[:2] == b"\x1f\x8b"


@pytest.mark.parametrize("door", DOORS)
def test_classify_reads_the_newest_active_rule(client: Client, door: str) -> None:
    answer = client.post(door, "/v1/classify", json=OBSERVATION)
    assert answer.status_code == 200
    assert answer.json()["classification"] == "critical_defect"
    newest = client.row(
        "SELECT max(version) FROM as1851_rules WHERE rule_code = %s AND is_active", OBSERVATION["item_code"]
    )
    assert answer.json()["rule_version"] == newest[0]
    unforeseen = client.post(door, "/v1/classify", json=OBSERVATION | {"observed_condition": "haunted"})
    assert unforeseen.json()["classification"] == "non_critical_defect"


def test_server_timing_parts_are_exclusive(client: Client) -> None:
    direct = parts(client.post("go", "/v1/classify", json=OBSERVATION))
    assert set(direct) == {"go", "pool", "db"}
    begin = time.perf_counter()
    proxied = parts(client.post("fastapi", "/v1/classify", json=OBSERVATION))
    waited_ms = (time.perf_counter() - begin) * 1e3
    assert set(proxied) == {"app", "go", "pool", "db"}
    assert 0 < sum(proxied.values()) <= waited_ms
    session_id = client.new_session()
    write = parts(client.write("fastapi", element(session_id, "t")))
    assert set(write) == {"app", "validation", "go", "pool", "db", "crdt"}


@pytest.mark.parametrize(
    ("door", "path", "body", "status"),
    [
        ("go", "/v1/classify", {"item_code": "no such"}, 422),
        ("go", "/v1/classify", OBSERVATION | {"item_code": "no such"}, 404),
        ("fastapi", "/v1/classify", OBSERVATION | {"item_code": "no such"}, 404),
        ("fastapi", "/v1/tests/sessions", {"building_id": BUILDING}, 422),
        (
            "fastapi",
            "/v1/tests/sessions",
            {"building_id": "x", "session_name": "s", "status": "s", "created_by": USER},
            422,
        ),
        (
            "fastapi",
            "/v1/tests/sessions",
            {"building_id": USER, "session_name": "s", "status": "s", "created_by": USER},
            422,
        ),
        (
            "fastapi",
            "/v1/tests/sessions",
            {"building_id": BUILDING, "session_name": "\0", "status": "s", "created_by": USER},
            422,
        ),
        ("go", "/v1/evidence", {"file": "no multipart"}, 400),
        ("fastapi", "/v1/evidence", {"file": "no multipart"}, 400),
    ],
)
def test_wrong_bodies_are_refused(client: Client, door: str, path: str, body: Any, status: int) -> None:
    answer = client.post(door, path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
    assert answer.status_code == status, answer.text
    assert set(answer.json()["error"]) == {"code", "message"}
    assert "Server-Timing" in answer.headers


@pytest.mark.parametrize("door", DOORS)
def test_what_is_not_json_is_refused(client: Client, door: str) -> None:
    assert client.post(door, f"/v1/tests/sessions/{uuid.uuid4()}/results", data=b"{").status_code == 400
    assert client.post(door, "/v1/classify", data=b"[" * 100_000).status_code == 400


def test_a_session_is_stored(client: Client) -> None:
    session_id = client.new_session()
    row = client.row("SELECT building_id, created_by, vector_clock FROM test_sessions WHERE id = %s", session_id)
    assert row == (uuid.UUID(BUILDING), uuid.UUID(USER), {})


@pytest.mark.parametrize(
    ("door", "changed"),
    [
        ("go", {"secret": "x" * 40}),
        ("go", {"iss": "someone"}),
        ("go", {"aud": "someone"}),
        ("go", {"exp": 1}),
        ("fastapi", {"secret": "x" * 40}),
        ("fastapi", {"exp": 1}),
    ],
)
def test_wrong_tokens_are_refused(client: Client, door: str, changed: dict[str, Any]) -> None:
    headers = client.headers(door, **changed)
    assert client.post(door, "/v1/classify", json=OBSERVATION, headers=headers).status_code == 401


@pytest.mark.parametrize("door", DOORS)
def test_no_token_is_refused(client: Client, door: str) -> None:
    assert requests.post(f"{client.url(door)}/v1/classify", json=OBSERVATION, timeout=5).status_code == 401


@pytest.mark.parametrize("door", DOORS)
def test_a_user_that_is_no_uuid_is_refused(client: Client, door: str) -> None:
    assert client.post(door, "/v1/classify", json=OBSERVATION, headers={"X-User-ID": "me"}).status_code == 400


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("size", [0, 5_000, 3_000_000])
def test_evidence_is_stored_under_its_hash(client: Client, door: str, size: int) -> None:
    session_id, content = client.new_session(), f"{door} {size}".encode() + bytes(size)
    answer = client.upload(door, session_id, content)
    assert answer.status_code == 201, answer.text
    reply = answer.json()
    assert reply["hash"] == hashlib.sha256(content).hexdigest()
    row = client.row("SELECT session_id::text, checksum, metadata FROM evidence WHERE id = %s", reply["evidence_id"])
    assert row[:2] == (session_id, reply["hash"])
    assert row[2]["size_bytes"] == len(content)


@pytest.mark.parametrize("door", DOORS)
def test_evidence_is_refused(client: Client, door: str) -> None:
    session_id = client.new_session()
    assert client.upload(door, session_id, b"x", sha256_hash="0" * 64).status_code == 400
    assert client.upload(door, session_id, b"x", session_id="none").status_code == 400
    assert client.upload(door, session_id, b"x", evidence_type="").status_code == 400
    assert client.upload(door, session_id, b"x", key="").status_code == 400
    assert client.upload(door, str(uuid.uuid4()), b"x").status_code == 404
    stored = client.row("SELECT count(*) FROM evidence WHERE session_id = %s", session_id)
    assert stored == (0,)


def test_evidence_is_idempotent(client: Client) -> None:
    session_id, key = client.new_session(), str(uuid.uuid4())
    first = client.upload("go", session_id, b"one", key=key)
    assert client.upload("fastapi", session_id, b"one", key=key).content == first.content
    assert client.upload("go", session_id, b"two", key=key).status_code == 422
    assert client.row("SELECT count(*) FROM evidence WHERE session_id = %s", session_id) == (1,)


def test_evidence_that_is_too_large_is_refused(client: Client) -> None:
    session_id = client.new_session()
    assert client.upload("fastapi", session_id, bytes(33 << 20)).status_code == 413


def requests_of(client: Client, door: str) -> dict[tuple[str, ...], int]:
    rows = requests.get(f"{client.url(door)}/metrics", timeout=5).json()["requests"]
    return {(row["method"], row["endpoint"], row.get("door", "")): row["requests_count"] for row in rows}


def test_requests_are_counted_to_the_row(client: Client) -> None:
    session_id = client.new_session()
    before = {door: requests_of(client, door) for door in DOORS}
    for _ in range(3):
        client.post("go", "/v1/classify", json=OBSERVATION)
    for _ in range(2):
        client.post("fastapi", "/v1/classify", json=OBSERVATION)
    client.post("fastapi", "/v1/classify", json=OBSERVATION, headers=client.headers("fastapi", exp=1))
    client.write("fastapi", element(session_id, "counted"))
    requests.get(f"{client.status.go_url}/health", timeout=5)
    results = "/v1/tests/sessions/{session_id}/results"
    grown = {
        door: {kind: count - before[door].get(kind, 0) for kind, count in requests_of(client, door).items()}
        for door in DOORS
    }
    assert {kind: count for kind, count in grown["go"].items() if count} == {
        ("POST", "/v1/classify", "go"): 3,
        ("POST", "/v1/classify", "fastapi"): 2,
        ("POST", results, "fastapi"): 1,
        ("GET", "/health", "go"): 1,
    }
    assert {kind: count for kind, count in grown["fastapi"].items() if count} == {
        ("POST", "/v1/classify", ""): 3,
        ("POST", results, ""): 1,
    }


def test_go_metrics_have_every_sampled_column(client: Client) -> None:
    facts = requests.get(f"{client.status.go_url}/metrics", timeout=5).json()
    assert facts["pid"] == client.status.pids["go"]
    assert set(facts["runtime"]) == set(SAMPLES["go"].names) - {"t_ns", "pid", "start_ns"}
    assert set(facts["pool"]) == set(SAMPLES["pool"].names) - {"t_ns"}
    assert facts["pool"]["max_count"] == 30
    assert facts["pool"]["total_count"] >= 5
    assert facts["runtime"]["live_heap_bytes"] < facts["runtime"]["total_bytes"]
    for histogram in facts["histograms"].values():
        bounds = histogram["bounds_s"]
        assert len(bounds) == len(histogram["counts"]) + 1
        assert bounds[1:-1] == sorted(bounds[1:-1])
        assert bounds[-1] is None


def test_fastapi_metrics(client: Client) -> None:
    facts = requests.get(f"{client.status.fastapi_url}/metrics", timeout=5).json()
    assert facts["pid"] == client.status.pids["fastapi"]
    assert 0 <= facts["loop_lag_ms"]["p99"] <= facts["loop_lag_ms"]["max"]


def test_the_reader_may_read_and_nothing_else(client: Client) -> None:
    role = client.row(
        "SELECT rolsuper, rolconnlimit, pg_has_role(oid, 'pg_monitor', 'member') FROM pg_roles "
        "WHERE rolname = current_user"
    )
    assert role == (False, 3, True)
    assert client.row("SHOW shared_preload_libraries") == ("pg_stat_statements,auto_explain",)
    assert client.row("SHOW track_io_timing") == ("on",)
    assert client.row("SELECT count(*) > 0 FROM pg_stat_statements WHERE query LIKE %s", "%as1851_rules%") == (True,)
    with psycopg.connect(client.status.database_url) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.commit()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM users")
    with pytest.raises(psycopg.OperationalError, match="no pg_hba"):
        psycopg.connect(client.status.database_url, user="fireai_app")

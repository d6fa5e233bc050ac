"""Requests, byte for byte."""

import hashlib
import json
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import pytest

from fireai_analysis.collect.workload import ROUTES, Workload
from fireai_analysis.scenarios import load_scenario, load_target

DATA = load_target("embedded").data
SESSION = "33333333-3333-4333-8333-333333333333"


def form(request: Any) -> dict[str, bytes]:
    message = BytesParser(policy=HTTP).parsebytes(
        f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode() + request.body
    )
    return {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.iter_parts()
    }


def test_evidence_is_multipart_with_its_true_hash() -> None:
    request = Workload(DATA, 1).evidence("go", SESSION)
    fields = form(request)
    assert set(fields) == {"file", "sha256_hash", "session_id", "evidence_type"}
    assert len(fields["file"]) > 4000
    assert hashlib.sha256(fields["file"]).hexdigest() == fields["sha256_hash"].decode() == request.expect["hash"]
    assert fields["session_id"].decode() == SESSION
    assert request.headers["Content-Type"].startswith("multipart/form-data; boundary=")


def test_a_crdt_write() -> None:
    workload = Workload(DATA, 1)
    first, second = (workload.results("go", 7, SESSION) for _ in range(2))
    content = json.loads(first.body or b"")
    assert first.path == f"/v1/tests/sessions/{SESSION}/results"
    assert first.endpoint == "/v1/tests/sessions/{session_id}/results"
    assert set(content) == {"session_id", "changes", "vector_clock", "idempotency_key"}
    (change,) = content["changes"]
    assert change["op"] == "add"
    assert change["path"] == f"/elements/{change['value']['token']}"
    assert content["vector_clock"] == {"user-0007": 1}
    assert json.loads(second.body or b"")["vector_clock"] == {"user-0007": 2}


def test_keys_and_tokens_never_repeat() -> None:
    keys, tokens, evidence = set(), set(), set()
    for seed in (1, 1):
        workload = Workload(DATA, seed)
        for _ in range(500):
            content = json.loads(workload.results("go", 0, SESSION).body or b"")
            keys.add(content["idempotency_key"])
            tokens.add(content["changes"][0]["value"]["token"])
            upload = workload.evidence("go", SESSION)
            keys.add(upload.headers["Idempotency-Key"])
            evidence.add(upload.expect["hash"])
    assert (len(keys), len(tokens), len(evidence)) == (2000, 1000, 1000)


def test_a_session_refers_to_the_seed_data() -> None:
    content = json.loads(Workload(DATA, 1).session("fastapi").body or b"")
    assert set(content) == {"building_id", "session_name", "status", "created_by"}
    assert (content["building_id"], content["created_by"]) == (DATA.building_id, DATA.user_id)


def test_classify_draws_from_the_target() -> None:
    workload = Workload(DATA, 1)
    asked = [json.loads(workload.classify("fastapi").body or b"") for _ in range(200)]
    assert {each["item_code"] for each in asked} == set(DATA.item_codes)
    assert {each["observed_condition"] for each in asked} == set(DATA.observed_conditions)


@pytest.mark.parametrize("name", ["peak", "crdt_stress"])
def test_every_action_of_a_mix_has_a_route(name: str) -> None:
    assert {entry.action for entry in load_scenario(name).mix} <= set(ROUTES)


def test_a_session_id_from_outside_cannot_change_the_request_line() -> None:
    request = Workload(DATA, 1).results("go", 0, "a b\r\nX: y/../z")
    assert request.path == "/v1/tests/sessions/a%20b%0D%0AX%3A%20y%2F..%2Fz/results"

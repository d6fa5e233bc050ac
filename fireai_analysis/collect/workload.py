"""Builds the requests of a mix: what is asked of the platform, byte for byte.

Idempotency keys and tokens are random UUIDs, distinct over all runs, so that no write is answered from a cache.
Contents of evidence are seeded, with their true hash.
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from urllib3.filepost import encode_multipart_formdata

from fireai_analysis.routes import RESULTS as RESULTS
from fireai_analysis.routes import ROUTES as ROUTES
from fireai_analysis.routes import SESSIONS as SESSIONS
from fireai_analysis.spec import Door, TargetData

EVIDENCE_BYTES = 4096
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete but for its authentication.

    Attributes
    ----------
    action, door : str
        What is asked, and of which service.
    path : str
        Path with its parameters filled in.
    body : bytes or None
        The body as it is sent.
    expect : dict
        What the answer must repeat: `hash` of evidence, `session_id` of a CRDT write.
    key : str or None
        Idempotency key, where the request has one.
    """

    action: str
    door: Door
    path: str
    headers: dict[str, str]
    body: bytes | None
    expect: dict[str, str] = field(default_factory=dict)
    key: str | None = None

    @property
    def method(self) -> str:
        """HTTP method."""
        return ROUTES[self.action][0]

    @property
    def endpoint(self) -> str:
        """Path template."""
        return ROUTES[self.action][1]


def new_id() -> str:
    """Return a random identifier that no other run used."""
    return str(uuid.uuid4())


def node_name(user: int) -> str:
    """Return the name of a user's replica in vector clocks."""
    return f"user-{user:04d}"


class Workload:
    """Builds requests of a mix for the users of one generator.

    Parameters
    ----------
    data : TargetData
        Seed data of the target that requests refer to.
    seed : int
        Seed of the choices and of the evidence contents.
    """

    def __init__(self, data: TargetData, seed: int) -> None:
        self._data = data
        self._random = random.Random(seed)  # noqa: S311 - contents, not secrets
        self._content = self._random.randbytes(EVIDENCE_BYTES)
        self._writes: Counter[tuple[str, int]] = Counter()

    def request(self, action: str, door: Door, *, user: int, session_id: str) -> Request:
        """Return a request of the standard mix."""
        if action == "evidence":
            return self.evidence(door, session_id)
        if action == "results":
            return self.results(door, user, session_id)
        if action == "session":
            return self.session(door)
        if action == "classify":
            return self.classify(door)
        return Request("health", door, "/health", {}, None)

    def classify(self, door: Door) -> Request:
        """Return a classification of a random item and condition."""
        content = {
            "item_code": self._random.choice(self._data.item_codes),
            "observed_condition": self._random.choice(self._data.observed_conditions),
        }
        return Request("classify", door, "/v1/classify", _JSON, json.dumps(content).encode())

    def evidence(self, door: Door, session_id: str) -> Request:
        """Return an upload of a few kB as a multipart form with the true SHA-256 of the file."""
        content = f"evidence {new_id()}\n".encode() + self._content
        digest = hashlib.sha256(content).hexdigest()
        fields: list[tuple[str, Any]] = [
            ("file", ("photo.jpg", content, "image/jpeg")),
            ("sha256_hash", digest),
            ("session_id", session_id),
            ("evidence_type", "photo"),
        ]
        body, content_type = encode_multipart_formdata(fields)
        key = new_id()
        headers = {"Content-Type": content_type, "Idempotency-Key": key}
        return Request("evidence", door, "/v1/evidence", headers, body, {"hash": digest}, key)

    def session(self, door: Door) -> Request:
        """Return the creation of a test session."""
        content = {
            "building_id": self._data.building_id,
            "session_name": f"load {new_id()}",
            "status": "in_progress",
            "created_by": self._data.user_id,
        }
        return Request("session", door, SESSIONS, _JSON, json.dumps(content).encode())

    def results(self, door: Door, user: int, session_id: str) -> Request:
        """Return a CRDT write of a new unique element."""
        token = new_id()
        change = element_change(token, user)
        return write_request("results", door, session_id, self.write_body(session_id, user, [change], new_id()))

    def write_body(self, session_id: str, user: int, changes: list[dict[str, Any]], key: str) -> dict[str, Any]:
        """Return the content of a CRDT write; the user's own component of the vector clock counts its writes."""
        self._writes[session_id, user] += 1
        return {
            "session_id": session_id,
            "changes": changes,
            "vector_clock": {node_name(user): self._writes[session_id, user]},
            "idempotency_key": key,
        }


def element_change(token: str, user: int) -> dict[str, Any]:
    """Return the change that adds a unique element to the grow-only part of a session."""
    return {"op": "add", "path": f"/elements/{token}", "value": {"token": token, "user": user, "outcome": "pass"}}


def write_request(action: str, door: Door, session_id: str, content: dict[str, Any]) -> Request:
    """Return a CRDT write as a request."""
    path = RESULTS.replace("{session_id}", quote(session_id, safe=""))
    body = json.dumps(content, separators=(",", ":")).encode()
    return Request(action, door, path, _JSON, body, {"session_id": session_id}, content["idempotency_key"])

"""A client of the embedded platform that speaks to both doors."""

import hashlib
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import jwt
import psycopg
import pytest
import requests

from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus

USER = "22222222-2222-4222-8222-222222222222"
BUILDING = "11111111-1111-4111-8111-111111111111"
SESSION = {"building_id": BUILDING, "session_name": "test", "status": "in_progress", "created_by": USER}


@dataclass
class Client:
    """Sends requests to a platform as a right-minded client does; a test spoils what it is about."""

    status: PlatformStatus
    http: requests.Session = field(default_factory=requests.Session)

    def url(self, door: str) -> str:
        return self.status.go_url if door == "go" else self.status.fastapi_url

    def headers(self, door: str, **changed: Any) -> dict[str, str]:
        keys = control.secrets(self.status)
        now = int(time.time())
        if door == "go":
            claims = {"iss": "fastapi", "aud": "go-service", "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
            secret = changed.pop("secret", keys["INTERNAL_JWT_SECRET_KEY"])
            return {"X-Internal-Authorization": jwt.encode(claims | changed, secret), "X-User-ID": USER}
        claims = {"sub": USER, "iat": now, "exp": now + 300}
        secret = changed.pop("secret", keys["FIREAI_PUBLIC_JWT_SECRET_KEY"])
        return {"Authorization": f"Bearer {jwt.encode(claims | changed, secret)}", "X-User-ID": USER}

    def post(self, door: str, path: str, **options: Any) -> requests.Response:
        options["headers"] = self.headers(door) | options.get("headers", {})
        return self.http.post(f"{self.url(door)}{path}", timeout=30, **options)

    def get(self, door: str, path: str) -> requests.Response:
        return self.http.get(f"{self.url(door)}{path}", headers=self.headers(door), timeout=30)

    def new_session(self) -> str:
        answer = self.post("fastapi", "/v1/tests/sessions", json=SESSION)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_id"])

    def write(self, door: str, body: dict[str, Any]) -> requests.Response:
        return self.post(door, f"/v1/tests/sessions/{body['session_id']}/results", json=body)

    def upload(self, door: str, session_id: str, content: bytes, /, **changed: str) -> requests.Response:
        form = {"sha256_hash": hashlib.sha256(content).hexdigest(), "session_id": session_id, "evidence_type": "photo"}
        key = changed.pop("key", str(uuid.uuid4()))
        return self.post(
            door,
            "/v1/evidence",
            files={"file": ("photo.jpg", content, "image/jpeg")},
            data=form | changed,
            headers={"Idempotency-Key": key},
        )

    def row(self, query: str, *values: object) -> tuple[Any, ...]:
        with psycopg.connect(self.status.database_url) as connection:
            row = connection.execute(query, values).fetchone()  # type: ignore[call-overload]
        assert row is not None
        return tuple(row)

    def document(self, session_id: str) -> dict[str, Any]:
        return dict(self.row("SELECT session_data FROM test_sessions WHERE id = %s", session_id)[0])


def element(session_id: str, token: str, node: str = "n", count: int = 1) -> dict[str, Any]:
    """Return a write that adds one element."""
    return {
        "session_id": session_id,
        "changes": [{"op": "add", "path": f"/elements/{token}", "value": {"token": token}}],
        "vector_clock": {node: count},
        "idempotency_key": str(uuid.uuid4()),
    }


def register(session_id: str, token: str, clock: dict[str, int], key: str = "k") -> dict[str, Any]:
    """Return a write that sets one register."""
    return {
        "session_id": session_id,
        "changes": [{"op": "set", "path": f"/hot/{key}", "value": token}],
        "vector_clock": clock,
        "idempotency_key": str(uuid.uuid4()),
    }


def increment(session_id: str, node: str, amount: int, key: str = "k") -> dict[str, Any]:
    """Return a write that adds to one counter."""
    return {
        "session_id": session_id,
        "changes": [{"op": "increment", "path": f"/counters/{key}", "value": amount}],
        "vector_clock": {node: 1},
        "idempotency_key": str(uuid.uuid4()),
    }


@pytest.fixture(scope="session")
def client(platform: PlatformStatus) -> Client:
    return Client(platform)

"""What counts as a right answer."""

import errno
import json
import socket
import ssl

import gevent
import pytest
from geventhttpclient.response import HTTPConnectionClosed

from fireai_analysis.collect.contract import failure_text, violation
from fireai_analysis.collect.workload import Request
from fireai_analysis.errors import GuardError

SESSION = "33333333-3333-4333-8333-333333333333"
WRITES = ("results", "unique", "contended", "counter", "replay", "duplicate", "altered")
EXPECT = {"evidence": {"hash": "ab"}} | {action: {"session_id": SESSION} for action in WRITES}
RIGHT = {
    "health": (200, {}),
    "classify": (200, {"classification": "critical_defect"}),
    "session": (201, {"session_id": SESSION}),
    "evidence": (201, {"evidence_id": "1", "hash": "ab", "status": "stored"}),
} | {action: (200, {"session_id": SESSION, "processed_at": "2026-01-01T00:00:00Z"}) for action in WRITES}


def error_of(action: str, status: int, content: object) -> str | None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = Request(action, "go", "/", {}, None, EXPECT.get(action, {}))
    if action in WRITES:
        assert request.endpoint.endswith("/results")
    return violation(request, status, body)[0]


@pytest.mark.parametrize("action", RIGHT)
def test_right_answers(action: str) -> None:
    status, content = RIGHT[action]
    assert error_of(action, status, content) is None


@pytest.mark.parametrize("action", RIGHT)
def test_no_other_status_is_a_success(action: str) -> None:
    status, content = RIGHT[action]
    fine = {status} | ({409} if action in WRITES else set()) | ({200} if action == "session" else set())
    fine |= {422} if action == "altered" else set()
    for other in set(range(100, 600)) - fine:
        assert error_of(action, other, content) == f"status {other}"


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b"null", b'{"a":', b"\xff\xfe"])
def test_a_body_that_is_no_object(body: bytes) -> None:
    for action, (status, _) in RIGHT.items():
        assert error_of(action, status, body) == "body: not a JSON object"


@pytest.mark.parametrize(
    ("action", "change", "error"),
    [
        ("evidence", {"hash": "other"}, "body: hash differs"),
        ("evidence", {"hash": None}, "body: hash differs"),
        ("evidence", {"evidence_id": None}, "body: no evidence_id"),
        ("session", {"session_id": ""}, "body: no session_id"),
        ("results", {"session_id": "other"}, "body: session_id differs"),
        ("results", {"processed_at": None}, "body: no processed_at"),
    ],
)
def test_a_body_that_does_not_keep_the_contract(action: str, change: dict[str, object], error: str) -> None:
    status, content = RIGHT[action]
    assert error_of(action, status, content | change) == error


def test_a_conflict_of_a_write_is_answered_as_designed() -> None:
    assert error_of("results", 409, {"detail": "conflict"}) is None
    assert error_of("results", 409, b"") is None
    assert error_of("evidence", 409, {}) == "status 409"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "http://user:secret@host refused"), "connect refused"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "connection reset"),
        (BrokenPipeError(errno.EPIPE, "x"), "connection reset"),
        (TimeoutError(), "timeout"),
        (gevent.Timeout(1), "timeout"),
        (HTTPConnectionClosed("connection closed."), "connection closed"),
        (socket.gaierror(-2, "secret.example"), "name not resolved"),
        (ssl.SSLError(1, "secret"), "tls"),
        (OSError(errno.EMFILE, "x"), "generator: too many open files"),
        (OSError(99999, "secret"), "connection error"),
        (GuardError("to http://secret"), "guard refused"),
        (ValueError("token secret"), "error ValueError"),
    ],
)
def test_transport_errors_in_a_few_words(error: BaseException, text: str) -> None:
    assert failure_text(error) == text

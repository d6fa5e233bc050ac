"""What counts as a right answer: exact status (`routes.SUCCESS`) and body, by the platform's contract.

Never a whole class of statuses: a fast 400 must not look like a success.
"""

from __future__ import annotations

import errno
import json
import socket
import ssl
from typing import Any

from fireai_analysis.collect.workload import Request
from fireai_analysis.errors import GuardError
from fireai_analysis.routes import REFUSED_KEY, SUCCESS

TIMEOUT = "timeout"
NEVER_SENT = "never sent"
WORKER_LOST = "worker lost"
"""Never sent either: the generator process that was to send it died, or sent it and could not record its end."""
GUARD_REFUSED = "guard refused"

_ERRNO = {
    errno.ECONNREFUSED: "connect refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ETIMEDOUT: TIMEOUT,
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EMFILE: "generator: too many open files",
    errno.EADDRNOTAVAIL: "generator: no free port",
}


def violation(request: Request, status: int, body: bytes) -> tuple[str | None, dict[str, Any]]:
    """Return what is wrong with an answer, in a few words without values, and the answer's JSON object.

    Parameters
    ----------
    request : Request
        What was asked.
    status : int
        HTTP status.
    body : bytes
        Body as it came.

    Returns
    -------
    error : str or None
        None where the contract was kept.
    answer : dict
        Empty where the body holds no JSON object.
    """
    if status not in SUCCESS[request.action]:
        return f"status {status}", {}
    answer = json_object(body)
    if status in REFUSED_KEY:
        return None, answer or {}
    if answer is None:
        return "body: not a JSON object", {}
    return _body_error(request, answer), answer


def json_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a body, or None."""
    try:
        content = json.loads(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _body_error(request: Request, answer: dict[str, Any]) -> str | None:
    if request.action == "evidence":
        if not answer.get("evidence_id"):
            return "body: no evidence_id"
        return None if answer.get("hash") == request.expect["hash"] else "body: hash differs"
    if request.action == "session":
        return None if answer.get("session_id") else "body: no session_id"
    if request.endpoint.endswith("/results"):
        if answer.get("session_id") != request.expect["session_id"]:
            return "body: session_id differs"
        return None if answer.get("processed_at") else "body: no processed_at"
    return None


def failure_text(error: BaseException) -> str:
    """Return a transport error in a few words, without addresses.

    Examples
    --------
    >>> failure_text(ConnectionRefusedError(111, "Connection refused"))
    'connect refused'
    >>> failure_text(TimeoutError())
    'timeout'
    """
    original = getattr(error, "original", None)
    if isinstance(original, BaseException):
        return failure_text(original)
    if isinstance(error, GuardError):
        return GUARD_REFUSED
    if isinstance(error, TimeoutError) or type(error).__name__ == "Timeout":
        return TIMEOUT
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, socket.gaierror):
        return "name not resolved"
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, "connection error")
    if type(error).__name__ in ("HTTPConnectionClosed", "HTTPParseError"):
        return "connection closed"
    return f"error {type(error).__name__}"

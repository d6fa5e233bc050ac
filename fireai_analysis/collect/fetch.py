"""One GET with a total deadline and a largest size: neither a hang, nor a drip, nor a flood gets past it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from fireai_analysis.errors import CollectionError

LARGEST_BYTES = 32 << 20
_CHUNK_BYTES = 1 << 16
_HEADERS = {"Connection": "close", "Accept-Encoding": "identity"}


@dataclass(frozen=True)
class Answer:
    """An answer as it came; a redirect is one too, it is never followed.

    Attributes
    ----------
    status : int
        HTTP status.
    body : bytes
        Not more than the largest size asked for.
    date : str or None
        The `Date` header.
    """

    status: int
    body: bytes
    date: str | None


def fetch(
    url: str, deadline_s: float, *, largest_bytes: int = LARGEST_BYTES, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return the answer to a GET of an address, whatever its status; no proxy is used.

    Parameters
    ----------
    url : str
        http or https address.
    deadline_s : float
        Seconds from the call to the last byte.
    largest_bytes : int
        Largest body.
    headers : mapping of str to str, optional
        Further headers, such as authentication; they are part of no message.

    Raises
    ------
    CollectionError
        In a few words: no answer in time, refused, cut short, too large.
    """
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=deadline_s)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with _cut_after(deadline_s, connection) as was_cut:
        try:
            connection.request("GET", path, headers={**(headers or {}), **_HEADERS})
            response = connection.getresponse()
            answer = Answer(response.status, _body(response, largest_bytes), response.getheader("Date"))
        except (OSError, HTTPException, ValueError, CollectionError) as error:
            raise CollectionError(_words(error, deadline_s, cut=was_cut.is_set())) from None
        if was_cut.is_set():
            raise CollectionError(_words(None, deadline_s, cut=True))
    return answer


def fetch_json(
    url: str, deadline_s: float, *, largest_bytes: int = LARGEST_BYTES, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the JSON object at an address; parameters as of `fetch`.

    Raises
    ------
    CollectionError
        As `fetch`; also where the status is not 200 or the body is no JSON object.
    """
    answer = fetch(url, deadline_s, largest_bytes=largest_bytes, headers=headers)
    if answer.status != 200:
        raise CollectionError(f"answered {answer.status}")
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise CollectionError("answered with something that is not JSON") from None
    if not isinstance(content, dict):
        raise CollectionError("answered with JSON that is no object")
    return content


def _body(response: HTTPResponse, largest_bytes: int) -> bytes:
    chunks, size = [], 0
    while chunk := response.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > largest_bytes:
            raise CollectionError(f"answered with more than {largest_bytes} bytes")
        chunks.append(chunk)
    if response.length:
        raise CollectionError("the answer was cut short")
    return b"".join(chunks)


@contextmanager
def _cut_after(deadline_s: float, connection: HTTPConnection) -> Iterator[threading.Event]:
    """Shut the connection down at the deadline, in whatever call it is then."""
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(deadline_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
        connection.close()


def _words(error: Exception | None, deadline_s: float, *, cut: bool) -> str:
    if cut or isinstance(error, TimeoutError):
        return f"no answer within {deadline_s:g} s"
    if isinstance(error, CollectionError):
        return str(error)
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError):
        return f"connection failed ({error.strerror or type(error).__name__})"
    return f"answered with something that is not HTTP ({type(error).__name__})"

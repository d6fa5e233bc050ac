"""How bytes go to a door: each user keeps its own connections, to pinned addresses, and sends each request once.

Built on the connection pool and the response parser of `geventhttpclient` (the engine of Locust's FastHttpUser),
without its session layer: that one follows redirects, silently sends a request again when a kept connection turns out
closed, asks the name server at each connect, and costs as much time as the rest of a request.
"""

from __future__ import annotations

import contextlib
import functools
import select
import socket
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import gevent
import gevent.monkey
import gevent.ssl
from geventhttpclient.connectionpool import ConnectionPool, SSLConnectionPool
from geventhttpclient.response import HTTPSocketPoolResponse

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.contract import failure_text
from fireai_analysis.collect.guard import Address
from fireai_analysis.collect.workload import Request
from fireai_analysis.spec import Door

CONCURRENCY = 100_000
"""Connections a user may open: more than any open schedule needs, so that no request ever queues for one."""
_BLOCK_BYTES = 65_536
_poll = gevent.monkey.get_original("select", "poll")


class Exchange(NamedTuple):
    """One request and what came back.

    Attributes
    ----------
    sent_ns, end_ns : int
        UTC nanoseconds: before the connect or the first byte, and after the last byte of the answer.
    status : int
        HTTP status; 0 where there was no whole answer.
    timing : str
        `Server-Timing` as it came.
    failure : str or None
        Why there was no whole answer, in a few words.
    """

    sent_ns: int
    end_ns: int
    status: int
    body: bytes
    timing: str
    failure: str | None


@dataclass(frozen=True)
class Place:
    """Where a door is: its address as written, taken apart once, and the addresses behind its name."""

    secure: bool
    host: str
    port: int
    authority: str
    prefix: str
    pinned: tuple[Address, ...]

    @classmethod
    def of(cls, url: str, pinned: tuple[Address, ...]) -> Place:
        """Return the place behind an http(s) address.

        Examples
        --------
        >>> Place.of("http://localhost:8080/api", ()).prefix
        '/api'
        """
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        return cls(
            secure, parts.hostname or "", parts.port or (443 if secure else 80), parts.netloc, parts.path, pinned
        )


class _Pinned:
    """Makes a connection pool use the addresses it is given, and ask by poll whether a kept connection lives.

    The library asks by select, which fails above 1024 open files.
    """

    infos: list[Any]

    def _resolve(self) -> list[Any]:
        return self.infos

    def _is_socket_alive(self, sock: Any) -> bool:
        return is_idle(sock)


class _Plain(_Pinned, ConnectionPool):
    pass


class _Secure(_Pinned, SSLConnectionPool):
    pass


def _connections(place: Place) -> Any:
    """Return a pool without deadlines of its own: `exchange` sets one for the whole answer."""
    options: dict[str, Any] = {"size": CONCURRENCY, "connection_timeout": None, "network_timeout": None}
    where = (place.host, place.port, place.host, place.port)
    pool: Any = (
        _Secure(*where, ssl_context_factory=_ssl_context, **options) if place.secure else _Plain(*where, **options)
    )
    pool.infos = [_address_info(host, port) for host, port in place.pinned]
    return pool


class Doors:
    """The connections of one user to each door.

    Parameters
    ----------
    places : dict
        Where each door is.
    """

    def __init__(self, places: dict[Door, Place]) -> None:
        self.places = places
        self._pools: dict[Door, Any] = {}

    def exchange(self, request: Request, headers: dict[str, str], *, timeout_s: float, clock: Clock) -> Exchange:
        """Send a request once and wait for its whole answer, at most `timeout_s` seconds.

        Parameters
        ----------
        request : Request
            What to ask.
        headers : dict
            All headers of the request but `Host` and `Content-Length`.
        timeout_s : float
            Deadline of the whole answer in seconds.
        clock : Clock
            Source of the time stamps.
        """
        status, body, timing, failure = 0, b"", "", None
        data = wire_bytes(self.places[request.door], request, headers)
        deadline = gevent.Timeout.start_new(timeout_s)
        sent_ns = clock.now_ns()
        try:
            response = self._answer(request, data)
            body = response.read()
            timing, status = _joined(response.get("server-timing")), response.get_code()
        except gevent.GreenletExit:
            failure = "stopped"
        except (Exception, gevent.Timeout) as error:
            failure = failure_text(error)
        finally:
            deadline.close()
        return Exchange(sent_ns, clock.now_ns(), status, body, timing, failure)

    def connect(self, door: Door, *, timeout_s: float) -> None:
        """Have a connection ready; where that fails, the request that follows will tell."""
        pool = self._pool(door)
        with gevent.Timeout(timeout_s, False), contextlib.suppress(OSError):
            pool.return_socket(pool.get_socket())

    def _pool(self, door: Door) -> Any:
        if door not in self._pools:
            self._pools[door] = _connections(self.places[door])
        return self._pools[door]

    def _answer(self, request: Request, data: bytes) -> Any:
        pool = self._pool(request.door)
        connection = pool.get_socket()
        try:
            connection.sendall(data)
        except BaseException:
            pool.release_socket(connection)
            raise
        return HTTPSocketPoolResponse(connection, pool, block_size=_BLOCK_BYTES, method=request.method)


def wire_bytes(place: Place, request: Request, headers: dict[str, str]) -> bytes:
    r"""Return a request as it goes over the wire; a line break inside a header is refused.

    Examples
    --------
    >>> place = Place.of("http://127.0.0.1:9091", ())
    >>> wire_bytes(place, Request("health", "go", "/health", {}, None), {"A": "b"})
    b'GET /health HTTP/1.1\r\nHost: 127.0.0.1:9091\r\nA: b\r\n\r\n'
    """
    lines = [f"{request.method} {place.prefix}{request.path} HTTP/1.1", f"Host: {place.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if request.body is not None:
        lines.append(f"Content-Length: {len(request.body)}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    return "\r\n".join((*lines, "\r\n")).encode("latin-1") + (request.body or b"")


def is_idle(connection: Any) -> bool:
    """Return whether a kept connection can be used: open, and nothing to read on it."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return False
    poll = _poll()
    poll.register(descriptor, select.POLLIN)
    return not poll.poll(0)


@functools.cache
def _ssl_context(cafile: str | None = None) -> Any:
    return gevent.ssl.create_default_context(cafile=cafile)


def _address_info(host: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))


def _joined(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")

"""How bytes go to a door: one connection pool a user, pinned addresses, and never a second attempt.

Three habits of the HTTP library are changed, because a generator must send each request once and know when:
names are resolved once and pinned; a request is never silently sent again on another connection; and whether an idle
connection still lives is asked by poll, because select fails above 1024 open files.
"""

from __future__ import annotations

import functools
import select
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

import gevent
import gevent.monkey
import gevent.ssl
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.contract import failure_text
from fireai_analysis.collect.guard import Address
from fireai_analysis.collect.workload import Request

CONCURRENCY = 100_000
"""Connections a user may open: more than any open schedule needs, so that no request ever queues for one."""
ALL_STATUSES = frozenset(range(100, 600))


class Exchange(NamedTuple):
    """One request and what came back.

    Attributes
    ----------
    status : int
        HTTP status; 0 where there was no whole answer.
    failure : str or None
        Why there was none, in a few words.
    timing : str
        `Server-Timing` as it came.
    """

    sent_ns: int
    end_ns: int
    status: int
    body: bytes
    timing: str
    failure: str | None


class PinnedPool(HTTPClientPool):  # type: ignore[misc,unused-ignore]
    """The connections of one user.

    Parameters
    ----------
    places : Mapping
        Addresses by host name and port.
    timeout_s : float
        Deadline of a connect and of each read.
    """

    def __init__(self, places: Mapping[tuple[str, int], tuple[Address, ...]], timeout_s: float) -> None:
        super().__init__(
            concurrency=CONCURRENCY,
            connection_timeout=timeout_s,
            network_timeout=timeout_s,
            ssl_context_factory=_ssl_context,
        )
        self._places = places

    def get_client(self, url: str | URL) -> HTTPClient:
        """Return the client of a door, made on first use."""
        where = url if isinstance(url, URL) else URL(url)
        client = self.clients.get((where.host, where.port))
        if client is None:
            client = self.clients[where.host, where.port] = HTTPClient.from_url(where, **self.client_args)
            connections: Any = client._connection_pool
            pinned = _address_infos(self._places[where.host, where.port or 0])
            connections._resolve = lambda: pinned
            connections._is_socket_alive = is_idle
            connections.size = -1  # a request is sent at most size + 2 times
        return client


@functools.cache
def _ssl_context(cafile: str | None = None) -> Any:
    return gevent.ssl.create_default_context(cafile=cafile)


def _address_infos(pairs: tuple[Address, ...]) -> list[tuple[Any, ...]]:
    families = ((socket.AF_INET6 if ":" in host else socket.AF_INET, host, port) for host, port in pairs)
    return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)) for family, host, port in families]


def is_idle(connection: Any) -> bool:
    """Return whether a kept connection can be used: open, and nothing to read on it."""
    descriptor = connection.fileno()
    if descriptor < 0:
        return False
    poll = gevent.monkey.get_original("select", "poll")()
    poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)


def exchange(
    agent: Any, request: Request, url: str, headers: dict[str, str], *, timeout_s: float, clock: Clock
) -> Exchange:
    """Send a request and wait for its whole answer, at most `timeout_s` seconds.

    Parameters
    ----------
    agent : geventhttpclient.useragent.UserAgent
        The user's client.
    request : Request
        What to ask.
    url : str
        Whole address.
    headers : dict
        All headers of the request.
    timeout_s : float
        Deadline of the whole answer in seconds.
    clock : Clock
        Source of the time stamps.
    """
    status, body, timing, failure = 0, b"", "", None
    deadline = gevent.Timeout.start_new(timeout_s)
    sent_ns = clock.now_ns()
    try:
        response = agent.urlopen(url, method=request.method, headers=headers, payload=request.body)
        body = response.content
        timing = _joined(response.headers.get("server-timing"))
        status = response.status_code
    except gevent.GreenletExit:
        failure = "stopped"
    except (Exception, gevent.Timeout) as error:
        failure = failure_text(error)
    finally:
        deadline.close()
    return Exchange(sent_ns, clock.now_ns(), status, body, timing, failure)


def _joined(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")

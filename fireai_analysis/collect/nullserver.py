"""A server that does nothing, after a known time: what remains of a service time against it is the generator's own.

`python -m fireai_analysis.collect.nullserver DELAY_MS` prints two ports of 127.0.0.1, one that answers at once and one
that answers after the delay, and serves until its standard input is closed. It answers every route of the platform's
contract as a generator expects it, and tells its own time in `Server-Timing`: from the last byte of a request to the
answer. `GET /counts` tells how many requests arrived.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
import uuid
from collections.abc import Callable
from functools import partial

import uvloop

from fireai_analysis.units import NS_PER_MS, NS_PER_S

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_FORM_HASH = re.compile(rb'name="sha256_hash"\r\n\r\n([0-9a-f]{64})')
_END = b"\r\n\r\n"
COUNTS = b"/counts"


def answer(path: bytes, body: bytes) -> tuple[int, dict[str, object]]:
    """Return status and content of the answer that the contract asks for.

    Examples
    --------
    >>> answer(b"/v1/tests/sessions/s-1/results", b"{}")
    (200, {'session_id': 's-1', 'processed_at': '1970-01-01T00:00:00Z'})
    >>> answer(b"/health", b"")
    (200, {'status': 'ok'})
    """
    if path == b"/v1/tests/sessions":
        return 201, {"session_id": str(uuid.uuid4())}
    if path == b"/v1/evidence":
        found = _FORM_HASH.search(body)
        return 201, {"evidence_id": str(uuid.uuid4()), "hash": found[1].decode() if found else ""}
    if path.endswith(b"/results"):
        return 200, {"session_id": path.split(b"/")[-2].decode(), "processed_at": "1970-01-01T00:00:00Z"}
    return 200, {"status": "ok"}


class NullServer:
    """Counts requests and answers them.

    Parameters
    ----------
    now_ns : callable
        Monotonic nanoseconds.
    """

    def __init__(self, now_ns: Callable[[], int] = time.perf_counter_ns) -> None:
        self._now_ns = now_ns
        self.requests_count = 0

    def wire(self, method: bytes, path: bytes, body: bytes, came_ns: int) -> bytes:
        """Return an answer as it goes over the wire, with the time since the request came in `Server-Timing`."""
        content: dict[str, object] = {"requests_count": self.requests_count}
        if path == COUNTS:
            status = 200
        else:
            self.requests_count += 1
            status, content = answer(path, body)
        data = json.dumps(content).encode()
        own_ms = (self._now_ns() - came_ns) / NS_PER_MS
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nServer-Timing: app;dur={own_ms:.3f}"
        return f"{head}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data

    def came_ns(self) -> int:
        """Return the time stamp of a request that is complete now."""
        return self._now_ns()


class Connection(asyncio.Protocol):
    """One connection; requests on it come one after the other.

    Parameters
    ----------
    server : NullServer
        Answers.
    delay_s : float
        How long each answer waits, at least 0 s.
    """

    def __init__(self, server: NullServer, delay_s: float) -> None:
        self._server, self._delay_s = server, delay_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers go to."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once a request is complete."""
        self._received += data
        head, found, rest = self._received.partition(_END)
        length = _LENGTH.search(head)
        if not found or len(rest) < (int(length[1]) if length else 0):
            return
        self._received = b""
        method, path, _ = head.split(b" ", 2)
        reply = partial(self._reply, method, path, rest, self._server.came_ns())
        if self._delay_s and path != COUNTS:
            asyncio.get_running_loop().call_later(self._delay_s, reply)
        else:
            reply()

    def _reply(self, method: bytes, path: bytes, body: bytes, came_ns: int) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._server.wire(method, path, body, came_ns))  # type: ignore[attr-defined]


async def serve(delay_ms: float) -> None:
    """Serve until standard input is closed."""
    loop, server, ports = asyncio.get_running_loop(), NullServer(), []
    for delay_s in (0.0, delay_ms * NS_PER_MS / NS_PER_S):
        listening = await loop.create_server(partial(Connection, server, delay_s), "127.0.0.1", 0, backlog=2048)
        ports.append(listening.sockets[0].getsockname()[1])
    sys.stdout.write(f"{ports[0]} {ports[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.buffer.read)


if __name__ == "__main__":
    uvloop.run(serve(float(sys.argv[1])))

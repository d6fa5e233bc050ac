"""Our transport beside the session of Locust's FastHttpUser, with its best options, on the installed versions.

Three questions: what a request costs, whether a request can reach the server twice, and whether connections are kept
where more than 1024 files are open.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.lines import Line

ROOT = Path(__file__).resolve().parents[2]
TURNS = ("ours", "fast", "fast", "ours") * 3
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'


def main() -> list[Line]:
    versions = f"locust {version('locust')}, geventhttpclient {version('geventhttpclient')}"
    return [_cost(versions), *_resent(), *_files()]


def _cost(versions: str) -> Line:
    found: dict[str, list[float]] = {"ours": [], "fast": []}
    with _cheap_server() as url:
        for client in TURNS:
            found[client].append(float(_probe(client, "cost", url)["cpu_us"]))
    ours, fast = statistics.median(found["ours"]), statistics.median(found["fast"])
    told = f"ours {ours:.0f} us, FastHttpSession {fast:.0f} us, ratio {ours / fast:.2f} ({versions})"
    return Line("CPU of the client for one POST", "ours at most 0.9 of FastHttpSession", told, ours <= 0.9 * fast)


def _resent() -> list[Line]:
    lines = []
    for client in ("ours", "fast"):
        with _server(closes_at=2) as server:
            statuses = _probe(client, "resend", server.url)
        for method in ("GET", "POST"):
            count = server.requests[method]
            told = f"2 sent, {count} arrived, statuses {statuses[method]}"
            reach = "2 arrive" if client == "ours" else "(told only)"
            name = f"{client}: {method} on a kept connection that closes"
            lines.append(Line(name, reach, told, client == "fast" or count == 2))
    return lines


def _files() -> list[Line]:
    lines = []
    for client in ("ours", "fast"):
        with _server(closes_at=1_000) as server:
            found = _probe(client, "files", server.url)
        told = f"10 requests over {server.connections_count} connections, statuses {sorted(set(found['statuses']))}"
        reach = "1 connection" if client == "ours" else "(told only)"
        met = client == "fast" or server.connections_count == 1
        lines.append(Line(f"{client}: {found['open_files']} files open", reach, told, met))
    return lines


def _probe(client: str, what: str, url: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.transport_probe", client, what, url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextmanager
def _cheap_server() -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("timed_stub.py")), "0"]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.stdin.close()
        server.terminate()
        server.wait()
        server.stdout.close()


@dataclass
class _Counted:
    """A server that counts what arrives, and closes each connection when it has read its n-th request."""

    listener: socket.socket
    closes_at: int
    requests: Counter[str] = field(default_factory=Counter)
    connections_count: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections_count += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            for number in range(1, self.closes_at + 1):
                head = connection.recv(65536)
                if not head:
                    return
                self.requests[head.split(b" ")[0].decode()] += 1
                if number < self.closes_at:
                    connection.sendall(ANSWER)


@contextmanager
def _server(closes_at: int) -> Iterator[_Counted]:
    server = _Counted(socket.create_server(("127.0.0.1", 0)), closes_at)
    threading.Thread(target=server.accept, daemon=True).start()
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()

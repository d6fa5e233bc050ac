"""A platform in threads of the test that answers by the contract, but for what the test tells it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.collect.stub_server import right_answer


@dataclass
class Platform:
    """A running stub.

    Attributes
    ----------
    statuses : dict
        Status by ending of the path, in place of the right one.
    allowed_count : int or None
        Requests that are answered before 429.
    headers : dict
        Headers of every answer.
    clock_us : float or None
        By how much the clock in `/metrics` is ahead; None: there is no `/metrics`.
    delay_s : float
        How long each answer takes.
    """

    port: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    allowed_count: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    clock_us: float | None = 0.0
    delay_s: float = 0.0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Address of both doors."""
        return f"http://127.0.0.1:{self.port}"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return status and content of an answer."""
        self.asked.append(f"{method} {path}")
        if path == "/metrics":
            now = time.time_ns() + round((self.clock_us or 0.0) * 1000)
            return (404, {}) if self.clock_us is None else (200, {"t_ns": now})
        time.sleep(self.delay_s)
        if self.allowed_count is not None and len(self.asked) > self.allowed_count:
            return 429, {"detail": "too many requests"}
        for ending, status in self.statuses.items():
            if path.endswith(ending):
                return status, {"detail": "planted"}
        return right_answer(method, path, body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    platform: Platform

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, content = self.platform.answer(self.command, self.path, body)
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in self.platform.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = _do

    def log_message(self, *_: object) -> None:
        """Stay silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


@contextmanager
def platform(**told: Any) -> Iterator[Platform]:
    """Yield a stub that behaves as told."""
    made = Platform(**told)
    handler = type("Handler", (_Handler,), {"platform": made})
    with _Server(("127.0.0.1", 0), handler) as server:
        made.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield made
        finally:
            server.shutdown()

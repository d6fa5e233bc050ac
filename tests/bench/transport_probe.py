"""One client in a process of its own, for `bench_transport`: `python -m tests.bench.transport_probe CLIENT WHAT URL`.

CLIENT is `ours` (`fireai_analysis.collect.transport`) or `fast` (the session of Locust's FastHttpUser, told not to
retry and given as many connections as it wants). WHAT is `cost`, `resend` or `files`. Prints one JSON object.
"""

import locust  # noqa: F401 - first of all: it patches the standard library for gevent

# isort: split
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import gevent.pool
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.transport import Doors, Place
from fireai_analysis.collect.workload import Request

REQUESTS_COUNT, AT_ONCE, OPEN_FILES = 4_000, 20, 1_100
BODY = b'{"item_code": "A-1", "observed_condition": "good"}'
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer " + "x" * 200, "X-User-ID": "0" * 36}
Send = Callable[[str], int]


def fast(url: str) -> Send:
    fired = EventHook()
    session = FastHttpSession(url, fired, None, max_retries=0, concurrency=100_000)

    def send(method: str) -> int:
        body = BODY.decode() if method == "POST" else None
        return int(session.request(method, "/v1/classify", data=body, headers=HEADERS).status_code)

    return send


def ours(url: str) -> Send:
    parts, clock, fired = urlsplit(url), Clock(), EventHook()
    place = Place.of(url, ((str(parts.hostname), int(parts.port or 80)),))
    doors = Doors({"fastapi": place})

    def send(method: str) -> int:
        action = "classify" if method == "POST" else "health"
        request = Request(action, "fastapi", "/v1/classify", HEADERS, BODY if method == "POST" else None)
        got = doors.exchange(request, HEADERS, timeout_s=30.0, clock=clock)
        meta = {"request_type": method, "name": "/v1/classify", "response_length": len(got.body), "context": {}}
        fired.fire(response_time=(got.end_ns - got.sent_ns) / 1e6, exception=got.failure, **meta)
        return got.status

    return send


def cost(send: Send) -> dict[str, object]:
    """CPU time of this process for each request, at 20 requests at once."""
    pool = gevent.pool.Pool(AT_ONCE)
    pool.map(send, ["POST"] * 200)
    before = time.process_time_ns()
    statuses = pool.map(send, ["POST"] * REQUESTS_COUNT)
    spent_us = (time.process_time_ns() - before) / 1e3 / REQUESTS_COUNT
    return {"cpu_us": spent_us, "ok_count": sum(200 <= status < 300 for status in statuses)}


def resend(send: Send) -> dict[str, object]:
    """Two requests of each method over a connection that the server closes when it has read the second one."""
    return {method: [send(method), send(method)] for method in ("GET", "POST")}


def files(send: Send) -> dict[str, object]:
    """Ten requests in turn while more than 1024 files are open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(OPEN_FILES)]
    return {"statuses": [send("POST") for _ in range(10)], "open_files": len(kept)}


if __name__ == "__main__":
    client, what, address = sys.argv[1:]
    found = {"cost": cost, "resend": resend, "files": files}[what]({"ours": ours, "fast": fast}[client](address))
    sys.stdout.write(json.dumps(found) + "\n")

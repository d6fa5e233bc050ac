"""The null server: answers that the contract accepts, in the time that it tells."""

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from fireai_analysis.collect import contract
from fireai_analysis.collect.calibration import null_server
from fireai_analysis.collect.nullserver import NullServer
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.collect.workload import Request, Workload
from fireai_analysis.scenarios import load_target
from fireai_analysis.units import NS_PER_MS


def requests() -> list[Request]:
    workload = Workload(load_target("embedded").data, 1)
    actions = ("health", "classify", "evidence", "session", "results")
    return [workload.request(action, "fastapi", user=1, session_id="a-session") for action in actions]


def test_the_time_told_is_that_from_request_to_answer() -> None:
    times = iter([0, round(20.25 * NS_PER_MS)])
    server = NullServer(lambda: next(times))
    wire = server.wire(b"GET", b"/health", b"", server.came_ns())
    assert b"\r\nServer-Timing: app;dur=20.250\r\n" in wire
    assert server.requests_count == 1


@pytest.fixture(scope="module")
def ports() -> Iterator[tuple[int, int]]:
    with null_server(30.0) as found:
        yield found


@pytest.mark.real
@pytest.mark.parametrize("request_", requests(), ids=lambda each: each.action)
def test_every_route_of_the_mix_is_answered_rightly(ports: tuple[int, int], request_: Request) -> None:
    door = http.client.HTTPConnection("127.0.0.1", ports[0], timeout=5)
    for _ in range(2):
        door.request(request_.method, request_.path, request_.body, request_.headers)
        got = door.getresponse()
        assert contract.violation(request_, got.status, got.read())[0] is None
    door.close()


@pytest.mark.real
def test_the_delayed_port_waits_as_long_as_it_says_and_both_count(ports: tuple[int, int]) -> None:
    doors = [http.client.HTTPConnection("127.0.0.1", port, timeout=5) for port in ports]
    at_once, delayed = ([_asked_ms(door) for _ in range(5)] for door in doors)
    assert all(told_ms <= took_ms for told_ms, took_ms in at_once + delayed)
    assert min(at_once)[0] < 29 <= min(delayed)[0]  # the machine may be busy, but not each time
    before = _count(doors[0])
    doors[1].request("GET", "/health")
    doors[1].getresponse().read()
    assert _count(doors[0]) == before + 1
    for door in doors:
        door.close()


def _asked_ms(door: http.client.HTTPConnection) -> tuple[float, float]:
    """Return the time that an answer tells, and the time that it took."""
    began = time.perf_counter()
    door.request("GET", "/health")
    got = door.getresponse()
    got.read()
    took_ms = (time.perf_counter() - began) * 1000
    return parts_us(got.headers["Server-Timing"])["app"] / 1000, took_ms


def _count(door: http.client.HTTPConnection) -> int:
    door.request("GET", "/counts")
    return int(json.loads(door.getresponse().read())["requests_count"])

"""One request once: against a real server in another process that answers, hangs, drips, drops or closes."""

import os
import resource

import gevent
import pytest
from gevent.pool import Group

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.transport import Doors, Exchange, Place, is_idle, wire_bytes
from fireai_analysis.collect.workload import Request
from tests.collect.stub import counts, stub

HEALTH = Request("health", "go", "/health", {}, None)
CLASSIFY = Request("classify", "go", "/v1/classify", {"Content-Type": "application/json"}, b"{}")
CLOCK = Clock()


def doors_to(url: str) -> Doors:
    place = Place.of(url, (("127.0.0.1", int(url.rsplit(":", 1)[1])),))
    return Doors({"go": place, "fastapi": place})


def ask(doors: Doors, request: Request = HEALTH, timeout_s: float = 5.0) -> Exchange:
    return doors.exchange(request, request.headers | {"X-A": "b"}, timeout_s=timeout_s, clock=CLOCK)


@pytest.mark.real
def test_an_answer() -> None:
    with stub() as url:
        doors = doors_to(url)
        first, second = ask(doors), ask(doors, CLASSIFY)
        assert (first.status, first.failure, first.body) == (200, None, b'{"status": "ok"}')
        assert first.timing == "app;dur=1.5, db;dur=0.25"
        assert first.sent_ns < first.end_ns <= second.sent_ns
        assert counts(url) == {"GET /health": 1, "POST /v1/classify": 1}


def await_close(doors: Doors) -> None:
    """Wait until the server's close has come: before that nobody can know of it."""
    (connection,) = doors._pools["go"]._socket_queue.queue
    while is_idle(connection):
        gevent.sleep(0.001)


@pytest.mark.real
def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    with stub("close") as url:
        doors = doors_to(url)
        for each in (HEALTH, CLASSIFY) * 5:
            assert ask(doors, each).status == 200
            await_close(doors)
        assert sum(counts(url).values()) == 10


@pytest.mark.real
@pytest.mark.parametrize("request_sent", [HEALTH, CLASSIFY])
def test_a_dropped_request_is_not_sent_again(request_sent: Request) -> None:
    with stub("drop") as url:
        got = ask(doors_to(url), request_sent)
        assert (got.status, got.failure) == (0, "connection closed")
        assert sum(counts(url).values()) == 1


@pytest.mark.real
def test_a_redirect_is_not_followed() -> None:
    with stub("redirect") as url:
        assert ask(doors_to(url)).status == 302
        assert sum(counts(url).values()) == 1


@pytest.mark.real
@pytest.mark.parametrize("mode", ["hang", "drip"])
def test_the_deadline_holds_for_the_whole_answer(mode: str) -> None:
    with stub(mode) as url:
        got = ask(doors_to(url), timeout_s=0.3)
        assert (got.status, got.failure) == (0, "timeout")
        assert 0.3 <= (got.end_ns - got.sent_ns) / 1e9 < 15  # the whole answer would take 20 s and more


@pytest.mark.real
def test_a_stopped_request_still_ends() -> None:
    with stub("hang") as url:
        doors = doors_to(url)
        waiting = gevent.spawn(ask, doors)
        gevent.sleep(0.1)
        waiting.kill()
        assert waiting.value.failure == "stopped"


def test_nobody_listens(unused_port: int) -> None:
    got = ask(doors_to(f"http://127.0.0.1:{unused_port}"))
    assert (got.status, got.failure) == (0, "connect refused")


@pytest.mark.real
def test_above_1024_open_files_kept_connections_are_used_again() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3000:
        pytest.skip("the hard limit of open files is below 3000")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        with stub() as url:
            doors = doors_to(url)
            assert [ask(doors).status for _ in range(3)] == [200] * 3
            (connection,) = doors._pools["go"]._socket_queue.queue
            assert connection.fileno() > 1024
            assert is_idle(connection)
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.real
def test_a_slow_answer_holds_up_no_other() -> None:
    with stub("hang") as url:
        doors, group = doors_to(url), Group()
        for _ in range(50):
            group.spawn(ask, doors, HEALTH, 300.0)
        with gevent.Timeout(60):
            while counts_without_gevent(url) != {"GET /health": 50}:
                gevent.sleep(0.05)
        assert len(group) == 50
        group.kill()


def counts_without_gevent(url: str) -> dict[str, int]:
    return gevent.get_hub().threadpool.apply(counts, (url,))


@pytest.mark.real
def test_a_connection_can_be_had_ready_without_a_request() -> None:
    with stub() as url:
        doors = doors_to(url)
        doors.connect("go", timeout_s=5)
        (connection,) = doors._pools["go"]._socket_queue.queue
        assert counts(url) == {}
        assert ask(doors).status == 200
        assert list(doors._pools["go"]._socket_queue.queue) == [connection]


def test_a_connection_that_cannot_be_had_is_left_to_the_request(unused_port: int) -> None:
    doors = doors_to(f"http://127.0.0.1:{unused_port}")
    doors.connect("go", timeout_s=5)
    assert ask(doors).failure == "connect refused"


def test_a_line_break_in_a_header_is_refused() -> None:
    place = Place.of("http://127.0.0.1:1", ())
    for headers in ({"A": "b\r\nC: d"}, {"A\n": "b"}):
        with pytest.raises(ValueError, match="line break"):
            wire_bytes(place, HEALTH, headers)


def test_a_body_has_its_length() -> None:
    data = wire_bytes(Place.of("https://host/api", ()), CLASSIFY, {})
    assert data == b"POST /api/v1/classify HTTP/1.1\r\nHost: host\r\nContent-Length: 2\r\n\r\n{}"

"""One GET: total deadline, largest size, truth about what came."""

import socket
import time

import pytest

from fireai_analysis.collect.fetch import fetch, fetch_json
from fireai_analysis.errors import CollectionError
from tests.collect.http_stub import DRIPS_COUNT, http, says, serving

DEADLINE_S = 0.4
FAR_TOO_LONG_S = 5.0


def test_the_answer_comes_as_it_is() -> None:
    with serving(lambda c, p: c.sendall(http(p.encode(), 404, headers="Date: now\r\n"))) as stub:
        answer = fetch(f"{stub.url}/a/b?c=d", 2)
    assert (answer.status, answer.body, answer.date) == (404, b"/a/b?c=d", "now")


def test_a_redirect_is_not_followed() -> None:
    with serving() as other, serving() as stub:
        stub.answer = lambda c, p: c.sendall(http(b"", 302, headers=f"Location: {other.url}/\r\n"))
        other.answer = lambda c, p: pytest.fail("the redirect was followed")
        assert fetch(stub.url, 2).status == 302


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_the_deadline_is_total(how: str) -> None:
    with serving() as stub:
        stub.answer = getattr(stub, how)
        begun = time.monotonic()
        with pytest.raises(CollectionError, match=r"no answer within 0\.4 s"):
            fetch(stub.url, DEADLINE_S)
        assert time.monotonic() - begun < FAR_TOO_LONG_S


def test_headers_that_drip_are_cut_too() -> None:
    def drip(connection: socket.socket, path: str) -> None:
        connection.sendall(b"HTTP/1.1 200 X\r\n")
        for _ in range(DRIPS_COUNT):
            if stub.released.wait(0.02):
                return
            connection.sendall(b"A")

    with serving() as stub:
        stub.answer = drip
        with pytest.raises(CollectionError, match="no answer within"):
            fetch(stub.url, DEADLINE_S)


def test_a_flood_is_refused() -> None:
    with serving(says(b"x" * 1001)) as stub:
        assert len(fetch(stub.url, 2, largest_bytes=1001).body) == 1001
        with pytest.raises(CollectionError, match="more than 1000 bytes"):
            fetch(stub.url, 2, largest_bytes=1000)


def test_an_answer_cut_short_is_refused() -> None:
    with (
        serving(lambda c, p: c.sendall(http(b"x" * 100)[:-1])) as stub,
        pytest.raises(CollectionError, match="cut short"),
    ):
        fetch(stub.url, 2)


def test_something_else_than_http_is_refused() -> None:
    with (
        serving(lambda c, p: c.sendall(b"\x00\x01garbage\r\n\r\n")) as stub,
        pytest.raises(CollectionError, match="HTTP"),
    ):
        fetch(stub.url, 2)


def test_nobody_there(unused_port: int) -> None:
    with pytest.raises(CollectionError, match="connection refused"):
        fetch(f"http://127.0.0.1:{unused_port}", 2)


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [(b"<html>", 200, "not JSON"), (b"[1]", 200, "no object"), (b"[" * 100_000, 200, "not JSON"), (b"{}", 503, "503")],
)
def test_json_must_be_an_object_of_a_good_answer(body: bytes, status: int, why: str) -> None:
    with serving(says(body, status)) as stub, pytest.raises(CollectionError, match=why):
        fetch_json(stub.url, 2)

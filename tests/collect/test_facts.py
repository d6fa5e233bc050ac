"""Clocks of the doors: how far they are off, seen again after a leap, and a door that hangs is asked once."""

import json
import socket
import time

import pytest

from fireai_analysis.collect import facts
from fireai_analysis.units import NS_PER_S
from tests.collect.http_stub import Answer, http, serving
from tests.collect.stub import target_at


def ahead_s(seconds: float) -> Answer:
    """Answer with a clock that is ahead of ours."""

    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(http(json.dumps({"t_ns": time.time_ns() + round(seconds * NS_PER_S)}).encode()))

    return answer


def test_a_clock_that_leaps_is_seen_by_the_second_look() -> None:
    with serving(ahead_s(0.0)) as server:
        target = target_at(server.url)
        before = facts.clock_offsets_us(target)
        server.answer = ahead_s(10_800.0)
        after = facts.clock_offsets_us(target)
    assert set(before) == set(after) == {"fastapi", "go"}
    assert max(map(abs, before.values())) < 1e6
    assert min(after.values()) == pytest.approx(10_800e6, abs=1e6)


def test_a_door_that_hangs_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "ASK_S", 0.5)
    asked: list[str] = []
    with serving() as server:

        def hang(connection: socket.socket, path: str) -> None:
            asked.append(path)
            server.hang(connection, path)

        server.answer = hang
        assert facts.clock_offsets_us(target_at(server.url)) == {}
    assert asked == ["/metrics", "/health"] * 2

"""Figures of the generator about itself: gap, steal, sockets, each with a known answer."""

import os
import socket
from itertools import pairwise

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.health import GAPS_COUNT, Health, gap_ms, spread, steal_ratio
from fireai_analysis.units import NS_PER_MS


def test_the_gap_is_service_time_less_all_parts_of_the_server() -> None:
    health = Health(Clock())
    for gap in range(1, 101):
        health.answered(round((6.5 + gap) * NS_PER_MS), "app;dur=1.5, go;dur=2, db;dur=3")
    health.answered(999 * NS_PER_MS, "")
    health.answered(999 * NS_PER_MS, "cdn;dur=3")
    figures = health.sample(0)
    assert (figures["gap_p95_ms"], figures["gap_max_ms"], figures["done_count"]) == (95.0, 100.0, 102)
    again = health.sample(0)
    assert (again["gap_p95_ms"], again["gap_max_ms"], again["done_count"]) == (None, None, 0)


def test_a_server_that_tells_more_than_passed_gives_a_negative_gap() -> None:
    assert gap_ms(1 * NS_PER_MS, "app;dur=3") == -2.0


@given(count=st.integers(0, 5000))
def test_a_sample_is_bounded_and_reaches_over_the_whole_second(count: int) -> None:
    picked = list(spread(range(count), GAPS_COUNT))
    assert len(picked) == min(count, len(picked)) <= GAPS_COUNT
    assert len(picked) >= min(count, GAPS_COUNT // 2)
    steps = {after - before for before, after in pairwise(picked)}
    assert len(steps) <= 1
    assert not picked or count - picked[-1] <= max(steps, default=1)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([0] * 8, [50, 0, 20, 100, 5, 0, 5, 20], 0.1),
        ([5] * 8, [5] * 8, None),
        ([], [1] * 8, None),
        ([1] * 4, [2] * 4, None),
        ([0, 0, 0, 0, 0, 0, 0, 9], [10, 0, 0, 0, 0, 0, 0, 0], 0.0),
    ],
)
def test_steal_is_a_share_of_all_processors(before: list[int], now: list[int], expected: float | None) -> None:
    assert steal_ratio(before, now) == expected


def test_sockets_are_counted_and_files_are_not() -> None:
    before = Health(Clock())
    held = before.sample(0)["sockets_count"]
    pairs = [socket.socketpair() for _ in range(3)]
    assert before.sample(0)["sockets_count"] == held + 6
    for pair in pairs:
        for end in pair:
            end.close()
    assert before.sample(0)["sockets_count"] == held
    file = os.open(os.devnull, os.O_RDONLY)
    assert Health(Clock()).sample(0)["sockets_count"] == held
    os.close(file)


def test_a_busy_loop_shows_as_lag_and_as_cpu() -> None:
    health = Health(Clock())
    end = health.probe()
    gevent.sleep(0.001)
    until = Clock()
    started = until.now_ns()
    while until.now_ns() - started < 120 * NS_PER_MS:
        pass
    gevent.sleep(0.001)
    figures = health.sample(0)
    end()
    gevent.sleep(0.05)
    assert health.sample(0)["loop_lag_max_ms"] is None
    assert figures["loop_lag_max_ms"] >= 90
    assert figures["cpu_ratio"] > 0
    assert 0 <= (figures["steal_ratio"] or 0.0) <= 1

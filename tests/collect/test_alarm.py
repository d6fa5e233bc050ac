"""The alarm of the dispatcher: never early, ended by a stop, and nothing left open."""

import os
import time

import gevent
from gevent.event import Event

from fireai_analysis.collect.alarm import Alarm
from fireai_analysis.collect.clock import Clock

MS = 1_000_000


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_it_never_rings_early() -> None:
    clock = Clock()
    with Alarm(clock, Event()) as alarm:
        for wait_ms in (0.05, 1, 3, 20):
            due_ns = clock.now_ns() + round(wait_ms * MS)
            assert alarm.wait_until(due_ns)
            assert clock.now_ns() >= due_ns


def test_what_is_past_is_not_waited_for() -> None:
    clock = Clock()
    with Alarm(clock, Event()) as alarm:
        assert not alarm.wait_until(clock.now_ns() - 1)


def test_others_run_meanwhile() -> None:
    clock, done = Clock(), []
    other = gevent.spawn(lambda: done.append(1))
    with Alarm(clock, Event()) as alarm:
        alarm.wait_until(clock.now_ns() + 20 * MS)
    assert done == [1]
    other.join()


def test_a_stop_ends_the_wait() -> None:
    clock, stop = Clock(), Event()
    with Alarm(clock, stop) as alarm:
        gevent.spawn_later(0.02, stop.set)
        began = time.monotonic()
        assert alarm.wait_until(clock.now_ns() + 3_600_000 * MS)
        assert not alarm.wait_until(clock.now_ns() + 3_600_000 * MS)
        assert time.monotonic() - began < 60


def test_nothing_stays_open() -> None:
    clock, stop = Clock(), Event()
    with Alarm(clock, stop) as alarm:
        alarm.wait_until(clock.now_ns() + MS)
    before = open_files()
    for _ in range(20):
        with Alarm(clock, stop) as alarm:
            alarm.wait_until(clock.now_ns() + MS // 10)
    assert open_files() == before
    assert stop.linkcount() == 0

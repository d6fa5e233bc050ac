"""How well a generator keeps up, one sample a second: lags, CPU, steal, sockets, and what it adds to service times.

The probe asks to be woken after 20 ms and measures the overshoot: a loop that is busy wakes it late, and every request
too. It is a bare timer of the loop: a greenlet that sleeps costs three times as much.
"""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gevent

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.units import NS_PER_MS, US_PER_MS

PROBE_S = 0.02
GAPS_COUNT = 256
"""Answers of a second whose gap is looked at, evenly spread: reading a header takes some microseconds."""
_STAT, _DESCRIPTORS = Path("/proc/stat"), Path("/proc/self/fd")
_STAT_FIELDS, _STEAL = 8, 7
"""Fields of the CPU line without guest time, which is part of user time, and which of them is steal (proc(5))."""


class Health:
    """Gathers the figures of the current second.

    Parameters
    ----------
    clock : Clock
        Source of time stamps.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lags_ms: list[float] = []
        self._send_lags_ms: list[float] = []
        self._answers: list[tuple[int, str]] = []
        self._due_count = 0
        self._other_files_count = _other_files_count()
        self._last_ns, self._last_cpu_ns, self._last_ticks = clock.now_ns(), time.process_time_ns(), _machine_ticks()
        self.done_count = 0

    def sent(self, lag_ms: float) -> None:
        """Take in how late a request was sent."""
        self._send_lags_ms.append(lag_ms)

    def answered(self, service_ns: int, timing: str) -> None:
        """Take in how long an answer took, and the `Server-Timing` header that it came with."""
        self.done_count += 1
        if timing:
            self._answers.append((service_ns, timing))

    def probe(self) -> Callable[[], None]:
        """Measure the loop's lag from now on; return what ends it."""
        timer = gevent.get_hub().loop.timer(PROBE_S, repeat=PROBE_S)
        before_ns = time.monotonic_ns()

        def wake() -> None:
            nonlocal before_ns
            now_ns = time.monotonic_ns()
            self._lags_ms.append(max(0.0, (now_ns - before_ns) / NS_PER_MS - PROBE_S * 1_000))
            before_ns = now_ns
            timer.again(wake, update=True)

        timer.start(wake)

        def end() -> None:
            timer.stop()
            timer.close()

        return end

    def sample(self, due_count: int) -> dict[str, Any]:
        """Return the figures since the last call and begin anew; counts are of that time, not cumulative.

        Parameters
        ----------
        due_count : int
            Arrivals of the judged window due so far.
        """
        now_ns, cpu_ns, ticks = self._clock.now_ns(), time.process_time_ns(), _machine_ticks()
        lags, send_lags = sorted(self._lags_ms), sorted(self._send_lags_ms)
        gaps = sorted(gap for answer in spread(self._answers, GAPS_COUNT) if (gap := gap_ms(*answer)) is not None)
        figures = {
            "t_ns": now_ns,
            "loop_lag_p99_ms": _rank(lags, 0.99),
            "loop_lag_max_ms": _rank(lags, 1.0),
            "cpu_ratio": (cpu_ns - self._last_cpu_ns) / max(1, now_ns - self._last_ns),
            "intended_count": due_count - self._due_count,
            "sent_count": len(send_lags),
            "done_count": self.done_count,
            "send_lag_p99_ms": _rank(send_lags, 0.99),
            "send_lag_max_ms": _rank(send_lags, 1.0),
            "steal_ratio": steal_ratio(self._last_ticks, ticks),
            "sockets_count": _sockets_count(self._other_files_count),
            "gap_p95_ms": _rank(gaps, 0.95),
            "gap_max_ms": _rank(gaps, 1.0),
        }
        self._lags_ms, self._send_lags_ms, self._answers, self.done_count = [], [], [], 0
        self._last_ns, self._last_cpu_ns, self._last_ticks, self._due_count = now_ns, cpu_ns, ticks, due_count
        return figures


def gap_ms(service_ns: int, timing: str) -> float | None:
    """Return service time less the server's own time: client, network and queues outside the handlers; in ms.

    None where the header tells no part of the platform.

    Examples
    --------
    >>> gap_ms(7_500_000, "app;dur=1.5, db;dur=4"), gap_ms(7_500_000, "cache;dur=1")
    (2.0, None)
    """
    parts = parts_us(timing)
    return service_ns / NS_PER_MS - sum(parts.values()) / US_PER_MS if parts else None


def spread(values: Sequence[Any], most: int) -> Sequence[Any]:
    """Return at most so many of the values, evenly spread over all of them.

    Examples
    --------
    >>> spread([1, 2, 3, 4, 5], 2)
    [1, 4]
    """
    return values[:: max(1, math.ceil(len(values) / most))]


def steal_ratio(before: Sequence[int], now: Sequence[int]) -> float | None:
    """Return the share of the machine's CPU time that its host gave to others between two readings.

    Parameters
    ----------
    before, now : sequence of int
        Clock ticks of all cores: user, nice, system, idle, iowait, irq, softirq, steal (proc(5)); empty where the
        system does not tell.

    Examples
    --------
    >>> steal_ratio([10, 0, 5, 80, 0, 0, 0, 1], [20, 0, 10, 160, 0, 0, 0, 6])
    0.05
    """
    spent = [max(0, after - earlier) for earlier, after in zip(before, now, strict=False)]
    total = sum(spent)
    return spent[_STEAL] / total if len(spent) == _STAT_FIELDS and total else None


def _machine_ticks() -> list[int]:
    try:
        with _STAT.open("rb") as stream:
            line = stream.readline()
    except OSError:
        return []
    return [int(field) for field in line.split()[1 : _STAT_FIELDS + 1]]


def _open_files() -> list[str] | None:
    try:
        return os.listdir(_DESCRIPTORS)
    except OSError:
        return None


def _other_files_count() -> int:
    """Return how many open files are no sockets, the one that lists them among them; it does not change in a run."""
    count = 0
    for name in _open_files() or ():
        try:
            count += not stat.S_ISSOCK(os.fstat(int(name)).st_mode)
        except OSError:  # the one that listed them
            count += 1
    return count


def _sockets_count(other_files_count: int) -> int | None:
    files = _open_files()
    return None if files is None else max(0, len(files) - other_files_count)


def _rank(ordered: list[float], ratio: float) -> float | None:
    return ordered[max(0, math.ceil(ratio * len(ordered)) - 1)] if ordered else None

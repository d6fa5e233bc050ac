"""How well a generator keeps up: loop lag, send lag and CPU, one sample a second.

The probe sleeps 20 ms and measures the overshoot: a loop that is busy wakes it late, and every request too.
"""

from __future__ import annotations

import math
import time
from typing import Any

import gevent

from fireai_analysis.collect.clock import Clock
from fireai_analysis.units import NS_PER_MS

PROBE_S = 0.02


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
        self.done_count = 0
        self._due_count = 0
        self._last_ns, self._last_cpu_ns = clock.now_ns(), time.process_time_ns()

    def sent(self, lag_ms: float) -> None:
        """Take in how late a request was sent."""
        self._send_lags_ms.append(lag_ms)

    def probe(self) -> None:
        """Measure the loop's lag for ever; run it in a greenlet."""
        while True:
            before = time.monotonic_ns()
            gevent.sleep(PROBE_S)
            self._lags_ms.append(max(0.0, (time.monotonic_ns() - before) / NS_PER_MS - PROBE_S * 1_000))

    def sample(self, due_count: int) -> dict[str, Any]:
        """Return the figures since the last call and begin anew; counts are of that time, not cumulative.

        Parameters
        ----------
        due_count : int
            Arrivals of the judged window due so far.
        """
        now_ns, cpu_ns = self._clock.now_ns(), time.process_time_ns()
        lags, send_lags = sorted(self._lags_ms), sorted(self._send_lags_ms)
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
        }
        self._lags_ms, self._send_lags_ms, self.done_count = [], [], 0
        self._last_ns, self._last_cpu_ns, self._due_count = now_ns, cpu_ns, due_count
        return figures


def _rank(ordered: list[float], ratio: float) -> float | None:
    return ordered[max(0, math.ceil(ratio * len(ordered)) - 1)] if ordered else None

"""Server-Timing of the FastAPI service, request counts, and the lag of its event loop."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter, deque

TICK_S = 0.02
LAG_WINDOW_COUNT = 500

_DURATION = re.compile(r"dur=([0-9.]+)")


class Times:
    """Exclusive times of one request; what is not booked elsewhere is the application's own."""

    __slots__ = ("_go_header", "_parts", "_start")

    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._parts: dict[str, float] = {}
        self._go_header = ""

    def book(self, part: str, since: float) -> None:
        """Book the time from an instant of `time.perf_counter` until now to a part."""
        self._parts[part] = self._parts.get(part, 0.0) + time.perf_counter() - since

    def hand_on(self, go_header: str) -> None:
        """Take over the parts that the Go service reported."""
        self._go_header = go_header

    def header(self) -> str:
        """Return the header's value, in milliseconds."""
        go_ms = sum(float(text) for text in _DURATION.findall(self._go_header))
        booked_ms = {part: spent * 1e3 for part, spent in self._parts.items()}
        app_ms = (time.perf_counter() - self._start) * 1e3 - go_ms - sum(booked_ms.values())
        own = "".join(f", {part};dur={spent_ms:.3f}" for part, spent_ms in booked_ms.items())
        handed_on = f", {self._go_header}" if self._go_header else ""
        return f"app;dur={max(app_ms, 0.0):.3f}{own}{handed_on}"


class Meters:
    """What `/metrics` shows: requests by endpoint, counted as they arrive, and the event loop's lag."""

    def __init__(self) -> None:
        self.start_ns = time.time_ns()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._lags_ms: deque[float] = deque(maxlen=LAG_WINDOW_COUNT)

    def count(self, method: str, endpoint: str) -> None:
        """Count a request that arrived."""
        self._requests[method, endpoint] += 1

    def requests(self) -> list[dict[str, str | int]]:
        """Return the counts since the start, one row an endpoint."""
        return [
            {"method": method, "endpoint": endpoint, "requests_count": count}
            for (method, endpoint), count in sorted(self._requests.items())
        ]

    def loop_lag_ms(self) -> dict[str, float | None]:
        """Return P99 (nearest rank) and maximum of the loop's lag over the last 500 ticks of 20 ms."""
        lags_ms = sorted(self._lags_ms)
        if not lags_ms:
            return {"p99": None, "max": None}
        return {"p99": lags_ms[-(-99 * len(lags_ms) // 100) - 1], "max": lags_ms[-1]}

    async def watch_loop(self) -> None:
        """Measure for ever how much later than asked the loop wakes us."""
        while True:
            due = time.perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            self._lags_ms.append(max(0.0, (time.perf_counter() - due) * 1e3))

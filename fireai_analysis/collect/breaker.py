"""Circuit breaker: load stops when most requests fail, instead of hammering a target that is down."""

from __future__ import annotations

from collections import deque

from fireai_analysis.units import NS_PER_S

WINDOW_NS = 5 * NS_PER_S
LEAST_COUNT = 20
LIMIT_RATIO = 0.5


class Breaker:
    """Watches the latest requests: those of the last 5 s, and never fewer than the last 20.

    Examples
    --------
    >>> breaker = Breaker()
    >>> [breaker.trips(t_ns=t, ok=t % 2 == 0) for t in range(20)][-1]
    False
    >>> breaker.trips(t_ns=20, ok=False)
    True
    """

    def __init__(self) -> None:
        self._latest: deque[tuple[int, bool]] = deque()
        self._failed_count = 0

    def trips(self, *, t_ns: int, ok: bool) -> bool:
        """Take in one ended request; return whether more than half of the latest ones failed."""
        self._latest.append((t_ns, ok))
        self._failed_count += not ok
        while len(self._latest) > LEAST_COUNT and self._latest[0][0] < t_ns - WINDOW_NS:
            self._failed_count -= not self._latest.popleft()[1]
        count = len(self._latest)
        return count >= LEAST_COUNT and self._failed_count > LIMIT_RATIO * count

    def reason(self) -> str:
        """Return why it tripped, in words."""
        return f"circuit breaker: {self._failed_count} of the last {len(self._latest)} requests failed"

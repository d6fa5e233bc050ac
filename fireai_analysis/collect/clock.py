"""UTC from a monotonic clock: anchored once, so that a step of the wall clock never bends a latency."""

from __future__ import annotations

import time


class Clock:
    """Nanoseconds since 1970, moved by the monotonic clock alone.

    The anchor is the wall clock read closest between two monotonic readings out of a few tries.
    """

    def __init__(self) -> None:
        self.offset_ns = measured_offset_ns()

    def now_ns(self) -> int:
        """Return UTC nanoseconds since 1970."""
        return time.monotonic_ns() + self.offset_ns

    def drift_us(self) -> float:
        """Return how far the wall clock went away from this one since the anchor, in microseconds."""
        return (measured_offset_ns() - self.offset_ns) / 1_000


def measured_offset_ns(tries: int = 9) -> int:
    """Return wall clock minus monotonic clock in ns, from the try with the narrowest bracket."""
    best_gap, best_offset = None, 0
    for _ in range(tries):
        before = time.monotonic_ns()
        wall = time.time_ns()
        after = time.monotonic_ns()
        if best_gap is None or after - before < best_gap:
            best_gap, best_offset = after - before, wall - (before + after) // 2
    return best_offset

"""What users would have seen: arrivals replayed through a first-come-first-served queue that stands still at times.

Nothing of the product is used here. While a stall lasts no server makes progress and arrivals queue up; so the queue
is solved in a time from which the stalls are cut out, and its ends are moved back.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stall:
    """A time in which nothing is served, in seconds of the window."""

    begin_s: float
    end_s: float


class Queue:
    """A queue of `servers` servers, first come first served.

    Examples
    --------
    >>> queue = Queue(1, [Stall(10, 15)])
    >>> queue.end_s(0.0, 2.0), queue.end_s(1.0, 2.0), queue.end_s(9.0, 2.0), queue.end_s(12.0, 1.0)
    (2.0, 4.0, 16.0, 17.0)
    """

    def __init__(self, servers: int, stalls: Sequence[Stall]) -> None:
        self._free = [0.0] * servers
        self._stalls = sorted(stalls, key=lambda stall: stall.begin_s)

    def end_s(self, arrival_s: float, service_s: float) -> float:
        """Return when a request is answered; call in order of arrival."""
        begin = max(self._cut(arrival_s), heapq.heappop(self._free))
        heapq.heappush(self._free, begin + service_s)
        return self._restored(begin + service_s)

    def _cut(self, time_s: float) -> float:
        return time_s - sum(max(0.0, min(time_s, stall.end_s) - stall.begin_s) for stall in self._stalls)

    def _restored(self, cut_s: float) -> float:
        time_s = cut_s
        for stall in self._stalls:
            if time_s > stall.begin_s:
                time_s += stall.end_s - stall.begin_s
        return time_s


def open_loop(arrivals_s: Floats, services_s: Floats, servers: int, stalls: Sequence[Stall]) -> Floats:
    """Return the response times, in seconds, of arrivals that come when they are due."""
    queue = Queue(servers, stalls)
    pairs = zip(arrivals_s.tolist(), services_s.tolist(), strict=True)
    return np.array([queue.end_s(arrival, service) - arrival for arrival, service in pairs])


def closed_loop(
    *,
    users: int,
    think_s: float,
    service_s: Callable[[], float],
    servers: int,
    stalls: Sequence[Stall],
    duration_s: float,
) -> Floats:
    """Return the service times of users who wait for each answer and then think, exponentially."""
    queue, chance = Queue(servers, stalls), random.Random(1)
    due = [chance.expovariate(1 / think_s) for _ in range(users)]
    heapq.heapify(due)
    found = []
    while due[0] < duration_s:
        arrival_s = due[0]
        end_s = queue.end_s(arrival_s, service_s())
        found.append(end_s - arrival_s)
        heapq.heapreplace(due, end_s + chance.expovariate(1 / think_s))
    return np.array(found)

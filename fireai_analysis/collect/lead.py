"""Who tells a generator process when to begin what: the process itself, or the master of several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fireai_analysis.collect.clock import Clock
from fireai_analysis.units import NS_PER_MS

Sessions = dict[str, list[str]]
HEAD_START_NS = 100 * NS_PER_MS


class Lead(Protocol):
    """What a generator asks before it goes on.

    Attributes
    ----------
    worker, workers : int
        Number of this process, and how many there are.
    """

    worker: int
    workers: int

    def sessions(self, make: Callable[[], Sessions]) -> Sessions:
        """Return the sessions of the run; one process makes them for all."""

    def start_ns(self, window: str) -> int | None:
        """Return when a window begins, now that this process is prepared; None where the run was stopped."""


class OwnLead:
    """The only generator process of a run: nobody to wait for.

    Parameters
    ----------
    clock : Clock
        Source of time.
    """

    worker, workers = 0, 1

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def sessions(self, make: Callable[[], Sessions]) -> Sessions:
        """Return the sessions, made now."""
        return make()

    def start_ns(self, window: str) -> int | None:
        """Return an instant that is just far enough away to be met."""
        return self._clock.now_ns() + HEAD_START_NS

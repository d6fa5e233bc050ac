"""Reads each source once an interval in a thread of its own, so that one that hangs never delays another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.samplers.journal import JournalWriter
from fireai_analysis.collect.samplers.source import Reading, Source
from fireai_analysis.errors import CollectionError

SNAPSHOT_S = 60.0
LONGEST_CALL_S = 2.0
LAST_READING_S = 3.0
"""How long sources are waited for at the end."""


class Loop:
    """Samples until it is told to stop.

    Parameters
    ----------
    sources : iterable of Source
        What is read.
    writer : JournalWriter
        Takes one record a tick.
    clock : Clock
        Source of time stamps.
    interval_s : float
        Distance of two ticks.
    own_intervals_s : mapping of str to float, optional
        Sources, by name, that keep another distance.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        writer: JournalWriter,
        *,
        clock: Clock,
        interval_s: float,
        own_intervals_s: Mapping[str, float] | None = None,
    ) -> None:
        self._sources, self._writer, self._clock = list(sources), writer, clock
        self._interval_s, self._own_intervals_s = interval_s, dict(own_intervals_s or {})
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Journal what will be sampled, and begin."""
        names = [source.name for source in self._sources]
        intervals = {"interval_s": self._interval_s, "own_intervals_s": self._own_intervals_s}
        self._writer.append({"kind": "start", "t_ns": self._clock.now_ns(), "samplers": names} | intervals)
        self._started_s = time.monotonic()
        self._threads = [
            threading.Thread(target=self._sample, args=(source,), name=source.name, daemon=True)
            for source in self._sources
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Have every source read once more, wait for them no longer than `LAST_READING_S`, and journal the end."""
        self._stop.set()
        deadline = time.monotonic() + LAST_READING_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._writer.append({"kind": "end", "t_ns": self._clock.now_ns(), "cpu_s": time.process_time()})

    def _sample(self, source: Source) -> None:
        number, snapshot_due_s = 0, self._started_s
        interval_s = self._own_intervals_s.get(source.name, self._interval_s)
        while not self._stop.wait(max(0.0, self._started_s + number * interval_s - time.monotonic())):
            wants_snapshot = time.monotonic() >= snapshot_due_s
            if self._tick(source, number, snapshot=wants_snapshot) and wants_snapshot:
                snapshot_due_s = time.monotonic() + SNAPSHOT_S
            number = next_number(number, time.monotonic() - self._started_s, interval_s)
        self._tick(source, None, snapshot=True)
        source.close()

    def _tick(self, source: Source, number: int | None, *, snapshot: bool) -> bool:
        begun_ns, reason = self._clock.now_ns(), None
        deadline_s = min(self._interval_s, LONGEST_CALL_S)
        try:
            reading = source.read(deadline_s, snapshot=snapshot)
        except CollectionError as error:
            reading, reason = Reading(), str(error)
        self._writer.append(
            {
                "kind": "tick",
                "sampler": source.name,
                "number": number,
                "t_ns": begun_ns,
                "reason": reason,
                "lost": reading.lost,
                "tables": reading.tables,
                "cpu_s": time.thread_time(),
            }
        )
        return reason is None


def next_number(number: int, elapsed_s: float, interval_s: float) -> int:
    """Return the number of the next tick: none starts an interval late, those that would are left out.

    Examples
    --------
    >>> next_number(4, 4.3, 1.0), next_number(4, 5.2, 1.0), next_number(4, 7.9, 1.0)
    (5, 5, 7)
    """
    return max(number + 1, int(elapsed_s / interval_s))

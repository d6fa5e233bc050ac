"""Records what a generator does: rows into the journal, one health sample a second, progress twice a second.

A row that ended is queued at once; a greenlet packs, counts and writes what is queued every 50 ms, and 256 rows do not
wait for it. Nothing here imports pyarrow or pandas.
"""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.health import Health
from fireai_analysis.collect.journal import (
    FLUSH_ROWS,
    INVOCATION,
    PHASE,
    TEXT,
    TICK,
    Answer,
    Row,
    Writer,
    pack_answer,
    pack_json,
)
from fireai_analysis.collect.journal import pack_row as packed
from fireai_analysis.units import NS_PER_MS, NS_PER_S

SETUP, JUDGED, PROFILED = 0, 1, 2
SETUP_ENTRY = 255
FLUSH_S, PROGRESS_S, TICK_S = 0.05, 0.5, 1.0
LATE_MS = 15.0
"""A request sent later than this after its intended start counts as late."""
_RECENT_COUNT = 1000


@dataclass
class Progress:
    """Where a generator is; written to `generator.json`. Counts are of the judged window."""

    phase: str = "setup"
    started_ns: int | None = None
    ended_ns: int | None = None
    elapsed_s: float = 0.0
    duration_s: float = 0.0
    intended_count: int = 0
    sent_count: int = 0
    done_count: int = 0
    failed_count: int = 0
    in_flight_count: int = 0
    p95_ms: float | None = None
    reason: str | None = None


class Recorder:
    """Takes in what happens in one generator process, in memory that does not grow with the run.

    Parameters
    ----------
    writer : Writer
        The journal.
    clock : Clock
        Source of every time stamp.
    duration_s : float
        Length of the judged window.
    progress_path : pathlib.Path or None
        Where progress is written, if anywhere.

    Attributes
    ----------
    late_count : int
        Requests of the judged window that were sent more than `LATE_MS` after their intended start.
    in_flight_at_end_count : int or None
        Requests sent and not yet answered when the judged window ended; None before that.
    judged_entries : frozenset of int or None
        Entries of the mix that count in the P95 of the progress, as in the report's; None for all of them.
    """

    def __init__(self, writer: Writer, clock: Clock, *, duration_s: float, progress_path: Path | None) -> None:
        self._writer, self.clock, self._progress_path = writer, clock, progress_path
        self.progress = Progress(duration_s=duration_s)
        self.health = Health(clock)
        self.late_count = 0
        self.in_flight_at_end_count: int | None = None
        self.judged_entries: frozenset[int] | None = None
        self.last_error = "no answer"
        self.users_count: Callable[[], int] = lambda: 0
        self.due_count: Callable[[int], int] = lambda now_ns: 0
        self._recent_ms: deque[float] = deque(maxlen=_RECENT_COUNT)
        self._ended: list[Row] = []
        self._errors: dict[str, int] = {}
        self._in_flight_count = self._most_in_flight_count = 0
        self._greenlets: list[gevent.Greenlet] = []
        self._end_probe: Callable[[], None] = lambda: None

    # -- one request

    def sent(self, phase: int, intended_ns: int, sent_ns: int) -> None:
        """Take in that a request is about to be sent."""
        self._in_flight_count += 1
        if self._in_flight_count > self._most_in_flight_count:
            self._most_in_flight_count = self._in_flight_count
        lag_ms = (sent_ns - intended_ns) / NS_PER_MS
        self.health.sent(lag_ms)
        if phase == JUDGED:
            self.progress.sent_count += 1
            self.late_count += lag_ms > LATE_MS

    def ended(self, row: Row) -> None:
        """Take in a request that ended, whatever its end."""
        self._in_flight_count -= 1
        self._ended.append(row)
        if len(self._ended) >= FLUSH_ROWS:
            self.flush()

    def error_number(self, text: str | None) -> int:
        """Return the number of an error text, 0 for None; a new one is journaled first."""
        if text is None:
            return 0
        self.last_error = text
        number = self._errors.get(text)
        if number is None:
            number = self._errors[text] = len(self._errors) + 1
            self._writer.append(pack_json(TEXT, {"id": number, "text": text}))
        return number

    # -- CRDT history

    def invocation(self, content: dict[str, Any]) -> None:
        """Queue what a CRDT write will do; `flush` before it is sent."""
        self._writer.append(pack_json(INVOCATION, content))

    def answer(self, answer: Answer) -> None:
        """Queue what a CRDT write was answered."""
        self._writer.append(pack_answer(answer))

    # -- the run

    def flush(self) -> None:
        """Write everything queued to the journal file."""
        self._take_in()
        self._writer.flush()

    def _take_in(self) -> None:
        """Pack and count what ended since the last time, many rows at once: one by one costs twice as much."""
        rows, self._ended = self._ended, []
        judged_entries = self.judged_entries
        for row in rows:
            self._writer.append(packed(row))
            self.health.answered(row.end_ns - row.sent_ns, row.timing)
            if row.phase == JUDGED:
                self.progress.done_count += 1
                self.progress.failed_count += row.error > 0
                if judged_entries is None or row.entry in judged_entries:
                    self._recent_ms.append((row.end_ns - row.intended_ns) / NS_PER_MS)

    def record(self, kind: bytes, content: dict[str, Any]) -> None:
        """Journal one record and write it at once."""
        self._writer.append(pack_json(kind, content))
        self.flush()

    def enter(self, phase: str, **changes: Any) -> None:
        """Go on to a phase; the journal holds every change of phase, and the figures of a second end with it."""
        self._tick()
        if "ended_ns" in changes:
            self.in_flight_at_end_count = self._in_flight_count
        self.progress.phase = phase
        for name, value in changes.items():
            setattr(self.progress, name, value)
        self.record(PHASE, {"phase": phase, "t_ns": self.clock.now_ns()} | changes)
        self.write_progress()

    def start(self) -> None:
        """Begin flushing, probing and telling progress."""
        every = ((FLUSH_S, self.flush), (TICK_S, self._tick), (PROGRESS_S, self.write_progress))
        self._greenlets = [gevent.spawn(_repeat, period, work) for period, work in every]
        self._end_probe = self.health.probe()

    def stop(self) -> None:
        """End the background work; flush and close the journal."""
        gevent.killall(self._greenlets)
        self._end_probe()
        self._tick()
        self.write_progress()
        self._writer.close()

    def write_progress(self) -> None:
        """Write `generator.json`: rename without fsync, because it matters only while the process lives."""
        if self._progress_path is None:
            return
        progress = self.refreshed()
        temporary = self._progress_path.with_name(f".{self._progress_path.name}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as stream:
            stream.write(json.dumps(vars(progress)).encode())
        temporary.replace(self._progress_path)

    def refreshed(self) -> Progress:
        """Return the progress as it is now."""
        self._take_in()
        progress, now_ns = self.progress, self.clock.now_ns()
        if progress.started_ns is not None:
            until_ns = min(now_ns, progress.ended_ns or now_ns)
            progress.elapsed_s = max(0.0, (until_ns - progress.started_ns) / NS_PER_S)
            progress.intended_count = self.due_count(until_ns)
        progress.in_flight_count = self._in_flight_count
        progress.p95_ms = nearest_rank(list(self._recent_ms), 0.95)
        return progress

    def _tick(self) -> None:
        self._take_in()
        state = {"users_count": self.users_count(), "in_flight_count": self._most_in_flight_count}
        self._most_in_flight_count = self._in_flight_count
        due_count = self.due_count(self.clock.now_ns())
        self._writer.append(pack_json(TICK, self.health.sample(due_count) | state))


def nearest_rank(values: list[float], ratio: float) -> float | None:
    """Return the nearest-rank quantile, or None where there are no values.

    Examples
    --------
    >>> nearest_rank([3.0, 1.0, 2.0], 0.5), nearest_rank([], 0.5)
    (2.0, None)
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(ratio * len(values)) - 1)]


def _repeat(period_s: float, work: Callable[[], None]) -> None:
    while True:
        gevent.sleep(period_s)
        work()

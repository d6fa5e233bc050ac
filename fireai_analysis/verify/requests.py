"""The request rows of a run, as the checker reads them: which were sent, answered, judged, and how long each took."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import NS_PER_S, Flags, Floats, Ints, Run, numbers, words

SLACK_US = 1000.0
PARTS = ("app", "validation", "go", "pool", "db", "crdt")


@dataclass(frozen=True)
class Requests:
    """Request rows in order of intent.

    Attributes
    ----------
    started_ns, ended_ns : int
        The judged window.
    closed : bool
        Whether only service times are known: each user waited for its answer, or no intended times are told.
    foreign : bool
        Whether another tool recorded them: whole milliseconds, of which there may be 0, and no status or time of some.
    """

    frame: pd.DataFrame
    started_ns: int
    ended_ns: int
    closed: bool
    foreign: bool = False

    @classmethod
    def of(cls, run: Run) -> Requests | None:
        """Return the rows of a run; None where it recorded none."""
        frame, window = run.table("requests"), run.window_ns
        if frame is None or window is None:
            return None
        ordered = frame.sort_values("intended_ns", kind="stable", ignore_index=True)
        return cls(ordered, *window, run.scenario["load_model"] != "open", run.origin is not None)

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def duration_s(self) -> float:
        """Length of the window."""
        return (self.ended_ns - self.started_ns) / NS_PER_S

    @cached_property
    def due_ns(self) -> Ints:
        """Intended instant, nanoseconds after the window's start."""
        intended: Ints = self.frame["intended_ns"].to_numpy(dtype=np.int64)
        return intended - self.started_ns

    @cached_property
    def at_s(self) -> Floats:
        """Intended instant, seconds after the window's start."""
        return self.due_ns / NS_PER_S

    @cached_property
    def inside(self) -> Flags:
        """Whether the intended instant lies in the window."""
        return (self.due_ns >= 0) & (self.due_ns < self.ended_ns - self.started_ns)

    @cached_property
    def sent(self) -> Flags:
        """Whether a request was sent."""
        return self.frame["sent_ns"].notna().to_numpy(dtype=bool)

    @cached_property
    def lag_ns(self) -> Ints:
        """Intended to sent; the largest number where a request was not sent."""
        sent = self.frame["sent_ns"].astype("Int64").to_numpy(dtype=np.int64, na_value=0)
        return np.where(self.sent, sent - self.started_ns - self.due_ns, np.iinfo(np.int64).max)

    @cached_property
    def ok(self) -> Flags:
        """Whether it was answered rightly."""
        return self.frame["ok"].astype("boolean").fillna(False).to_numpy(dtype=bool) & self.sent

    @cached_property
    def judged(self) -> Flags:
        """Whether a percentile that is judged may count it."""
        return self.frame["judged"].astype("boolean").fillna(False).to_numpy(dtype=bool)

    @cached_property
    def errors(self) -> list[str]:
        """Error text of each row, empty where there is none."""
        return words(self.frame, "error")

    @cached_property
    def timed_out(self) -> Flags:
        """Whether it was sent and no answer came in time."""
        late = np.array([error == "timeout" for error in self.errors], dtype=bool)
        return late & self.sent & ~self.ok

    @cached_property
    def unanswered(self) -> Flags:
        """Whether it timed out or was never sent."""
        return self.timed_out | ~self.sent

    @cached_property
    def statuses(self) -> Ints:
        """HTTP status, 0 where there is none."""
        return np.nan_to_num(numbers(self.frame, "status")).astype(np.int64)

    @cached_property
    def answered(self) -> Flags:
        """Whether any answer came."""
        answered: Flags = self.sent & (self.statuses > 0)
        return answered | (self.ok & ~self.told_status) if self.foreign else answered

    @cached_property
    def told_status(self) -> Flags:
        """Whether the status is told; one that is not of a run of our own counts as 0."""
        return ~np.isnan(numbers(self.frame, "status")) if self.foreign else np.ones(len(self), dtype=bool)

    @cached_property
    def service_us(self) -> Floats:
        """Sent to answered; infinite where no answer came or the number cannot be."""
        return self._lasting("service_us")

    @cached_property
    def response_us(self) -> Floats:
        """Intended to answered; infinite where no answer came; of a closed loop the service time."""
        return self.service_us if self.closed else self._lasting("response_us")

    def _lasting(self, column: str) -> Floats:
        values = numbers(self.frame, column)
        usable = np.isfinite(values) & ((values >= 0) if self.foreign else (values > 0)) & ~self.unanswered
        return np.where(usable, values, np.inf)

    @cached_property
    def impossible(self) -> Flags:
        """Whether a sent row contradicts itself: no duration, or times that do not add up to a millisecond."""
        service, response = numbers(self.frame, "service_us"), numbers(self.frame, "response_us")
        wait_us = np.where(self.sent, self.lag_ns, 0) / 1000
        fits = ((service >= 0) if self.foreign else (service > 0)) & np.isfinite(response) & (response >= service - 1)
        fits &= (wait_us >= -SLACK_US) & (np.abs(response - service - wait_us) <= SLACK_US)
        if self.foreign:
            fits |= np.isnan(service) & ~self.ok
        return self.sent & ~fits

    def counted(self, warm_up_s: float) -> Flags:
        """Return which rows a judged percentile counts: judged, in the window, after the warm-up, no fast errors."""
        return self.judged & (self.ok | self.unanswered) & self.inside & (self.at_s >= warm_up_s)

    def parts_us(self) -> Floats:
        """Return the server's own times, one row a part; NaN where a part was not told."""
        return np.array([numbers(self.frame, f"{part}_us") for part in PARTS])

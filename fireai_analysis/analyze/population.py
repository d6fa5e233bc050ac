"""Which requests a latency figure is about, and how long each took.

Judged: requests whose mix entry counts, inside the window, that were answered by the contract, timed out, or were never
sent. The latter two are infinitely slow (DESIGN.md section 5, ruling 4); other errors are left to the error ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Flags, Floats, Objects, flags, floats, nanoseconds, texts
from fireai_analysis.analyze.data import Window
from fireai_analysis.spec import LoadModel
from fireai_analysis.units import NS_PER_S

TIMEOUT = "timeout"
ROUNDING_US = 1.0
CLOCK_US = 1_000.0
"""How far the times of a row may contradict each other: a request is not sent before it is due."""


@dataclass(frozen=True)
class Rows:
    """Request rows as arrays.

    Attributes
    ----------
    frame : pandas.DataFrame
        The rows (schema REQUESTS).
    window : Window
        The judged window.
    load_model : {'open', 'closed', 'unknown'}
        A closed loop sends when its user is ready, so that there is service time only; and where another tool does not
        tell how it sent, nothing else is known.
    foreign : bool
        Whether another tool recorded them: it may count whole milliseconds, so that a request takes 0, may not tell
        how long it waited in vain, and may tell no status.
    """

    frame: pd.DataFrame
    window: Window
    load_model: LoadModel = "open"
    foreign: bool = False

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def at_s(self) -> Floats:
        """Intended instant in seconds after the window's start."""
        return (nanoseconds(self.frame, "intended_ns") - self.window.started_ns) / NS_PER_S

    @cached_property
    def inside(self) -> Flags:
        """Whether a row's intended instant lies in the window."""
        return (self.at_s >= 0) & (self.at_s < self.window.duration_s)

    @cached_property
    def sent(self) -> Flags:
        """Whether a request was sent."""
        return ~np.isnan(floats(self.frame, "sent_ns"))

    @cached_property
    def ok(self) -> Flags:
        """Whether a request was sent and answered by the contract."""
        return flags(self.frame, "ok") & self.sent

    @cached_property
    def timed_out(self) -> Flags:
        """Whether a request was sent and its answer did not come in time."""
        late: Flags = self.sent & ~self.ok & (self.errors == TIMEOUT)
        return late

    @cached_property
    def unanswered(self) -> Flags:
        """Whether a request timed out or was never sent."""
        return self.timed_out | ~self.sent

    @cached_property
    def answered(self) -> Flags:
        """Whether any answer came, right or wrong."""
        unnamed = self.ok & np.isnan(floats(self.frame, "status")) if self.foreign else False
        there: Flags = self.sent & ((self.statuses > 0) | unnamed)
        return there

    @cached_property
    def errors(self) -> Objects:
        """Error text of each row, empty where there is none."""
        return texts(self.frame, "error")

    @cached_property
    def statuses(self) -> Floats:
        """HTTP status of each row; 0 where there was no answer or none is known."""
        return np.nan_to_num(floats(self.frame, "status"))

    @cached_property
    def judged(self) -> Flags:
        """Whether a row counts in a judged percentile, before errors are left out."""
        return flags(self.frame, "judged")

    @cached_property
    def population(self) -> Flags:
        """Whether a row is in the judged population (before the warm-up cut)."""
        return self.judged & (self.ok | self.unanswered)

    @cached_property
    def impossible(self) -> Flags:
        """Whether a sent row holds times that cannot be: missing, infinite, not positive, out of order, or at odds."""
        service, response = floats(self.frame, "service_us"), floats(self.frame, "response_us")
        with np.errstate(invalid="ignore"):
            wait_us = self.send_lag_s * 1e6
            told = (wait_us >= -CLOCK_US) & (np.abs(response - service - wait_us) <= CLOCK_US)
            sound = (service >= self._least_us) & (response >= service - ROUNDING_US) & np.isfinite(response) & told
        if self.foreign:
            sound |= np.isnan(service) & ~self.ok
        return self.sent & ~sound

    @property
    def _least_us(self) -> float:
        return 0.0 if self.foreign else 1.0

    def durations_us(self, column: str) -> Floats:
        """Return `service_us` or `response_us`, infinite where there was no answer or the value cannot be.

        Where there is service time only, both are it.
        """
        values = floats(self.frame, column if self.load_model == "open" else "service_us")
        return np.where(self.unanswered | ~np.isfinite(values) | (values < self._least_us), np.inf, values)

    @cached_property
    def end_s(self) -> Floats:
        """When the answer was complete, in seconds after the window's start; NaN where there was none."""
        ends = self.at_s + floats(self.frame, "response_us") / 1e6
        return np.where(self.answered, ends, np.nan)

    @cached_property
    def send_lag_s(self) -> Floats:
        """How late a request was sent, exact to the nanosecond; infinite where it was not."""
        lags_ns = nanoseconds(self.frame, "sent_ns") - nanoseconds(self.frame, "intended_ns")
        return np.where(self.sent, lags_ns / NS_PER_S, np.inf)

    @cached_property
    def wait_us(self) -> Floats:
        """Time a request waited in the generator before it was sent; NaN where it was not."""
        return floats(self.frame, "response_us") - floats(self.frame, "service_us")

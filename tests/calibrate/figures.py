"""One line of the calibration: a figure of many simulated runs beside the one to reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Side = Literal[">=", "<="]


@dataclass(frozen=True)
class Figure:
    """A figure with its Monte Carlo standard error, beside the one to reach.

    Attributes
    ----------
    name : str
        What was measured.
    value, error : float
        The figure and its standard error.
    runs_count : int
        Simulated runs behind it.
    side, reach : str, float
        What is to be reached; it is met within two standard errors.
    note : str
        What stands beside it.
    """

    name: str
    value: float
    error: float
    runs_count: int
    side: Side
    reach: float
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the figure is not on the wrong side by more than two standard errors."""
        if self.side == ">=":
            return self.value >= self.reach - 2 * self.error
        return self.value <= self.reach + 2 * self.error


def share(name: str, hits: Sequence[bool], side: Side, reach: float, note: str = "") -> Figure:
    """Return a share as a figure; the error at 0 and 1 is that of one run more on the other side.

    Examples
    --------
    >>> share("x", [True, False, True, True], ">=", 0.9).value
    0.75
    """
    count = len(hits)
    if not count:
        return Figure(name, math.nan, math.nan, 0, side, reach, note or "no run")
    value = sum(hits) / count
    inner = min(max(value, 1 / (count + 1)), count / (count + 1))
    return Figure(name, value, math.sqrt(inner * (1 - inner) / count), count, side, reach, note)


def mean_of(name: str, figures: Sequence[Figure], side: Side, reach: float) -> Figure:
    """Return the mean of figures that were measured apart."""
    error = math.sqrt(sum(one.error**2 for one in figures)) / len(figures)
    value = float(np.mean([one.value for one in figures]))
    return Figure(name, value, error, sum(one.runs_count for one in figures), side, reach)


def median_of(name: str, values: Sequence[float], side: Side, reach: float, note: str = "") -> Figure:
    """Return a median as a figure; its error is half the width between the ranks at one standard error."""
    ordered, count = np.sort(np.array(values)), len(values)
    half = math.sqrt(count) / 2
    low, high = max(0, math.floor(count / 2 - half)), min(count - 1, math.ceil(count / 2 + half))
    error = float(ordered[high] - ordered[low]) / 2
    return Figure(name, float(ordered[math.ceil(count / 2) - 1]), error, count, side, reach, note)

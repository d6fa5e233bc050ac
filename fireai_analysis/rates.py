"""A rate over time: points joined by straight lines, over the judged window of a scenario.

A jump is two points at one time. Pure numbers; `curves.py` makes such curves from shapes and files.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pydantic import BaseModel, ConfigDict, Field

MEAN_TOLERANCE = 1e-3
"""How far, as a ratio, the mean of a curve may be from the rate it goes with: a rate is written with a few digits."""


class RatePoint(BaseModel):
    """One point of a rate curve: the offered rate `t_s` seconds after the window's start."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    t_s: float = Field(ge=0)
    rate_rps: float = Field(ge=0)


def mean_rps(curve: Sequence[RatePoint]) -> float:
    """Return the mean rate of a curve: the area under its straight lines, over its duration.

    Examples
    --------
    >>> mean_rps([RatePoint(t_s=0, rate_rps=10), RatePoint(t_s=60, rate_rps=30)])
    20.0
    """
    areas = ((after.t_s - one.t_s) * (one.rate_rps + after.rate_rps) / 2 for one, after in pairwise(curve))
    return sum(areas) / curve[-1].t_s


def peak_rps(curve: Sequence[RatePoint]) -> float:
    """Return the largest rate of a curve."""
    return max(point.rate_rps for point in curve)


def lowest_rps(curve: Sequence[RatePoint]) -> float:
    """Return the smallest rate of a curve."""
    return min(point.rate_rps for point in curve)


def stretched(curve: Sequence[RatePoint], longer: float, more: float) -> tuple[RatePoint, ...]:
    """Return the same course over `longer` times the duration, at `more` times the rate."""
    return tuple(RatePoint(t_s=point.t_s * longer, rate_rps=point.rate_rps * more) for point in curve)


def check_curve(curve: Sequence[RatePoint], duration_s: float, rate_rps: float) -> None:
    """Raise ValueError where a curve does not cover the window in order, or its mean is not the rate."""
    if len(curve) < 2 or curve[0].t_s != 0:
        raise ValueError("a curve needs at least two points, the first of them at t_s: 0")
    for one, after in pairwise(curve):
        if after.t_s < one.t_s:
            raise ValueError(f"the curve goes back in time, from t_s {one.t_s:g} to {after.t_s:g}; sort its points")
    if not math.isclose(curve[-1].t_s, duration_s, rel_tol=1e-9):
        raise ValueError(f"the curve ends at {curve[-1].t_s:g} s and the window at {duration_s:g} s; make them equal")
    mean = mean_rps(curve)
    if not math.isclose(mean, rate_rps, rel_tol=MEAN_TOLERANCE):
        raise ValueError(f"the mean of the curve is {mean:g} rps, not {rate_rps:g}; write rate_rps: {mean:.6g}")

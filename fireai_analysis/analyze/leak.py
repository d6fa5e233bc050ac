"""Whether the live heap grows without end, and when the resident set would cross a limit (rule MEM).

Judged on 120 s medians of the live heap after each garbage collection: trend tests on the raw heap or resident set call
healthy services leaking. The leak is told from the live heap, the danger from whichever grows faster: the resident set
as a rule; but it may fall, as the runtime gives memory back, while the live heap it must hold grows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fireai_analysis.analyze import cosine
from fireai_analysis.analyze.columns import Floats
from fireai_analysis.analyze.trend import by_cell, middle, trend
from fireai_analysis.results import Forecast, GrowthLabel
from fireai_analysis.units import BYTES_PER_MB, BYTES_PER_MIB

SMALLEST_BYTES_PER_H = BYTES_PER_MB
HOURS_PER_DAY = 24


@dataclass(frozen=True)
class Leak:
    """What became of the live heap.

    Attributes
    ----------
    label : {'NONE', 'STEP', 'RAMPING', 'DETECTED'} or None
        None where the run is too short or not sampled.
    slope_mib_per_h, interval_mib_per_h, detectable_mib_per_h : float, pair of float, float, or None
        Of the live heap: Theil-Sen slope, 95 % interval of the least-squares slope (EWC-8) widened to it, and the
        smallest growth that this run would have shown.
    rss_slope_bytes_per_h, rss_interval_bytes_per_h : float, pair of float, or None
        Least-squares slope of the resident set and its 95 % interval, the input of the forecast.
    """

    label: GrowthLabel | None
    slope_mib_per_h: float | None = None
    interval_mib_per_h: tuple[float, float] | None = None
    detectable_mib_per_h: float | None = None
    rss_slope_bytes_per_h: float | None = None
    rss_interval_bytes_per_h: tuple[float, float] | None = None

    def days_to(self, limit_bytes: float, high_water_bytes: float) -> float | None:
        """Return the earliest day on which a leak would cross the limit; None where none is forecast."""
        return self.forecast(limit_bytes, high_water_bytes).earliest_days

    def forecast(self, limit_bytes: float, high_water_bytes: float) -> Forecast:
        """Return when a leak would bring the resident set over the limit, in days, with its 95 % interval.

        What is left below the limit over the slope and its bounds, each the larger one of the resident set and the live
        heap; null where a slope leads nowhere, so that a latest day of null is "no finite crossing at 97.5 %". Nothing
        is forecast where there is no leak.
        """
        if self.label != "DETECTED" or not math.isfinite(limit_bytes):
            return Forecast()
        left = max(0.0, limit_bytes - high_water_bytes)
        low, high = self.rss_interval_bytes_per_h or (None, None)
        live_low, live_high = self.interval_mib_per_h or (None, None)
        return Forecast(
            days=_days(left, self.rss_slope_bytes_per_h, self.slope_mib_per_h),
            earliest_days=_days(left, high, live_high),
            latest_days=_days(left, low, live_low),
        )


def _days(left_bytes: float, rss_bytes_per_h: float | None, live_mib_per_h: float | None) -> float | None:
    live = None if live_mib_per_h is None else live_mib_per_h * BYTES_PER_MIB
    bytes_per_h = max((one for one in (rss_bytes_per_h, live) if one is not None), default=0.0)
    if bytes_per_h <= 0:
        return None
    days = left_bytes / bytes_per_h / HOURS_PER_DAY
    return days if math.isfinite(days) else None


def detect(at_s: Floats, live_bytes: Floats, rss: tuple[Floats, Floats]) -> Leak:
    """Return the verdict on a leak.

    Parameters
    ----------
    at_s, live_bytes : numpy.ndarray
        Live heap over time, s after the window's start.
    rss : pair of numpy.ndarray
        Times and resident set of the same process.
    """
    found = trend(at_s, live_bytes, smallest_per_h=SMALLEST_BYTES_PER_H, of_cell=middle)
    if found is None:
        return Leak(None)
    low, high = found.interval_per_h
    line = cosine.slope(*by_cell(*rss, middle))
    return Leak(
        label=found.label,
        slope_mib_per_h=found.slope_per_h / BYTES_PER_MIB,
        interval_mib_per_h=(low / BYTES_PER_MIB, high / BYTES_PER_MIB),
        detectable_mib_per_h=found.detectable_per_h / BYTES_PER_MIB,
        rss_slope_bytes_per_h=line.slope if line else None,
        rss_interval_bytes_per_h=line.interval if line else None,
    )

"""Where the time of a request passes: parts told by the server, what it did not tell, and waiting before sending.

Shares are those of the slow tail (p90 to p99 of the response time), not of means: that is what a p95 is made of.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Flags, Floats, floats
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.quantiles import LEVELS, P95, finite, nearest_rank, rank
from fireai_analysis.results import Layer
from fireai_analysis.schemas import SERVER_PARTS
from fireai_analysis.units import US_PER_MS

REST, QUEUE = "client and network", "generator wait"
ROUNDING_US = 500.0
"""How much too long a part may be told: a server that rounds to whole milliseconds is off by half of one in each."""
CLOCK_RATE_RATIO = 500e-6
"""How much faster the server's clock may run than ours: NTP disciplines a clock by at most 500 millionths. What the
two clocks show does not matter, for both times are durations, each by one clock.
"""
OVERRUN_RATIO = 0.01
"""How many answers may tell times that cannot be before those of the others are not believed either."""
FEWEST_IN_BAND = 3


def measure(rows: Rows, cut_s: float) -> dict[str, Layer]:
    """Return the parts of the judged requests that carry server timing; empty where none does, or where it is broken.

    A request whose parts are more than its service time does not tell where its time passed, and is left out.
    `client and network` is service time less all parts; `generator wait` is response time less service time.
    """
    told = rows.population & (rows.at_s >= cut_s) & _told(rows) & ~_overrun(rows)
    if not told.any() or is_broken(rows):
        return {}
    times = _parts(rows, told)
    response = floats(rows.frame, "response_us")[told]
    band = tail_band(response)
    total = float(response[band].sum())
    return {
        name: _layer(values, float(values[band].sum()) / total if band.any() and total else None)
        for name, values in times.items()
        if values.any() or name in (REST, QUEUE)
    }


def tail_band(response_us: Floats) -> Flags:
    """Return which requests lie from the p90 to the p99; none where fewer than three do.

    To the largest where n is too small for a p99.

    Examples
    --------
    >>> int(tail_band(np.arange(1000.0)).sum())
    91
    """
    ordered = np.sort(response_us)
    low = ordered[rank(len(ordered), LEVELS["p90"]) - 1]
    high = nearest_rank(ordered, LEVELS["p99"])
    band = (response_us >= low) & (response_us <= (math.inf if high is None else high))
    return band if band.sum() >= FEWEST_IN_BAND else np.zeros(len(response_us), dtype=np.bool_)


def overruns_count(rows: Rows) -> int:
    """Return how many right answers tell more time in their parts than passed, or less than none: broken timing."""
    return int((_told(rows) & _overrun(rows)).sum())


def is_broken(rows: Rows) -> bool:
    """Return whether more than 1 % of the answers with parts tell times that cannot be: then none is believed."""
    return overruns_count(rows) > OVERRUN_RATIO * int(_told(rows).sum())


def _told(rows: Rows) -> Flags:
    return rows.ok & ~rows.impossible & _has_parts(rows)


def _overrun(rows: Rows) -> Flags:
    """Return which requests tell times that cannot be, beyond rounding and the rate of a clock.

    Parts are exclusive times, so that their sum is at most the service time: the server's work lies inside it.
    """
    parts = np.array([np.nan_to_num(floats(rows.frame, f"{part}_us")) for part in SERVER_PARTS])
    allowed_us = ROUNDING_US * (parts > 0).sum(axis=0) + (1 + CLOCK_RATE_RATIO) * floats(rows.frame, "service_us")
    overrun: Flags = (parts < 0).any(axis=0) | (parts.sum(axis=0) > allowed_us)
    return overrun


def _has_parts(rows: Rows) -> Flags:
    there = np.zeros(len(rows), dtype=np.bool_)
    for part in SERVER_PARTS:
        there |= ~np.isnan(floats(rows.frame, f"{part}_us"))
    return there


def _parts(rows: Rows, told: Flags) -> dict[str, Floats]:
    times = {part: np.nan_to_num(floats(rows.frame, f"{part}_us")[told]) for part in SERVER_PARTS}
    service = floats(rows.frame, "service_us")[told]
    times[REST] = np.maximum(0.0, service - sum(times.values()))
    times[QUEUE] = np.maximum(0.0, rows.wait_us[told])
    return times


def _layer(values_us: Floats, share: float | None) -> Layer:
    ordered = np.sort(values_us)
    return Layer(
        p50=finite(nearest_rank(ordered, LEVELS["p50"])),
        p95=finite(nearest_rank(ordered, P95)),
        mean=float(values_us.mean()) / US_PER_MS,
        share_of_tail_ratio=share,
    )


def table(layers: dict[str, Layer]) -> pd.DataFrame:
    """Return the parts as a table, largest share first."""
    lines = [
        {"part": name, "mean_ms": layer.mean, "p50_ms": layer.p50, "p95_ms": layer.p95}
        | {"share_of_tail_ratio": layer.share_of_tail_ratio}
        for name, layer in layers.items()
    ]
    columns = ["part", "mean_ms", "p50_ms", "p95_ms", "share_of_tail_ratio"]
    kinds = dict.fromkeys(columns[1:], "float64")
    return pd.DataFrame(lines, columns=columns).astype(kinds).sort_values("share_of_tail_ratio", ascending=False)

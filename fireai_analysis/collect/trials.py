"""What the calibration of a generator makes of its trials: bias against a known latency, and the rate it can keep up.

Pure functions over what a trial's journal holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fireai_analysis.collect.journal import Row
from fireai_analysis.collect.recorder import LATE_MS, nearest_rank
from fireai_analysis.collect.server_timing import parts_us
from fireai_analysis.units import NS_PER_MS, US_PER_MS

LADDER_RPS = (50.0, 100.0, 200.0, 350.0, 500.0, 700.0, 1000.0, 1400.0, 2000.0)
"""Rates that are tried; 350 is a little over twice the spike's."""
LAG_LIMIT_MS, CPU_LIMIT_RATIO, LATE_LIMIT_RATIO, BIAS_LIMIT_RATIO = 15.0, 0.80, 0.01, 0.03
RANK_RATIO = 0.95


@dataclass(frozen=True)
class Bias:
    """P95 of the client's service time beside P95 of the time that the server itself took, over the same requests."""

    client_p95_ms: float
    server_p95_ms: float
    requests_count: int

    @property
    def ms(self) -> float:
        """How much later the client saw the P95."""
        return self.client_p95_ms - self.server_p95_ms

    @property
    def ratio(self) -> float:
        """The same over the server's P95."""
        return self.ms / self.server_p95_ms


def bias(rows: Sequence[Row]) -> Bias | None:
    """Return the bias over the rows of a trial; None where none tells the server's time.

    Examples
    --------
    >>> row = Row(1, 0, 200, 0, 0, 0, 0, 20_400_000, 10, 0, "app;dur=20")
    >>> bias([row]).ms, round(bias([row]).ratio, 4)
    (0.3999999999999986, 0.02)
    """
    told = [(row.end_ns - row.sent_ns, sum(parts_us(row.timing).values())) for row in rows if row.timing]
    client = nearest_rank([service_ns / NS_PER_MS for service_ns, _ in told], RANK_RATIO)
    server = nearest_rank([server_us / US_PER_MS for _, server_us in told], RANK_RATIO)
    return Bias(client, server, len(told)) if client is not None and server else None


def is_within(bias_ratio: float | None) -> bool:
    """Return whether a bias is known and small enough to be believed.

    Examples
    --------
    >>> is_within(0.02), is_within(-0.04), is_within(None)
    (True, False, False)
    """
    return bias_ratio is not None and abs(bias_ratio) <= BIAS_LIMIT_RATIO


def middle(biases: Sequence[Bias]) -> Bias | None:
    """Return the bias of the middle trial, None where there are none."""
    ordered = sorted(biases, key=lambda one: one.ratio)
    return ordered[math.ceil(len(ordered) / 2) - 1] if ordered else None


def is_healthy(ticks: Sequence[dict[str, Any]], rows: Sequence[Row], planned_count: int) -> bool:
    """Return whether a generator kept up with a trial.

    Loop lag P99 within the gate's limit, CPU at most 80 %, every request sent, at most 1 % of them late, all answered
    rightly.

    Parameters
    ----------
    ticks : sequence of dict
        Samples of the trial's window.
    rows : sequence of Row
        Its requests.
    planned_count : int
        Arrivals that the schedule drew.
    """
    lags = [tick["loop_lag_p99_ms"] for tick in ticks if tick["loop_lag_p99_ms"] is not None]
    late_count = sum(row.sent_ns - row.intended_ns > LATE_MS * NS_PER_MS for row in rows)
    return (
        bool(lags)
        and max(lags) <= LAG_LIMIT_MS
        and max(tick["cpu_ratio"] for tick in ticks) <= CPU_LIMIT_RATIO
        and len(rows) == planned_count
        and late_count <= LATE_LIMIT_RATIO * planned_count
        and not any(row.error for row in rows)
    )


def capacity_rps(healthy_at: Callable[[float], bool], ladder_rps: Sequence[float] = LADDER_RPS) -> float:
    """Return the highest rate of a ladder that is healthy, found by halving; 0 where none is.

    A rate counts as unhealthy once it was so twice: a moment in which the machine does something else is no limit.

    Examples
    --------
    >>> capacity_rps(lambda rate: rate <= 800, (100.0, 700.0, 1000.0))
    700.0
    """
    low, high = -1, len(ladder_rps)
    while high - low > 1:
        middle = (low + high) // 2
        if healthy_at(ladder_rps[middle]) or healthy_at(ladder_rps[middle]):
            low = middle
        else:
            high = middle
    return ladder_rps[low] if low >= 0 else 0.0


def figures(biases: Sequence[Bias], capacity: float) -> dict[str, Any]:
    """Return the figures of a calibration; the bias is that of the middle trial, beside all of them.

    Parameters
    ----------
    biases : sequence of Bias
        Those of all trials.
    capacity : float
        Rate in requests a second.
    """
    chosen = middle(biases)
    return {
        "p95_bias_ratio": chosen.ratio if chosen else None,
        "p95_bias_ms": chosen.ms if chosen else None,
        "p95_bias_ratios": [one.ratio for one in biases],
        "null_p95_ms": chosen.server_p95_ms if chosen else None,
        "capacity_rps": capacity,
        "requests_count": sum(one.requests_count for one in biases),
        "trials": [asdict(one) for one in biases],
    }

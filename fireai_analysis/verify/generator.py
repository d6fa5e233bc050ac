"""What the load generator knew of itself, recomputed from its samples and from the rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fireai_analysis.verify import foreign
from fireai_analysis.verify.evidence import NS_PER_S, Floats, Run, finite, numbers
from fireai_analysis.verify.requests import Requests
from fireai_analysis.verify.resources import average
from fireai_analysis.verify.traffic import LATE_NS, Figures

RATIOS = ("p95_bias_ratio", "p95_bias_ms", "null_p95_ms", "capacity_rps")


def audit(run: Run, rows: Requests) -> Figures:
    """Return the figures below `generator.`."""
    frame, told = run.during("generator"), workers(run)
    lags_ms = rows.lag_ns[rows.sent] / 1e6
    found = {
        "workers_count": None if told is None else len(told),
        "lost_workers_count": None if told is None else sum(one.get("state") != "done" for one in told),
        "cpu_p95_ratio": ranked(numbers(frame, "cpu_ratio"), 950),
        "cpu_peak_ratio": ranked(numbers(frame, "cpu_ratio"), 1000),
        "steal_mean_ratio": average(numbers(frame, "steal_ratio")),
        "loop_lag_p99_ms": ranked(numbers(frame, "loop_lag_p99_ms"), 990),
        "loop_lag_max_ms": ranked(numbers(frame, "loop_lag_max_ms"), 1000),
        "send_lag_p99_ms": ranked(lags_ms, 990),
        "send_lag_max_ms": ranked(lags_ms, 1000),
        "late_count": int((rows.lag_ns[rows.sent] > LATE_NS).sum()) if len(lags_ms) else None,
        "in_flight_peak_count": _together(run, "in_flight_count"),
        "in_flight_at_end_count": count_of(run.part("generator").get("in_flight_at_end_count")),
        "sockets_peak_count": _together(run, "sockets_count"),
        "gap_p95_ms": ranked(_gaps_ms(rows), 950),
    }
    if not foreign.tells_due(run):
        found = dict.fromkeys(found)
    return {f"generator.{name}": value for name, value in found.items()} | _calibration(run)


def ranked(values: Floats, per_mille: int) -> float | None:
    """Return the nearest-rank quantile of the numbers, the largest included; None where there is none."""
    seen = np.sort(finite(values))
    return float(seen[max(0, -(-len(seen) * per_mille // 1000) - 1)]) if len(seen) else None


def workers(run: Run) -> list[dict[str, Any]] | None:
    """Return what was noted of each generator process; None where nothing was."""
    found = run.facts.get("workers")
    good = isinstance(found, list) and bool(found) and all(isinstance(one, dict) for one in found)
    return found if good else None


def count_of(value: Any) -> int | None:
    """Return a whole number from 0 up; None where the value is none."""
    return value if type(value) is int and value >= 0 else None


def number_of(value: Any) -> float | None:
    """Return a finite number; None where the value is none."""
    return float(value) if type(value) in (int, float) and math.isfinite(value) else None


def _calibration(run: Run) -> Figures:
    told = run.part("calibration")
    ratios = told.get("p95_bias_ratios")
    return {
        **{f"generator.calibration.{name}": number_of(told.get(name)) for name in RATIOS},
        **{f"generator.calibration.{name}": count_of(told.get(name)) for name in ("measured_ns", "requests_count")},
        "generator.calibration.p95_bias_ratios": ratios if isinstance(ratios, list) else [],
    }


def _together(run: Run, column: str) -> int | None:
    """Return the largest sum over all processes of their highest value in a second."""
    frame = run.during("generator")
    if frame is None or run.window_ns is None:
        return None
    highest: dict[int, dict[Any, float]] = {}
    own = frame["worker"].tolist() if "worker" in frame else [0] * len(frame)
    for t_ns, worker, value in zip(frame["t_ns"], own, numbers(frame, column), strict=True):
        if not math.isnan(value):
            second = highest.setdefault((int(t_ns) - run.window_ns[0]) // NS_PER_S, {})
            second[worker] = max(value, second.get(worker, value))
    return round(max(sum(second.values()) for second in highest.values())) if highest else None


def _gaps_ms(rows: Requests) -> Floats:
    """Return service time less the server's own time of each answer that tells one."""
    parts = rows.parts_us()
    told = rows.answered & ~np.isnan(parts).all(axis=0)
    gaps: Floats = (numbers(rows.frame, "service_us") - np.nansum(parts, axis=0))[told] / 1000
    return gaps

"""What the load generator knows of itself over the judged window: whether it kept up, and what it adds to latencies.

Quantiles of a second's figures are nearest rank over all seconds of all generator processes; send lag, late starts and
the gap to the server's own time come from the rows, one by one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Floats, floats, known, nanoseconds, whole
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.validity import told
from fireai_analysis.records import Calibration, GeneratorAudit
from fireai_analysis.schemas import SERVER_PARTS
from fireai_analysis.units import NS_PER_S, US_PER_MS

LATE_MS = 15.0
"""A request sent later than this after its intended start is late."""
MS_PER_S = 1000
HIGHEST = {name: "max" for name in ("loop_lag_p99_ms", "cpu_ratio", "send_lag_p99_ms", "steal_ratio", "gap_p95_ms")}
SUMMED = {name: "sum" for name in ("in_flight_count", "sockets_count")}


def audit(data: RunData, rows: Rows) -> GeneratorAudit:
    """Return the audit of a run's generator, all its processes together; null where something was not recorded."""
    frame = data.during("generator")
    seconds = pd.DataFrame() if frame is None else frame
    together, workers = curve(data), told.workers(data)
    lags_ms = np.sort(rows.send_lag_s[rows.sent] * MS_PER_S)
    return GeneratorAudit(
        workers_count=None if workers is None else len(workers),
        lost_workers_count=None if workers is None else sum(one.get("state") != "done" for one in workers),
        cpu_p95_ratio=_rank(floats(seconds, "cpu_ratio"), 0.95),
        cpu_peak_ratio=_rank(floats(seconds, "cpu_ratio"), 1.0),
        steal_mean_ratio=_mean(floats(seconds, "steal_ratio")),
        loop_lag_p99_ms=_rank(floats(seconds, "loop_lag_p99_ms"), 0.99),
        loop_lag_max_ms=_rank(floats(seconds, "loop_lag_max_ms"), 1.0),
        send_lag_p99_ms=_rank(lags_ms, 0.99),
        send_lag_max_ms=_rank(lags_ms, 1.0),
        late_count=int((lags_ms > LATE_MS).sum()) if len(lags_ms) else None,
        in_flight_peak_count=whole(_rank(floats(together, "in_flight_count"), 1.0)),
        in_flight_at_end_count=told.count(told.part(data, "generator"), "in_flight_at_end_count"),
        sockets_peak_count=whole(_rank(floats(together, "sockets_count"), 1.0)),
        gap_p95_ms=_rank(gaps_ms(rows), 0.95),
        calibration=calibration(data),
    )


def calibration(data: RunData) -> Calibration:
    """Return what was known of the generator before the run; all null where it was never calibrated."""
    facts = told.part(data, "calibration")
    ratios = facts.get("p95_bias_ratios")
    return Calibration(
        measured_ns=told.count(facts, "measured_ns"),
        p95_bias_ratio=told.number(facts, "p95_bias_ratio"),
        p95_bias_ratios=tuple(ratios) if isinstance(ratios, list | tuple) else (),
        p95_bias_ms=told.number(facts, "p95_bias_ms"),
        null_p95_ms=told.number(facts, "null_p95_ms"),
        capacity_rps=told.number(facts, "capacity_rps"),
        requests_count=told.count(facts, "requests_count"),
    )


def gaps_ms(rows: Rows) -> Floats:
    """Return service time less the server's own time, in ms, of each answer that tells one."""
    parts = np.array([floats(rows.frame, f"{name}_us") for name in SERVER_PARTS]).reshape(len(SERVER_PARTS), len(rows))
    told_any = rows.answered & ~np.isnan(parts).all(axis=0)
    gaps: Floats = (floats(rows.frame, "service_us") - np.nansum(parts, axis=0))[told_any] / US_PER_MS
    return gaps


def curve(data: RunData) -> pd.DataFrame:
    """Return the figures of each second, all generator processes together.

    Returns
    -------
    pandas.DataFrame
        `t_s`, the largest of any process (lags, CPU, steal, gap) and the sum over them (in flight, sockets).
    """
    frame, window = data.during("generator"), data.window
    names = {**HIGHEST, **SUMMED}
    if frame is None or window is None:
        return pd.DataFrame({name: np.array([]) for name in ("t_s", *names)})
    at_s = (nanoseconds(frame, "t_ns") - window.started_ns) / NS_PER_S
    worker = frame["worker"].to_numpy() if "worker" in frame else np.zeros(len(frame))
    table = pd.DataFrame({"second": np.floor(at_s), "worker": worker, "t_s": at_s})
    table = table.assign(**{name: floats(frame, name) for name in names})
    by_worker = table.groupby(["second", "worker"], as_index=False).max()
    grouped = by_worker.groupby("second")
    sums = {name: grouped[name].sum(min_count=1) for name in SUMMED}
    highest = {name: grouped[name].max() for name in HIGHEST}
    return pd.DataFrame({"t_s": grouped["t_s"].max(), **highest, **sums}).reset_index(drop=True)


def _rank(values: Floats, ratio: float) -> float | None:
    seen = np.sort(known(values))
    return float(seen[max(0, int(np.ceil(ratio * len(seen))) - 1)]) if len(seen) else None


def _mean(values: Floats) -> float | None:
    seen = known(values)
    return float(seen.mean()) if len(seen) else None

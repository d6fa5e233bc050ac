"""Connection pool and host over the run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Floats, floats, increase, known, nanoseconds, ratio, whole
from fireai_analysis.analyze.data import RunData
from fireai_analysis.results import Host, Pool
from fireai_analysis.units import NS_PER_S

MS_PER_S = 1000


def pool(data: RunData) -> Pool:
    """Return the use of the Go service's connection pool; waits are counted, not sampled."""
    frame = data.during("pool")
    if frame is None:
        return Pool()
    sizes, acquired = known(floats(frame, "max_count")), floats(frame, "acquired_count")
    use = known(acquired / floats(frame, "max_count")) if len(sizes) else np.array([])
    acquires, waited_s = increase(floats(frame, "acquires_count")), increase(floats(frame, "acquire_wait_s"))
    wait_s = ratio(waited_s, acquires)
    return Pool(
        max_count=whole(_last(sizes)),
        peak_acquired_count=whole(_peak(acquired)),
        peak_utilization_ratio=_peak(use),
        mean_utilization_ratio=_mean(use),
        acquires_count=whole(acquires),
        waited_acquires_count=whole(increase(floats(frame, "empty_acquires_count"))),
        mean_wait_ms=None if wait_s is None else wait_s * MS_PER_S,
        new_connections_count=whole(increase(floats(frame, "new_connections_count"))),
    )


def host(data: RunData) -> Host:
    """Return the use of the machine over the judged window."""
    frame = data.during("host")
    if frame is None:
        return Host()
    seconds = float(np.ptp(nanoseconds(frame, "t_ns"))) / NS_PER_S
    used, total = floats(frame, "memory_used_bytes"), floats(frame, "memory_total_bytes")

    def rate(column: str) -> float | None:
        return ratio(increase(floats(frame, column)), seconds)

    return Host(
        cpu_mean_ratio=_mean(floats(frame, "cpu_ratio")),
        cpu_peak_ratio=_peak(floats(frame, "cpu_ratio")),
        steal_mean_ratio=_mean(floats(frame, "steal_ratio")),
        memory_peak_ratio=_peak(used / total),
        memory_peak_bytes=whole(_peak(used)),
        net_received_bytes_per_s=rate("net_received_bytes"),
        net_sent_bytes_per_s=rate("net_sent_bytes"),
        disk_read_bytes_per_s=rate("disk_read_bytes"),
        disk_written_bytes_per_s=rate("disk_written_bytes"),
    )


def pool_curve(data: RunData) -> pd.DataFrame:
    """Return connections in use and the pool's size over time."""
    return _curve(data, "pool", lambda frame: {name: floats(frame, name) for name in ("acquired_count", "max_count")})


def host_curve(data: RunData) -> pd.DataFrame:
    """Return CPU and memory in use over time, as ratios."""
    return _curve(
        data,
        "host",
        lambda frame: {
            "cpu_ratio": floats(frame, "cpu_ratio"),
            "memory_ratio": floats(frame, "memory_used_bytes") / floats(frame, "memory_total_bytes"),
        },
    )


def _curve(data: RunData, name: str, columns) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    frame, window = data.during(name), data.window
    if frame is None or window is None:
        frame = pd.DataFrame()
        return pd.DataFrame({"t_s": np.array([]), **columns(frame)})
    at_s = (nanoseconds(frame, "t_ns") - window.started_ns) / NS_PER_S
    return pd.DataFrame({"t_s": at_s, **columns(frame)})


def _last(values: Floats) -> float | None:
    return float(values[-1]) if len(values) else None


def _peak(values: Floats) -> float | None:
    seen = known(values)
    return float(seen.max()) if len(seen) else None


def _mean(values: Floats) -> float | None:
    seen = known(values)
    return float(seen.mean()) if len(seen) else None

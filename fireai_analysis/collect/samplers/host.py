"""The machine we run on: CPU, memory, network, disk."""

from __future__ import annotations

import os

import psutil

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.samplers.source import Reading


class HostSource:
    """Reads the machine; ratios are of the time since the reading before, null in the first one.

    Parameters
    ----------
    clock : Clock
        Source of time stamps.
    """

    name = "host"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._before: dict[str, float] | None = None

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Return one row of table `host`."""
        now = psutil.cpu_times()._asdict()
        memory = psutil.virtual_memory()
        network, disk = psutil.net_io_counters(), psutil.disk_io_counters()
        row = cpu_ratios(self._before, now) | {
            "t_ns": self._clock.now_ns(),
            "load_1min": os.getloadavg()[0],
            "memory_used_bytes": memory.total - memory.available,
            "memory_total_bytes": memory.total,
            "net_sent_bytes": network.bytes_sent if network else None,
            "net_received_bytes": network.bytes_recv if network else None,
            "disk_read_bytes": disk.read_bytes if disk else None,
            "disk_written_bytes": disk.write_bytes if disk else None,
        }
        self._before = now
        return Reading({"host": [row]})

    def close(self) -> None:
        """Nothing is held."""


def cpu_ratios(before: dict[str, float] | None, now: dict[str, float]) -> dict[str, float | None]:
    """Return the shares of CPU time used, stolen and waiting for disks between two readings of all cores.

    Guest time is part of user time and is not counted twice.

    Examples
    --------
    >>> cpu_ratios({"user": 1.0, "idle": 1.0, "iowait": 0.0}, {"user": 2.0, "idle": 3.5, "iowait": 0.5})
    {'cpu_ratio': 0.25, 'steal_ratio': 0.0, 'iowait_ratio': 0.125}
    """
    spent = {name: max(0.0, value - before[name]) for name, value in now.items()} if before else {}
    total = sum(value for name, value in spent.items() if not name.startswith("guest"))
    if total <= 0:
        return {"cpu_ratio": None, "steal_ratio": None, "iowait_ratio": None}
    idle = spent.get("idle", 0.0) + spent.get("iowait", 0.0)
    return {
        "cpu_ratio": (total - idle) / total,
        "steal_ratio": spent.get("steal", 0.0) / total,
        "iowait_ratio": spent.get("iowait", 0.0) / total,
    }

"""Whether this machine can hold what the runs need: open files, ports, room on the disk."""

from __future__ import annotations

import math
import resource
import shutil
from pathlib import Path

from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import Occasion, good, refusal, warning
from fireai_analysis.units import size_text

FILES_BESIDE = 256
"""Files that a generator holds beside its connections: libraries, journal, Locust's channel."""

PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TIGHT_TIMES = 2


def open_files(occasion: Occasion) -> Check:
    """Refuse more users than this machine can hold connections for: each keeps one to each door."""
    name, doors = "open_files", len(occasion.target.doors)
    users = max(spec.scenario.users for spec in occasion.specs)
    connections = users * doors
    needed = max(math.ceil(spec.scenario.users * doors / spec.fleet.workers) for spec in occasion.specs) + FILES_BESIDE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        remedy = f"`ulimit -Hn {needed}` or /etc/security/limits.conf, or more processes (--processes)"
        return refusal(name, f"{users:,} users need {needed:,} open files, {hard:,} are allowed", remedy)
    ports = _ports_count()
    if ports is not None and ports < users:
        remedy = f"widen {PORT_RANGE}: each user needs a port of its own to each door"
        return refusal(name, f"{users:,} users need as many local ports, {ports:,} there are", remedy)
    return good(name, f"{users:,} users hold {connections:,} connections; {needed:,} open files a process are allowed")


def _ports_count() -> int | None:
    """Return how many local ports there are to connect from; None where the system does not say."""
    try:
        low, high = PORT_RANGE.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(high) - int(low) + 1


def disk(occasion: Occasion) -> Check:
    """Refuse runs that have no room for what they record, warn where it is less than twice that."""
    name, directory = "disk", occasion.directory.absolute()
    place = next(one for one in (directory, *directory.parents) if one.exists())
    free_bytes, needed_bytes = shutil.disk_usage(place).free, occasion.needed_bytes
    detail = f"{size_text(free_bytes)} free, about {size_text(needed_bytes)} needed"
    remedy = f"make room in {place}, or choose another directory with -o"
    if free_bytes < needed_bytes:
        return refusal(name, detail, remedy)
    if free_bytes < TIGHT_TIMES * needed_bytes:
        return warning(name, detail, remedy)
    return good(name, detail)

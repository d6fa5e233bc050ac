"""What is found out about target and machine around a run: versions, clocks, high-water marks. Holds no secret."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import psutil

from fireai_analysis.collect.fetch import fetch, fetch_json
from fireai_analysis.collect.samplers.go import METRICS
from fireai_analysis.collect.samplers.processes import high_water_bytes
from fireai_analysis.collect.samplers.source import whole
from fireai_analysis.errors import CollectionError, TargetError
from fireai_analysis.spec import Target
from fireai_analysis.units import NS_PER_S, NS_PER_US

REACH_S = 5.0
ASK_S = 2.0
TRIES_COUNT = 7


def refuse_unreachable(target: Target) -> None:
    """Raise TargetError unless every door answers `GET /health` with 200."""
    for door in target.doors:
        url = target.base_url(door)
        try:
            status = fetch(f"{url}/health", REACH_S).status
        except CollectionError as error:
            raise TargetError(f"the target is unreachable: {url} ({door}): {error}") from None
        if status != 200:
            raise TargetError(f"the target is not ready: {url}/health ({door}) answered {status} instead of 200")


def host() -> dict[str, Any]:
    """Return what kind of machine this is, without its name."""
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cores_count": psutil.cpu_count() or 0,
        "usable_cores_count": len(os.sched_getaffinity(0)),
        "memory_bytes": psutil.virtual_memory().total,
    }


def process_starts(pids: Mapping[str, int]) -> dict[str, int]:
    """Return when each process of the target started, UTC nanoseconds; those that are gone are left out."""
    starts = {}
    for name, pid in pids.items():
        try:
            starts[name] = round(psutil.Process(pid).create_time() * NS_PER_S)
        except psutil.Error:
            continue
    return starts


def go_version(target: Target) -> str | None:
    """Return the Go version that the service tells in `/metrics`, None where it does not."""
    try:
        version = fetch_json(target.base_url("go") + METRICS, ASK_S).get("go_version")
    except CollectionError:
        return None
    return version.removeprefix("go")[:40] if isinstance(version, str) else None


def go_high_water(target: Target) -> tuple[int | None, str | None]:
    """Return the largest resident set the Go process has had, in bytes, and where that was read.

    `VmHWM` of a process of this machine, else `MaxRSS` at the end of the heap profile's text, else nothing.
    """
    pid = target.process_ids.get("go")
    if pid is not None:
        return high_water_bytes(pid), "VmHWM"
    if target.pprof_url is None:
        return None, None
    try:
        answer = fetch(f"{target.pprof_url}/heap?debug=1", REACH_S)
    except CollectionError:
        return None, None
    found = re.search(rb"^# MaxRSS = (\d{1,15})$", answer.body, re.MULTILINE)
    return (int(found[1]), "MaxRSS") if found else (None, None)


def clock_offsets_us(target: Target) -> dict[str, float]:
    """Return by how many microseconds the clock of each door is ahead of ours.

    From `t_ns` of `/metrics` (the try with the shortest round trip), else from the `Date` header, which tells whole
    seconds: then half a second either way is unknown, and an offset inside of that is left out as unmeasured.
    """
    best = {str(door): _best_offset(target.base_url(door)) for door in target.doors}
    return {door: found[1] for door, found in best.items() if found is not None}


def _best_offset(base_url: str) -> tuple[float, float] | None:
    """Return the offset of the shortest round trip; a door that hangs is asked only once."""
    tries: list[tuple[float, float]] = []
    for _ in range(TRIES_COUNT):
        began_s = time.monotonic()
        found = _one_offset(base_url)
        if found is not None:
            tries.append(found)
        elif time.monotonic() - began_s > ASK_S:
            break
    return min(tries, default=None)


def _one_offset(base_url: str) -> tuple[float, float] | None:
    """Return round trip and offset in microseconds."""
    before_ns = time.time_ns()
    try:
        content = fetch_json(base_url + METRICS, ASK_S)
    except CollectionError:
        return _offset_by_date(base_url)
    after_ns = time.time_ns()
    t_ns = whole(content.get("t_ns"))
    if t_ns is None:
        return _offset_by_date(base_url)
    return (after_ns - before_ns) / NS_PER_US, (t_ns - (before_ns + after_ns) / 2) / NS_PER_US


def _offset_by_date(base_url: str) -> tuple[float, float] | None:
    before_ns = time.time_ns()
    try:
        date = fetch(f"{base_url}/health", ASK_S).date
        told_ns = round(parsedate_to_datetime(date or "").timestamp() * NS_PER_S)
    except (CollectionError, ValueError, TypeError):
        return None
    middle_ns = (before_ns + time.time_ns()) / 2
    offset_us = (told_ns + NS_PER_S / 2 - middle_ns) / NS_PER_US
    return (NS_PER_S / NS_PER_US, offset_us) if abs(offset_us) > NS_PER_S / 2 / NS_PER_US else None

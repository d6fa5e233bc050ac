"""Memory, CPU time, threads and open files of the processes of the platform, of the generator and of ourselves.

A process with children (PostgreSQL) is taken as one: CPU times add up, ended children included; resident memory is
what each has for itself plus the largest shared part, because shared buffers would be counted once a backend
otherwise. The high-water mark of such a group is not known and null.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.samplers.source import Reading, Row
from fireai_analysis.units import NS_PER_S

REFRESH_S = 2.0
"""How old the knowledge of who is whose child may be."""

_KIB = 1024


class ProcessSource:
    """Reads processes of this machine.

    Parameters
    ----------
    pids : mapping of str to int
        Processes of the target by name; empty for a target elsewhere.
    clock : Clock
        Source of time stamps.
    runner_pid : int
        The process that also started the generator.
    """

    name = "processes"

    def __init__(self, pids: Mapping[str, int], clock: Clock, *, runner_pid: int) -> None:
        self._clock, self._runner = clock, _process(runner_pid)
        self._targets = {name: (pid, _process(pid)) for name, pid in pids.items()}
        self._children: dict[int, list[psutil.Process]] = {}
        self._refresh_due_s = 0.0

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        """Return one row a process; one that is gone is a lost part."""
        self._refresh()
        reading = Reading({"processes": []})
        rows = reading.tables["processes"]
        for name, (pid, process) in self._targets.items():
            row = self._row(name, process)
            if row is None:
                reading.lost[f"processes/{name}"] = f"process {pid} is gone"
            else:
                rows.append(row)
        for child in self._children_of(self._runner):
            row = self._row("sampler" if child.pid == os.getpid() else "generator", child)
            rows += [row] if row is not None else []
        return reading

    def close(self) -> None:
        """Nothing is held."""

    def _refresh(self) -> None:
        """Look for children again where the last look was long ago: it costs more than all the rest."""
        if time.monotonic() < self._refresh_due_s:
            return
        self._refresh_due_s = time.monotonic() + REFRESH_S
        for process in [self._runner, *(process for _, process in self._targets.values())]:
            if process is not None:
                with suppress(psutil.Error):
                    self._children[process.pid] = process.children(recursive=process is not self._runner)

    def _children_of(self, process: psutil.Process | None) -> list[psutil.Process]:
        return self._children.get(process.pid, []) if process is not None else []

    def _row(self, name: str, process: psutil.Process | None) -> Row | None:
        if process is None:
            return None
        with suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                row = process_row(process, self._children_of(process))
                return row | {"t_ns": self._clock.now_ns(), "process": name}
        return None


def process_row(process: psutil.Process, children: Sequence[psutil.Process] = ()) -> Row:
    """Return memory, CPU time, threads and open files of a process and its children together."""
    members = [process, *children]
    memory = [found for member in members if (found := _memory(member)) is not None]
    private = sum(resident - shared for resident, shared in memory)
    files = [_open_files(member) for member in members]
    return {
        "pid": process.pid,
        "start_ns": round(process.create_time() * NS_PER_S),
        "rss_bytes": private + max((shared for _, shared in memory), default=0),
        "high_water_bytes": None if children else high_water_bytes(process.pid),
        "cpu_s": sum(_cpu_s(member, with_ended=member is process) for member in members),
        "threads_count": sum(_threads(member) for member in members),
        "open_files_count": None if None in files else sum(count or 0 for count in files),
    }


def high_water_bytes(pid: int) -> int | None:
    """Return the largest resident set a process has had (`VmHWM`), or None where it cannot be read."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KIB
    return None


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.Error:
        return None


def _memory(process: psutil.Process) -> tuple[int, int] | None:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return memory.rss, getattr(memory, "shared", 0)
    return None


def _cpu_s(process: psutil.Process, *, with_ended: bool) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        ended_s = times.children_user + times.children_system if with_ended else 0.0
        return times.user + times.system + ended_s
    return 0.0


def _threads(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.num_threads()
    return 0


def _open_files(process: psutil.Process) -> int | None:
    with suppress(psutil.NoSuchProcess):
        try:
            return process.num_fds()
        except psutil.AccessDenied:
            return None
    return 0

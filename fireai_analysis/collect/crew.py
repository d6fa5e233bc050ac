"""The workers of a run as their master knows them: who joined, how far each is, who was lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from fireai_analysis.collect.channel import Done, Hello, Ready
from fireai_analysis.collect.share import merged
from fireai_analysis.collect.shipping import Inbox
from fireai_analysis.errors import CollectionError
from fireai_analysis.units import NS_PER_US

LOST_AFTER_S = 8.0
"""A worker of another machine that says nothing for so long is lost; it speaks twice a second."""
PHASES = ("setup", "settle", "judged", "drain", "profiled", "done", "aborted")
HERE = "this machine"


@dataclass
class Member:
    """One worker.

    Attributes
    ----------
    client : str
        Its address on Locust's channel.
    worker : int
        Its number.
    host : str
        Its machine.
    is_local : bool
        Whether it shares our disk; its process can be looked at then, else its journal comes to `inbox`.
    """

    client: str
    worker: int
    pid: int
    host: str
    is_local: bool
    heard_s: float
    state: Literal["joined", "ready", "done", "lost"] = "joined"
    reason: str | None = None
    prepared: set[str] = field(default_factory=set)
    progress: dict[str, Any] = field(default_factory=dict)
    clock: Ready | None = None
    done: Done | None = None
    inbox: Inbox | None = None

    @property
    def name(self) -> str:
        """Return the worker by number, process and machine."""
        return f"worker {self.worker} (process {self.pid} on {self.host})"

    def told(self) -> dict[str, Any]:
        """Return what the manifest says of this worker, as far as the master knows."""
        clock = self.clock
        return {
            "worker": self.worker,
            "state": "done" if self.state == "done" else "lost",
            "pid": self.pid,
            "host": self.host,
            "clock_offset_us": None if clock is None else clock.offset_ns / NS_PER_US,
            "clock_uncertainty_us": None if clock is None else clock.uncertainty_ns / NS_PER_US,
            "clock_shift_us": None if clock is None else clock.shift_ns / NS_PER_US,
            "sent_count": self.progress.get("sent_count"),
            "reason": self.reason,
        }


class Crew:
    """The workers of one run.

    Parameters
    ----------
    run_id : str
        The run.
    size : int
        How many workers it has.
    journal_dir : pathlib.Path
        Where journals from other machines go.
    now_s : callable
        Seconds on a clock that never goes back.
    """

    def __init__(
        self, run_id: str, size: int, journal_dir: Path, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._run_id, self._size, self._journal_dir, self._now_s = run_id, size, journal_dir, now_s
        self._members: dict[str, Member] = {}

    def join(self, client: str, hello: Hello) -> Member:
        """Return a worker that says hello, the first time or again.

        Raises
        ------
        CollectionError
            Where it is of another run, its place is taken, or there is none left.
        """
        if client in self._members:
            return self.heard(client)
        if hello.run_id is not None and hello.run_id != self._run_id:
            raise CollectionError("it belongs to another run")
        free = sorted(set(range(self._size)) - {member.worker for member in self._members.values()})
        if not free or (hello.worker is not None and hello.worker not in free):
            raise CollectionError(f"the run has its {self._size} workers already")
        worker, is_local = free[0] if hello.worker is None else hello.worker, hello.run_id is not None
        host = HERE if is_local else hello.host
        member = Member(client, worker, hello.pid, host, is_local, self._now_s())
        if not is_local:
            member.inbox = Inbox(self._journal_dir / f"worker-{worker}.journal")
        self._members[client] = member
        return member

    def heard(self, client: str) -> Member:
        """Return a member that has just said something.

        Raises
        ------
        CollectionError
            Where it is none.
        """
        try:
            member = self._members[client]
        except KeyError:
            raise CollectionError("no worker of this run") from None
        member.heard_s = self._now_s()
        return member

    def members(self, *states: str) -> list[Member]:
        """Return the members in these states, all by default, in order of their numbers."""
        found = sorted(self._members.values(), key=lambda member: member.worker)
        return [member for member in found if not states or member.state in states]

    def are_all(self, *states: str) -> bool:
        """Whether all workers of the run have joined and are in one of these states."""
        return len(self.members(*states)) == self._size

    def are_prepared(self, window: str) -> bool:
        """Whether all workers wait for a window to begin."""
        return self.are_all() and all(window in member.prepared for member in self._members.values())

    def find_lost(self) -> Member | None:
        """Return a member that is gone without a last word, and is taken for lost from here on."""
        for member in self.members("joined", "ready"):
            reason = self._why_lost(member)
            if reason is not None:
                member.state, member.reason = "lost", reason
                return member
        return None

    def _why_lost(self, member: Member) -> str | None:
        if member.is_local:
            return None if is_alive(member.pid) else "its process ended without a last word"
        silent_s = self._now_s() - member.heard_s
        return None if silent_s < LOST_AFTER_S else f"not heard of for {silent_s:.0f} s"

    def progress(self) -> dict[str, Any]:
        """Return the progress of all as that of one: counts add up, the phase is that of the last, the P95 the largest.

        The run ends when its last worker does: `ended_ns` is there once all that still work have told theirs.
        """
        told = [member.progress for member in self.members() if member.progress]
        working = [member.progress for member in self.members("joined", "ready", "done") if member.progress]
        phases = [str(one.get("phase")) for one in working]
        found = {
            name: sum(int(one.get(name) or 0) for one in told)
            for name in ("intended_count", "sent_count", "done_count", "failed_count", "in_flight_count")
        }
        started, ended = (_numbers(told, "started_ns"), _numbers(working, "ended_ns"))
        return found | {
            "phase": min(phases, key=_rank, default="waiting"),
            "started_ns": min(started, default=None),
            "ended_ns": max(ended) if ended and len(ended) == len(working) else None,
            "elapsed_s": max(_numbers(told, "elapsed_s"), default=0.0),
            "p95_ms": max(_numbers(told, "p95_ms"), default=None),
            "workers_count": len(self._members),
        }

    def facts(self) -> dict[str, Any]:
        """Return the facts of all generators as those of one, and what became of each worker."""
        found = merged([member.done.facts for member in self.members() if member.done is not None])
        return found | {"workers": [member.told() for member in self.members()]}

    def close(self) -> None:
        """Bring the journals that came from other machines to the disk."""
        for member in self.members():
            if member.inbox is not None:
                member.inbox.close()


def is_alive(pid: int) -> bool:
    """Return whether a process runs; one that has ended and was not waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _rank(phase: str) -> int:
    return PHASES.index(phase) if phase in PHASES else -1


def _numbers(found: list[dict[str, Any]], name: str) -> list[Any]:
    return [one[name] for one in found if one.get(name) is not None]

"""Takes pprof profiles one after the other in the background and keeps them as they came.

A profile that cannot be had is a fact of the run ("profile lost: reason"), never its end. Only the kinds listed here
are ever asked for: others, such as `cmdline`, may give secrets away.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from fireai_analysis.bundle import RunBundle, atomic_write
from fireai_analysis.collect.fetch import fetch
from fireai_analysis.errors import AnalysisError, CollectionError
from fireai_analysis.pprof import parsed, sites
from fireai_analysis.units import NS_PER_MS, mb, number_text

KINDS = {"heap": "heap", "goroutine": "goroutine", "allocs": "allocs", "cpu": "profile"}
DEADLINE_S = 5.0
LONGEST_CPU_S = 10
"""CPU profiles cost the target up to a seventh of its throughput: they are short."""
BUSY = 500
TOP_COUNT = 5
_OWN = "runtime/pprof."


@dataclass(frozen=True)
class Order:
    """A profile to take: its kind, the moment it stands for, and for `cpu` its length in whole seconds."""

    kind: str
    moment: str
    seconds: int = 0


class Profiler:
    """Takes profiles in the order in which they are asked for, one at a time.

    Parameters
    ----------
    bundle : RunBundle
        Takes the profiles in.
    pprof_url : str or None
        Address of `/debug/pprof`; None where the target has none, then nothing is taken.

    Attributes
    ----------
    taken, lost : list of str
        Profiles that are there, and those that are not, with the reason.
    """

    def __init__(self, bundle: RunBundle, pprof_url: str | None) -> None:
        self._bundle, self._url = bundle, pprof_url
        self.taken: list[str] = []
        self.lost: list[str] = []
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        self._idle = threading.Condition()
        self._waiting_count = 0
        if pprof_url is not None:
            threading.Thread(target=self._work, name="profiler", daemon=True).start()

    def take(self, *orders: Order) -> None:
        """Have profiles taken; returns at once."""
        if self._url is None:
            return
        for order in orders:
            with self._idle:
                self._waiting_count += 1
            self._orders.put(order)

    def wait(self, timeout_s: float) -> bool:
        """Return whether everything asked for was taken or lost within a time."""
        with self._idle:
            return self._idle.wait_for(lambda: self._waiting_count == 0, timeout_s)

    def _work(self) -> None:
        while True:
            order = self._orders.get()
            name = f"{order.kind}-{order.moment}"
            try:
                self._take(order, name)
                self.taken.append(name)
            except (CollectionError, AnalysisError, OSError) as error:
                self.lost.append(f"profile {name} lost: {error}")
            finally:
                with self._idle:
                    self._waiting_count -= 1
                    self._idle.notify_all()

    def _take(self, order: Order, name: str) -> None:
        url = f"{self._url}/{KINDS[order.kind]}" + (f"?seconds={order.seconds}" if order.seconds else "")
        answer = fetch(url, DEADLINE_S + order.seconds)
        if answer.status == BUSY:
            answer = fetch(url, DEADLINE_S + order.seconds)
        if answer.status != 200:
            raise CollectionError(f"answered {answer.status}")
        parsed(answer.body)
        atomic_write(self._bundle.profile_path(name), answer.body)


def instant(moment: str, *kinds: str) -> tuple[Order, ...]:
    """Return the profiles that stand for one moment; heap and goroutines where no kinds are named."""
    return tuple(Order(kind, moment) for kind in kinds or ("heap", "goroutine"))


def cpu(moment: str, seconds: float) -> Order:
    """Return a CPU profile of a stretch of that many seconds, whole ones, at most `LONGEST_CPU_S`.

    Examples
    --------
    >>> cpu("load", 2.0).seconds, cpu("load", 30).seconds, cpu("load", 0.5).seconds
    (2, 10, 1)
    """
    return Order("cpu", moment, seconds=max(1, min(int(seconds), LONGEST_CPU_S)))


def hotspots(bundle: RunBundle) -> list[str]:
    """Return in words which functions hold the most heap at the end, by how much each grew, and what took CPU time."""
    return [*_heap_lines(bundle), *_cpu_lines(bundle)]


def _heap_lines(bundle: RunBundle) -> Iterator[str]:
    before, after = (_sites(bundle, f"heap-{moment}", "inuse_space") for moment in ("before", "after"))
    for name, size in _largest(after):
        held = number_text(mb(size), 2, "MB")
        yield f"heap: {name} holds {held}{'' if before is None else _since(size - before[name])}"


def _since(grown_bytes: int) -> str:
    return f", {mb(grown_bytes):+,.2f} MB since before the load" if grown_bytes else ", as before the load"


def _cpu_lines(bundle: RunBundle) -> Iterator[str]:
    found = _sites(bundle, "cpu-load", "cpu")
    for name, spent_ns in _largest(found):
        yield f"cpu: {name} took {spent_ns / NS_PER_MS:,.0f} ms of the profiled stretch"


def _sites(bundle: RunBundle, profile: str, sample_type: str) -> Counter[str] | None:
    path = bundle.profile_path(profile)
    return sites(path.read_bytes(), sample_type) if path.is_file() else None


def _largest(found: Counter[str] | None) -> list[tuple[str, int]]:
    """Return the largest entries; what the profilers themselves hold is left out."""
    kept = [(name, value) for name, value in (found or Counter()).items() if value > 0 and not name.startswith(_OWN)]
    return sorted(kept, key=lambda entry: -entry[1])[:TOP_COUNT]

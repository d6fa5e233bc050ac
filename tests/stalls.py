"""Stops a process in the middle of a real run, and sets what was measured beside what is true."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import PROGRESS
from tests.truth import Floats, Stall, closed_loop, open_loop

Flags = npt.NDArray[np.bool_]

LIMIT_S = 0.3
"""A request slower than this met the stall."""
_ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def slow_stub(service_ms: float) -> Iterator[tuple[str, int]]:
    """Yield address and pid of a stub with one server."""
    command = [sys.executable, "-m", "tests.slow_stub", str(service_ms)]
    server = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}", server.pid
    finally:
        server.send_signal(signal.SIGCONT)
        server.stdin.close()
        server.terminate()
        server.wait()
        server.stdout.close()


def run_with_stalls(bundle: RunBundle, environment: dict[str, str], pid: int, planned: Sequence[Stall]) -> list[Stall]:
    """Carry out a run while a process is stopped at the planned times; return the stalls as they were."""
    found: list[tuple[int, int]] = []
    process = start(bundle, environment)
    planter = threading.Thread(target=_plant, args=(bundle, pid, planned, found), daemon=True)
    planter.start()
    code = process.wait()
    assert code == 0, (bundle.raw_dir / "locust.log").read_text()
    planter.join()
    finalize(bundle)
    began_ns = read_json(bundle.raw_dir / PROGRESS)["started_ns"]
    return [Stall((begin - began_ns) / 1e9, (end - began_ns) / 1e9) for begin, end in found]


def _plant(bundle: RunBundle, pid: int, planned: Sequence[Stall], found: list[tuple[int, int]]) -> None:
    clock, path = Clock(), bundle.raw_dir / PROGRESS
    while not (path.is_file() and read_json(path)["phase"] == "judged"):
        time.sleep(0.05)
    began_ns = int(read_json(path)["started_ns"])
    for stall in planned:
        time.sleep(max(0.0, began_ns / 1e9 + stall.begin_s - clock.now_ns() / 1e9))
        os.kill(pid, signal.SIGSTOP)
        begin_ns = clock.now_ns()  # both stamps lie within the stall: the signal that ends it also takes our core
        try:
            time.sleep(stall.end_s - stall.begin_s)
        finally:
            end_ns = clock.now_ns()
            os.kill(pid, signal.SIGCONT)
        found.append((begin_ns, end_ns))


@dataclass(frozen=True)
class Seen:
    """What a set of times looks like: quantiles in seconds (nearest rank), and the share over the limit."""

    p50_s: float
    p95_s: float
    p99_s: float
    share: float

    @classmethod
    def of(cls, times_s: Floats) -> Seen:
        """Return what these times look like."""
        ordered = np.sort(times_s)
        ranks = [float(ordered[int(np.ceil(q * len(ordered))) - 1]) for q in (0.5, 0.95, 0.99)]
        return cls(*ranks, share=float((times_s > LIMIT_S).mean()))


@dataclass(frozen=True)
class Compared:
    """Quantiles in seconds and shares over the limit.

    Attributes
    ----------
    measured, true, closed : Seen
        Response time as measured, the truth, and what a closed loop of the same users would have shown.
    service : Seen
        Service time as measured.
    healthy : Seen
        The service times that drive the simulation.
    late_ratio : float
        Share of requests sent more than 15 ms after they were due.
    """

    measured: Seen
    true: Seen
    closed: Seen
    service: Seen
    healthy: Seen
    late_ratio: float


def compare(bundle: RunBundle, stalls: Sequence[Stall], *, servers: int, service_s: float | None = None) -> Compared:
    """Set the judged requests of a run beside its schedule, replayed through a queue with the same stalls.

    Parameters
    ----------
    bundle, stalls
        The run and what it met.
    servers : int
        Servers of the queue.
    service_s : float, optional
        Service time; by default of each kind of request those measured outside of the stalls.
    """
    frame = bundle.requests()
    frame = frame[frame["judged"]].sort_values("intended_ns").reset_index(drop=True)
    scenario = bundle.manifest.spec.scenario
    at_s = (frame["intended_ns"].to_numpy(dtype=np.int64) - read_json(bundle.raw_dir / PROGRESS)["started_ns"]) / 1e9
    response_s, measured_s = frame["response_us"].to_numpy(float) / 1e6, frame["service_us"].to_numpy(float) / 1e6
    stopped = ~((frame["endpoint"] == "/v1/tests/sessions") & (service_s is None)).to_numpy()
    healthy = outside(at_s, response_s, stalls)
    services = filled(frame, measured_s, healthy) if service_s is None else np.full(len(frame), service_s)
    true_s = services.copy()
    true_s[stopped] = open_loop(at_s[stopped], services[stopped], servers, stalls)
    chance = np.random.default_rng(1)
    think_s = scenario.users / scenario.rate_rps - float(np.mean(services))
    closed_s = closed_loop(
        users=scenario.users,
        think_s=max(think_s, 1e-3),
        service_s=lambda: float(chance.choice(services)),
        servers=servers,
        stalls=stalls,
        duration_s=scenario.duration_s,
    )
    return Compared(
        measured=Seen.of(response_s),
        true=Seen.of(true_s),
        closed=Seen.of(closed_s),
        service=Seen.of(measured_s),
        healthy=Seen.of(services),
        late_ratio=float((frame["sent_ns"] - frame["intended_ns"] > 15_000_000).mean()),
    )


def outside(at_s: Floats, response_s: Floats, stalls: Sequence[Stall]) -> Flags:
    """Return which requests ended before each stall or began well after it, when its backlog was gone."""
    free = np.ones(len(at_s), dtype=np.bool_)
    for stall in stalls:
        recovered_s = stall.end_s + (stall.end_s - stall.begin_s)
        free &= (at_s + response_s < stall.begin_s) | (at_s > recovered_s)
    return free


def filled(frame: pd.DataFrame, measured_s: Floats, healthy: Flags) -> Floats:
    """Return the service times, where a stall was in the way one of the healthy ones of the same kind."""
    services, chance = measured_s.copy(), np.random.default_rng(7)
    for places in frame.groupby(["endpoint", "door"], observed=True).indices.values():
        good, bad = places[healthy[places]], places[~healthy[places]]
        services[bad] = chance.choice(measured_s[good], size=len(bad))
    return services

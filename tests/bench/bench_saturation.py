"""Saturated generators are flagged, healthy ones are not: real Locust processes against a stub of known time.

Healthy is defined without the gate: the stub's own times are flat, and nothing else uses the machine. A run that does
not meet that is left out and counted. `HEALTHY_RUNS` (100) and `SATURATED_RUNS` (10 of each kind) set how many runs;
all together takes about 20 minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.judge import judge_one
from fireai_analysis.rulings import GENERATOR, voided_by
from fireai_analysis.scenarios import load_criteria, load_target, run_spec
from fireai_analysis.spec import DoorAddress, Target
from tests.bench.lines import Line
from tests.collect.stub import SECRETS

STUB_MS, FLAT_RATIO, OTHERS_CPU = 20.0, 1.5, 0.10
"""The stub's time; largest P95 of a second over that; CPU of everybody else, in cores."""
HEALTHY_RUNS = int(os.environ.get("HEALTHY_RUNS", "100"))
SATURATED_RUNS = int(os.environ.get("SATURATED_RUNS", "10"))
MOST_TRIES = 3 * HEALTHY_RUNS
BUSY_LOOP = [sys.executable, "-c", "import time\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"]


@dataclass(frozen=True)
class Load:
    """One kind of run; busy loops share one core with the generator, each with as much right to it."""

    name: str
    scenario: str
    changes: dict[str, object]
    busy_loops: int = 0


HEALTHY = (Load("peak, 35 rps", "peak", {"duration_s": 5.0}), Load("spike, 166 rps", "spike", {"duration_s": 5.0}))
SATURATED = (
    Load("too many users", "spike", {"duration_s": 6.0, "users": 1000, "rate_rps": 4000.0}),
    Load("busy loops beside it", "spike", {"duration_s": 6.0, "users": 400, "rate_rps": 1500.0}, busy_loops=3),
)


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    flagged: tuple[str, ...]
    voided: bool
    verdict: str
    p95_ms: float | None
    server_p95_ms: float
    idle: bool
    others_cpu: float
    checks: dict[str, str] = field(default_factory=dict)


@contextmanager
def timed_stub(delay_s: float) -> Iterator[str]:
    """Yield the address of a stub."""
    path = Path(__file__).with_name("timed_stub.py")
    command = [sys.executable, str(path), str(delay_s)]
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.stdin.close()
        server.terminate()
        server.wait()
        server.stdout.close()


def bundle_of(load: Load, url: str, directory: Path, seed: int) -> RunBundle:
    """Return a run whose full scale is what it is run at, so that length alone keeps nothing from a verdict."""
    target: Target = load_target("embedded")
    target = target.model_copy(update={"doors": {door: DoorAddress(base_url=url) for door in target.doors}})
    target = target.model_copy(update={"limits": target.limits.model_copy(update={"max_rate_rps": 10_000})})
    spec = run_spec("saturation", load.scenario, "smoke", target, seed)
    scenario = spec.scenario.model_copy(update=load.changes)
    profile = spec.profile.model_copy(update={"settle_s": 0.5, "profiled_s": 0.0})
    return RunBundle.create(
        directory, spec.model_copy(update={"scenario": scenario, "full": scenario, "profile": profile})
    )


def own_cpu_s() -> float:
    """Return the CPU time of this process and its children (generator, stub, busy loops) so far."""
    total = 0.0
    for one in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def busy_s() -> float:
    """Return the CPU time that the whole machine has used."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq + times.steal)


def run(load: Load, seed: int) -> Outcome:
    """Run once and judge."""
    loops = [subprocess.Popen(BUSY_LOOP, start_new_session=True) for _ in range(load.busy_loops)]
    for loop in loops:
        psutil.Process(loop.pid).cpu_affinity([0])
    try:
        with tempfile.TemporaryDirectory(prefix="fb-") as folder, timed_stub(STUB_MS / 1e3) as url:
            bundle = bundle_of(load, url, Path(folder), seed)
            others = watched(bundle, crowded=bool(loops))
            return judged(bundle, others)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def watched(bundle: RunBundle, *, crowded: bool) -> float:
    """Run the generator to its end; return how many cores everybody else used during the judged window."""
    process = start(bundle, {**os.environ, **SECRETS})
    if crowded:
        psutil.Process(process.pid).cpu_affinity([0])
    began: tuple[float, float, float] | None = None
    others = 0.0
    while process.poll() is None:
        time.sleep(0.2)
        path = bundle.raw_dir / PROGRESS
        state = read_json(path) if path.is_file() else {}
        if state.get("phase") == "judged":
            now = (time.monotonic(), busy_s(), own_cpu_s())
            began = began or now
            if now[0] - began[0] > 1:
                others = (now[1] - began[1] - now[2] + began[2]) / (now[0] - began[0])
    if process.returncode not in (0, 64):
        raise RuntimeError((bundle.raw_dir / "locust.log").read_text()[-2000:])
    finalize(bundle)
    state = read_json(bundle.raw_dir / PROGRESS)
    facts = {"intended_count": state["intended_count"]}
    bundle.update(state="recording")
    bundle.update(state="recorded", started_ns=state["started_ns"], ended_ns=state["ended_ns"], facts=facts)
    return others


def judged(bundle: RunBundle, others: float) -> Outcome:
    """Return what gate and judge say of a run."""
    criteria = load_criteria()
    data = RunData.from_bundle(bundle)
    result = analyze_run(data, criteria).result
    criterion = next(one for one in criteria.criteria if one.id == "p95_latency")
    result = result.model_copy(update={"scenario": "peak"})  # the scenario that the criterion is judged on
    failed = tuple(one.check for one in result.validity if one.ok is False and one.check in GENERATOR)
    rows = data.requests
    seconds = (rows["intended_ns"] - rows["intended_ns"].min()) // 1_000_000_000
    server = rows["app_us"].dropna().groupby(seconds).quantile(0.95) / 1e3
    flat = len(server) > 2 and bool((server <= STUB_MS * FLAT_RATIO).all())
    return Outcome(
        flagged=failed,
        voided=bool(voided_by("p95_latency", result)),
        verdict=judge_one(criterion, result).verdict,
        p95_ms=result.response_ms.p95,
        server_p95_ms=float(np.nanmax(server)) if len(server) else float("nan"),
        idle=flat and others <= OTHERS_CPU,
        others_cpu=others,
        checks={one.check: one.detail for one in result.validity if one.check in GENERATOR},
    )


def main() -> Iterator[Line]:
    """Run all and yield the figures as they come."""
    for load in SATURATED:
        yield saturated(load)
    yield healthy()


def saturated(load: Load) -> Line:
    """Run a saturated generator and count how often it was flagged and left no verdict."""
    outcomes = [run(load, seed) for seed in range(SATURATED_RUNS)]
    flagged = sum(bool(one.flagged) for one in outcomes)
    silent = sum(one.voided and one.verdict not in ("PASSED", "FAILED") for one in outcomes)
    names = Counter(name for one in outcomes for name in one.flagged)
    p95s = sorted(one.p95_ms or float("inf") for one in outcomes)
    reach = f"flagged in {SATURATED_RUNS} of {SATURATED_RUNS}, no latency verdict either way"
    measured = (
        f"flagged in {flagged}, no verdict in {silent}; by {dict(names)}; P95 {p95s[0]:.0f}-{p95s[-1]:.0f} ms where "
        f"the server took at most {max(one.server_p95_ms for one in outcomes):.0f} ms"
    )
    return Line(f"saturated, {load.name}", reach, measured, flagged == silent == SATURATED_RUNS)


def healthy() -> Line:
    """Run healthy generators and count the false alarms."""
    found: list[Outcome] = []
    tries = 0
    while len(found) < HEALTHY_RUNS and tries < MOST_TRIES:
        outcome = run(HEALTHY[tries % len(HEALTHY)], 1000 + tries)
        tries += 1
        found += [outcome] if outcome.idle else []
        told = "left out" if not outcome.idle else ("FLAGGED" if outcome.flagged else "ok")
        seen = f"others {outcome.others_cpu:.2f} cores, server P95 {outcome.server_p95_ms:.1f} ms"
        print(f"     healthy {len(found)} of {tries}: {told}, {seen}", flush=True)
        if outcome.flagged:
            print(f"       {[(name, outcome.checks[name]) for name in outcome.flagged]}", flush=True)
    alarms = sum(bool(one.flagged) for one in found)
    reach = f"at most {max(1, HEALTHY_RUNS // 100)} flagged of {HEALTHY_RUNS}"
    measured = f"{alarms} flagged of {len(found)} healthy runs; {tries - len(found)} of {tries} left out as not healthy"
    return Line("healthy", reach, measured, len(found) == HEALTHY_RUNS and alarms <= max(1, HEALTHY_RUNS // 100))

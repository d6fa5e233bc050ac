"""What the recorder costs the generator, and what a kill takes with it."""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import psutil

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect import journal, keys
from fireai_analysis.collect.calibration import null_server
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.journal import Row, Writer
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.collect.recorder import JUDGED, SETUP, Recorder
from fireai_analysis.collect.workload import Request
from tests.bench.lines import Line
from tests.collect.stub import SECRETS, run_bundle, target_at

CALLS, REPEATS, MILLION = 100_000, 7, 1_000_000
RPS, WINDOW_S, KILLS = 1000.0, 6.0, 6
TURNS = ("recorded", "bare", "bare", "recorded") * 2
ENDS_S = 90
TIMING = "app;dur=1.25, validation;dur=0.2, go;dur=3.2, pool;dur=0.1, db;dur=2.5, crdt;dur=0.3"
REQUEST = Request("results", "go", "/", {}, b"", {}, "0b9f3c52-8f0e-4a53-9b4e-3f6b1c1d2e3f")
BYTES_PER_MIB = 1_048_576


def main() -> list[Line]:
    with tempfile.TemporaryDirectory(prefix="fireai-bench-") as name, null_server(5.0) as ports:
        directory = Path(name)
        return [
            _listener(directory),
            _memory(directory),
            *_generator(directory, f"http://127.0.0.1:{ports[0]}"),
            *_kills(directory, f"http://127.0.0.1:{ports[0]}"),
        ]


def _record(recorder: Recorder, count: int) -> None:
    """Do what the dispatcher does for the recorder, and what the background does beside it."""
    for number in range(count):
        recorder.sent(JUDGED, number, number + 100)
        error = recorder.error_number(None)
        digest = keys.digest(REQUEST)
        recorder.ended(Row(JUDGED, 1, 200, number, 3, number, number + 100, number + 9, 300, error, TIMING, digest))
        if number % 1000 == 999:
            recorder.health.sample(0)


def _listener(directory: Path) -> Line:
    costs_us = []
    for repeat in range(REPEATS):
        recorder = Recorder(Writer(directory / f"cost-{repeat}"), Clock(), duration_s=1, progress_path=None)
        began = time.perf_counter()
        _record(recorder, CALLS)
        between = time.perf_counter()
        for _ in range(CALLS):
            pass
        costs_us.append((2 * between - began - time.perf_counter()) / CALLS * 1e6)
        (directory / f"cost-{repeat}").unlink()
    cost = statistics.median(costs_us)
    spread = f"{min(costs_us):.2f}-{max(costs_us):.2f}"
    return Line("listener, of a request", "at most 5 us", f"{cost:.2f} us ({spread}, {CALLS:,} calls)", cost <= 5)


def _memory(directory: Path) -> Line:
    recorder = Recorder(Writer(directory / "memory"), Clock(), duration_s=1, progress_path=None)
    process = psutil.Process()
    _record(recorder, CALLS)
    before = process.memory_info().rss
    _record(recorder, MILLION)
    grown_mib = (process.memory_info().rss - before) / BYTES_PER_MIB
    (directory / "memory").unlink()
    return Line(
        "memory, a million requests", "bounded: at most 8 MiB more", f"{grown_mib:.1f} MiB more", grown_mib <= 8
    )


def _generator(directory: Path, url: str) -> list[Line]:
    """Run the generator with and without its recorder in turn, A B B A twice; the middle run of each kind speaks."""
    found: dict[str, list[dict[str, float]]] = {"bare": [], "recorded": []}
    for turn, kind in enumerate(TURNS):
        bundle = run_bundle(directory / str(turn) / kind, target_at(url), "peak", rate_rps=RPS, duration_s=WINDOW_S)
        if _started(bundle).wait(ENDS_S) != 0:
            raise RuntimeError((bundle.raw_dir / "locust.log").read_text())
        found[kind].append(json.loads((bundle.directory / "recorder.json").read_text()))
    cpu = {kind: statistics.median(one["cpu_s"] for one in ones) / WINDOW_S for kind, ones in found.items()}
    more = cpu["recorded"] / cpu["bare"] - 1
    longest_ms = max(one["longest_stall_ms"] for one in found["recorded"])
    ranges = [sorted(round(one["cpu_s"] / WINDOW_S, 3) for one in found[kind]) for kind in ("bare", "recorded")]
    told = f"{more * 100:+.1f} % ({cpu['bare']:.3f} -> {cpu['recorded']:.3f} cores; {ranges[0]}, {ranges[1]})"
    return [
        Line("longest hold of the loop", "at most 50 ms", f"{longest_ms:.2f} ms", longest_ms <= 50),
        Line(f"CPU at {RPS:g} rps, A B B A twice", "at most +5 %", told, more <= 0.05),
    ]


def _kills(directory: Path, url: str) -> list[Line]:
    """Kill generators in the middle of their load; compare what can be read with what the server saw."""
    chance, ages_s, lost, torn = random.Random(1), [], [], 0
    for turn in range(KILLS):
        bundle = run_bundle(directory / f"kill-{turn}", target_at(url), "peak", rate_rps=500.0, duration_s=60.0)
        before, process = _served(url), _started(bundle)
        _await_judged(bundle)
        time.sleep(0.5 + chance.random())
        killed_ns = time.time_ns()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        (path,) = bundle.journal_dir.glob("worker-0.journal")
        content = journal.read(path)
        rows = content.of(journal.ROW)
        torn += content.dropped_bytes
        lost.append(_served(url) - before - len(rows))
        ages_s.append((killed_ns - max(row.end_ns for row in rows)) / 1e9)
        arrivals = sorted(row.arrival for row in rows if row.phase != SETUP)
        if arrivals != list(range(len(arrivals))):
            lost.append(max(arrivals) + 1 - len(arrivals))
    return [
        Line(
            "killed: age of the last row on file",
            "at most 2 s",
            f"{max(ages_s):.3f} s of {KILLS} kills",
            max(ages_s) <= 2,
        ),
        Line(
            "killed: requests served, not on file",
            "those of 2 s: at most 1000",
            f"{max(lost)} at 500 rps",
            max(lost) <= 1000,
        ),
        Line("killed: bytes that cannot be read", "a torn tail only: below 65,536", f"{torn}", torn < 65_536),
    ]


def _started(bundle: RunBundle) -> subprocess.Popen[bytes]:
    os.environ["FIREAI_LOCUSTFILES_DIR"] = str(Path(__file__).with_name("locustfiles"))
    return start(bundle, {**os.environ, **SECRETS})


def _await_judged(bundle: RunBundle) -> None:
    deadline, path = time.monotonic() + ENDS_S, bundle.raw_dir / PROGRESS
    while time.monotonic() < deadline:
        if path.is_file() and read_json(path)["phase"] == "judged":
            return
        time.sleep(0.05)
    raise RuntimeError((bundle.raw_dir / "locust.log").read_text())


def _served(url: str) -> int:
    with urllib.request.urlopen(f"{url}/counts", timeout=5) as answer:
        return int(json.loads(answer.read())["requests_count"])

"""A master and three workers at 600 rps against a stub: on one disk, over the channel, and with one of them killed."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen

import numpy as np
import pandas as pd

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.fleet import Generators
from fireai_analysis.collect.locust_process import free_port
from fireai_analysis.collect.opening import FACTS, PROGRESS
from fireai_analysis.collect.progress import read_object
from fireai_analysis.collect.recorder import JUDGED
from fireai_analysis.collect.recording import recordings
from fireai_analysis.collect.schedule import draw
from fireai_analysis.spec import Fleet
from fireai_analysis.units import NS_PER_S, NS_PER_US
from tests.bench.lines import Line
from tests.collect.stub import SECRETS, counts, run_bundle, stub, target_at

WORKERS, RATE_RPS, DURATION_S = 3, 600.0, 15.0
RANKS = (0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
ENVIRONMENT = {**os.environ, **SECRETS}
PATIENCE_S = 120.0


def main() -> list[Line]:
    lines = []
    for name, fleet in (
        ("one disk", Fleet(kind="host", workers=WORKERS)),
        ("over the channel", Fleet(kind="network", workers=WORKERS, bind_port=free_port())),
    ):
        with stub() as url, tempfile.TemporaryDirectory(prefix="fb-") as folder:
            bundle = _bundle(Path(folder), url, fleet)
            with _workers(bundle, folder):
                generators = Generators.start(bundle, ENVIRONMENT)
                code = _ended(generators)
            finalize(bundle)
            lines += _whole(name, bundle, code, counts(url))
        with stub() as url, tempfile.TemporaryDirectory(prefix="fb-") as folder:
            bundle = _bundle(Path(folder), url, fleet.model_copy(update={"bind_port": fleet.bind_port and free_port()}))
            with _workers(bundle, folder):
                lines += _killed(name, bundle, url)
    return lines


def _bundle(folder: Path, url: str, fleet: Fleet) -> RunBundle:
    bundle = run_bundle(folder / "home", target_at(url), "spike", rate_rps=RATE_RPS, duration_s=DURATION_S)
    bundle.update(spec=bundle.manifest.spec.model_copy(update={"fleet": fleet}))
    return bundle


@contextmanager
def _workers(bundle: RunBundle, folder: str) -> Iterator[None]:
    """Start what `fireai run --worker` starts on other machines, each with a directory of its own."""
    fleet = bundle.manifest.spec.fleet
    command = [sys.executable, "-m", "fireai_analysis.cli", "run", "--worker", "--master-host", fleet.bind_host]
    command += ["--master-port", str(fleet.bind_port), "--target", "embedded"]
    environment = ENVIRONMENT | {"TMPDIR": folder, "FIREAI_STATE_DIR": f"{folder}/none"}
    count = WORKERS if fleet.kind == "network" else 0
    started = [Popen(command, env=environment, stdout=DEVNULL, stderr=DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for one in started:
            one.terminate()
            one.wait(PATIENCE_S)


def _ended(generators: Generators) -> int | None:
    deadline = time.monotonic() + PATIENCE_S
    while (code := generators.poll()) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    generators.stop()
    return code


def _whole(name: str, bundle: RunBundle, code: int | None, served: dict[str, int]) -> list[Line]:
    frame, found = bundle.requests(), recordings(bundle.journal_dir)
    drawn, table = len(draw(bundle.manifest.spec.scenario, 1)), bundle.samples("counts")
    counted = {} if table is None else table.groupby("source", observed=True)["requests_count"].sum().to_dict()
    sent, stub_count = int(frame["sent_ns"].notna().sum()), sum(served.values())
    rows = [row for one in found for row in one.rows if row.phase == JUDGED]
    pooled = np.sort([-((row.intended_ns - row.end_ns) // NS_PER_US) for row in rows])
    merged = frame["response_us"].dropna().to_numpy(np.int64)
    apart = [abs(int(_rank(pooled, ratio)) - int(_rank(np.sort(merged), ratio))) for ratio in RANKS]
    facts = read_json(bundle.raw_dir / FACTS)
    offsets = [abs(one["clock_offset_us"]) for one in facts["workers"]]
    late = frame["sent_ns"] - frame["intended_ns"]
    return [
        Line(f"{name}: rows home", f"= {drawn} drawn, exit 0", f"{sent} rows, exit {code}", sent == drawn and not code),
        Line(
            f"{name}: rows, Locust's count, the stub's count",
            "equal",
            f"{counted.get('rows')}, {counted.get('locust')}, {stub_count}",
            counted.get("rows") == counted.get("locust") == stub_count,
        ),
        Line(f"{name}: merged percentiles against the pooled rows", "0 us apart", f"{max(apart)} us", not max(apart)),
        Line(
            f"{name}: clock offsets measured, and the send lag P99",
            "told",
            f"{max(offsets):.0f} us at most, {late.quantile(0.99) / 1e6:.1f} ms",
            True,
        ),
    ]


def _rank(ordered: np.ndarray, ratio: float) -> int:
    return int(ordered[max(0, int(np.ceil(ratio * len(ordered))) - 1)])


def _killed(name: str, bundle: RunBundle, url: str) -> list[Line]:
    generators = Generators.start(bundle, ENVIRONMENT)
    _until_judged(bundle)
    header = next(one.header for one in recordings(bundle.journal_dir) if one.worker == 1)
    killed_ns = time.time_ns()
    os.kill(header["pid"], signal.SIGKILL)
    code = _ended(generators)
    finalize(bundle)
    frame, state = bundle.requests(), read_json(bundle.raw_dir / PROGRESS)
    own, others = frame[frame["worker"] == 1], frame[frame["worker"] != 1]
    gone_s = (killed_ns - _last_ns(own)) / NS_PER_S
    unsent = int(others["sent_ns"].isna().sum())
    setup = read_json(bundle.raw_dir / FACTS)["setup_requests_count"]
    unrecorded = sum(counts(url).values()) - setup - int(frame["sent_ns"].notna().sum())
    reason = str(state["reason"])
    return [
        Line(
            f"{name}, one killed: the run ends and is marked",
            "aborted, the worker named",
            f"exit {code}, {state['phase']}: {reason}",
            state["phase"] == "aborted" and "worker 1 " in reason and "lost" in reason,
        ),
        Line(f"{name}, one killed: arrivals of the others without a row of theirs", "0", str(unsent), not unsent),
        Line(
            f"{name}, one killed: last row of the killed one before the kill", "<= 2 s", f"{gone_s:.2f} s", gone_s <= 2
        ),
        Line(
            f"{name}, one killed: requests that the stub saw and no row tells",
            f"<= {2 * RATE_RPS / WORKERS:.0f} (2 s of one worker)",
            str(unrecorded),
            0 <= unrecorded <= 2 * RATE_RPS / WORKERS,
        ),
    ]


def _last_ns(rows: pd.DataFrame) -> int:
    return int((rows["sent_ns"] + rows["service_us"] * NS_PER_US).max())


def _until_judged(bundle: RunBundle) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        told = read_object(bundle.raw_dir / PROGRESS)
        if told.get("phase") == "judged" and told.get("elapsed_s", 0.0) > DURATION_S / 3:
            return
        time.sleep(0.05)


if __name__ == "__main__":
    for line in main():
        sys.stdout.write(f"{line}\n")

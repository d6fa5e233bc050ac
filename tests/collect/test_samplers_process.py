"""The samplers as a process: a source that dies and comes back, an absent database, a kill, an owner that is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.children import Samplers
from fireai_analysis.collect.samplers import convert
from fireai_analysis.collect.samplers.journal import PATTERN, read_journal
from tests.collect.http_stub import says, serving
from tests.collect.stub import run_bundle, target_at

pytestmark = pytest.mark.real
CANARY = "hunter2canary"
PATIENCE_S = 300.0
METRICS = {"pid": 1, "start_ns": 1, "runtime": {"gc_count": 1}}


def ticks(bundle: RunBundle, sampler: str) -> list[dict[str, Any]]:
    records = [record for path in sorted(bundle.journal_dir.glob(PATTERN)) for record in read_journal(path)[0]]
    return [record for record in records if record.get("sampler") == sampler]


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def delivered(bundle: RunBundle, sampler: str, count: int = 1, after: int = 0) -> bool:
    return sum(tick["reason"] is None for tick in ticks(bundle, sampler)[after:]) >= count


def test_a_service_that_goes_away_and_comes_back_leaves_a_gap(tmp_path: Path) -> None:
    with serving(says(METRICS)) as stub:
        bundle = run_bundle(tmp_path, target_at(stub.url), "sustained")
        samplers = Samplers(bundle, {"DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:1/d"})
        samplers.start()
        until(lambda: delivered(bundle, "go", 2))
        for breakage in (stub.hang, says(b"<html>"), says(b"", 500)):
            stub.answer = breakage
            seen = len(ticks(bundle, "go"))
            until(lambda: any(tick["reason"] for tick in ticks(bundle, "go")[seen:]))  # noqa: B023 - called at once
        stub.answer = says(METRICS)
        seen = len(ticks(bundle, "go"))
        until(lambda: delivered(bundle, "go", 2, after=seen))
        stopped_ns = time.time_ns()
        samplers.stop()
    convert.convert(bundle, stopped_ns)
    gaps, counted = bundle.samples("gaps"), bundle.samples("ticks")
    assert gaps is not None
    assert counted is not None
    assert {"go", "postgres"} == set(gaps["sampler"])
    assert "no answer within 0.5 s" in gaps[gaps["sampler"] == "go"]["reason"].iloc[0]
    share = {row.sampler: row.delivered_count / row.expected_count for row in counted.itertuples()}
    assert share["host"] > share["go"] > 0 == share["postgres"]
    assert [
        path for path in bundle.directory.rglob("*") if path.is_file() and CANARY in path.read_text("latin-1")
    ] == []


def test_a_kill_loses_nothing_that_was_written_and_the_process_is_started_again(tmp_path: Path) -> None:
    with serving(says(METRICS)) as stub:
        bundle = run_bundle(tmp_path, target_at(stub.url), "sustained")
        samplers = Samplers(bundle, {})
        samplers.start()
        until(lambda: delivered(bundle, "host", 2))
        before = len(ticks(bundle, "host"))
        assert samplers._process is not None
        os.kill(samplers._process.pid, signal.SIGKILL)
        until(lambda: samplers.revive() or samplers.starts_count == 2)  # type: ignore[func-returns-value]
        until(lambda: delivered(bundle, "host", 1, after=before))
        samplers.stop()
    assert convert.convert(bundle, time.time_ns())["sampler_cpu_s"] > 0
    rows, gaps = bundle.samples("host"), bundle.samples("gaps")
    assert rows is not None
    assert gaps is not None
    assert len(rows) > before
    assert "DATABASE_URL is not set" in set(gaps["reason"])


def test_the_samplers_end_with_their_owner(tmp_path: Path) -> None:
    bundle = run_bundle(tmp_path, target_at("http://127.0.0.1:1"), "sustained")
    code = (
        "import sys, time; from pathlib import Path; from fireai_analysis.bundle import RunBundle; "
        "from fireai_analysis.collect.children import Samplers; "
        "s = Samplers(RunBundle.open(Path(sys.argv[1])), {}); s.start(); "
        "print(s._process.pid, flush=True); time.sleep(60)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(bundle.directory)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    until(lambda: bool(ticks(bundle, "host")))
    owner.kill()
    owner.communicate()
    until(lambda: not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z")


@pytest.mark.parametrize(("scenario", "is_told"), [("peak", False), ("crdt_stress", True)])
def test_the_keys_of_the_doors_are_told_only_where_sessions_are_read(
    tmp_path: Path, scenario: str, is_told: bool
) -> None:
    target = target_at("http://127.0.0.1:1")
    secrets = {name: CANARY for name in target.secret_names()}
    bundle = run_bundle(tmp_path, target, scenario)
    samplers = Samplers(bundle, secrets | {"ANOTHER_SECRET": CANARY})
    samplers.start()
    assert samplers._process is not None
    environ = Path(f"/proc/{samplers._process.pid}/environ")
    until(lambda: environ.read_bytes())  # empty for a moment after the start
    told = environ.read_bytes()
    samplers.stop()
    held = {name for name in (*secrets, "ANOTHER_SECRET") if f"{name}={CANARY}".encode() in told}
    assert held == (set(secrets) if is_told else {target.database_url_env})

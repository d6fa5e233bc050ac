"""The runner as a process: whole runs, early ends of every kind, nothing left behind, no secret anywhere."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect import session
from fireai_analysis.collect.progress import generator_progress, read_object
from fireai_analysis.collect.samplers.journal import PATTERN
from fireai_analysis.collect.stopping import Stopping, watch
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.redact import allowed_environment
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.spec import Target
from tests.collect.stub import SECRETS, stub, target_at

PATIENCE_S = 300.0
CANARY = "hunter2canary"
GROUP = ("locust", "fireai_analysis.collect.samplers")


def made(directory: Path, target: Target, name: str = "sustained", **changes: Any) -> RunBundle:
    """A run of a few seconds without pauses; `profile` changes the profile, the rest the scenario."""
    spec = run_spec("test", name, "smoke", target, 1)
    profile = spec.profile.model_copy(update={"settle_s": 0.0, "profiled_s": 0.0, **changes.pop("profile", {})})
    scenario = spec.scenario.model_copy(update=changes)
    return RunBundle.create(directory, spec.model_copy(update={"scenario": scenario, "profile": profile}))


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start collectors and end what is left of them."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(bundle: RunBundle, secrets: dict[str, str]) -> subprocess.Popen[bytes]:
        processes.append(session.start_collector(bundle, allowed_environment() | secrets))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def is_judged(bundle: RunBundle) -> bool:
    return generator_progress(bundle).get("phase") == "judged" and any(bundle.journal_dir.glob(PATTERN))


def child(process: subprocess.Popen[bytes], word: str) -> psutil.Process:
    return next(one for one in psutil.Process(process.pid).children() if word in " ".join(one.cmdline()))


def leaking(bundle: RunBundle, *secrets: str) -> list[Path]:
    files = [path for path in bundle.directory.rglob("*") if path.is_file()]
    return [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]


def ended(bundle: RunBundle, process: subprocess.Popen[bytes], code: int) -> RunBundle:
    """Wait for the end and return the run as it was left, checked to be whole."""
    assert process.wait(PATIENCE_S) == code
    found = RunBundle.open(bundle.directory)
    assert found.manifest.state == ("recorded" if code == 0 else "aborted")
    assert found.manifest.files
    assert found.check() == []
    progress = read_object(found.progress_path)
    assert progress["phase"] == found.manifest.state
    assert (progress["text"] or None) == found.manifest.reason
    return found


@pytest.mark.real
def test_a_whole_run(tmp_path: Path, platform: PlatformStatus, started: Any) -> None:
    target, secrets = control.bind(load_target("embedded"), platform), control.secrets(platform)
    profile = {"profiled_s": 2.0}
    bundle = made(tmp_path, target, "crdt_stress", duration_s=4.0, users=100, wave_period_s=2.0, profile=profile)
    process = started(bundle, secrets)
    until(lambda: is_judged(bundle))
    child(process, "samplers").kill()
    found = ended(bundle, process, 0)
    facts = found.manifest.facts
    assert found.manifest.reason is None
    assert found.manifest.ended_ns is not None
    assert found.manifest.started_ns is not None
    assert found.manifest.ended_ns - found.manifest.started_ns == 4_000_000_000
    assert facts["go_high_water_end_bytes"] >= facts["go_high_water_start_bytes"] > 1_000_000
    assert (facts["go_high_water_source"], facts["postgresql_version"]) == ("VmHWM", platform.versions["postgresql"])
    assert facts["locust_version"]
    assert facts["calibration"]["capacity_rps"] >= 0
    assert facts["calibration"]["p95_bias_ms"] > 0
    keyed = facts["generator"]["keys_sent_count"]
    assert 0 < keyed == facts["generator"]["keys_distinct_count"]
    assert facts["generator"]["in_flight_at_end_count"] >= 0
    assert facts["notes"] == ["the samplers ended by themselves and were started 2 times"]
    assert facts["hotspots"]
    assert facts["restarts"] == []
    assert set(found.manifest.clock_offset_us) == {"fastapi", "go"}
    assert set(found.manifest.facts["clock_offset_end_us"]) == {"fastapi", "go"}
    assert facts["profiles"] == [
        *("heap-before", "goroutine-before", "cpu-before", "heap-during", "goroutine-during"),
        *("cpu-load", "heap-after", "goroutine-after", "allocs-after"),
    ]
    assert counts(found, "rows") == counts(found, "locust") == counts(found, "server") != {}
    states, keys, operations = found.samples("final_states"), found.samples("idempotency"), found.operations()
    assert states is not None
    assert keys is not None
    assert operations is not None
    assert set(states["session_id"]) == set(operations["session_id"])
    assert set(keys["rows_count"]) == {1}
    assert set(operations.loc[operations["kind"] != "altered", "outcome"]) == {"ok"}
    assert set(states["source"]) == {"sql", "fastapi", "go"}
    assert states["settled"].all()
    reads = found.samples("reads")
    assert reads is not None
    assert set(zip(reads["session_id"], reads["source"], strict=True)) == {
        (session, place) for session in operations["session_id"] for place in ("sql", "fastapi", "go")
    }
    assert reads["document"].notna().all()
    tables = {path.stem for path in (found.directory / "samples").iterdir()}
    assert tables >= {"go", "go_histograms", "pool", "processes", "host", "postgres_statements", "ticks"}
    processes = found.samples("processes")
    assert processes is not None
    assert set(processes["process"]) == {"go", "fastapi", "postgres", "sampler", "generator"}
    assert leaking(found, *(secrets[name] for name in SECRETS)) == []
    assert {path.stat().st_mode & 0o077 for path in found.directory.rglob("*")} == {0}


def counts(bundle: RunBundle, source: str) -> dict[tuple[str, str, str], int]:
    frame = bundle.samples("counts")
    assert frame is not None
    rows = frame[frame["source"] == source]
    return {(row.door, row.method, row.endpoint): row.requests_count for row in rows.itertuples()}


@pytest.mark.real
def test_a_signal_ends_the_run_in_order(tmp_path: Path, started: Any) -> None:
    with stub() as url:
        bundle = made(tmp_path, target_at(url, pprof_url=None), "peak", duration_s=60.0)
        process = started(bundle, SECRETS)
        until(lambda: is_judged(bundle) and generator_progress(bundle)["done_count"] > 20)
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        found = ended(bundle, process, 4)
    assert found.manifest.reason == "stopped by SIGTERM"
    assert len(children) == 2
    assert not any(one.is_running() for one in children)
    requests, ticks = found.requests(), found.samples("ticks")
    assert ticks is not None
    assert len(requests) > 20
    assert found.manifest.ended_ns is not None
    assert requests["intended_ns"].max() <= found.manifest.ended_ns
    assert "counts of go not read: /metrics counts no requests" in found.manifest.facts["notes"]
    assert leaking(found, *SECRETS.values()) == []


@pytest.mark.real
def test_nobody_at_the_door_aborts_before_any_load(tmp_path: Path, started: Any, unused_port: int) -> None:
    bundle = made(tmp_path, target_at(f"http://127.0.0.1:{unused_port}", pprof_url=None))
    found = ended(bundle, started(bundle, SECRETS), 4)
    assert "unreachable" in (found.manifest.reason or "")
    assert str(unused_port) in (found.manifest.reason or "")
    assert len(found.requests()) == 0
    assert not any(found.journal_dir.iterdir())


@pytest.mark.real
def test_a_sick_target_gets_no_load(tmp_path: Path, started: Any) -> None:
    with stub("errors") as url:
        bundle = made(tmp_path, target_at(url, pprof_url=None))
        found = ended(bundle, started(bundle, SECRETS), 4)
    assert (found.manifest.reason or "").startswith("the target is not ready")
    assert not any(found.journal_dir.iterdir())


@pytest.mark.real
def test_a_target_that_dies_trips_the_breaker(tmp_path: Path, started: Any) -> None:
    with stub() as url:
        bundle = made(tmp_path, target_at(url, pprof_url=None), "peak", duration_s=60.0)
        process = started(bundle, SECRETS)
        until(lambda: is_judged(bundle) and generator_progress(bundle)["done_count"] > 20)
    found = ended(bundle, process, 4)
    assert (found.manifest.reason or "").startswith("the circuit breaker stopped the load: ")
    assert {"connection refused", "connect refused"} & set(found.requests()["error"].dropna())


@pytest.mark.real
def test_a_generator_that_is_killed_aborts_and_keeps_its_rows(tmp_path: Path, started: Any) -> None:
    with stub() as url:
        bundle = made(tmp_path, target_at(url, pprof_url=None), "peak", duration_s=60.0)
        secrets = SECRETS | {"DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:1/d"}
        process = started(bundle, secrets)
        until(lambda: is_judged(bundle) and generator_progress(bundle)["done_count"] > 20)
        child(process, "locust").kill()
        found = ended(bundle, process, 4)
    assert found.manifest.reason == "the generator was killed by signal 9"
    assert len(found.requests()) > 20
    assert found.manifest.ended_ns is not None
    notes = found.manifest.facts["notes"]
    assert [note for note in notes if note.startswith("database 127.0.0.1:1/d: ")]
    assert leaking(found, CANARY, *SECRETS.values()) == []


@pytest.mark.real
def test_a_malformed_database_address_aborts_without_an_echo(tmp_path: Path, started: Any) -> None:
    with stub() as url:
        bundle = made(tmp_path, target_at(url, pprof_url=None))
        secrets = SECRETS | {"DATABASE_URL": f"postgresql+psycopg://u:{CANARY}@127.0.0.1/d"}
        found = ended(bundle, started(bundle, secrets), 4)
    assert "DATABASE_URL: must start with postgresql://" in (found.manifest.reason or "")
    assert leaking(found, CANARY) == []


@pytest.mark.real
def test_children_die_with_a_killed_runner_and_the_run_is_crashed(tmp_path: Path, started: Any) -> None:
    with stub() as url:
        bundle = made(tmp_path, target_at(url, pprof_url=None), "peak", duration_s=60.0)
        process = started(bundle, SECRETS)
        until(lambda: is_judged(bundle))
        children = psutil.Process(process.pid).children()
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
    assert alive == []
    assert session.follow(bundle, lambda told: None) == "crashed"
    assert RunBundle.open(bundle.directory).manifest.reason


@pytest.mark.real
def test_a_run_is_recorded_once(tmp_path: Path, started: Any) -> None:
    bundle = made(tmp_path, target_at("http://127.0.0.1:1"))
    bundle.update(state="aborted", reason="x")
    assert started(bundle, SECRETS).wait(PATIENCE_S) == 2
    assert "aborted already" in (bundle.raw_dir / "collector.log").read_text()


def test_the_watchdog_asks_first_and_gives_up_then() -> None:
    stopping, gave_up = Stopping(), []
    done = watch(stopping, 0.01, lambda: gave_up.append(stopping.reason), grace_s=0.01)
    until(lambda: gave_up)
    assert gave_up == ["watchdog: not done within 0 s"]
    stopping.ask("later")
    assert stopping.reason == gave_up[0]
    done.set()


def test_the_watchdog_rests_once_the_run_has_ended() -> None:
    stopping = Stopping()
    watch(stopping, 3600, lambda: os.abort()).set()
    assert not stopping.is_asked

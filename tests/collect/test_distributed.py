"""Several generator processes: a schedule shared out, rows brought home, a worker that is killed, none left behind."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import numpy as np
import psutil
import pytest

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.crew import LOST_AFTER_S
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.fleet import QUIT_S, Generators
from fireai_analysis.collect.locust_process import free_port
from fireai_analysis.collect.opening import FACTS, PROGRESS
from fireai_analysis.collect.progress import read_object
from fireai_analysis.collect.recorder import JUDGED
from fireai_analysis.collect.recording import recordings
from fireai_analysis.collect.schedule import draw, plan
from fireai_analysis.collect.share import share
from fireai_analysis.spec import Fleet
from fireai_analysis.units import NS_PER_S
from tests.collect.stub import SECRETS, counts, run_bundle, stub, target_at

pytestmark = pytest.mark.real
ENVIRONMENT = {**os.environ, **SECRETS}
ENDS_S = 300
WORKERS = 3


def crewed(directory: Path, url: str, fleet: Fleet, name: str = "peak", **scenario: object) -> RunBundle:
    """A run of a few seconds by several processes."""
    bundle = run_bundle(directory, target_at(url), name, **scenario)
    bundle.update(spec=bundle.manifest.spec.model_copy(update={"fleet": fleet}))
    return bundle


def logs(bundle: RunBundle) -> str:
    return "\n".join(path.read_text() for path in sorted(bundle.raw_dir.glob("locust*.log")))


def until_judged(bundle: RunBundle, done_count: int) -> None:
    deadline = time.monotonic() + ENDS_S
    while time.monotonic() < deadline:
        told = read_object(bundle.raw_dir / PROGRESS)
        if told.get("phase") == "judged" and told["done_count"] >= done_count:
            return
        time.sleep(0.02)
    raise AssertionError(f"it never was in the judged window: {logs(bundle)}")


def ended(generators: Generators) -> int:
    deadline = time.monotonic() + ENDS_S
    while (code := generators.poll()) is None:
        assert time.monotonic() < deadline, "it did not end"
        time.sleep(0.05)
    generators.stop()
    return code


def is_whole(bundle: RunBundle, served: dict[str, int]) -> None:
    """Check that every arrival has one row, and that all who counted agree."""
    finalize(bundle)
    frame, state, facts = bundle.requests(), read_json(bundle.raw_dir / PROGRESS), read_json(bundle.raw_dir / FACTS)
    offsets = draw(bundle.manifest.spec.scenario, 1)
    assert (frame["intended_ns"] - state["started_ns"]).tolist() == offsets.tolist()
    assert frame["ok"].all()
    assert (state["phase"], state["intended_count"], state["sent_count"]) == ("done", len(offsets), len(offsets))
    assert (frame["worker"] == frame["user"] % WORKERS).all()
    table = bundle.samples("counts")
    assert table is not None
    total = table.groupby("source", observed=True)["requests_count"].sum()
    assert total["rows"] == total["locust"] == sum(served.values())
    assert [worker["state"] for worker in facts["workers"]] == ["done"] * WORKERS
    assert sum(worker["sent_count"] for worker in facts["workers"]) == len(offsets)
    assert len(facts["sessions"] + facts["profiled_sessions"]) == facts["setup_requests_count"]
    judged = [
        -((row.intended_ns - row.end_ns) // 1_000)
        for one in recordings(bundle.journal_dir)
        for row in one.rows
        if row.phase == JUDGED
    ]
    ranks = [0.5, 0.95, 0.99, 1.0]
    merged = np.quantile(frame["response_us"].to_numpy(np.int64), ranks, method="inverted_cdf")
    assert merged.tolist() == np.quantile(judged, ranks, method="inverted_cdf").tolist()


def test_processes_of_one_machine_are_one_generator(tmp_path: Path) -> None:
    with stub() as url:
        bundle = crewed(tmp_path, url, Fleet(kind="host", workers=WORKERS), rate_rps=60.0)
        assert ended(Generators.start(bundle, ENVIRONMENT)) == 0, logs(bundle)
        served = counts(url)
    is_whole(bundle, served)
    samples = bundle.samples("generator")
    assert samples is not None
    assert samples.groupby("worker")["users_count"].max().sum() == bundle.manifest.spec.scenario.users
    assert samples["intended_count"].sum() == len(bundle.requests())


@pytest.fixture
def workers() -> Iterator[list[Popen[bytes]]]:
    """Workers that share no disk with their master, as they are started on other machines."""
    started: list[Popen[bytes]] = []
    yield started
    for one in started:
        one.terminate()
        one.wait(ENDS_S)
        for stream in (one.stdout, one.stderr):
            if stream is not None:
                stream.close()


def join(workers: list[Popen[bytes]], port: int, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "fireai_analysis.cli", "run", "--worker", "--master-host", "127.0.0.1"]
    command += ["--master-port", str(port), "--target", "embedded"]
    workers += [Popen(command, env=environment, stdout=PIPE, stderr=PIPE) for _ in range(WORKERS)]


def test_rows_come_home_over_the_channel(tmp_path: Path, workers: list[Popen[bytes]]) -> None:
    environment = ENVIRONMENT | {"TMPDIR": str(tmp_path / "far"), "FIREAI_STATE_DIR": str(tmp_path / "none")}
    (tmp_path / "far").mkdir()
    with stub() as url:
        fleet = Fleet(kind="network", workers=WORKERS, bind_port=free_port())
        bundle = crewed(tmp_path / "home", url, fleet, "crdt_stress", users=60, duration_s=4.0, wave_period_s=2.0)
        join(workers, fleet.bind_port, environment)
        assert ended(Generators.start(bundle, ENVIRONMENT)) == 0, logs(bundle)
        said = [one.communicate(timeout=ENDS_S) for one in workers]
        served = counts(url)
    assert [one.returncode for one in workers] == [0] * WORKERS, said
    assert all(b"done; all rows came home" in out for out, _ in said)
    assert list((tmp_path / "far").iterdir()) == []
    is_whole(bundle, served)
    operations = bundle.operations()
    assert operations is not None
    assert len(operations) == len(bundle.requests())
    assert operations.groupby("wave")["session_id"].nunique().tolist() == [1, 1]
    assert operations.groupby(["session_id", "user"])["worker"].nunique().max() == 1
    for path in bundle.directory.rglob("*"):
        assert not path.is_file() or b"canary" not in path.read_bytes(), path


def killed(bundle: RunBundle, worker: int, journal: int, url: str) -> None:
    """Check a run one of whose workers was killed: it ends, is marked, and no other row is lost."""
    finalize(bundle)
    frame, facts, state = bundle.requests(), read_json(bundle.raw_dir / FACTS), read_json(bundle.raw_dir / PROGRESS)
    assert state["phase"] == "aborted"
    assert f"worker {worker} (process " in state["reason"]
    assert "was lost" in state["reason"]
    assert [one["state"] for one in facts["workers"]] == ["lost" if k == worker else "done" for k in range(WORKERS)]
    others = frame[frame["worker"] != worker]
    for _, rows in others.groupby(
        "worker"
    ):  # what is due in the instant in which it stops may stay unsent, nothing before
        unsent = rows["sent_ns"].isna()
        assert (rows.loc[unsent, "error"] == "never sent").all()
        assert (rows.loc[unsent, "intended_ns"] > rows.loc[~unsent, "intended_ns"].max()).all()
        assert unsent.sum() <= 2
    own = frame[frame["worker"] == worker]
    assert own["sent_ns"].isna().tolist() == (own["error"] == "worker lost").tolist()
    drawn = share(plan(bundle.manifest.spec.scenario, 1), worker, WORKERS).offsets_ns + state["started_ns"]
    assert set(drawn[drawn <= others["intended_ns"].max()]) <= set(own["intended_ns"])  # each that was due has its row
    assert not frame.duplicated(["intended_ns", "user"]).any()
    seen = counts(url)
    unrecorded = sum(seen.values()) - bundle.manifest.spec.scenario.users - int(frame["sent_ns"].notna().sum())
    rate_rps = bundle.manifest.spec.scenario.rate_rps / WORKERS
    assert 0 <= unrecorded <= 2 * rate_rps + 10
    last_ns = (own["sent_ns"] + own["service_us"] * 1_000).max()
    assert journal - last_ns <= 2 * NS_PER_S


def test_a_killed_process_ends_the_run_and_costs_no_other_row(tmp_path: Path) -> None:
    with stub() as url:
        bundle = crewed(tmp_path, url, Fleet(kind="host", workers=WORKERS), duration_s=60.0, rate_rps=60.0)
        generators = Generators.start(bundle, ENVIRONMENT)
        until_judged(bundle, 120)
        pid = next(one.header["pid"] for one in recordings(bundle.journal_dir) if one.worker == 1)
        killed_ns = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        while 1 not in generators.lost():
            time.sleep(0.01)
        assert ended(generators) == 4
        assert generators.lost()[1] == -signal.SIGKILL
        killed(bundle, 1, killed_ns, url)


def test_workers_of_a_killed_master_stop_sending_at_once(tmp_path: Path) -> None:
    with stub() as url:
        bundle = crewed(tmp_path, url, Fleet(kind="host", workers=WORKERS), duration_s=60.0, rate_rps=60.0)
        generators = Generators.start(bundle, ENVIRONMENT)
        until_judged(bundle, 60)
        master = next(one for one in psutil.Process().children() if "--master" in one.cmdline())
        killed_ns = time.time_ns()
        master.kill()
        assert ended(generators) == -signal.SIGKILL
        assert sorted(generators.lost()) == [0, 1, 2]
    finalize(bundle)
    frame, facts = bundle.requests(), read_json(bundle.raw_dir / FACTS)
    assert frame["sent_ns"].max() - killed_ns < QUIT_S * NS_PER_S  # left alone, they notice after 15 s
    assert {one["state"] for one in facts["workers"]} == {"done"}
    assert facts["left_out_count"] == len(draw(bundle.manifest.spec.scenario, 1)) - len(frame) > 0


def test_a_worker_that_falls_silent_ends_the_run(tmp_path: Path, workers: list[Popen[bytes]]) -> None:
    environment = ENVIRONMENT | {"TMPDIR": str(tmp_path), "FIREAI_STATE_DIR": str(tmp_path / "none")}
    with stub() as url:
        fleet = Fleet(kind="network", workers=WORKERS, bind_port=free_port())
        bundle = crewed(tmp_path / "home", url, fleet, duration_s=60.0, rate_rps=60.0)
        join(workers, fleet.bind_port, environment)
        generators = Generators.start(bundle, ENVIRONMENT)
        until_judged(bundle, 120)
        victim = next(one.header["pid"] for one in recordings(bundle.journal_dir) if one.worker == 2)
        killed_ns = time.time_ns()
        psutil.Process(victim).kill()
        began_s = time.monotonic()
        assert ended(generators) == 4
        assert time.monotonic() - began_s < LOST_AFTER_S + 30
        killed(bundle, 2, killed_ns, url)
    assert (bundle.requests()["error"] == "worker lost").sum() > 20  # due in the seconds until it was given up


def test_a_stop_ends_all_of_them(tmp_path: Path) -> None:
    with stub() as url:
        bundle = crewed(tmp_path, url, Fleet(kind="host", workers=WORKERS), duration_s=60.0)
        generators = Generators.start(bundle, ENVIRONMENT)
        until_judged(bundle, 20)
        pids = [one.header["pid"] for one in recordings(bundle.journal_dir)]
        generators.stop()
        assert generators.poll() == 143
        assert sorted(generators.lost()) == [0, 1, 2]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    finalize(bundle)
    state = read_json(bundle.raw_dir / PROGRESS)
    assert (state["phase"], state["reason"]) == ("aborted", "stopped from outside")
    assert bundle.requests()["ok"].all()
    assert {one["state"] for one in read_json(bundle.raw_dir / FACTS)["workers"]} == {"done"}


def test_a_worker_without_its_secret_refuses_and_none_sends(tmp_path: Path, workers: list[Popen[bytes]]) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in SECRETS}
    environment |= {"TMPDIR": str(tmp_path), "FIREAI_STATE_DIR": str(tmp_path / "none")}
    with stub() as url:
        fleet = Fleet(kind="network", workers=WORKERS, bind_port=free_port())
        bundle = crewed(tmp_path / "home", url, fleet)
        join(workers, fleet.bind_port, environment)
        assert ended(Generators.start(bundle, ENVIRONMENT)) == 4
        assert counts(url) == {}
    reason = read_json(bundle.raw_dir / PROGRESS)["reason"]
    assert "refused the run: " in reason
    assert "is not set" in reason


def test_nobody_by_hand_becomes_a_worker() -> None:
    path = Path(__file__).resolve().parents[2] / "locustfiles" / "worker.py"
    process = Popen([sys.executable, "-m", "locust", "-f", str(path), "--headless"], stderr=PIPE, stdout=DEVNULL)
    _, said = process.communicate(timeout=ENDS_S)
    assert b"workers are started by fireai run" in said
    assert process.returncode != 0

"""Whole generator processes: Locust against a server of its own, well and badly behaved, stopped and orphaned."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import child_environment, last_words, start
from fireai_analysis.collect.opening import FACTS, JOURNAL, PROGRESS
from fireai_analysis.collect.recording import recordings
from fireai_analysis.collect.schedule import draw
from fireai_analysis.spec import DoorAddress, Target
from tests.collect.stub import SECRETS, counts, run_bundle, stub, target_at

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, **SECRETS}
ENDS_S = 300


def ended(bundle: RunBundle) -> int:
    process = start(bundle, ENVIRONMENT)
    code = process.wait(ENDS_S)
    finalize(bundle)
    return code


def progress(bundle: RunBundle) -> dict[str, object]:
    content: dict[str, object] = read_json(bundle.raw_dir / PROGRESS)
    return content


def await_phase(bundle: RunBundle, phase: str) -> None:
    deadline = time.monotonic() + ENDS_S
    while time.monotonic() < deadline:
        path = bundle.raw_dir / PROGRESS
        if path.is_file() and (state := read_json(path))["phase"] == phase and state["done_count"] > 0:
            return
        time.sleep(0.05)
    raise AssertionError(f"phase {phase} never came: {(bundle.raw_dir / 'locust.log').read_text()}")


@pytest.fixture(scope="module")
def orderly(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunBundle, int, dict[str, int]]:
    with stub() as url:
        bundle = run_bundle(tmp_path_factory.mktemp("run"), target_at(url), "peak")
        return bundle, ended(bundle), counts(url)


Orderly = tuple[RunBundle, int, dict[str, int]]


def test_every_arrival_of_the_schedule_has_a_row(orderly: Orderly) -> None:
    bundle, code, _ = orderly
    assert code == 0, (bundle.raw_dir / "locust.log").read_text()
    frame, state = bundle.requests(), progress(bundle)
    offsets = draw(bundle.manifest.spec.scenario, 1)
    assert (frame["intended_ns"] - state["started_ns"]).tolist() == offsets.tolist()
    assert frame["ok"].all()
    assert (frame["sent_ns"] >= frame["intended_ns"]).all()
    assert (frame["response_us"] >= frame["service_us"]).all()
    assert set(frame["app_us"]) == {1500}
    expected = {"phase": "done", "intended_count": len(offsets), "sent_count": len(offsets), "failed_count": 0}
    assert {key: state[key] for key in expected} == expected
    assert state["in_flight_count"] == 0


def test_rows_equal_what_locust_and_the_server_counted(orderly: Orderly) -> None:
    bundle, _, served = orderly
    table = bundle.samples("counts")
    assert table is not None
    by_source = {
        source: {tuple(key): count for *key, count in of.drop(columns="source").values.tolist()}
        for source, of in table.groupby("source", observed=True)
    }
    assert by_source["rows"] == by_source["locust"]
    assert sum(by_source["rows"].values()) == sum(served.values())
    stats = json.loads((bundle.raw_dir / "locust-stats.json").read_text())
    assert sum(entry["num_requests"] for entry in stats) == sum(served.values())
    facts = read_json(bundle.raw_dir / FACTS)
    assert facts["locust_requests_count"] == sum(served.values())
    assert len(facts["sessions"]) == bundle.manifest.spec.scenario.users
    assert (facts["guard_refused_count"], facts["journal_dropped_bytes"]) == (0, 0)


def test_no_secret_is_in_any_file(orderly: Orderly) -> None:
    bundle, _, _ = orderly
    files = [path for path in bundle.directory.rglob("*") if path.is_file()]
    assert len(files) > 6
    for path in files:
        data = path.read_bytes()
        assert b"canary" not in data, path
        assert b"eyJ" not in data, path
        assert path.stat().st_mode & 0o077 == 0 or path.name.startswith("locust-stats"), path


def test_samples_of_the_generator(orderly: Orderly) -> None:
    bundle, _, _ = orderly
    samples = bundle.samples("generator")
    assert samples is not None
    assert len(samples) >= 2
    assert samples["users_count"].max() == 50
    assert samples["intended_count"].sum() == len(bundle.requests())


def test_the_generator_tells_what_it_adds_and_what_the_machine_takes(orderly: Orderly) -> None:
    bundle, _, _ = orderly
    samples, rows = bundle.samples("generator"), bundle.requests()
    assert samples is not None
    assert samples["sockets_count"].max() >= bundle.manifest.spec.scenario.users
    assert samples["steal_ratio"].dropna().between(0, 1).all()
    gaps = samples["gap_p95_ms"].dropna()
    assert len(gaps) >= 2
    took_ms = [(row.end_ns - row.sent_ns) / 1e6 for one in recordings(bundle.journal_dir) for row in one.rows]
    assert gaps.max() <= samples["gap_max_ms"].max() == pytest.approx(max(took_ms) - 1.75)
    facts = read_json(bundle.raw_dir / FACTS)
    keyed = rows["endpoint"].isin(["/v1/evidence", "/v1/tests/sessions/{session_id}/results"]).sum()
    assert facts["keys_sent_count"] == facts["keys_distinct_count"] >= keyed > 0
    assert 0 <= facts["in_flight_at_end_count"] <= len(rows)


def test_a_second_generator_is_refused(orderly: Orderly) -> None:
    bundle, _, _ = orderly
    before = (bundle.journal_dir / JOURNAL).read_bytes()
    assert start(bundle, ENVIRONMENT).wait(ENDS_S) == 2
    assert (bundle.journal_dir / JOURNAL).read_bytes() == before


def test_an_error_storm_trips_the_breaker(tmp_path: Path) -> None:
    with stub("errors") as url:
        bundle = run_bundle(tmp_path, target_at(url), "peak", duration_s=30.0)
        assert ended(bundle) == 64
    state = progress(bundle)
    assert state["phase"] == "aborted"
    assert str(state["reason"]).startswith("circuit breaker: ")
    frame = bundle.requests()
    assert set(frame["error"].dropna()) == {"status 500"}
    assert len(frame) >= 20
    ended_ns = frame["sent_ns"] + frame["service_us"] * 1000
    assert (ended_ns < state["ended_ns"]).sum() <= 21  # who failed is counted at once; the others were under way
    assert frame["intended_ns"].max() < state["ended_ns"]


def test_failures_after_the_last_arrival_stop_nothing(tmp_path: Path) -> None:
    with stub("hang") as url:
        bundle = run_bundle(tmp_path, target_at(url, request_timeout_s=6.0), "peak", duration_s=1.0)
        spec = bundle.manifest.spec
        bundle.update(spec=spec.model_copy(update={"profile": spec.profile.model_copy(update={"profiled_s": 0.0})}))
        assert ended(bundle) == 0
    frame = bundle.requests()
    assert progress(bundle)["phase"] == "done"
    assert (frame["error"] == "timeout").sum() > 20
    assert len(frame) == len(draw(bundle.manifest.spec.scenario, 1))


def test_the_last_words_of_a_log_are_what_went_wrong(tmp_path: Path) -> None:
    log = tmp_path / "locust.log"
    assert last_words(log) == ""
    talk = "[2026-11-24 12:39:50,004] vm/INFO/locust.main: No run time limit set, use CTRL+C to interrupt\n"
    log.write_text(talk)
    assert last_words(log) == ""
    log.write_text(
        f"early\n{talk}[2026-11-24 12:39:51,000] vm/WARNING/locust.runners: slow\n\n a\n{talk}ValueError: b\n"
    )
    assert last_words(log) == "[2026-11-24 12:39:51,000] vm/WARNING/locust.runners: slow | a | ValueError: b"


def test_a_hanging_target_gives_timeouts_not_gaps(tmp_path: Path) -> None:
    with stub("hang") as url:
        target = target_at(url, request_timeout_s=2.0)  # the sessions are made in that time, too
        bundle = run_bundle(tmp_path, target, "sustained", rate_rps=4.0)
        assert ended(bundle) == 0
        assert sum(counts(url).values()) == len(bundle.requests()) + 5 + 2
    frame = bundle.requests()
    assert len(frame) == 8
    late = frame[frame["endpoint"] != "/v1/tests/sessions"]
    assert set(late["error"]) == {"timeout"}
    assert set(late["status"]) == {0}
    assert (late["response_us"] >= 2_000_000).all()
    assert frame["sent_ns"].notna().all()


def test_a_stopped_run_ends_in_order(tmp_path: Path) -> None:
    with stub() as url:
        bundle = run_bundle(tmp_path, target_at(url), "peak", duration_s=600.0)
        process = start(bundle, ENVIRONMENT)
        await_phase(bundle, "judged")
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(ENDS_S) == 143
    finalize(bundle)
    state = progress(bundle)
    assert (state["phase"], state["reason"]) == ("aborted", "stopped from outside")
    frame = bundle.requests()
    assert frame["intended_ns"].max() < state["ended_ns"]
    assert frame["ok"].all()


def test_a_killed_generator_leaves_its_rows(tmp_path: Path) -> None:
    with stub() as url:
        bundle = run_bundle(tmp_path, target_at(url), "spike", duration_s=600.0)
        process = start(bundle, ENVIRONMENT)
        await_phase(bundle, "judged")
        told = progress(bundle)
        while progress(bundle) == told:  # ten times as long as rows wait to be written
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(ENDS_S) == -signal.SIGKILL
        served = counts(url)
    finalize(bundle)
    frame = bundle.requests()
    sent = int(frame["sent_ns"].notna().sum())
    judged_served = sum(served.values()) - bundle.manifest.spec.scenario.users
    assert told["done_count"] <= sent <= judged_served


def test_the_watchdog_ends_a_run_that_does_not_end(tmp_path: Path) -> None:
    (tmp_path / "peak.py").write_text(
        "from fireai_analysis.collect import generator, locust_user\n"
        "generator.longest_s = lambda spec: 4\n"
        "PeakUser = locust_user.user_class('peak')\n"
    )
    with stub() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIREAI_LOCUSTFILES_DIR", str(tmp_path))
        bundle = run_bundle(tmp_path / "campaign", target_at(url), "peak", duration_s=600.0)
        assert ended(bundle) == -signal.SIGALRM
    assert bundle.requests()["ok"].any()


PARENT = """
import json, os, sys
from pathlib import Path
from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.locust_process import start
process = start(RunBundle.open(Path(sys.argv[1])), dict(os.environ))
sys.stdout.write(f"{process.pid}\\n"); sys.stdout.flush()
process.wait()
"""


def test_a_generator_dies_with_its_parent(tmp_path: Path) -> None:
    with stub() as url:
        bundle = run_bundle(tmp_path, target_at(url), "peak", duration_s=600.0)
        command = [sys.executable, "-c", PARENT, str(bundle.directory)]
        parent = subprocess.Popen(command, stdout=subprocess.PIPE, env=ENVIRONMENT)
        assert parent.stdout is not None
        generator = psutil.Process(int(parent.stdout.readline()))
        await_phase(bundle, "judged")
        parent.kill()
        parent.wait()
        parent.stdout.close()
        psutil.wait_procs([generator], timeout=ENDS_S)
        assert not generator.is_running() or generator.status() == psutil.STATUS_ZOMBIE


def refusal(bundle: RunBundle, environment: dict[str, str]) -> tuple[int, str]:
    process = start(bundle, environment)
    code = process.wait(ENDS_S)
    deadline = time.monotonic() + ENDS_S
    while not (text := (bundle.raw_dir / "locust.log").read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not (bundle.journal_dir / JOURNAL).exists()
    return code, text


def moved(target: Target, url: str) -> Target:
    return target.model_copy(update={"doors": {door: DoorAddress(base_url=url) for door in target.doors}})


def test_a_target_elsewhere_is_refused_with_one_line(tmp_path: Path) -> None:
    target = moved(target_at("http://127.0.0.1:9"), "http://192.0.2.1:80")
    code, text = refusal(run_bundle(tmp_path, target, "peak"), ENVIRONMENT)
    assert code == 2
    assert "192.0.2.1 is not on this machine" in text
    assert "Traceback" not in text


def test_a_missing_secret_is_refused_with_one_line(tmp_path: Path) -> None:
    bundle = run_bundle(tmp_path, target_at("http://127.0.0.1:9"), "peak")
    code, text = refusal(bundle, ENVIRONMENT | {"INTERNAL_JWT_SECRET_KEY": ""})
    assert code == 2
    assert text.count("\n") == 1
    assert "INTERNAL_JWT_SECRET_KEY is not set" in text


def test_nobody_there_ends_in_the_set_up(tmp_path: Path, unused_port: int) -> None:
    bundle = run_bundle(tmp_path, target_at(f"http://127.0.0.1:{unused_port}"), "sustained")
    assert ended(bundle) == 4
    assert progress(bundle)["reason"] == "set-up: POST /v1/tests/sessions: connect refused"
    assert bundle.requests().empty


def test_only_listed_variables_are_handed_on() -> None:
    given = ENVIRONMENT | {"DATABASE_URL": "postgresql://u:p@h/d", "AWS_SECRET_ACCESS_KEY": "x", "HTTPS_PROXY": "x"}
    allowed = child_environment(target_at("http://127.0.0.1:9"), given)
    assert set(SECRETS) <= set(allowed)
    assert "PATH" in allowed
    assert not {"DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"} & set(allowed)


def by_hand(*options: str) -> list[str]:
    return [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfiles" / "sustained.py"), *options]


@pytest.mark.parametrize(
    ("options", "variables", "message"),
    [
        (("--headless", "--master"), {}, "a generator runs in one process"),
        (("--headless",), {"FIREAI_SEED": "x"}, "environment: FIREAI_SEED: found 'x'"),
        (("--headless",), {"FIREAI_PROFILE": "smok"}, "did you mean smoke?"),
        (("--headless",), {"FIREAI_TARGET": "nowhere"}, "unknown target"),
        (("--headless",), {"http_proxy": "http://u:p@proxy.example"}, "http_proxy"),
    ],
)
def test_by_hand_a_mistake_is_one_line(
    tmp_path: Path, options: tuple[str, ...], variables: dict[str, str], message: str
) -> None:
    environment = ENVIRONMENT | {"FIREAI_STATE_DIR": str(tmp_path)} | variables
    done = subprocess.run(by_hand(*options), env=environment, capture_output=True, text=True, timeout=ENDS_S)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_page_of_locust_is_on_loopback_only(tmp_path: Path) -> None:
    with stub() as url, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        unused.close()
        environment = ENVIRONMENT | {
            "FASTAPI_BASE_URL": url,
            "GO_SERVICE_URL": url,
            "FIREAI_STATE_DIR": str(tmp_path),
        }
        page = subprocess.Popen(by_hand("--web-port", str(port)), env=environment, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + ENDS_S
            listening: list[str] = []
            while not listening and time.monotonic() < deadline:
                time.sleep(0.1)
                connections = psutil.Process(page.pid).net_connections()
                listening = [each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN]
            assert listening == ["127.0.0.1"]
        finally:
            page.terminate()
            page.wait(ENDS_S)

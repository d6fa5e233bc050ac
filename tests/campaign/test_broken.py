"""The Go service dies in the middle of a run: a finished report that says so, nothing hung, nothing left running."""

import json
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from fireai_analysis.bundle import RunBundle
from fireai_analysis.platform.state import read_state
from tests.campaign.conftest import FIREAI, environment, left_running, short_params

pytestmark = pytest.mark.real


def wait_for_go(state: Path, run: Path, deadline_s: float) -> int:
    """Return the pid of the Go service once the judged window has begun."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        progress = run / "peak" / "progress.json"
        if progress.is_file() and json.loads(progress.read_text())["phase"] == "judged":
            found = read_state(state)
            assert found is not None
            return found.pids["go"]
        time.sleep(0.1)
    pytest.fail("the run did not begin in time")


def test_killed_go_service_gives_a_finished_report(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        state, run = Path(folder), tmp_path / "run"
        params = short_params(tmp_path / "params", {"peak": 12})
        process = subprocess.Popen(
            [*FIREAI, "run", "peak", "spike", "-o", str(run)],
            env=environment(state, params),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        try:
            os.kill(wait_for_go(state, run, 600), signal.SIGKILL)
            output, _ = process.communicate(timeout=900)
        finally:
            process.kill()
        assert process.returncode in (99, 4), output
        summary = json.loads((run / "summary.json").read_text())
        assert summary["scenarios"]["peak"]["state"] == "aborted"
        assert summary["scenarios"]["peak"]["errors"]
        assert summary["readiness"] == "NOT_READY"
        assert all(criterion["verdict"] != "PASSED" for criterion in summary["criteria"])
        assert (process.returncode == 99) == any(criterion["verdict"] == "FAILED" for criterion in summary["criteria"])
        assert "aborted" in (run / "report.md").read_text()
        assert (run / "report.html").is_file()
        assert (run / "report.pdf").is_file()
        assert left_running(state) == []


def test_a_killed_campaign_ends_its_load_before_its_platform(tmp_path: Path) -> None:
    """The target is not to blame for an end that it had no part in: no request may fail because of it."""
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        state, run = Path(folder), tmp_path / "run"
        params = short_params(tmp_path / "params", {"peak": 12})
        command = [*FIREAI, "run", "peak", "-o", str(run)]
        process = subprocess.Popen(
            command, env=environment(state, params), stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        try:
            wait_for_go(state, run, 600)
        finally:
            process.kill()
            process.wait()
        deadline = time.monotonic() + 300
        while left_running(state) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert left_running(state) == []
        bundle = RunBundle.open(run / "peak")
        assert bundle.manifest.state == "aborted"
        assert "was killed, and the platform ends with it" in str(bundle.manifest.reason)
        rows = bundle.requests()
        assert len(rows) > 0
        failed, answered = rows[~rows["ok"]], rows[rows["ok"]]
        assert set(failed["error"]) <= {"never sent"}, failed
        assert (failed["intended_ns"] >= answered["intended_ns"].max()).all()  # due while the load was ended

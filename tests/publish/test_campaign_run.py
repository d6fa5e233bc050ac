"""Campaigns that do not go well, with the real parts: a signal, a broken notebook, a killed collector."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from fireai_analysis.publish.estimate import of
from fireai_analysis.scenarios import load_target, run_spec
from tests.campaign.conftest import FIREAI, ROOT, environment, left_running, short_params

real = pytest.mark.real


@dataclass
class Started:
    """A campaign command that runs, with its directory and its state directory."""

    process: subprocess.Popen
    run: Path
    state: Path

    def wait_for(self, scenario: str, phase: str, patience_s: float = 600) -> dict:
        """Return the progress of a scenario once it has come to a phase."""
        end = time.monotonic() + patience_s
        path = self.run / scenario / "progress.json"
        while time.monotonic() < end and self.process.poll() is None:
            if path.is_file() and (told := json.loads(path.read_text()))["phase"] == phase:
                return told
            time.sleep(0.1)
        pytest.fail(f"{scenario} did not come to {phase}: {self.process.communicate(timeout=30)}")

    def end(self) -> tuple[int, str, str]:
        """Return exit code, standard output and error of the command."""
        out, err = self.process.communicate(timeout=900)
        return self.process.returncode, out, err

    def summary(self) -> dict:
        """Return the judged campaign."""
        return json.loads((self.run / "summary.json").read_text())


@pytest.fixture
def start(tmp_path: Path) -> Iterator:
    """Start campaigns of short scenarios and leave nothing running."""
    started: list[subprocess.Popen] = []
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        state = Path(folder)

        def begin(*scenarios: str, seconds: int, **more: str) -> Started:
            params = short_params(tmp_path / "params", dict.fromkeys(scenarios, seconds))
            process = subprocess.Popen(
                [*FIREAI, "run", *scenarios, "-o", str(tmp_path / "run")],
                env=environment(state, params) | more,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                stdin=subprocess.DEVNULL,
            )
            started.append(process)
            return Started(process, tmp_path / "run", state)

        yield begin
        for process in started:
            process.kill()


@pytest.fixture
def broken_notebooks(tmp_path: Path) -> Path:
    """The notebooks, that of spike with a cell that fails."""
    folder = tmp_path / "notebooks"
    shutil.copytree(ROOT / "notebooks", folder)
    path = folder / "03_spike.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(3, nbformat.v4.new_code_cell("raise RuntimeError('planted')"))
    nbformat.write(notebook, path)
    return folder


@real
def test_what_breaks_does_not_end_the_campaign_and_a_signal_ends_it_with_a_report(
    start, broken_notebooks: Path
) -> None:
    names = ("peak", "spike", "crdt_stress")
    campaign = start(*names, seconds=20, FIREAI_NOTEBOOKS_DIR=str(broken_notebooks))
    os.kill(campaign.wait_for("peak", "judged")["pid"], signal.SIGKILL)
    campaign.wait_for("spike", "judged")
    campaign.process.send_signal(signal.SIGINT)
    exit_code, out, err = campaign.end()
    assert exit_code == 130, err
    assert "Traceback" not in out + err
    assert left_running(campaign.state) == []
    scenarios = campaign.summary()["scenarios"]
    assert {scenarios[name]["verdict"] for name in names} == {"NOT MEASURED"}
    assert [scenarios[name]["state"] for name in names] == ["crashed", "aborted", "missing"]
    assert scenarios["peak"]["reason"].startswith("the collector was killed by signal 9")
    assert "run it again: fireai run peak --profile smoke" in scenarios["peak"]["reason"]
    assert "its notebook failed: 03_spike.ipynb: cell" in scenarios["spike"]["reason"]
    assert "Peak is crashed: the collector was killed by signal 9" in (campaign.run / "report.md").read_text()
    assert "planted" in (campaign.run / "spike" / "notebook.ipynb").read_text()
    assert json.loads((campaign.run / "spike" / "manifest.json").read_text())["state"] == "aborted"
    assert "stopped during spike" in scenarios["crdt_stress"]["reason"]
    assert "RuntimeError: planted" in out
    assert "Exit code 130" in out
    assert out.rstrip().splitlines()[-1] == f"Report: {campaign.run}/report.html"
    assert (campaign.run / "report.html").is_file()
    assert (campaign.run / "report.pdf").is_file()


def test_estimates_follow_the_ticket() -> None:
    target = load_target("embedded")
    peak = of(run_spec("r", "peak", "full", target, 1))
    assert peak.requests_count == pytest.approx(126_000, rel=0.02)
    assert peak.wall_s == pytest.approx(3600, abs=120)
    assert sum(peak.writes.values()) == pytest.approx(126_000 * 0.45, rel=0.05)
    crdt = of(run_spec("r", "crdt_stress", "full", target, 1))
    assert crdt.requests_count == 30_000
    assert crdt.writes["evidence files"] == 0

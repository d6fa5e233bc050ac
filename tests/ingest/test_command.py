"""`fireai ingest` from files to verdicts: what it prints, what it leaves on disk, how it ends, and that it verifies."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes
from fireai_analysis.cli import exit_code
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.ingest.opening import campaign_for, open_foreign
from fireai_analysis.publish import batch, report
from tests.ingest import small_files
from tests.ingest.test_folder import written
from tests.ingest.test_judged import steady

UNWRITTEN = ("report", "junit", "alerts/fireai")
"""Files that are not written in these tests: they take a kernel and a minute."""


def run_cells(name: str, parameters: Mapping[str, Any], *, output_path: Path, **rest: object) -> None:
    """Run the cells of a notebook here, without a kernel: what they call is the same."""
    cells = nbformat.read(batch.notebook_path(name), as_version=4).cells
    space: dict[str, Any] = {}
    for cell in cells:
        if cell.cell_type == "code":
            exec(cell.source, space)
            if "parameters" in cell.metadata.get("tags", []):
                space |= parameters
    atomic_write(output_path, json_bytes({}))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Notebooks without kernels, no pages: seconds in place of a minute."""
    monkeypatch.setattr(batch, "run_notebook", run_cells)
    monkeypatch.setattr(report, "build", lambda directory, formats: [])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_folder_becomes_a_judged_campaign(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {
        "peak_20261123_101500/a.jtl": small_files.jtl(steady(600)) + b"broken\n",
        "sustained/s.csv": small_files.LOCUST_STATS,
        "sustained/f.csv": small_files.LOCUST_FAILURES,
        "notes.md": b"# notes\n",
    }
    written(quick / "results", files)
    assert exit_code(["ingest", "results", "-o", "out"]) == 99
    text = lines(capsys)
    for told in (
        "peak_20261123_101500/a.jtl: 3,000 requests (JMeter JTL, CSV,",
        "Refused rows peak_20261123_101500/a.jtl:3002: not enough columns (1 rows)",
        "Files left notes.md: is of no known format",
        "sustained/f.csv: totals of the same scenario as sustained/s.csv",
        "service time P95",
        "Exit code 99: something is proven wrong",
    ):
        assert told in text
    summary = json.loads((quick / "out" / "summary.json").read_text())
    assert {one["id"]: one["verdict"] for one in summary["criteria"]} == {
        "p95_latency": "FAILED",
        "crdt_data_loss": "NOT MEASURED",
        "aurora_scaling": "NOT MEASURED",
        "go_memory": "NOT MEASURED",
        "error_rate": "INCONCLUSIVE",
    }
    peak, sustained = (summary["scenarios"][name] for name in ("peak", "sustained"))
    assert peak["origin"]["files"][0]["refused"] == {"not enough columns": {"count": 1, "line": 3002}}
    assert (peak["load_model"], peak["requests_count"], sustained["requests_count"]) == ("unknown", 3000, 10_000)
    assert summary["scenarios"]["spike"]["state"] == "missing"
    assert RunBundle.open(quick / "out" / "peak").check() == []


def test_strict_refuses_the_first_bad_line(quick: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (quick / "peak.jtl").write_bytes(small_files.jtl([1, 2]) + b"broken\n")
    assert exit_code(["ingest", "peak.jtl", "--strict", "-o", "out"]) == 2
    assert "peak.jtl:4: a row cannot be taken: not enough columns" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run.jtl"], "say --scenario NAME, one of sustained, peak, spike, crdt_stress"),
        (["run.jtl", "--scenario", "pek"], "--scenario: pek: unknown scenario; did you mean peak?"),
        (["nowhere"], "nowhere: does not exist"),
        (["run.jtl", "--scenario", "peak", "--format", "jtl"], "unknown format 'jtl'; known: auto, "),
        (["run.jtl", "--scenario", "peak", "--open-model", "yes"], "--open-model: yes: is no reason; write why"),
        (["page.html", "--scenario", "peak"], "page.html"),
    ],
)
def test_usage_errors_are_one_line_and_leave_nothing(
    quick: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    (quick / "run.jtl").write_bytes(small_files.jtl([1, 2]))
    (quick / "page.html").write_bytes(b"<!DOCTYPE html><html><body>no</body></html>")
    assert exit_code(["ingest", *arguments, "-o", "out"]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not list(quick.glob("out/*/manifest.json"))


def test_a_directory_with_something_else_is_refused_and_an_unfinished_one_goes_on(quick: Path) -> None:
    source = quick / "peak.jtl"
    first = campaign_for(["peak"], source, quick / "out")
    assert campaign_for(["peak"], source, quick / "out").directory == first.directory
    for scenarios, name in ((["spike"], "peak.jtl"), (["peak"], "other.jtl")):
        with pytest.raises(BundleError, match="is not empty"):
            campaign_for(scenarios, quick / name, quick / "out")


def test_a_notebook_in_mode_ingest_reads_what_is_there(quick: Path) -> None:
    (quick / "run.jtl").write_bytes(small_files.jtl([1] * 20))
    bundle = open_foreign("peak", "run.jtl", "made")
    assert (bundle.scenario, len(bundle.requests())) == ("peak", 20)
    assert open_foreign("peak", "run.jtl", "made").manifest == bundle.manifest
    written(quick / "results", {"spike/a.jtl": small_files.jtl([1] * 5)})
    with pytest.raises(ParamsError, match="holds nothing of peak; choose among spike"):
        open_foreign("peak", "results", None)
    with pytest.raises(ParamsError, match="it is not said what to ingest"):
        open_foreign("peak", None, None)


@pytest.mark.parametrize("name", ["rows", "totals"])
def test_verify_finds_no_difference_and_finds_one_that_was_made(
    quick: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    data = {"rows": small_files.jtl(steady(200), failed=30), "totals": small_files.LOCUST_STATS}[name]
    (quick / "peak.file").write_bytes(data)
    assert exit_code(["ingest", "peak.file", "-o", "out"]) == 3
    capsys.readouterr()
    exit_code(["verify", "out", "--json"])
    found = json.loads(capsys.readouterr().out)
    written_here = [one for one in found["differences"] if one["file"].partition(".")[0] not in UNWRITTEN]
    assert written_here == []
    path = quick / "out" / "summary.json"
    summary = json.loads(path.read_text())
    summary["scenarios"]["peak"]["failures_count"] += 1
    path.write_text(json.dumps(summary))
    exit_code(["verify", "out", "--json"])
    keys = {one["key"] for one in json.loads(capsys.readouterr().out)["differences"]}
    assert "scenarios.peak.failures_count" in keys

"""The report of a campaign on disk, written through the notebook and a real kernel."""

import json
import stat
from pathlib import Path

import pytest

from fireai_analysis import judge
from fireai_analysis.bundle import atomic_write
from fireai_analysis.campaign import Campaign
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.publish import report
from fireai_analysis.results import Summary
from tests import made


@pytest.fixture(scope="module")
def written(campaign_dir: Path) -> list[Path]:
    return report.build(campaign_dir)


def test_every_file_is_written(campaign_dir: Path, written: list[Path]) -> None:
    names = [path.relative_to(campaign_dir).as_posix() for path in written]
    assert names == [
        "summary.json",
        "junit.xml",
        "alerts/fireai.rules.yml",
        "report.md",
        "report.pdf",
        "report.html",
    ]
    assert all(path.stat().st_size > 100 for path in written)
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in written)


def test_a_scenario_that_left_no_run_is_not_measured(campaign_dir: Path, written: list[Path]) -> None:
    summary = Summary.model_validate(json.loads((campaign_dir / "summary.json").read_text()))
    assert (summary.scenarios["spike"].state, summary.scenarios["spike"].verdict) == ("missing", "NOT MEASURED")
    assert "Spike is missing: ordered, but left no run." in (campaign_dir / "report.md").read_text()
    assert summary.readiness == "NOT_READY"


def test_the_page_is_drawn_from_the_executed_notebook(campaign_dir: Path, written: list[Path]) -> None:
    html = (campaign_dir / "report.html").read_text()
    assert html.count('class="fireai-figure"') == html.count('<img class="static"') == 25
    assert "campaign.section(" not in html
    assert str(campaign_dir) not in html
    assert "Traceback" not in html


def test_files_of_the_runs_are_listed_with_their_hashes(campaign_dir: Path, written: list[Path]) -> None:
    files = {entry["path"] for entry in json.loads((campaign_dir / "summary.json").read_text())["files"]}
    assert {"campaign.json", "peak/raw/locust.log", "peak/results.json"} <= files


def test_forms_that_are_there_are_written_with_the_one_that_is_asked_for(
    campaign_dir: Path, written: list[Path]
) -> None:
    (campaign_dir / "report.pdf").unlink()
    names = [path.name for path in report.build(campaign_dir, ("html",))]
    assert names == ["summary.json", "junit.xml", "fireai.rules.yml", "report.md", "report.html"]
    names = [path.name for path in report.build(campaign_dir, ("pdf",))]
    assert names[3:] == ["report.md", "report.pdf", "report.html"]


def test_an_unknown_format_is_refused(campaign_dir: Path) -> None:
    with pytest.raises(ParamsError, match="unknown format"):
        report.build(campaign_dir, ("docx",))


def test_what_is_no_campaign_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        report.write_summary(tmp_path)


def test_the_notebook_by_hand_needs_a_campaign() -> None:
    with pytest.raises(ParamsError, match="campaign_dir"):
        report.opened(None)


def test_a_broken_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "campaign.json").write_text('{"schema": 1, "campaign": "x", "profile": "smoke"}')
    (tmp_path / "peak").mkdir()
    (tmp_path / "peak" / "results.json").write_text('{"scenario": "peak"}')
    with pytest.raises(BundleError, match=r"results\.json"):
        report.write_summary(tmp_path)


def test_a_result_without_its_run_counts_for_nothing(tmp_path: Path) -> None:
    Campaign.create(tmp_path, made.CAMPAIGN)
    atomic_write(tmp_path / "peak" / "results.json", made.healthy_result("peak").model_dump_json().encode())
    summary = report.write_summary(tmp_path)
    assert summary.scenarios["peak"].state == "missing"
    assert {one.id: one.verdict for one in summary.criteria}["p95_latency"] == "NOT MEASURED"
    assert "manifest.json is gone" in summary.scenarios["peak"].reason
    assert judge.exit_code(summary) == judge.EXIT_BROKEN


def test_a_result_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    Campaign.create(tmp_path, made.CAMPAIGN)
    atomic_write(tmp_path / "spike" / "results.json", made.healthy_result("peak").model_dump_json().encode())
    with pytest.raises(BundleError, match="holds a result of 'peak'"):
        report.write_summary(tmp_path)

"""Notebooks 01 to 04 run by plain papermill on a small recorded run."""

import json
import os
from pathlib import Path

import nbformat
import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.plots.figure import PLOTLY_MIME
from fireai_analysis.results import ScenarioResult
from tests.notebooks.bundles import recorded
from tests.notebooks.test_sources import NOTEBOOKS
from tests.plots.frames import HOSTILE

FIGURES = {"sustained": 8, "peak": 8, "spike": 8, "crdt_stress": 9}


def execute(name: str, place: Path, **parameters: object) -> nbformat.NotebookNode:
    output = place / "out.ipynb"
    given = {"mode": "open", **parameters}
    papermill.execute_notebook(
        str(NOTEBOOKS[name]), str(output), given, progress_bar=False, cwd=str(place), log_output=False
    )
    return nbformat.read(output, as_version=4)


def bundles_shown(content: nbformat.NotebookNode) -> list[dict]:
    return [output["data"] for cell in content.cells for output in cell.get("outputs", []) if "data" in output]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_runs_to_its_end_and_leaves_results(name: str, tmp_path: Path) -> None:
    campaign = tmp_path / "campaign"
    bundle = recorded(campaign, name, endpoint=HOSTILE)
    where = {"campaign_dir": str(campaign)} if name == "peak" else {"source": str(bundle.directory)}
    content = execute(name, tmp_path, **where)

    result = ScenarioResult.model_validate(read_json(bundle.results_path))
    after = RunBundle.open(bundle.directory)
    assert after.manifest.state == result.state == "analyzed"
    assert after.check() == []
    assert read_json(bundle.sentinel_path)["verdict"] == result.verdict
    assert result.requests_count == after.manifest.spec.scenario.intended_count
    assert result.timeouts_count == 1
    assert result.response_ms.p50 == 4.5
    assert len(after.analysis("latency_quantiles")) > 3

    shown = bundles_shown(content)
    figures = [data for data in shown if PLOTLY_MIME in data]
    assert len(figures) == FIGURES[name]
    assert all("image/svg+xml" in data and data["text/plain"] for data in figures)
    assert not [data for data in shown if "application/vnd.jupyter.widget-view+json" in data]
    for data in shown:
        assert "<img" not in json.dumps(data[PLOTLY_MIME] if PLOTLY_MIME in data else data.get("text/html", ""))
    assert not [out for cell in content.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"]


def test_an_unknown_parameter_stops_the_first_call(tmp_path: Path) -> None:
    bundle = recorded(tmp_path / "campaign", "peak")
    with pytest.raises(PapermillExecutionError, match="profil: unknown parameter; did you mean profile"):
        execute("peak", tmp_path, source=str(bundle.directory), profil="full")
    assert not bundle.results_path.exists()
    assert os.listdir(bundle.sentinel_path.parent) == []

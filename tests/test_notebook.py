"""What notebook cells call: selectors checked first, results written last, the state of a broken run kept."""

from pathlib import Path

import pytest

from fireai_analysis import notebook
from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.errors import ParamsError
from fireai_analysis.plots import Figure
from fireai_analysis.results import ScenarioResult
from fireai_analysis.scenarios import SELECTORS
from fireai_analysis.tables import Table
from tests.notebooks.bundles import recorded

GOOD = dict(zip(SELECTORS, ("peak", "smoke", "embedded", "open", None, "runs/x", 1), strict=True))
NOT_SHOWN = {"open_run", "check_injected", "check_selectors", "analyze", "finish"}
SHOWN = [
    name
    for name, function in vars(notebook).items()
    if getattr(function, "__module__", "") == "fireai_analysis.notebook"
    and callable(function)
    and not name.startswith("_")
    and name not in NOT_SHOWN | {"RunAnalysis"}
]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"scenario": "pek"}, "scenario: unknown scenario 'pek'; did you mean peak"),
        ({"mode": "rum"}, "mode: unknown mode 'rum'; did you mean run"),
        ({"seed": -1}, "seed: found -1"),
        ({"seed": True}, "seed: found True"),
        ({"seed": "1"}, "seed: found '1'"),
        ({"sede": 1}, "sede: unknown parameter; did you mean seed"),
    ],
)
def test_bad_selectors_are_refused_before_anything_runs(changes: dict, words: str) -> None:
    with pytest.raises(ParamsError, match=words):
        notebook.open_run(**GOOD | changes)


def test_a_missing_selector_names_the_cell_to_run() -> None:
    with pytest.raises(ParamsError, match="seed: is missing; run the parameters cell first"):
        notebook.check_selectors({name: value for name, value in GOOD.items() if name != "seed"})


def test_only_the_cell_of_papermill_is_checked() -> None:
    notebook.check_injected(["anything = 1", '# Parameters\nprofile = "full"\nseed = 2\n'])
    with pytest.raises(ParamsError, match="papermill: sedd: unknown parameter; did you mean seed"):
        notebook.check_injected(["", "# Parameters\nsedd = 2\n"])


@pytest.fixture(scope="module")
def peak(tmp_path_factory: pytest.TempPathFactory) -> notebook.RunAnalysis:
    return notebook.analyze(recorded(tmp_path_factory.mktemp("campaign"), "peak"))


@pytest.mark.parametrize("name", SHOWN)
def test_each_call_shows_one_thing_again_and_again(name: str, peak: notebook.RunAnalysis) -> None:
    first, second = (getattr(notebook, name)(peak) for _ in range(2))
    if name in ("crdt_counterexample", "crdt_timeline", "origin"):
        assert first is None  # nothing was violated
        return
    assert isinstance(first, Table | Figure)
    assert first == second
    assert "text/plain" in first._repr_mimebundle_()


def test_the_latency_limit_binds_peak_and_the_memory_limit_all(peak: notebook.RunAnalysis, tmp_path: Path) -> None:
    spike = notebook.analyze(recorded(tmp_path, "spike"))
    assert peak.limit("p95_latency") == 300.0
    assert spike.limit("p95_latency") is None
    assert peak.limit("go_memory") == spike.limit("go_memory") == 512e6


def test_verdict_has_the_criteria_of_this_scenario(peak: notebook.RunAnalysis) -> None:
    table = notebook.verdict(peak)
    assert [row[0] for row in table.rows] == ["P95 Latency", "Memory Usage", "Error Rate"]
    assert {row[1] for row in table.rows} == {"peak"}
    assert "✔ PASSED" not in {row[5] for row in table.rows}  # a smoke run proves nothing good
    assert all(row[6] for row in table.rows)


def test_finish_writes_the_same_again(tmp_path: Path) -> None:
    place = recorded(tmp_path, "peak").directory
    written = []
    for _ in range(3):
        notebook.finish(notebook.analyze(RunBundle.open(place)))
        assert RunBundle.open(place).check() == []
        written.append({path: path.read_bytes() for path in place.rglob("*") if path.is_file()})
    assert written[0] == written[1] == written[2]


@pytest.mark.parametrize(("before", "after"), [("recorded", "analyzed"), ("aborted", "aborted")])
def test_only_a_recorded_run_becomes_analyzed(before: str, after: str, tmp_path: Path) -> None:
    run = notebook.analyze(recorded(tmp_path, "peak", state=before))
    notebook.finish(run)
    bundle = RunBundle.open(run.bundle.directory)
    result = ScenarioResult.model_validate(read_json(bundle.results_path))
    assert bundle.manifest.state == result.state == after
    assert read_json(bundle.sentinel_path)["state"] == after
    assert result.verdict != "PASSED"

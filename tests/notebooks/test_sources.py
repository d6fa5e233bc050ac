"""Notebooks 01 to 04 as committed: thin, without outputs, one parameters cell equal to its file."""

import ast
import re
from pathlib import Path

import nbformat
import papermill
import pytest
import yaml

from fireai_analysis import notebook
from fireai_analysis.scenarios import SCENARIO_NAMES, SELECTORS, load_criteria, load_scenario, params_dir
from fireai_analysis.units import mb

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = {
    name: ROOT / "notebooks" / f"{number:02d}_{name}.ipynb" for number, name in enumerate(SCENARIO_NAMES, start=1)
}
MOST_CODE_LINES, MOST_CELL_LINES = 60, 12
every_notebook = pytest.mark.parametrize("name", NOTEBOOKS)


def read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS[name], as_version=4)


def code_cells(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def library_calls(name: str) -> list[str]:
    return [call for cell in code_cells(name) for call in re.findall(r"\bnotebook\.(\w+)\(", cell.source)]


@every_notebook
def test_is_valid_and_carries_nothing_of_a_run(name: str) -> None:
    content = read(name)
    nbformat.validate(content)
    assert content.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in content.cells}) == len(content.cells)
    for cell in code_cells(name):
        assert cell.outputs == []
        assert cell.execution_count is None
    assert set(content.metadata) <= {"kernelspec", "language_info"}


@every_notebook
def test_is_thin(name: str) -> None:
    sources = [cell.source for cell in code_cells(name)]
    lines = [line for source in sources for line in source.splitlines() if line.strip()]
    assert len(lines) <= MOST_CODE_LINES
    for source in sources:
        assert len(source.splitlines()) <= MOST_CELL_LINES
        kinds = {type(node) for node in ast.walk(ast.parse(source))}
        forbidden = {ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.BinOp}
        assert not kinds & forbidden


@every_notebook
def test_parameters_are_literals_equal_to_the_file(name: str) -> None:
    (cell,) = [cell for cell in read(name).cells if "parameters" in cell.metadata.get("tags", [])]
    shown = {}
    for node in ast.parse(cell.source).body:
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        shown[target.id] = ast.literal_eval(node.value)
    assert shown == yaml.safe_load((params_dir() / f"{name}.yaml").read_text())
    assert tuple(shown) == SELECTORS


@every_notebook
def test_papermill_can_tell_what_each_parameter_is(name: str) -> None:
    told = papermill.inspect_notebook(str(NOTEBOOKS[name]))
    assert tuple(told) == SELECTORS
    for parameter in told.values():
        assert len(parameter["help"]) > 10
        assert parameter["inferred_type_name"] == ("int" if parameter["name"] == "seed" else "str")


@every_notebook
def test_title_tells_question_and_limits_of_params(name: str) -> None:
    title = read(name).cells[0].source
    scenario = load_scenario(name)
    assert title.startswith(f"# {scenario.title}\n")
    assert scenario.question in title
    limits = {
        "p95_latency": lambda limit: f"{limit:g} ms",
        "crdt_data_loss": lambda limit: f"{limit:g} acknowledged writes",
        "aurora_scaling": lambda limit: f"{limit:g} ACU",
        "go_memory": lambda limit: f"{mb(limit):g} MB",
        "error_rate": lambda limit: f"{limit * 100:g} %",
    }
    for criterion in load_criteria().criteria:
        if criterion.scenario in ("all", name):
            assert f"`{criterion.id}`" in title
            assert limits[criterion.id](criterion.limit) in title
        else:
            assert criterion.id not in title


@every_notebook
def test_every_call_exists_and_stands_after_its_words(name: str) -> None:
    calls = library_calls(name)
    assert all(callable(getattr(notebook, call)) for call in calls)
    assert calls[:3] == ["open_run", "analyze", "overview"]
    assert calls[3] == "quality"
    assert calls[-2:] == ["verdict", "finish"]
    assert len(calls) == len(set(calls))
    headings = [line for cell in read(name).cells for line in cell.source.splitlines() if line.startswith("## ")]
    assert headings[1:6] == [
        "## Data quality",
        "## Latency",
        "## Throughput and errors",
        "## Memory",
        "## Bottlenecks and database",
    ]


def test_each_scenario_has_its_own_section() -> None:
    own = {name: set(library_calls(name)) for name in NOTEBOOKS}
    common = set.intersection(*own.values())
    assert {name: calls - common for name, calls in own.items()} == {
        "sustained": {"stability"},
        "peak": {"judged_latency"},
        "spike": {"burst"},
        "crdt_stress": {"crdt", "crdt_waves", "crdt_history", "crdt_timeline", "crdt_counterexample"},
    }

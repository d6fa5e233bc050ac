"""Notebooks run by papermill: no secrets in the kernel, checked parameters, a status that can be trusted."""

import json
import stat
from pathlib import Path

import nbformat
import pytest

from fireai_analysis.errors import ParamsError, ReportError
from fireai_analysis.publish import batch

CANARY = "canary:/+'%@\u00e9-8f2b"


def notebook(folder: Path, name: str, *cells: str) -> None:
    parameters = nbformat.v4.new_code_cell("scenario = 'peak'\nsentinel = ''", metadata={"tags": ["parameters"]})
    made = nbformat.v4.new_notebook(cells=[parameters, *map(nbformat.v4.new_code_cell, cells)])
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / f"{name}.ipynb")


@pytest.fixture
def notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "note{books}"
    folder.mkdir()
    monkeypatch.setenv("FIREAI_NOTEBOOKS_DIR", str(folder))
    monkeypatch.setenv("INTERNAL_JWT_SECRET_KEY", CANARY)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{CANARY}@h/d")
    monkeypatch.setenv("LC_TIME", "C")
    return folder


def test_the_environment_of_a_kernel_is_an_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INTERNAL_JWT_SECRET_KEY", "FIREAI_PUBLIC_JWT_SECRET_KEY", "PGPASSWORD", "HTTP_PROXY", "ANY_OTHER"):
        monkeypatch.setenv(name, CANARY)
    monkeypatch.setenv("FIREAI_PARAMS_DIR", "here")
    monkeypatch.setenv("FIREAI_NOTEBOOKS_DIR", "there")
    given = batch.kernel_environment()
    assert CANARY not in "".join(given.values())
    assert (given["FIREAI_PARAMS_DIR"], given["FIREAI_NOTEBOOKS_DIR"]) == ("here", "there")


def test_the_kernel_sees_no_secret_and_speaks_over_unix_sockets(notebooks: Path, tmp_path: Path) -> None:
    show = "import os, pathlib\nfrom ipykernel.connect import get_connection_info\nprint(dict(os.environ))"
    tell = "print(f\"transport {get_connection_info(unpack=True)['transport']} {os.getcwd()}\")"
    end = "pathlib.Path(sentinel).write_text('{}'); print(f'scenario {scenario}')"
    notebook(notebooks, "02_peak", show, tell, end)
    out, sentinel, seen = tmp_path / "out" / "notebook.ipynb", tmp_path / "finished.json", []
    sentinel.write_text("of an earlier run")
    batch.run_notebook(
        "peak",
        {"scenario": "spike", "sentinel": str(sentinel)},
        output_path=out,
        sentinel=sentinel,
        progress=lambda cell, count: seen.append((cell, count)),
    )
    text = out.read_text()
    assert "canary" not in text
    assert "LC_TIME" in text
    assert "scenario spike" in text
    assert f"transport ipc {out.parent}" in text
    assert seen[-1] == (5, 5)
    assert [path.name for path in out.parent.iterdir()] == ["notebook.ipynb"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    noted = json.loads(text)["metadata"]["papermill"]
    assert (noted["input_path"], noted["output_path"]) == ("02_peak.ipynb", "notebook.ipynb")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("[IPKernelApp] ERROR | KeyboardInterrupt caught in kernel.", False),  # its shutdown, where it is slow
        ("0.00s - make the debugger miss breakpoints. Please pass -Xfrozen_modules=off", False),
        ("Fatal Python error: Segmentation fault", True),
    ],
)
def test_the_log_of_a_kernel_stays_where_there_is_something_to_read(tmp_path: Path, line: str, kept: bool) -> None:
    path = tmp_path / "notebook.log"
    with batch._log(path) as log:
        log.write(f"{line}\n\n")
    assert path.is_file() == kept
    assert not kept or path.read_text() == f"{line}\n"


def test_an_unknown_parameter_is_refused_before_anything_runs(notebooks: Path, tmp_path: Path) -> None:
    notebook(notebooks, "02_peak")
    with pytest.raises(ParamsError, match=r"02_peak\.ipynb: scenarios: unknown parameter; did you mean scenario\?"):
        batch.run_notebook("peak", {"scenarios": 1}, output_path=tmp_path / "out.ipynb")
    with pytest.raises(ParamsError, match="unknown parameter"):
        batch.check_parameters(batch.notebook_path("peak"), ["x=1;import os"])
    assert not (tmp_path / "out.ipynb").exists()


def test_an_unknown_notebook_is_refused_with_the_known_ones(notebooks: Path) -> None:
    notebook(notebooks, "02_peak")
    with pytest.raises(ParamsError, match="did you mean 02_peak"):
        batch.notebook_path("2_peak")


def test_a_failed_cell_is_named_and_the_notebook_kept(notebooks: Path, tmp_path: Path) -> None:
    notebook(notebooks, "02_peak", "1 / 0", "print('never')")
    out = tmp_path / "notebook.ipynb"
    with pytest.raises(ReportError, match=r"02_peak\.ipynb: cell \d failed: ZeroDivisionError: division by zero"):
        batch.run_notebook("peak", {"scenario": "peak"}, output_path=out)
    assert "ZeroDivisionError" in out.read_text()


def test_a_dead_kernel_is_a_failure_whatever_the_metadata_say(notebooks: Path, tmp_path: Path) -> None:
    notebook(notebooks, "02_peak", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "print('never')")
    out = tmp_path / "notebook.ipynb"
    with pytest.raises(ReportError, match="the kernel broke"):
        batch.run_notebook("peak", {"scenario": "peak"}, output_path=out)
    assert nbformat.read(out, as_version=4).cells


def test_a_notebook_that_ends_without_its_sentinel_failed(notebooks: Path, tmp_path: Path) -> None:
    notebook(notebooks, "02_peak", "raise SystemExit(0)")
    sentinel = tmp_path / "finished.json"
    sentinel.write_text("{}")
    with pytest.raises(ReportError, match="ended without its last cell"):
        batch.run_notebook("peak", {"scenario": "peak"}, output_path=tmp_path / "n.ipynb", sentinel=sentinel)

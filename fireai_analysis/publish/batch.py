"""Runs one notebook with papermill: a kernel without secrets, checked parameters, and a status that can be trusted.

The status comes from the exception that papermill raises and from the sentinel that the notebook's last cell writes,
never from notebook metadata: papermill marks every cell `completed` after a kernel died or timed out.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import papermill
from jupyter_client.manager import AsyncKernelManager
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.log import logger

from fireai_analysis.bundle import atomic_write, json_bytes, read_json
from fireai_analysis.errors import BundleError, ParamsError, ReportError
from fireai_analysis.redact import allowed_environment
from fireai_analysis.scenarios import asset_dir, suggestion

CELL_TIMEOUT_S = 1800
KERNEL_NAMES = tuple(
    "FIREAI_NOTEBOOKS_DIR FIREAI_DEBUG MPLCONFIGDIR IPYTHONDIR JUPYTER_CONFIG_DIR JUPYTER_PATH".split()
)
"""Environment variables that a kernel may see beside those of every child; none of them holds a secret."""

_NOISE = (
    *("Kernel is running over TCP", "frozen modules", "Xfrozen_modules=off", "Debugging will proceed"),
    "KeyboardInterrupt caught in kernel",  # jupyter_client interrupts a kernel before it shuts it down
)
_LONGEST_SOCKET_FOLDER = 80  # a Unix socket path holds 107 bytes at most


def kernel_environment() -> dict[str, str]:
    """Return the environment of a kernel: allowed names of ours only.

    Examples
    --------
    >>> "INTERNAL_JWT_SECRET_KEY" in kernel_environment()
    False
    """
    return allowed_environment(KERNEL_NAMES)


def notebook_path(name: str) -> Path:
    """Return the notebook of a scenario (`peak`), or the notebook with that name (`05_report`).

    Raises
    ------
    ParamsError
        Where there is none.
    """
    folder = asset_dir("notebooks", "FIREAI_NOTEBOOKS_DIR")
    found = sorted([*folder.glob(f"{name}.ipynb"), *folder.glob(f"[0-9][0-9]_{name}.ipynb")])
    if not found:
        known = tuple(sorted(path.stem for path in folder.glob("*.ipynb")))
        raise ParamsError(folder, name, "there is no such notebook", suggestion(name, known))
    return found[0]


def check_parameters(path: Path, names: Iterable[str]) -> None:
    """Refuse parameters that the notebook's `parameters` cell does not declare (papermill only logs them).

    Raises
    ------
    ParamsError
        Naming the notebook, the parameter and the nearest one that exists.
    """
    known = tuple(papermill.inspect_notebook(_literal(path)))
    for name in names:
        if name not in known:
            raise ParamsError(path.name, name, "unknown parameter", suggestion(name, known))


def run_notebook(
    name: str,
    parameters: Mapping[str, Any],
    *,
    output_path: Path,
    environment: Mapping[str, str] | None = None,
    sentinel: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Execute a notebook in a fresh kernel and keep the executed copy, also where it failed.

    The kernel works in the folder of `output_path` and speaks over Unix sockets.

    Parameters
    ----------
    name : str
        Name of the scenario or of the notebook.
    parameters : mapping
        Values for its `parameters` cell; unknown names are refused.
    output_path : pathlib.Path
        Where the executed notebook is kept.
    environment : mapping of str to str, optional
        Environment of the kernel, `kernel_environment()` by default; it must hold no secret.
    sentinel : pathlib.Path, optional
        File that the last cell writes; without it after the run, the notebook did not end.
    progress : callable, optional
        Called with the number of the cell that starts and the count of cells.

    Raises
    ------
    ParamsError
        Where a parameter is unknown; nothing was run.
    ReportError
        Where a cell failed, the kernel died, or the sentinel is missing.
    """
    path = notebook_path(name)
    check_parameters(path, parameters)
    if sentinel is not None:
        sentinel.unlink(missing_ok=True)
    partial = output_path.with_name(f".{output_path.stem}.partial.ipynb")
    partial.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        papermill.execute_notebook(
            _literal(path),
            _literal(partial),
            dict(parameters),
            engine_name=_Engine.name,
            progress_bar=False,
            kernel_environment=dict(kernel_environment() if environment is None else environment),
            log_path=output_path.with_suffix(".log"),
            on_cell=progress,
        )
    except Exception as error:
        raise ReportError(f"{path.name}: {_problem(error)}; the executed notebook is kept: {output_path}") from error
    finally:
        _keep(partial, output_path)
    if sentinel is not None and not sentinel.is_file():
        raise ReportError(f"{path.name}: ended without its last cell; the executed notebook is kept: {output_path}")


def _literal(path: Path) -> str:
    """Return a path as papermill must be told it, which reads braces as places for parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _problem(error: Exception) -> str:
    if isinstance(error, PapermillExecutionError):
        message = str(error.evalue).strip().splitlines() or [""]
        return f"cell {error.exec_count} failed: {error.ename}: {message[0]}"
    message = str(error).strip().splitlines() or [type(error).__name__]
    return f"the kernel broke: {message[0]}"


def _keep(partial: Path, output_path: Path) -> None:
    """Move the executed notebook to its place, without the paths of this machine that papermill notes in it."""
    if not partial.is_file():
        return
    try:
        notebook = read_json(partial)
    except BundleError:  # cut off while papermill wrote it
        partial.replace(output_path)
        return
    noted = notebook["metadata"].get("papermill", {})
    if noted.get("input_path"):
        noted |= {"input_path": Path(noted["input_path"]).name, "output_path": output_path.name}
    atomic_write(output_path, json_bytes(notebook))
    partial.unlink()


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine with a kernel of our own making: its environment, its transport, its log."""

    name = "fireai"

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
        """Execute the notebook in a kernel with an allow-listed environment."""
        on_cell, count = kwargs["on_cell"], len(nb_man.nb.cells)

        def tell(cell: Any, cell_index: int) -> None:
            if on_cell is not None:
                on_cell(cell_index + 1, count)

        with _kernel_manager(kernel_name) as manager, _log(kwargs["log_path"]) as log:
            client = PapermillNotebookClient(
                nb_man, km=manager, timeout=CELL_TIMEOUT_S, startup_timeout=120, log=logger, on_cell_start=tell
            )
            client.execute(
                env=kwargs["kernel_environment"],
                cwd=str(kwargs["log_path"].parent),
                stdout=log,
                stderr=log,
                cleanup_kc=True,
            )


papermill_engines.register(_Engine.name, _Engine)


@contextmanager
def _kernel_manager(kernel_name: str) -> Iterator[AsyncKernelManager]:
    """Yield a manager whose kernel speaks over Unix sockets in a private folder (TCP where its path is too long)."""
    with tempfile.TemporaryDirectory(prefix="fireai-") as folder:
        place = {"connection_file": f"{folder}/kernel.json"}
        if len(folder) <= _LONGEST_SOCKET_FOLDER:
            place |= {"transport": "ipc", "ip": f"{folder}/socket"}
        yield AsyncKernelManager(kernel_name=kernel_name, **place)


@contextmanager
def _log(path: Path) -> Iterator[Any]:
    """Yield the file for what the kernel process itself prints; it stays only where there is something to read."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            yield stream
    finally:
        lines = [line for line in path.read_text(errors="replace").splitlines() if not _is_noise(line)]
        if lines:
            atomic_write(path, ("\n".join(lines) + "\n").encode())
        else:
            path.unlink()


def _is_noise(line: str) -> bool:
    return not line.strip() or any(noise in line for noise in _NOISE)

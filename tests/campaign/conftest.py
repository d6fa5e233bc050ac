"""One short real campaign, run by the command a user types, shared by the tests of this folder."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
FIREAI = [sys.executable, "-m", "fireai_analysis.cli"]
SHORT_S = {"sustained": 5, "peak": 8, "spike": 5, "crdt_stress": 20}


@dataclass(frozen=True)
class Ended:
    """A campaign command that ended."""

    directory: Path
    exit_code: int
    stdout: str
    stderr: str


def short_params(folder: Path, durations_s: dict[str, int]) -> Path:
    """Copy params/ with a smoke profile of the durations given."""
    shutil.copytree(ROOT / "params", folder)
    path = folder / "scenarios.yaml"
    text = path.read_text()
    smoke = text[text.index("  smoke:") :]
    for name, duration_s in durations_s.items():
        smoke = re.sub(rf"{name}: {{duration_s: \d+}}", f"{name}: {{duration_s: {duration_s}}}", smoke)
    path.write_text(text[: text.index("  smoke:")] + smoke)
    return folder


def environment(state: Path, params: Path) -> dict[str, str]:
    """Environment of a command with a platform state of its own and no secret given by hand."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIREAI_") or "CACHE" in name}
    return kept | {"FIREAI_STATE_DIR": str(state), "FIREAI_PARAMS_DIR": str(params), "COLUMNS": "80"}


def left_running(state: Path) -> list[str]:
    """Return the processes whose environment names the state directory."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FIREAI_STATE_DIR") == str(state) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="session")
def short_state() -> Iterator[Path]:
    """A state directory with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="fs-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory, short_state: Path) -> Ended:
    """All four scenarios, short, against the real embedded platform."""
    folder = tmp_path_factory.mktemp("campaign")
    params = short_params(folder / "params", SHORT_S)
    directory = folder / "run"
    done = subprocess.run(
        [*FIREAI, "run", "--profile", "smoke", "--seed", "3", "-o", str(directory)],
        env=environment(short_state, params),
        capture_output=True,
        text=True,
        timeout=1800,
        stdin=subprocess.DEVNULL,
    )
    return Ended(directory, done.returncode, done.stdout, done.stderr)

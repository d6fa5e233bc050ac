"""A real campaign is what its own rows give, and is no more once a figure was changed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.campaign.conftest import FIREAI, Ended, environment

pytestmark = pytest.mark.real


def verified(directory: Path, ended: Ended, *options: str) -> subprocess.CompletedProcess[str]:
    """The command as a user types it, with the parameters of the campaign."""
    params = ended.directory.parent / "params"
    told = environment(directory, params)
    return subprocess.run([*FIREAI, "verify", str(directory), *options], env=told, capture_output=True, text=True)


def test_a_real_campaign_is_as_reported(ended: Ended) -> None:
    done = verified(ended.directory, ended, "--json")
    told = json.loads(done.stdout)
    assert told["differences"] == []
    assert done.returncode == 0
    assert told["recomputed_count"] > 0.85 * told["figures_count"]
    assert told["printed_count"] > 300
    assert told["files_count"] > 100


def test_an_altered_figure_of_a_real_campaign_is_told(ended: Ended, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(ended.directory, tmp_path / "run"))
    text = (copy / "summary.json").read_text()
    content = json.loads(text)
    content["scenarios"]["peak"]["response_ms"]["p95"] /= 2
    (copy / "summary.json").write_text(json.dumps(content))
    done = verified(copy, ended)
    assert done.returncode == 99
    assert "scenarios.peak.response_ms.p95" in done.stdout

"""What a notebook's first cell does: attach, record, open, refuse."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fireai_analysis.bundle import RunBundle
from fireai_analysis.campaign import Campaign
from fireai_analysis.collect import campaigns, session
from fireai_analysis.collect.display import line
from fireai_analysis.collect.progress import ProgressWriter, read_object
from fireai_analysis.errors import BundleError, GuardError, ParamsError, UsageError
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.scenarios import load_target, params_dir, run_spec
from tests.collect.stub import run_bundle, target_at

CANARY = "hunter2canary"
SELECTORS: dict[str, Any] = {
    "scenario": "sustained",
    "profile": "smoke",
    "target": "embedded",
    "mode": "open",
    "source": None,
    "campaign_dir": None,
    "seed": 1,
}


@pytest.fixture
def bundle(tmp_path: Path) -> RunBundle:
    return run_bundle(tmp_path / "campaign", target_at("http://127.0.0.1:1"), "sustained")


# -- opening


def test_a_run_is_opened_by_campaign_or_by_its_own_directory(bundle: RunBundle) -> None:
    by_campaign = session.open_run(**SELECTORS | {"campaign_dir": str(bundle.directory.parent)})
    by_itself = session.open_run(**SELECTORS | {"source": str(bundle.directory)})
    assert by_campaign.directory == by_itself.directory == bundle.directory


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mode": "rnu"}, "did you mean run"),
        ({}, "give campaign_dir, or source"),
        ({"mode": "run", "scenario": "pek"}, "did you mean peak"),
        ({"mode": "run", "profile": "smok"}, "did you mean smoke"),
        ({"mode": "run", "target": "embeded"}, "did you mean embedded"),
        ({"mode": "run", "seed": -1}, "seed"),
    ],
)
def test_wrong_selectors_are_refused_and_nothing_is_written(
    changes: dict[str, Any], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ParamsError, match=why):
        session.open_run(**SELECTORS | changes)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="does not exist"):
        session.open_run(**SELECTORS | {"campaign_dir": str(tmp_path)})


def test_a_remote_target_needs_its_secrets_and_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (params_dir() / "targets" / "embedded.yaml").read_text().replace("kind: embedded", "kind: remote")
    path = tmp_path / "remote.yaml"
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    for name in ("INTERNAL_JWT_SECRET_KEY", "FIREAI_PUBLIC_JWT_SECRET_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="FIREAI_PUBLIC_JWT_SECRET_KEY is not set"):
        session.open_run(**SELECTORS | {"mode": "run", "target": str(path)})
    elsewhere = text.replace("127.0.0.1:8080", "192.0.2.1:8080").replace("allow_load: true", "allow_load: false")
    path.write_text(elsewhere)
    with pytest.raises(GuardError, match="allow_load"):
        session.open_run(**SELECTORS | {"mode": "run", "target": str(path)})
    assert list(tmp_path.iterdir()) == [path]


# -- following


def test_following_shows_progress_once_and_ends_with_the_recording(bundle: RunBundle) -> None:
    ProgressWriter(bundle)._write()
    bundle.update(state="recording")
    shown: list[dict[str, Any]] = []

    def show(told: dict[str, Any]) -> None:
        shown.append(told)
        bundle.update(state="recorded")

    assert session.follow(bundle, show) == "recorded"
    assert [told["phase"] for told in shown] == ["preparing", "recorded"]


def test_a_collector_that_is_gone_leaves_a_crashed_run(bundle: RunBundle) -> None:
    bundle.update(state="recording")
    writer = ProgressWriter(bundle)
    content = writer.content() | {"pid": 2**22 + 1}
    bundle.progress_path.write_text(json.dumps(content))
    assert session.follow(bundle, lambda told: None) == "crashed"


def test_a_collector_that_never_began_leaves_a_crashed_run(bundle: RunBundle) -> None:
    bundle.update(created_ns=0)
    assert session.follow(bundle, lambda told: None) == "crashed"


def test_a_number_used_again_is_not_the_collector(bundle: RunBundle) -> None:
    told = ProgressWriter(bundle).content()
    assert session._is_recorded_by_somebody(told, 0)
    assert not session._is_recorded_by_somebody(told | {"updated_ns": 1}, 0)


def test_progress_goes_through_its_phases(bundle: RunBundle) -> None:
    writer = ProgressWriter(bundle)
    assert writer.content()["ratio"] == 0.0
    generator = bundle.raw_dir / "generator.json"
    generator.write_text('{"phase": "judged", "elapsed_s": 1.0, "sent_count": 3, "p95_ms": 2.5}')
    writer.phase = "load"
    told = writer.content()
    assert (told["phase"], told["ratio"], told["text"], told["sent_count"]) == ("judged", 0.5, "1 s of 2 s", 3)
    generator.write_text('{"phase": "jud')
    assert writer.content()["phase"] == "preparing"
    writer.start()
    writer.end("aborted", "the reason")
    assert (read_object(bundle.progress_path)["text"], read_object(bundle.progress_path)["pid"]) == (
        "the reason",
        os.getpid(),
    )


@pytest.mark.parametrize("told", [{}, {"phase": "aborted", "text": "why"}, {"ratio": 7, "scenario": None}])
def test_a_line_is_made_of_whatever_is_told(told: dict[str, Any]) -> None:
    assert "\n" not in line(told)
    assert str(told.get("text", "")) in line(told)


# -- campaign.json


def test_campaign_content_names_secrets_and_holds_none() -> None:
    target = load_target("embedded")
    spec = run_spec("r", "peak", "smoke", target, 3)
    environment = {"INTERNAL_JWT_SECRET_KEY": CANARY, "DATABASE_URL": f"postgresql://{CANARY}:{CANARY}@db:5433/fireai"}
    content = campaigns.campaign_content(
        "c", [spec], target=target, versions={"postgresql": "18.6"}, environment=environment, created_ns=0
    )
    assert CANARY not in str(content)
    assert content["database_url"] == "postgresql://db:5433/fireai"
    assert content["secrets"] == {
        "FIREAI_PUBLIC_JWT_SECRET_KEY": False,
        "INTERNAL_JWT_SECRET_KEY": True,
        "DATABASE_URL": True,
    }
    assert (content["profile"], content["scenarios"], content["seed"]) == ("smoke", ["peak"], 3)
    assert content["versions"]["postgresql"] == "18.6"
    assert content["host"]["cores_count"] >= 1
    malformed = campaigns.campaign_content(
        "c", [spec], target=target, versions={}, environment={"DATABASE_URL": CANARY}, created_ns=0
    )
    assert malformed["database_url"] is None


# -- recording


@pytest.mark.real
def test_a_notebook_by_hand_records_and_joins(
    tmp_path: Path, platform: PlatformStatus, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = tmp_path / "params"
    shutil.copytree(params_dir(), params)
    path = params / "scenarios.yaml"
    path.write_text(path.read_text().replace("sustained: {duration_s: 30}", "sustained: {duration_s: 2}"))
    script = tmp_path / "first_cell.py"
    script.write_text(
        "from fireai_analysis.collect import session\n"
        f"b = session.open_run(**{SELECTORS | {'mode': 'run'}!r})\n"
        "print(b.directory, b.manifest.state)\n"
    )
    done = _run(script, tmp_path, {"FIREAI_PARAMS_DIR": str(params)})
    directory, state = done.stdout.split()
    assert state == "recorded", done.stderr
    assert done.stderr.splitlines()[-1].startswith("sustained recorded")
    campaign = Campaign.open(Path(directory).parent)
    assert campaign.directory.parent == tmp_path / "runs"
    assert campaign.content()["target"]["kind"] == "embedded"
    assert [one.scenario for one in campaign.bundles()] == ["sustained"]
    joined = session.open_run(**SELECTORS | {"mode": "run", "campaign_dir": str(campaign.directory)})
    assert joined.manifest.state == "recorded"
    assert joined.check() == []


def _run(script: Path, directory: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=directory,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=True,
    )

"""The generator against the embedded platform: nothing lost, nothing wrong, and everybody counts the same."""

import json
import os
import urllib.request
from pathlib import Path

import pandas as pd
import pytest

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.scenarios import load_target
from tests.collect.stub import run_bundle

pytestmark = pytest.mark.real
Counts = dict[tuple[str, str, str], int]


def served(status: PlatformStatus) -> Counts:
    found: Counts = {}
    for door, url in (("fastapi", status.fastapi_url), ("go", status.go_url)):
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
            for entry in json.loads(answer.read())["requests"]:
                if entry.get("door", door) == door:
                    found[door, entry["method"], entry["endpoint"]] = entry["requests_count"]
    return found


def run(status: PlatformStatus, directory: Path, name: str, **scenario: object) -> tuple[RunBundle, int, Counts]:
    bundle = run_bundle(directory, control.bind(load_target("embedded"), status), name, **scenario)
    before = served(status)
    code = start(bundle, {**os.environ, **control.secrets(status)}).wait(120)
    finalize(bundle)
    after = served(status)
    return bundle, code, {key: after[key] - before.get(key, 0) for key in after if after[key] != before.get(key, 0)}


def rows_counted(bundle: RunBundle) -> Counts:
    table = bundle.samples("counts")
    assert table is not None
    rows = table[table["source"] == "rows"]
    return {(row.door, row.method, row.endpoint): row.requests_count for row in rows.itertuples()}


def test_the_standard_mix(platform: PlatformStatus, tmp_path: Path) -> None:
    bundle, code, server = run(platform, tmp_path, "spike", duration_s=3.0, users=20)
    assert code == 0, (bundle.raw_dir / "locust.log").read_text()
    frame = bundle.requests()
    assert frame.loc[~frame["ok"], ["endpoint", "door", "error"]].values.tolist() == []
    assert len(frame) > 400
    assert rows_counted(bundle) == server
    assert set(zip(frame["method"], frame["endpoint"], frame["door"], strict=True)) == {
        ("POST", "/v1/classify", "fastapi"),
        ("POST", "/v1/evidence", "fastapi"),
        ("POST", "/v1/evidence", "go"),
        ("POST", "/v1/tests/sessions/{session_id}/results", "fastapi"),
        ("POST", "/v1/tests/sessions/{session_id}/results", "go"),
        ("POST", "/v1/tests/sessions", "fastapi"),
        ("GET", "/health", "fastapi"),
        ("GET", "/health", "go"),
    }
    parts = frame[[f"{part}_us" for part in ("app", "validation", "go", "pool", "db", "crdt")]]
    writes = parts[frame["endpoint"].str.endswith("/results")]
    assert writes[["go_us", "pool_us", "db_us", "crdt_us"]].notna().all(axis=None)
    assert (parts.sum(axis=1) <= frame["service_us"]).mean() > 0.99


def test_waves_of_conflicting_writes(platform: PlatformStatus, tmp_path: Path) -> None:
    changes = {"duration_s": 4.0, "users": 150, "wave_period_s": 2.0, "wave_spread_s": 0.5}
    bundle, code, server = run(platform, tmp_path, "crdt_stress", **changes)
    assert code == 0, (bundle.raw_dir / "locust.log").read_text()
    frame, operations = bundle.requests(), bundle.operations()
    assert operations is not None
    assert len(frame) == len(operations) == 300
    assert frame["ok"].all()
    assert set(operations["outcome"]) == {"ok"}
    assert rows_counted(bundle) == server
    assert operations.groupby("wave")["session_id"].nunique().tolist() == [1, 1]
    assert operations["session_id"].nunique() == 2
    replays = operations[operations["kind"] == "replay"]
    originals = operations[operations["kind"] != "replay"].set_index("idempotency_key")
    assert len(replays) > 3
    assert originals.index.is_unique
    for replay in replays.itertuples():
        original = originals.loc[replay.idempotency_key]
        assert (replay.token, replay.path, replay.clock_sent) == (original.token, original.path, original.clock_sent)
        assert replay.answer_sha256 == original.answer_sha256
        assert replay.invoke_ns > original.invoke_ns
    for each in operations.itertuples():
        sent, returned = json.loads(each.clock_sent), json.loads(each.clock_returned)
        assert all(returned[node] >= count for node, count in sent.items())
    concurrent = pd.Series(operations["invoke_ns"].to_numpy()[1:] < operations["end_ns"].to_numpy()[:-1])
    assert concurrent.any()


def test_a_wrong_secret_ends_in_the_set_up(
    platform: PlatformStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = control.secrets(platform) | {"FIREAI_PUBLIC_JWT_SECRET_KEY": "not-the-secret-of-this-platform-0123456789"}
    monkeypatch.setattr(control, "secrets", lambda status: wrong)
    bundle, code, _ = run(platform, tmp_path, "sustained")
    assert code == 4
    assert read_json(bundle.raw_dir / PROGRESS)["reason"] == "set-up: POST /v1/tests/sessions: status 401"

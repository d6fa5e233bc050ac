"""The generator against the embedded platform: nothing lost, nothing wrong, and everybody counts the same."""

import json
import os
import signal
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.data import RunData
from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.database import Database
from fireai_analysis.collect.final_state import read_final_states, read_idempotency
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import FACTS, PROGRESS
from fireai_analysis.collect.progress import read_object
from fireai_analysis.dsn import parse
from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.results import Crdt
from fireai_analysis.scenarios import load_scenario, load_target
from fireai_analysis.spec import MixEntry
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
    code = start(bundle, {**os.environ, **control.secrets(status)}).wait(300)
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
    changes = {"duration_s": 4.0, "users": 300, "wave_period_s": 2.0, "wave_spread_s": 0.5}
    bundle, code, server = run(platform, tmp_path, "crdt_stress", mix=repeating(), **changes)
    assert code == 0, (bundle.raw_dir / "locust.log").read_text()
    frame, operations = bundle.requests(), bundle.operations()
    assert operations is not None
    assert len(frame) == len(operations) == 600
    assert frame["ok"].all()
    assert operations["op_id"].is_unique
    assert operations[["invoke_ns", "end_ns", "answer_sha256", "body_sha256"]].notna().all(axis=None)
    assert (operations["worker"] == 0).all()
    assert rows_counted(bundle) == server
    assert operations.groupby("wave")["session_id"].nunique().tolist() == [1, 1]
    assert operations["session_id"].nunique() == 2
    own = operations[operations["original_op_id"].isna()]
    assert set(own["kind"]) == {"unique", "contended", "counter"}
    assert set(own["outcome"]) == {"ok"}
    assert own["idempotency_key"].is_unique
    assert own["token"].is_unique
    assert (own["amount"].notna() == (own["kind"] == "counter")).all()
    check_repetitions(operations, own.set_index("op_id"))
    for each in operations[operations["outcome"] == "ok"].itertuples():
        sent, returned = json.loads(each.clock_sent), json.loads(each.clock_returned)
        assert all(returned[node] >= count for node, count in sent.items())
    states = documents(bundle, platform)
    for session, group in own.groupby("session_id"):
        check_document(states[session], group, set(operations["token"]) - set(own["token"]))
    check_verdict(bundle, control.secrets(platform))
    check_planted(bundle)


def test_a_generator_killed_in_mid_wave_leaves_nothing_that_was_not_announced(
    platform: PlatformStatus, tmp_path: Path
) -> None:
    """The target stands still from the end of the first wave: what is sent of the second cannot have been answered."""
    changes = {"duration_s": 12.0, "users": 300, "wave_period_s": 6.0, "wave_spread_s": 0.8}
    target, secrets = control.bind(load_target("embedded"), platform), control.secrets(platform)
    bundle = run_bundle(tmp_path, target, "crdt_stress", mix=repeating(), **changes)
    process = start(bundle, {**os.environ, **secrets})

    def until(name: str, count: int) -> None:
        while read_object(bundle.raw_dir / PROGRESS).get(name, 0) < count:
            assert process.poll() is None
            time.sleep(0.02)

    until("done_count", 300)
    os.kill(platform.pids["go"], signal.SIGSTOP)
    try:
        until("sent_count", 350)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(300)
    finally:
        os.kill(platform.pids["go"], signal.SIGCONT)
    finalize(bundle)
    operations = bundle.operations()
    assert operations is not None
    outcomes = operations["outcome"].astype(str).value_counts()
    assert outcomes["ok"] > 250
    assert outcomes["unknown"] > 0  # announced, and perhaps sent
    crdt = checked(bundle, secrets)
    assert (crdt.lost_count, crdt.phantom_count, crdt.resurrected_count, crdt.duplicated_count) == (0, 0, 0, 0)
    assert crdt.counterexample is None


def checked(bundle: RunBundle, secrets: dict[str, str]) -> Crdt:
    """What the checker finds in a run whose load has ended, however it did."""
    sessions, history = read_json(bundle.raw_dir / FACTS)["sessions"], bundle.operations()
    assert history is not None
    assert read_final_states(bundle, secrets, sessions) == []
    database = Database(parse(secrets["DATABASE_URL"]))
    read_idempotency(bundle, database, history["idempotency_key"])
    database.close()
    return measure(RunData.from_bundle(bundle)).crdt


def check_verdict(bundle: RunBundle, secrets: dict[str, str]) -> None:
    """The checker finds nothing wrong, and nothing that it could not look at but reads while the load ran."""
    crdt = checked(bundle, secrets)
    assert crdt.doors == ("sql", "fastapi", "go")
    assert (crdt.lost_count, crdt.duplicated_count, crdt.phantom_count, crdt.resurrected_count) == (0, 0, 0, 0)
    assert (crdt.double_effect_count, crdt.other_answer_count, crdt.swallowed_body_count) == (0, 0, 0)
    assert (crdt.illegal_winner_count, crdt.clock_regression_count, crdt.divergence_count) == (0, 0, 0)
    assert crdt.unknown_count == 0
    assert crdt.conflicts_count
    assert crdt.counterexample is None


def check_planted(bundle: RunBundle) -> None:
    """Each defect that is planted into what was read is found, once: the history tells enough."""

    def without_an_element(document: dict[str, Any]) -> None:
        document["elements"].popitem()

    def with_an_increment_too_many(document: dict[str, Any]) -> None:
        document["counters"]["0"] += 1

    def with_an_unknown_element(document: dict[str, Any]) -> None:
        document["elements"][str(uuid.uuid4())] = {}

    sql, go = planted(bundle, "sql", without_an_element), planted(bundle, "go", without_an_element)
    assert (sql.lost_count, sql.divergence_count) == (1, 1)
    assert (go.lost_count, go.divergence_count) == (0, 1)
    assert planted(bundle, "sql", with_an_increment_too_many).double_effect_count == 1
    assert planted(bundle, "sql", with_an_unknown_element).phantom_count == 1


def planted(bundle: RunBundle, source: str, spoil: Callable[[dict[str, Any]], None]) -> Crdt:
    """What the checker finds where one place showed another document in the end."""
    data = RunData.from_bundle(bundle)
    states = data.samples["final_states"].astype({"document": object})
    place = states.index[states["source"] == source][0]
    document = json.loads(states.at[place, "document"])
    spoil(document)
    states.at[place, "document"] = json.dumps(document)
    return measure(replace(data, samples={**data.samples, "final_states": states})).crdt


def repeating() -> tuple[MixEntry, ...]:
    """The mix of the ticket with more of what is rare in it."""
    mix = load_scenario("crdt_stress").mix
    return tuple(one.model_copy(update={"weight": one.weight * (6 if one.weight < 2 else 1)}) for one in mix)


def check_repetitions(operations: pd.DataFrame, own: pd.DataFrame) -> None:
    again = operations[operations["original_op_id"].notna()]
    assert again["kind"].astype(str).value_counts().min() >= 3
    assert set(again["kind"]) == {"replay", "duplicate", "altered"}
    originals = own["amount"].reindex(again["original_op_id"]).array
    repeated = again["kind"].isin(["replay", "duplicate"]).to_numpy()
    assert again["amount"].array[repeated].equals(originals[repeated])
    assert again["amount"].array[~repeated].isna().all()
    for each in again.itertuples():
        original = own.loc[each.original_op_id]
        assert (each.idempotency_key, each.session_id) == (original.idempotency_key, original.session_id)
        assert each.invoke_ns > original.invoke_ns
        if each.kind == "altered":
            assert (each.outcome, each.status) == ("fail", 422)
            assert each.body_sha256 != original.body_sha256
            continue
        assert (each.outcome, each.answer_sha256) == ("ok", original.answer_sha256)
        assert (each.token, each.path, each.body_sha256) == (original.token, original.path, original.body_sha256)
        assert each.kind == "duplicate" or each.invoke_ns > original.end_ns


def documents(bundle: RunBundle, status: PlatformStatus) -> dict[str, Any]:
    sessions = read_json(bundle.raw_dir / FACTS)["sessions"]
    with psycopg.connect(status.database_url) as connection:
        rows = connection.execute(
            "SELECT id::text, session_data FROM test_sessions WHERE id = ANY(%s::uuid[])", [sessions]
        )
        return dict(rows.fetchall())


def check_document(document: dict[str, Any], own: pd.DataFrame, never: set[str]) -> None:
    """Every element and every increment once, nothing of a body that was refused."""
    assert set(document["elements"]) == set(own.loc[own["kind"] == "unique", "token"])
    assert not set(document["elements"]) & never
    counters = own[own["kind"] == "counter"]
    assert document["counters"] == {
        path.removeprefix("/counters/"): int(total) for path, total in counters.groupby("path")["amount"].sum().items()
    }
    contended = own[own["kind"] == "contended"]
    assert {f"/hot/{name}": value for name, value in document["hot"].items()}.items() <= set(
        zip(contended["path"], contended["token"], strict=True)
    )
    assert set(contended["path"]) == {f"/hot/{name}" for name in document["hot"]}


def test_a_wrong_secret_ends_in_the_set_up(
    platform: PlatformStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = control.secrets(platform) | {"FIREAI_PUBLIC_JWT_SECRET_KEY": "not-the-secret-of-this-platform-0123456789"}
    monkeypatch.setattr(control, "secrets", lambda status: wrong)
    bundle, code, _ = run(platform, tmp_path, "sustained")
    assert code == 4
    assert read_json(bundle.raw_dir / PROGRESS)["reason"] == "set-up: POST /v1/tests/sessions: status 401"

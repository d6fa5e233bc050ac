"""Run bundles and campaign directories: states, atomic writes, checksums, locks."""

import json
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from fireai_analysis.bundle import NEXT_STATES, RunBundle, atomic_write, json_bytes, read_parquet
from fireai_analysis.campaign import Campaign
from fireai_analysis.errors import BundleError, BundleVersionError, MissingSeriesError
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.schemas import REQUESTS, SAMPLES, UNITS


def new_bundle(folder: Path) -> RunBundle:
    return RunBundle.create(folder, run_spec("run", "peak", "smoke", load_target("embedded"), 1))


def request_rows(n: int) -> pa.Table:
    columns = {
        "intended_ns": np.arange(n)[::-1] * 1_000_000,
        "judged": [True] * n,
        "ok": [True] * n,
        "status": [200] * n,
        "service_us": [None if i == 0 else i for i in range(n)],
    }
    return pa.table({f.name: pa.array(columns.get(f.name, [None] * n), f.type) for f in REQUESTS})


def test_every_column_carries_a_unit_or_is_no_quantity() -> None:
    quantities = (pa.types.is_floating, pa.types.is_integer)
    free = {"status", "user", "worker", "wave", "pid", "blocked_by_pid", "query_id", "status_code", "load_1min"}
    for name, schema in {"requests": REQUESTS, **SAMPLES}.items():
        for field in schema:
            if any(check(field.type) for check in quantities) and field.name not in free:
                assert field.name.endswith(tuple(UNITS)) or field.name.endswith("_total"), f"{name}.{field.name}"


def test_rows_come_back_in_order_with_nulls(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    bundle.write_requests(request_rows(5))
    frame = RunBundle.open(bundle.directory).requests()
    assert list(frame["intended_ns"]) == [0, 1_000_000, 2_000_000, 3_000_000, 4_000_000]
    assert frame["service_us"].isna().sum() == 1


def test_missing_rows_are_an_error_and_missing_samples_none(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    with pytest.raises(MissingSeriesError):
        bundle.requests()
    assert bundle.samples("go") is None
    assert bundle.operations() is None


@pytest.mark.parametrize(
    "path", [("recording", "recorded", "analyzed"), ("recording", "aborted"), ("crashed", "salvaged")]
)
def test_states_that_are_allowed(tmp_path: Path, path: tuple) -> None:
    bundle = new_bundle(tmp_path)
    for state in path:
        bundle.update(state=state)
    assert RunBundle.open(bundle.directory).manifest.state == path[-1]


def test_no_way_leads_from_a_broken_run_to_analyzed() -> None:
    reached, frontier = set(), ["aborted", "crashed"]
    while frontier:
        state = frontier.pop()
        reached.add(state)
        frontier += [after for after in NEXT_STATES[state] if after not in reached]
    assert "analyzed" not in reached


def test_forbidden_state_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot go from created to analyzed"):
        new_bundle(tmp_path).update(state="analyzed")


def test_a_scenario_is_never_overwritten(tmp_path: Path) -> None:
    new_bundle(tmp_path)
    with pytest.raises(BundleError, match="already there"):
        new_bundle(tmp_path)


def test_hashes_find_a_changed_and_a_missing_file(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    bundle.write_requests(request_rows(3))
    atomic_write(bundle.raw_dir / "locust.log", b"one")
    bundle.seal()
    assert bundle.check() == []
    (bundle.raw_dir / "locust.log").write_bytes(b"two")
    (bundle.directory / "requests" / "part-0.parquet").unlink()
    assert bundle.check() == ["raw/locust.log: content differs from its hash", "requests/part-0.parquet: missing"]


def test_a_table_that_was_not_hashed_is_told_of_a_run_that_ended_well(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    bundle.write_requests(request_rows(3))
    bundle.update(state="recording")
    assert bundle.check() == []  # killed before it was sealed
    bundle.update(state="recorded")
    assert bundle.check() == ["requests/part-0.parquet: not among the hashed files"]
    bundle.seal()
    bundle.write_requests(request_rows(3), "part-1")
    assert bundle.check() == ["requests/part-1.parquet: not among the hashed files"]


def test_flipped_bits_never_read_as_other_numbers(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    bundle.write_requests(request_rows(500))
    path = bundle.directory / "requests" / "part-0.parquet"
    good, truth = path.read_bytes(), read_parquet(path)
    rng, wrong = random.Random(1), 0
    for _ in range(200):
        position = rng.randrange(4, len(good) // 3)  # pages; the footer is caught by the manifest's hash
        path.write_bytes(good[:position] + bytes([good[position] ^ (1 << rng.randrange(8))]) + good[position + 1 :])
        try:
            wrong += not read_parquet(path).equals(truth)
        except BundleError:
            continue
    assert wrong == 0


@pytest.mark.parametrize("content", ["", "[]", '{"schema_version": 99}', '{"schema_version": 1}', "{"])
def test_damaged_manifests_are_refused(tmp_path: Path, content: str) -> None:
    bundle = new_bundle(tmp_path)
    bundle.spec_path.write_text(content)
    with pytest.raises(BundleError) as caught:
        RunBundle.open(bundle.directory)
    assert "manifest.json" in str(caught.value)
    assert isinstance(caught.value, BundleVersionError) == (content in ("[]", '{"schema_version": 99}'))


def test_failed_write_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.json"
    atomic_write(path, b"old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        atomic_write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def test_files_are_private(tmp_path: Path) -> None:
    bundle = new_bundle(tmp_path)
    assert bundle.directory.stat().st_mode & 0o777 == 0o700
    assert bundle.spec_path.stat().st_mode & 0o777 == 0o600


def test_json_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_bytes({"p95_ms": float("nan")})


def test_a_campaign_has_one_writer(tmp_path: Path) -> None:
    campaign = Campaign.create(tmp_path / "campaign", {"profile": "smoke"})
    with campaign.lock(), pytest.raises(BundleError, match="in use by process"), campaign.lock():
        pass
    with campaign.lock():
        assert Campaign.open(campaign.directory).content()["profile"] == "smoke"


def test_a_directory_with_other_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "something").write_text("x")
    with pytest.raises(BundleError, match="not empty"):
        Campaign.create(tmp_path, {})
    assert json.loads((Campaign.create(tmp_path / "new", {}).directory / "campaign.json").read_text()) == {"schema": 1}


def test_a_run_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    campaign = Campaign.create(tmp_path / "campaign", {})
    new_bundle(campaign.directory).directory.rename(campaign.directory / "spike")
    with pytest.raises(BundleError, match="holds a run of 'peak'"):
        campaign.bundles()


def test_a_campaign_file_whose_scenarios_are_no_list_is_refused(tmp_path: Path) -> None:
    campaign = Campaign.create(tmp_path / "campaign", {"scenarios": 5})
    with pytest.raises(BundleError, match="scenarios: holds no list"):
        Campaign.open(campaign.directory)

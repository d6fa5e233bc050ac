"""The gate on real runs: Locust against a platform that answers by the contract, and against one with a wrong route."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import FACTS, PROGRESS
from fireai_analysis.results import Check
from fireai_analysis.scenarios import load_criteria
from tests.collect.stub import SECRETS, run_bundle, target_at
from tests.preflight.contract_stub import platform

pytestmark = pytest.mark.real
ENDS_S = 300
SPEEDLESS = (
    *("run_state", "run_length", "load_model", "users", "mix", "recorder_complete", "counts_locust"),
    *("status_mix", "status_marks", "latency_values"),
)


def ran(folder: Path, statuses: dict[str, int], **scenario: object) -> RunData:
    """Run the generator to its end and return what it recorded, as the collector concludes it."""
    with platform(statuses=statuses) as stub:
        bundle = run_bundle(folder, target_at(stub.url), "peak", duration_s=3.0, **scenario)
        process = start(bundle, {**os.environ, **SECRETS})
        assert process.wait(ENDS_S) == 0, (bundle.raw_dir / "locust.log").read_text()
    finalize(bundle)
    told, facts = read_json(bundle.raw_dir / PROGRESS), json.loads((bundle.raw_dir / FACTS).read_text())
    bundle.update(state="recording")
    generator = {"generator": facts | {"intended_count": told["intended_count"]}}
    window = {name: told[name] for name in ("started_ns", "ended_ns")}
    bundle.update(state="recorded", facts=generator, **window)
    return RunData.from_bundle(RunBundle.open(bundle.directory))


def checks(data: RunData) -> dict[str, Check]:
    return {one.check: one for one in analyze_run(data, load_criteria()).result.validity}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    return ran(tmp_path_factory.mktemp("good"), {})


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> RunData:
    return ran(tmp_path_factory.mktemp("wrong"), {"/v1/evidence": 404}, users=7)


def test_a_good_run_holds(good: RunData) -> None:
    found = checks(good)
    assert {name: found[name] for name in SPEEDLESS if found[name].ok is not True} == {}


def test_a_wrong_route_is_named(wrong: RunData) -> None:
    found = checks(wrong)
    assert found["status_mix"].ok is False
    assert found["status_marks"].ok is True


def test_every_status_marked_right_is_named(wrong: RunData) -> None:
    marked = replace(wrong, requests=wrong.requests.assign(ok=True, error=None))
    found = checks(marked)["status_marks"]
    assert (found.ok, "statuses 404" in found.detail) == (False, True)


def test_another_number_of_users_is_named(good: RunData, wrong: RunData) -> None:
    assert checks(wrong)["users"].ok is True
    spec = wrong.manifest.spec.model_copy(update={"scenario": good.manifest.spec.scenario})
    found = checks(replace(wrong, manifest=wrong.manifest.model_copy(update={"spec": spec})))["users"]
    assert found.ok is False
    assert "7 users in the rows, 50 in the scenario" in found.detail
    assert "Locust showed 7 users" in found.detail


def test_rows_that_the_recorder_lost_are_named(good: RunData) -> None:
    counts = good.samples["counts"].copy()
    place = counts.index[counts["source"] == "rows"][0]
    counts.loc[place, "requests_count"] -= 1
    found = checks(replace(good, requests=good.requests.iloc[1:], samples={**good.samples, "counts": counts}))
    assert (found["recorder_complete"].ok, found["counts_locust"].ok) == (False, False)


def test_a_run_that_was_cut_short_is_named(good: RunData) -> None:
    ended = (good.manifest.started_ns or 0) + 2_000_000_000
    rows = good.requests[good.requests["intended_ns"] < ended]
    found = checks(replace(good, requests=rows, manifest=good.manifest.model_copy(update={"ended_ns": ended})))
    assert found["run_length"].ok is False

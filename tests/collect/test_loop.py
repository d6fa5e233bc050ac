"""The closed load model: whole generator processes that wait for each answer before they go on."""

import os
from pathlib import Path

import numpy as np
import pytest

from fireai_analysis.bundle import RunBundle, read_json
from fireai_analysis.collect.finalize import finalize
from fireai_analysis.collect.locust_process import start
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.collect.schedule import plan
from fireai_analysis.scenarios import load_scenario
from tests.collect.stub import SECRETS, run_bundle, stub, target_at

pytestmark = pytest.mark.real
CLOSED = {"load_model": "closed", "think_s": 0.1}


def run(directory: Path, mode: str, *, users: int, timeout_s: float = 30.0) -> RunBundle:
    with stub(mode) as url:
        target = target_at(url, request_timeout_s=timeout_s)
        bundle = run_bundle(directory, target, "peak", users=users, **CLOSED)
        assert start(bundle, {**os.environ, **SECRETS}).wait(300) == 0, (bundle.raw_dir / "locust.log").read_text()
    finalize(bundle)
    return bundle


def test_a_user_waits_for_its_answer(tmp_path: Path) -> None:
    bundle = run(tmp_path, "right", users=10)
    frame, state = bundle.requests(), read_json(bundle.raw_dir / PROGRESS)
    offset_s = (frame["intended_ns"] - state["started_ns"]) / 1e9
    assert ((offset_s >= 0) & (offset_s < 2.0)).all()
    assert set(frame["user"]) == set(range(10))
    for _, own in frame.sort_values("sent_ns").groupby("user"):
        ends = own["sent_ns"] + own["service_us"] * 1000
        assert (own["intended_ns"].to_numpy()[1:] >= ends.to_numpy()[:-1]).all()
    assert len(frame) == state["intended_count"] == state["sent_count"] == state["done_count"]
    samples = bundle.samples("generator")
    assert samples is not None
    assert samples["intended_count"].sum() == len(frame)
    assert frame["ok"].all()


def test_a_stall_stops_the_load_that_would_have_met_it(tmp_path: Path) -> None:
    frame = run(tmp_path, "hang", users=4, timeout_s=3.0).requests()
    frame = frame[frame["endpoint"] != "/v1/tests/sessions"]
    counted = frame.groupby("user").size()
    assert (counted == 1).all()
    assert set(frame["error"]) == {"timeout"}
    assert frame["sent_ns"].notna().all()


def test_it_draws_no_schedule() -> None:
    closed = load_scenario("peak").model_copy(update=CLOSED)
    assert len(plan(closed, 1)) == 0
    assert plan(closed, 1).offsets_ns.dtype == np.int64

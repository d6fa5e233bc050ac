"""A target that stands still for a second: every arrival goes out when it is due, and its wait shows."""

import os
from pathlib import Path

import numpy as np
import pytest

from fireai_analysis.bundle import read_json
from fireai_analysis.collect.opening import PROGRESS
from fireai_analysis.collect.schedule import draw
from tests.collect.stub import SECRETS, run_bundle, target_at
from tests.stalls import compare, run_with_stalls, slow_stub
from tests.truth import Stall

pytestmark = pytest.mark.real


@pytest.mark.parametrize("load", [{}, {"load_model": "closed", "think_s": 1.4}], ids=["open", "closed"])
def test_a_stalled_target(tmp_path: Path, load: dict[str, object]) -> None:
    with slow_stub(2.0) as (url, pid):
        bundle = run_bundle(tmp_path, target_at(url), "peak", duration_s=4.0, **load)
        [stall] = run_with_stalls(bundle, {**os.environ, **SECRETS}, pid, [Stall(1.0, 2.5)])
    frame, began_ns = bundle.requests(), read_json(bundle.raw_dir / PROGRESS)["started_ns"]
    due_s = (frame["intended_ns"].to_numpy(dtype=np.int64) - began_ns) / 1e9
    met = (due_s > stall.begin_s + 0.1) & (due_s < stall.end_s - 0.2)
    assert frame["ok"].all()
    waited_s = frame["response_us"].to_numpy(float) / 1e6
    assert (waited_s[met] >= stall.end_s - due_s[met] - 0.001).all()
    if load:
        assert frame[met].groupby("user").size().max() == 1  # who waits sends nothing: the rest of the load is missing
        return
    assert len(frame) == len(draw(bundle.manifest.spec.scenario, 1))
    assert met.sum() > 20
    sent_s = (frame["sent_ns"].to_numpy(dtype=np.int64) - began_ns) / 1e9
    assert (sent_s[met] < stall.end_s).all()
    found = compare(bundle, [stall], servers=1, service_s=0.002)
    assert found.measured.share >= 0.9 * found.true.share
    assert found.measured.p99_s >= 0.9 * found.true.p99_s

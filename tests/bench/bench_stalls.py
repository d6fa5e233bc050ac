"""Planted stalls: what a run reports beside the truth, and beside what a closed loop would have shown.

The truth is the same schedule replayed through a first-come-first-served queue with the same stalls (`tests/truth.py`),
driven by the service times that the run itself measured outside of the stalls. Takes about 7 minutes.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.scenarios import load_target
from tests.bench.lines import Line
from tests.collect.stub import SECRETS, run_bundle, target_at
from tests.stalls import Compared, compare, run_with_stalls, slow_stub
from tests.truth import Stall

TOLERANCE = 0.10
SERVERS = 30
"""Servers of the simulated platform: the database connections of the Go service, which serves as many at once."""
STUB_SERVICE_MS = 20.0


def main() -> list[Line]:
    with tempfile.TemporaryDirectory(prefix="fs-") as place:
        os.environ["FIREAI_STATE_DIR"] = f"{place}/state"
        with control.running() as status:
            lines = _platform(status, Path(place), "peak", 255.0, [Stall(60, 65), Stall(180, 185)])
            lines += _platform(status, Path(place), "spike", 60.0, [Stall(20, 30)])
        return lines + _stub(Path(place))


def _platform(
    status: PlatformStatus, place: Path, scenario: str, duration_s: float, planned: Sequence[Stall]
) -> list[Line]:
    target = control.bind(load_target("embedded"), status)
    bundle = run_bundle(place / scenario, target, scenario, duration_s=duration_s)
    secrets = {**os.environ, **control.secrets(status)}
    stalls = run_with_stalls(bundle, secrets, status.pids["go"], planned)
    name = (
        f"Go stopped {len(planned)} times {planned[0].end_s - planned[0].begin_s:g} s in {duration_s:g} s of {scenario}"
    )
    return _lines(name, compare(bundle, stalls, servers=SERVERS))


def _stub(place: Path) -> list[Line]:
    with slow_stub(STUB_SERVICE_MS) as (url, pid):
        bundle = run_bundle(place / "stub", target_at(url), "peak", duration_s=60.0)
        stalls = run_with_stalls(bundle, {**os.environ, **SECRETS}, pid, [Stall(20, 23)])
    found = compare(bundle, stalls, servers=1, service_s=STUB_SERVICE_MS / 1000)
    return _lines(f"stub with one server of {STUB_SERVICE_MS:g} ms stopped for 3 s in 60 s of peak", found)


def _lines(name: str, found: Compared) -> list[Line]:
    measured, true, closed, healthy = found.measured, found.true, found.closed, found.healthy
    beside = (
        f"service time P99 {found.service.p99_s * 1000:.0f} ms; a closed loop shows {closed.p99_s * 1000:.0f} ms; "
        f"healthy P50/P99 {healthy.p50_s * 1000:.1f}/{healthy.p99_s * 1000:.1f} ms; "
        f"{found.late_ratio * 100:.2f} % sent over 15 ms late"
    )
    share = (
        f"a closed loop shows {closed.share * 100:.2f} %, and a P95 of {closed.p95_s * 1000:.0f} ms where "
        f"{true.p95_s * 1000:.0f} ms is true and {measured.p95_s * 1000:.0f} ms was measured"
    )
    return [
        _line(f"{name}: response P99", measured.p99_s * 1000, true.p99_s * 1000, "ms", beside),
        _line(f"{name}: share over 300 ms", measured.share * 100, true.share * 100, "%", share),
    ]


def _line(name: str, measured: float, true: float, unit: str, beside: str) -> Line:
    ratio = measured / true
    told = f"{measured:.2f} {unit} against {true:.2f} true, ratio {ratio:.3f}; {beside}"
    return Line(name, "ratio 0.90 to 1.10", told, abs(ratio - 1) <= TOLERANCE)

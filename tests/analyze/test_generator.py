"""The audit of the load generator, of made samples and rows with known answers."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze import generator
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.records import Calibration, GeneratorAudit
from fireai_analysis.scenarios import load_criteria
from tests import made
from tests.made import STARTED_NS, S

DATA = made.healthy("peak", "smoke")


def audited(data: RunData) -> GeneratorAudit:
    assert data.window is not None
    return generator.audit(data, Rows(data.requests, data.window))


def seconds(count: int, worker: int = 0, **columns: Any) -> pd.DataFrame:
    content = {"t_ns": STARTED_NS + (np.arange(count) + 1) * S - 1, "worker": worker}
    return pd.DataFrame(content | columns)


def sampled(*frames: pd.DataFrame, **facts: Any) -> RunData:
    manifest = DATA.manifest.model_copy(update={"facts": DATA.manifest.facts | facts})
    return replace(DATA, manifest=manifest, samples={**DATA.samples, "generator": pd.concat(frames)})


def test_figures_of_the_seconds_are_nearest_ranks() -> None:
    ramp = np.arange(1.0, 21.0)
    found = audited(
        sampled(
            seconds(
                20,
                cpu_ratio=ramp / 100,
                loop_lag_p99_ms=ramp,
                loop_lag_max_ms=2 * ramp,
                steal_ratio=[0.0, 0.1] * 10,
                in_flight_count=ramp.astype(int),
                sockets_count=100,
            )
        )
    )
    assert (found.cpu_p95_ratio, found.cpu_peak_ratio) == (0.19, 0.2)
    assert (found.loop_lag_p99_ms, found.loop_lag_max_ms) == (20.0, 40.0)
    assert found.steal_mean_ratio == pytest.approx(0.05)
    assert (found.in_flight_peak_count, found.sockets_peak_count) == (20, 100)


def test_workers_are_added_where_they_add_up_and_the_worst_speaks_where_not() -> None:
    one = seconds(3, 0, in_flight_count=[5, 6, 1], sockets_count=10, cpu_ratio=[0.1, 0.2, 0.3], loop_lag_p99_ms=1.0)
    other = seconds(3, 1, in_flight_count=[1, 8, 1], sockets_count=7, cpu_ratio=[0.9, 0.1, 0.1], loop_lag_p99_ms=4.0)
    workers = [{"worker": 0, "state": "done"}, {"worker": 1, "state": "lost", "reason": "killed"}]
    data = sampled(one, other, workers=workers, generator={"in_flight_at_end_count": 4})
    found = audited(data)
    assert (found.workers_count, found.lost_workers_count) == (2, 1)
    assert (found.in_flight_peak_count, found.sockets_peak_count, found.cpu_peak_ratio) == (14, 17, 0.9)
    assert found.in_flight_at_end_count == 4
    curve = generator.curve(data)
    assert curve["in_flight_count"].tolist() == [6, 14, 2]
    assert curve["cpu_ratio"].tolist() == [0.9, 0.2, 0.3]
    assert curve["loop_lag_p99_ms"].tolist() == [4.0] * 3


def test_two_samples_of_one_second_are_not_added() -> None:
    twice = pd.concat([seconds(2, in_flight_count=[5, 6]), seconds(2, in_flight_count=[4, 7])])
    assert generator.curve(sampled(twice))["in_flight_count"].tolist() == [5, 7]


def test_the_gap_is_what_the_parts_of_the_server_leave_of_the_service_time() -> None:
    count = len(DATA.requests)
    service = np.arange(count) % 100 + 1
    parts = {f"{part}_us": 0 for part in ("validation", "go", "pool", "crdt")}
    frame = DATA.requests.assign(service_us=(service + 7) * 1000, app_us=3000, db_us=4000, **parts)
    silent = frame.assign(**dict.fromkeys(("app_us", "db_us", *parts), pd.NA), service_us=10**9)
    mixed = pd.concat([frame, silent.head(50)], ignore_index=True)
    expected = np.sort(service)[int(np.ceil(0.95 * count)) - 1]
    assert audited(replace(DATA, requests=mixed)).gap_p95_ms == expected
    assert audited(replace(DATA, requests=silent)).gap_p95_ms is None


def test_late_starts_are_counted_from_the_rows() -> None:
    frame = DATA.requests.copy()
    late = np.arange(len(frame)) < 7
    lag_ns = np.where(late, 15_000_001, 15_000_000)
    frame["sent_ns"] = pd.array(frame["intended_ns"] + lag_ns, dtype="Int64")
    found = audited(replace(DATA, requests=made.failing(frame, 100, error="never sent")))
    assert (found.late_count, found.send_lag_max_ms) == (7, pytest.approx(15.000001))


def test_what_was_not_recorded_is_null() -> None:
    facts = {name: value for name, value in DATA.manifest.facts.items() if name not in ("workers", "calibration")}
    bare = replace(DATA, samples={}, manifest=DATA.manifest.model_copy(update={"facts": facts}))
    found = audited(bare)
    assert (found.cpu_peak_ratio, found.in_flight_peak_count, found.workers_count) == (None, None, None)
    assert found.calibration == Calibration()
    assert generator.curve(bare).empty


def test_the_calibration_is_told_as_it_was_measured() -> None:
    facts = {"p95_bias_ratio": 0.02, "p95_bias_ms": 0.4, "p95_bias_ratios": [0.02, 0.03], "null_p95_ms": 20.0}
    data = sampled(seconds(2), calibration=facts | {"capacity_rps": 1000.0, "requests_count": 600, "measured_ns": 5})
    expected = facts | {"p95_bias_ratios": (0.02, 0.03)}
    assert audited(data).calibration == Calibration(**expected, capacity_rps=1000.0, requests_count=600, measured_ns=5)


def test_the_audit_is_part_of_the_result_and_its_curve_of_the_tables() -> None:
    found = analyze_run(DATA, load_criteria())
    assert found.result.generator == audited(DATA)
    assert len(found.tables["generator_curve"]) > 10

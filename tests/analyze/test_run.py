"""A whole run: every table of the contract, the way over a bundle, and how fast it is."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.missing import missing_result
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle
from fireai_analysis.rates import RatePoint
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria, load_target, run_spec
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from tests import made

TABLES = {
    "latency_windows": {"t_s", "p50_ms", "p95_ms", "p99_ms", "service_p95_ms", "requests_count", "failures_count"},
    "latency_quantiles": {"quantile", "response_ms", "service_ms"},
    "throughput_windows": {"t_s", "offered_rps", "achieved_rps", "failed_rps"},
    "memory_curve": {
        *("t_s", "go_rss_mb", "go_live_heap_mb", "go_total_mb"),
        *("fastapi_rss_mb", "postgres_rss_mb", "goroutines_count"),
    },
    "layers": {"part", "mean_ms", "p50_ms", "p95_ms", "share_of_tail_ratio"},
    "pool_curve": {"t_s", "acquired_count", "max_count"},
    "host_curve": {"t_s", "cpu_ratio", "memory_ratio"},
    "generator_curve": {"t_s", "loop_lag_p99_ms", "send_lag_p99_ms", "cpu_ratio", "in_flight_count"},
    "crdt_waves": {"wave", "acknowledged_count", "unknown_count", "lost_count", "drain_s"},
    "statements": {"query", "calls_count", "total_ms", "mean_ms", "rows_count"},
    "waits": {"event", "sessions_mean", "samples_count"},
    "validity": {"check", "ok", "detail"},
    "endpoints": {"method", "endpoint", "door", "requests_count", "failures_count"},
}


@pytest.mark.parametrize("name", SCENARIO_NAMES)
def test_every_table_of_the_contract(name: str) -> None:
    tables = analyze_run(made.healthy(name, "smoke"), load_criteria()).tables
    assert set(tables) == set(TABLES)
    for table, columns in TABLES.items():
        assert columns <= set(tables[table]), table


def test_tables_keep_their_columns_without_samples() -> None:
    bare = replace(made.healthy("peak", "smoke"), samples={})
    tables = analyze_run(bare, load_criteria()).tables
    for table, columns in TABLES.items():
        assert columns <= set(tables[table]), table


def arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def test_the_way_over_a_bundle_changes_nothing(tmp_path: Path) -> None:
    data = made.healthy("crdt_stress", "smoke")
    bundle = RunBundle.create(tmp_path, data.manifest.spec)
    bundle.write_requests(arrow(data.requests, REQUESTS))
    assert data.operations is not None
    bundle.write_operations(arrow(data.operations, OPERATIONS))
    for name, frame in data.samples.items():
        bundle.write_samples(name, arrow(frame, SAMPLES[name]))
    changes = data.manifest.model_dump(include={"started_ns", "ended_ns", "clock_offset_us", "facts"})
    for state in ("recording", "recorded"):
        bundle.update(state=state)
    bundle.update(**changes)
    there = analyze_run(RunData.from_bundle(RunBundle.open(bundle.directory)), load_criteria())
    assert there.result == made.result(data)
    for name, frame in there.tables.items():
        bundle.write_analysis(name, frame)
        assert len(bundle.analysis(name)) == len(frame)


def test_a_bundle_without_rows_is_not_measured(tmp_path: Path) -> None:
    spec = run_spec("x", "peak", "smoke", load_target("embedded"), 1)
    bundle = RunBundle.create(tmp_path, spec)
    bundle.update(state="aborted", reason="circuit breaker")
    result = analyze_run(RunData.from_bundle(bundle), load_criteria()).result
    assert (result.verdict, result.state, result.requests_count) == ("NOT MEASURED", "aborted", None)
    assert "circuit breaker" in result.reason


def test_missing_results_tell_ordered_from_not_asked_for() -> None:
    spec = run_spec("x", "peak", "smoke", load_target("embedded"), 1)
    assert missing_result(spec, "gone").facts["ordered"] is True
    assert missing_result("peak", "not asked for").facts["ordered"] is False
    assert missing_result("peak", "not asked for").verdict == "NOT MEASURED"


def test_the_range_of_a_rate_curve_is_kept() -> None:
    data = made.healthy("peak", "smoke")
    assert made.result(data).lowest_rate_rps == 35.0
    spec = data.manifest.spec
    curve = (RatePoint(t_s=0, rate_rps=20), RatePoint(t_s=spec.scenario.duration_s, rate_rps=50))
    changed = spec.model_copy(update={"scenario": spec.scenario.model_copy(update={"curve": curve})})
    found = made.result(replace(data, manifest=data.manifest.model_copy(update={"spec": changed})))
    assert (found.lowest_rate_rps, found.rate_rps, found.peak_rate_rps) == (20.0, 35.0, 50.0)

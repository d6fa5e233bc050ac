"""Database, pool, host and layers of made samples."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze import database, layers, resources
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.validity import recording
from fireai_analysis.diagnose.findings import findings
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.schemas import SERVER_PARTS
from tests import made
from tests.made import STARTED_NS, S

DATA = made.healthy("peak", "smoke")


def rows() -> Rows:
    assert DATA.window is not None
    return Rows(DATA.requests, DATA.window)


def test_database_figures_are_deltas() -> None:
    found = database.measure(DATA)
    assert [(one.calls_count, one.total_ms, one.mean_ms) for one in found.statements] == [(1000, 2000.0, 2.0)]
    assert (found.commits_count, found.rollbacks_count, found.deadlocks_count) == (1000, 0, 0)
    assert found.cache_hit_ratio == 0.9
    assert (found.seq_scans, found.index_scans) == ({"test_sessions": 10}, {"test_sessions": 1000})
    assert (found.lock_waits_count, found.samples_count, found.unused_indexes) == (0, 7, ())


def test_snapshots_outside_the_window_are_left_out_as_far_as_they_can() -> None:
    frame = DATA.samples["postgres_statements"]
    later = frame.iloc[[-1]].assign(t_ns=DATA.manifest.ended_ns + 100 * S, calls_count=5000, exec_ms=90_000.0)
    longer = replace(DATA, samples={**DATA.samples, "postgres_statements": pd.concat([frame, later])})
    assert database.measure(longer).statements[0].calls_count == 1000


def test_statements_that_were_reset_or_not_called_are_left_out() -> None:
    frame = DATA.samples["postgres_statements"].assign(calls_count=[1000, 10])
    assert database.statements(frame) == ()
    assert database.statements(DATA.samples["postgres_statements"].assign(calls_count=7)) == ()


def test_a_statement_first_seen_later_counts_from_zero() -> None:
    frame = DATA.samples["postgres_statements"]
    new = frame.iloc[[-1]].assign(query_id=2, query="SELECT 1", calls_count=50, exec_ms=5000.0)
    found = database.statements(pd.concat([frame, new], ignore_index=True))
    assert (found[0].query, found[0].calls_count) == ("SELECT 1", 50)


def test_waits_are_average_active_sessions() -> None:
    waiting = made.with_sample(DATA, "postgres_activity", wait_type=["Lock"] * 3 + [None] * 4, wait_event="tuple")
    found = {one.event: one.sessions_mean for one in database.waits(waiting)}
    assert found == {"CPU": pytest.approx(4 / 7), "Lock:tuple": pytest.approx(3 / 7)}
    idle = made.with_sample(DATA, "postgres_activity", state="idle in transaction")
    assert [one.event for one in database.waits(idle)] == ["idle in transaction"]


def test_one_long_wait_for_a_lock_is_one() -> None:
    times = STARTED_NS + np.arange(6) * S
    locks = pd.DataFrame({"t_ns": times, "pid": 7, "relation": "t", "waited_ms": [100.0, 1100, 2100, 50, 1050, 2050]})
    assert database.measure(replace(DATA, samples={**DATA.samples, "postgres_locks": locks})).lock_waits_count == 2


def test_no_lock_wait_is_zero_only_where_locks_were_looked_at() -> None:
    without = made.cut(DATA, "postgres_locks")
    gap = pd.DataFrame([{"sampler": "postgres_locks", "start_ns": 1, "end_ns": 2, "reason": "permission denied"}])
    assert database.measure(without).lock_waits_count == 0
    assert database.measure(made.cut(without, "postgres_connections")).lock_waits_count is None
    assert database.measure(replace(without, samples={**without.samples, "gaps": gap})).lock_waits_count is None


def test_what_was_not_recorded_is_not_measured() -> None:
    bare = replace(DATA, samples={})
    found = database.measure(bare)
    assert (found.commits_count, found.cache_hit_ratio, found.lock_waits_count, found.statements) == (
        None,
        None,
        None,
        (),
    )
    assert set(resources.pool(bare).model_dump().values()) == {None}
    assert set(resources.host(bare).model_dump().values()) == {None}
    assert database.connections(bare, 0).stable is None
    assert resources.pool_curve(bare).empty
    assert list(resources.host_curve(bare)) == ["t_s", "cpu_ratio", "memory_ratio"]


def test_pool_and_host() -> None:
    pool, host = resources.pool(DATA), resources.host(DATA)
    assert (pool.max_count, pool.peak_acquired_count, pool.acquires_count, pool.waited_acquires_count) == (30, 3, 60, 0)
    assert pool.mean_wait_ms == pytest.approx(0.1)
    assert (host.cpu_peak_ratio, host.memory_peak_ratio, host.net_sent_bytes_per_s) == (0.3, 0.25, 1000.0)
    assert resources.pool_curve(DATA)["acquired_count"].tolist() == [3.0] * 7


def test_connection_errors_make_it_unstable() -> None:
    assert database.connections(DATA, 0).stable is True
    assert database.connections(DATA, 3).stable is False


def test_layers_add_up_to_the_response_time() -> None:
    found = layers.measure(rows(), 0.0)
    assert sum(layer.mean or 0 for layer in found.values()) == pytest.approx(
        rows().frame["response_us"].mean() / 1000, rel=1e-3
    )
    assert sum(layer.share_of_tail_ratio or 0 for layer in found.values()) == pytest.approx(1.0, rel=1e-3)
    assert found["db"].share_of_tail_ratio == pytest.approx(0.498, abs=0.002)
    assert "crdt" not in found
    assert layers.table(found)["part"].iloc[0] == "db"


def test_only_the_tail_counts_for_shares() -> None:
    frame = DATA.requests.iloc[:1000].copy()
    for column in ("response_us", "service_us"):
        frame[column] = pd.array(np.arange(1, 1001) * 1000, dtype="Int32")
    in_band = (frame["response_us"] >= 900_000) & (frame["response_us"] <= 990_000)
    for part in ("app", "validation", "go", "crdt"):
        frame[f"{part}_us"] = pd.array([pd.NA] * 1000, dtype="Int32")
    frame["pool_us"] = frame["response_us"].where(in_band, 0)
    frame["db_us"] = frame["response_us"].where(~in_band, 0)
    assert DATA.window is not None
    found = layers.measure(Rows(frame, DATA.window), 0.0)
    assert {name: layer.share_of_tail_ratio for name, layer in found.items() if layer.share_of_tail_ratio} == {
        "pool": 1.0
    }
    assert found["db"].p50 == 409.0


def test_without_server_timing_there_are_no_layers() -> None:
    bare = DATA.requests.drop(
        columns=[name for name in DATA.requests if name.endswith("_us") and name not in ("service_us", "response_us")]
    )
    assert DATA.window is not None
    assert layers.measure(Rows(bare, DATA.window), 0.0) == {}
    assert layers.table({}).empty


def told(service_us: Any, count: int = 1000, **parts_us: Any) -> Rows:
    """Rows of one service time whose server tells these parts."""
    frame = DATA.requests.iloc[:count].assign(**{f"{part}_us": pd.NA for part in SERVER_PARTS})
    frame = frame.assign(service_us=service_us, response_us=service_us + 500)
    assert DATA.window is not None
    return Rows(frame.assign(**{f"{part}_us": us for part, us in parts_us.items()}), DATA.window)


def test_broken_server_timing_is_counted_and_those_rows_are_left_out() -> None:
    found = told(5_000, app=[2_000_000_000] * 5 + [1_000] * 995, db=2_000)
    assert layers.overruns_count(found) == 5
    parts = layers.measure(found, 0.0)
    assert {name: layer.mean for name, layer in parts.items()} == pytest.approx(
        {"app": 1.0, "db": 2.0, "client and network": 2.0, "generator wait": 0.5}
    )
    assert parts["db"].share_of_tail_ratio == pytest.approx(2_000 / 5_500)


@pytest.mark.parametrize(("lies", "is_told"), [(10, True), (11, False), (1000, False)])
@pytest.mark.parametrize("lie_us", [2_000_000_000, 5_600, -5_000])
def test_over_one_in_a_hundred_lies_no_layer_is_told(lies: int, is_told: bool, lie_us: int) -> None:
    found = told(5_000, app=[lie_us] * lies + [1_000] * (1000 - lies))
    assert (layers.measure(found, 0.0) != {}) is is_told
    assert ("no time by part is told" in recording.latency_values(found).detail) is not is_told


@pytest.mark.parametrize(
    ("parts_us", "overruns"),
    [
        ({"app": 5_000}, 0),
        ({"app": 5_502}, 0),
        ({"app": 5_503}, 1000),
        ({"app": 3_000, "db": 3_002}, 0),
        ({"app": 3_000, "db": 3_003}, 1000),
        ({"app": 5_503, "db": 0}, 1000),
    ],
)
def test_parts_may_overrun_by_rounding_and_the_rate_of_a_clock(parts_us: dict[str, int], overruns: int) -> None:
    assert layers.overruns_count(told(5_000, **parts_us)) == overruns


def test_a_target_that_rounds_to_whole_milliseconds_keeps_its_layers() -> None:
    times = np.random.default_rng(1).uniform(50, 5_000, (4, 1000))
    service = np.ceil(times.sum(axis=0)).astype(int)
    rounded = {part: (np.round(own / 1000) * 1000).astype(int) for part, own in zip(SERVER_PARTS, times, strict=False)}
    found = told(service, **rounded)
    assert layers.overruns_count(found) == 0
    assert set(layers.measure(found, 0.0)) >= set(SERVER_PARTS[:4])


def test_no_finding_is_made_of_times_that_cannot_be() -> None:
    lying = replace(DATA, requests=DATA.requests.assign(app_us=2_000_000_000))
    result = made.result(lying)
    assert result.layers_ms == {}
    assert [one for one in findings(result, load_criteria()) if one.id.startswith("tail_")] == []
    assert any("tell more server time" in one for one in result.warnings)

"""Findings: silent on a healthy fast platform, each planted trouble named with its numbers, ranked."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.diagnose.findings import findings
from fireai_analysis.results import Finding
from fireai_analysis.scenarios import load_criteria
from tests import made
from tests.made import MIB


def found(data: RunData) -> dict[str, Finding]:
    return {one.id: one for one in findings(made.result(data), load_criteria())}


@pytest.fixture(scope="module")
def healthy() -> RunData:
    return made.healthy("peak", "smoke", latencies_ms=np.array([20.0, 40.0]))


def slow_pool(data: RunData) -> RunData:
    frame = made.requests(data.manifest, np.array([200.0, 400.0]))
    frame["pool_us"] = pd.array(frame["service_us"] * 6 // 10, dtype="Int32")
    frame["db_us"] = pd.array(frame["service_us"] // 10, dtype="Int32")
    return made.with_requests(data, frame)


def exhausted(data: RunData) -> RunData:
    waits = np.arange(len(data.samples["pool"])) * 5
    return made.with_sample(data, "pool", acquired_count=30, empty_acquires_count=waits)


PLANTED: list[tuple[str, Callable[[RunData], RunData], str]] = [
    ("tail_pool", slow_pool, "59.9"),
    ("pool_exhausted", exhausted, "30 of 60"),
    ("host_cpu", lambda data: made.with_sample(data, "host", cpu_ratio=0.93), "93.00 %"),
    (
        "lock_waits",
        lambda data: made.with_sample(data, "postgres_activity", wait_type="Lock", wait_event="tuple"),
        "1.00 sessions",
    ),
    ("gc_pressure", lambda data: made.with_sample(data, "go", gc_cpu_s=np.arange(7) * 0.3), "30.00 %"),
    (
        "go_memory_near_limit",
        lambda data: made.with_sample(data, "processes", high_water_bytes=450_000_000),
        "450.0 MB",
    ),
    ("errors", lambda data: made.with_requests(data, made.failing(data.requests, 10)), "status 500 (105)"),
    ("generator_limit", lambda data: made.with_sample(data, "generator", cpu_ratio=0.95), "generator_cpu"),
    ("target_restart", lambda data: made.with_sample(data, "go", pid=[1, 1, 1, 1, 2, 2, 2]), "restarted: go"),
]


def test_a_healthy_run_has_no_trouble_and_no_advice(healthy: RunData) -> None:
    quiet = found(healthy)
    assert all(name.startswith("tail_") for name in quiet)
    assert all(one.recommendation is None and one.priority is None for one in quiet.values())


@pytest.mark.parametrize(("finding", "plant", "number"), PLANTED, ids=[name for name, _, _ in PLANTED])
def test_each_trouble_is_named_with_its_numbers(
    healthy: RunData, finding: str, plant: Callable[[RunData], RunData], number: str
) -> None:
    assert finding not in found(healthy)
    one = found(plant(healthy))[finding]
    assert number in " ".join(one.evidence)
    assert one.priority in ("P0", "P1", "P2")
    assert one.recommendation


def test_parts_of_the_tail_are_ranked_by_share(healthy: RunData) -> None:
    tail = [one for one in found(slow_pool(healthy)).values() if one.share_of_tail_ratio is not None]
    shares = [one.share_of_tail_ratio or 0 for one in tail]
    assert tail[0].id == "tail_pool"
    assert shares == sorted(shares, reverse=True)
    assert [one.id for one in tail if one.recommendation] == ["tail_pool"]


def test_a_lost_write_comes_first() -> None:
    data = made.cut(made.healthy("crdt_stress", "smoke"), "reads")  # which showed what is lost
    rows = made.wave_rows(data.manifest)
    states = made.final_states(rows, gone=("token-0", "token-2"))
    first = next(iter(found(replace(data, samples={**data.samples, "final_states": states})).values()))
    assert (first.id, first.priority) == ("crdt_lost_writes", "P0")
    assert "2 writes lost of 2,000 acknowledged operations" in first.evidence[0]


def test_a_repeated_effect_is_found() -> None:
    data = made.healthy("crdt_stress", "smoke")
    double = data.samples["idempotency"].assign(rows_count=2)
    assert "idempotency_violations" in found(replace(data, samples={**data.samples, "idempotency": double}))


def test_unsampled_resources_give_no_finding_and_no_clean_bill(healthy: RunData) -> None:
    bare = replace(exhausted(healthy), samples={})
    assert "pool_exhausted" not in found(bare)


def test_no_finding_claims_a_cause(healthy: RunData) -> None:
    for _, plant, _ in PLANTED:
        for one in found(plant(healthy)).values():
            assert "cause" not in f"{one.title} {' '.join(one.evidence)}".lower()


def test_memory_over_the_limit_is_urgent(healthy: RunData) -> None:
    over = found(made.with_sample(healthy, "processes", high_water_bytes=600 * MIB))
    assert over["go_memory_near_limit"].priority == "P0"
    by_a_byte = found(made.with_sample(healthy, "processes", high_water_bytes=511_999_999))["go_memory_near_limit"]
    assert by_a_byte.evidence[0] == "high-water mark 511.999999 MB of 512.0 MB"
    assert by_a_byte.priority == "P1"

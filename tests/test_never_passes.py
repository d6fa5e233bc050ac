"""Fail closed: whatever is taken from a healthy run, cut or made hostile, nothing passes that depends on it."""

from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.bundle import RunBundle
from fireai_analysis.errors import BundleError
from fireai_analysis.schemas import OPERATIONS, REQUESTS, SAMPLES
from tests import made, never
from tests.never import ALL, DEPENDS, ERRORS, FREE, FREE_TABLES, LOST, MEMORY, P95, SCALES

SCENARIO = {P95: "peak", ERRORS: "peak", MEMORY: "peak", LOST: "crdt_stress"}
COLUMNS = [(table, column) for table, columns in DEPENDS.items() for column in columns]
MAY_BE = {
    ("requests", "sent_ns", "half null"): (),
    ("requests", "worker", "zero"): ALL,
    ("requests", "judged", "false"): (MEMORY, ERRORS),
    ("operations", "answer_sha256", "hostile"): (LOST,),
    ("operations", "op_id", "hostile"): (),
    ("generator", "worker", "zero"): ALL,
    ("generator", "loop_lag_p99_ms", "zero"): ALL,
    ("generator", "cpu_ratio", "zero"): ALL,
    ("counts", "source", "last half null"): ALL,
    ("processes", "process", "last half null"): ALL,
}
"""What a healthy run may hold all the same, and the criteria that pass then."""


def scenario_for(table: str) -> str:
    return "crdt_stress" if table in ("operations", "final_states", "idempotency", "reads") else "peak"


# -- the data of this test


def test_every_column_of_every_table_is_accounted_for() -> None:
    schemas = {"requests": REQUESTS, "operations": OPERATIONS, **SAMPLES}
    assert set(schemas) == set(DEPENDS) | set(FREE_TABLES)
    for table, columns in DEPENDS.items():
        free = FREE.get(table, {})
        assert set(columns) | set(free) == set(schemas[table].names), table
        assert not set(columns) & set(free), table
        assert all(free.values())


@pytest.mark.parametrize("name", SCALES)
def test_the_healthy_run_passes(name: str) -> None:
    concerned = {one.id for one in never.CRITERIA.values() if one.scenario in ("all", name)}
    assert never.passed(never.small(name)) == concerned


# -- columns


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=[".".join(pair) for pair in COLUMNS])
def test_nothing_passes_that_depends_on_a_column(table: str, column: str) -> None:
    data = never.small(scenario_for(table))
    depends = set(DEPENDS[table][column])
    for name, wound in never.wounds(table, column).items():
        allowed = set(MAY_BE.get((table, column, name), ()))
        found = never.passed(never.wounded(data, table, column, wound))
        assert not found & (depends - allowed), (name, found)


@pytest.mark.parametrize("name", ["peak", "crdt_stress"])
@pytest.mark.parametrize("wound", ["null", "half null", "last half null", "zero", "negative", "infinite", "hostile"])
def test_the_verdicts_stand_without_the_columns_on_which_nothing_depends(name: str, wound: str) -> None:
    data = never.small(name)
    whole = never.passed(data)
    for table in [*FREE, *FREE_TABLES]:
        if table not in data.samples and table not in ("requests", "operations"):
            continue
        if table == "operations" and data.operations is None:
            continue
        for column in never.schema_of(table).names if table in FREE_TABLES else FREE[table]:
            found = never.wounds(table, column)
            if wound in found and not pa.types.is_list(never.schema_of(table).field(column).type):
                data = never.wounded(data, table, column, found[wound])
    found = never.passed(data)
    assert found <= whole
    if wound == "null":
        assert found == whole


def test_an_unknown_live_heap_is_no_absence_of_a_leak() -> None:
    data = never.small("sustained")
    for table, columns in never.LEAK_ONLY.items():
        for column in columns:
            for name in ("null", "last half null"):
                assert MEMORY not in never.passed(never.wounded(data, table, column, never.NULL[name])), (table, name)


# -- tables


@pytest.mark.parametrize("table", sorted(DEPENDS))
@pytest.mark.parametrize("part", ["absent", "no row", "first half", "last half", "one row"])
def test_nothing_passes_that_depends_on_a_table(table: str, part: str) -> None:
    data = never.small(scenario_for(table))
    frame = never.frame_of(data, table)
    half = len(frame) // 2
    rows = {"no row": frame.iloc[:0], "first half": frame.iloc[:half], "last half": frame.iloc[half:]}
    less = (
        made.cut(data, table)
        if part == "absent"
        else never.with_table(data, table, rows.get(part, frame.iloc[:1]).reset_index(drop=True))
    )
    depends = {one for criteria in DEPENDS[table].values() for one in criteria}
    if table in ("counts", "ticks", "processes") and part in ("first half", "last half"):
        depends &= {MEMORY} if table != "counts" and part == "last half" else set()
    assert not never.passed(less) & depends


# -- facts of the manifest

FACTS: dict[str, tuple[str, ...]] = {
    "intended_count": (P95, ERRORS),
    "workers": (P95, ERRORS),
    "calibration": (P95, ERRORS),
    "generator": (P95, ERRORS, MEMORY),
}
"""Facts on which a criterion depends. The marks of memory have the samples as a second witness (below)."""


def with_fact(data: RunData, name: str, *value: Any) -> RunData:
    """The run with another fact, or without it."""
    facts = {key: one for key, one in data.manifest.facts.items() if key != name} | ({name: value[0]} if value else {})
    return replace(data, manifest=data.manifest.model_copy(update={"facts": facts}))


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("value", [(), (None,), ("x",), (-1,), (float("nan"),), ([],), ({},), (True,)], ids=str)
def test_nothing_passes_that_depends_on_a_fact(name: str, value: tuple[Any, ...]) -> None:
    found = never.passed(with_fact(never.small("peak"), name, *value))
    assert not found & set(FACTS[name])


@pytest.mark.parametrize("value", [(), (None,), ("x",), (-1,), (0,), (float("nan"),), (True,)], ids=str)
def test_without_any_mark_of_memory_nothing_passes(value: tuple[Any, ...]) -> None:
    data = with_fact(never.small("peak"), "go_high_water_end_bytes", *value)
    assert MEMORY in never.passed(data), "the samples carry the mark of the kernel as well"
    assert MEMORY not in never.passed(never.wounded(data, "processes", "high_water_bytes", never.NULL["null"]))


@pytest.mark.parametrize("offsets", [{}, {"go": float("nan")}, {"go": float("inf")}, {"go": 1e9}])
def test_clocks_that_were_not_compared_pass_no_latency(offsets: dict[str, float]) -> None:
    data = never.small("peak")
    manifest = data.manifest.model_copy(update={"clock_offset_us": offsets})
    assert P95 not in never.passed(replace(data, manifest=manifest))


@pytest.mark.parametrize("changes", [{"started_ns": None}, {"ended_ns": None}, {"ended_ns": made.STARTED_NS}])
def test_a_window_that_is_not_told_is_never_longer_than_the_rows(changes: dict[str, Any]) -> None:
    data = never.small("peak")
    half = data.requests.iloc[: len(data.requests) // 2]
    manifest = data.manifest.model_copy(update=changes)
    assert never.passed(replace(data, manifest=manifest, requests=half)) == set()


# -- what a bundle refuses


@pytest.mark.parametrize("content", [[float("inf")], [1.5], ["x"]])
def test_a_bundle_refuses_what_a_column_cannot_hold(tmp_path: Any, content: list[Any]) -> None:
    bundle = RunBundle.create(tmp_path, never.small("peak").manifest.spec)
    table = pa.Table.from_pandas(pd.DataFrame({"intended_ns": content}), preserve_index=False)
    pq.write_table(table, bundle.directory / "requests" / "part-0.parquet")
    with pytest.raises(BundleError, match="column intended_ns is of type"):
        bundle.requests()


def test_a_column_that_a_file_lacks_reads_as_null(tmp_path: Any) -> None:
    bundle = RunBundle.create(tmp_path, never.small("peak").manifest.spec)
    table = pa.Table.from_pandas(pd.DataFrame({"intended_ns": [made.STARTED_NS]}), preserve_index=False)
    pq.write_table(table, bundle.directory / "requests" / "part-0.parquet")
    frame = bundle.requests()
    assert list(frame) == REQUESTS.names
    assert frame.drop(columns="intended_ns").isna().all(axis=None)

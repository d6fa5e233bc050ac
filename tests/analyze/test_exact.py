"""Exact counts: whatever way requests are split, they count to the same, and quantiles are those of sorting."""

from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze import exact
from fireai_analysis.analyze.data import Window
from fireai_analysis.analyze.exact import INFINITE, Counts, Windows, counted, counted_rows, merged
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.quantiles import nearest_rank, summary_ms
from fireai_analysis.errors import AnalysisError
from fireai_analysis.schemas import REQUESTS

NAMES = ["GET /b", "GET /a", "POST /a", ""]
VALUES = st.one_of(st.integers(0, 5), st.integers(0, 2**31 - 1), st.just(INFINITE))
REQUEST = st.tuples(st.sampled_from(NAMES), st.integers(0, 2), VALUES)


def of(requests: list[tuple[str, int, int]]) -> Counts:
    """Count some requests whose names come in the order in which they appear."""
    names = list(dict.fromkeys(name for name, _, _ in requests))
    codes = np.array([names.index(name) for name, _, _ in requests], np.int32)
    windows = np.array([window for _, window, _ in requests], np.int64)
    return counted(names, codes, np.array([value for *_, value in requests], np.int64), windows, 3)


def same(one: Counts, other: Counts) -> bool:
    return (
        one.endpoints == other.endpoints
        and one.windows_count == other.windows_count
        and np.array_equal(one.keys, other.keys)
        and np.array_equal(one.counts, other.counts)
    )


@given(st.lists(st.lists(REQUEST, max_size=20), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_any_split_in_any_order_merges_to_the_same(parts: list[list[tuple[str, int, int]]], chance) -> None:
    whole = of([request for part in parts for request in part])
    assert same(merged([whole]), whole)
    counts = [of(part) for part in parts]
    chance.shuffle(counts)
    assert same(merged(counts), whole)
    middle = chance.randint(0, len(counts))
    assert same(merged([merged([of([]), *counts[:middle]]), merged([of([]), *counts[middle:]])]), whole)


@given(st.lists(REQUEST, min_size=1, max_size=200), st.fractions(0, 1))
def test_quantiles_are_those_of_sorting(requests: list[tuple[str, int, int]], q: Fraction) -> None:
    counts = of(requests)
    for name in {name for name, _, _ in requests}:
        for window in (None, 0, 1, 2):
            chosen = [v for n, w, v in requests if n == name and window in (None, w)]
            _assert_as_sorted(counts.of(name, window), chosen, q)
            _assert_as_sorted(counts.all(window), [v for _, w, v in requests if window in (None, w)], q)


def _assert_as_sorted(spectrum: exact.Spectrum, values: list[int], q: Fraction) -> None:
    ordered = np.sort([np.inf if value == INFINITE else float(value) for value in values])
    assert spectrum.requests_count == len(values)
    assert spectrum.nearest_rank(q) == (nearest_rank(ordered, q) if values else None)
    found, known = spectrum.summary_ms(), summary_ms(ordered)
    assert found.model_dump(exclude={"mean"}) == known.model_dump(exclude={"mean"})
    assert found.mean == (None if known.mean is None else pytest.approx(known.mean, rel=1e-12))


def test_an_endpoint_that_is_not_there_has_no_requests() -> None:
    assert of([("GET /a", 0, 1)]).of("GET /c").requests_count == 0


def test_what_cannot_be_added_is_refused() -> None:
    part = counted(["a"], np.array([0]), np.array([1]))
    with pytest.raises(AnalysisError, match="different windows"):
        merged([part, of([("a", 0, 1)])])
    with pytest.raises(AnalysisError, match="the same"):
        counted(["a", "a"], np.array([0]), np.array([1]))
    with pytest.raises(AnalysisError, match="more than 2147483648 groups"):
        counted(["a", "b", "c"], np.array([0]), np.array([1]), np.array([0]), 2**30)


ROW = st.fixed_dictionaries(
    {
        "intended_ns": st.integers(-5, 45),
        "sent_ns": st.one_of(st.none(), st.integers(0, 50)),
        "service_us": st.one_of(st.none(), st.integers(-1, 9)),
        "endpoint": st.sampled_from(NAMES),
        "judged": st.one_of(st.none(), st.booleans()),
        "ok": st.booleans(),
        "error": st.sampled_from([None, "timeout", "status 500"]),
    }
)


@settings(max_examples=60)
@given(st.lists(ROW, min_size=1, max_size=40), st.integers(1, 9), st.sampled_from([3, 10**6]))
def test_rows_count_as_the_judged_population(rows: list[dict[str, object]], size: int, held: int) -> None:
    table = pa.Table.from_pylist(rows, pa.schema([REQUESTS.field(name) for name in rows[0]]))
    windows = Windows(first_ns=0, length_ns=10, count=4)
    batches = [table.slice(at, size) for at in range(0, len(rows), size)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "HELD_KEYS", held)
        counts = counted_rows(batches, windows=windows, least_us=1)
    frame = table.to_pandas()
    known = Rows(frame, Window(0, 40))
    values = known.durations_us("service_us")
    for name in NAMES:
        for window in range(4):
            cells = np.clip(frame["intended_ns"] // 10, 0, 3)
            inside = known.population & (frame["endpoint"] == name) & (cells == window)
            assert counts.of(name, window).summary_ms() == summary_ms(values[inside])


def _counted_file(path: Path) -> Counts:
    return counted_rows([pq.read_table(path)])


def test_partitions_counted_by_two_processes_are_the_whole_to_the_row(tmp_path: Path) -> None:
    """What an engine on many machines does: one task a file of the dataset, and a sum of what they return."""
    rng = np.random.default_rng(5)
    count = 4000
    columns = {name: pa.nulls(count, REQUESTS.field(name).type) for name in REQUESTS.names} | {
        "intended_ns": pa.array(np.arange(count)),
        "sent_ns": pa.array(np.arange(count)),
        "service_us": pa.array(rng.lognormal(11, 1, count).astype(np.int32)),
        "endpoint": pa.array(rng.choice(NAMES, count)).dictionary_encode(),
        "judged": pa.array(np.ones(count, np.bool_)),
        "ok": pa.array(rng.random(count) < 0.99),
    }
    table = pa.table([columns[name] for name in REQUESTS.names], schema=REQUESTS)
    cuts = [0, 1, 700, 2500, count]
    paths = [tmp_path / f"part-{number}.parquet" for number in range(4)]
    for path, begin, end in zip(paths, cuts, cuts[1:], strict=False):
        pq.write_table(table.slice(begin, end - begin), path)
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        parts = list(pool.map(_counted_file, paths))
    assert same(merged(parts[::-1]), counted_rows([table]))
    assert merged(parts).all().requests_count == int(np.sum(columns["ok"].to_numpy(zero_copy_only=False)))


def test_no_rows_count_to_nothing() -> None:
    assert counted_rows([]).all().summary_ms() == summary_ms(np.array([]))
    assert counted_rows([REQUESTS.empty_table()]).all().requests_count == 0


def test_endpoints_that_are_not_judged_do_not_occur() -> None:
    row = {"intended_ns": 1, "sent_ns": 1, "service_us": 1, "endpoint": "a", "judged": True, "ok": True}
    table = pa.Table.from_pylist([row, row | {"endpoint": "GET /health", "judged": False}], REQUESTS)
    assert counted_rows([table]).endpoints == ("a",)

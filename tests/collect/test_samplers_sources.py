"""Each source: known answers from real or scripted services, refusal of garbage."""

import json
import os
import subprocess
import sys
import time

import psutil
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.samplers import counts
from fireai_analysis.collect.samplers.go import GoSource, histogram_rows, memory_row, typed
from fireai_analysis.collect.samplers.host import HostSource, cpu_ratios
from fireai_analysis.collect.samplers.processes import ProcessSource, high_water_bytes, process_row
from fireai_analysis.collect.samplers.statements import LONGEST_TEXT, normalised
from fireai_analysis.errors import CollectionError
from fireai_analysis.platform.state import PlatformStatus
from fireai_analysis.schemas import SAMPLES
from tests.collect.http_stub import http, says, serving
from tests.collect.stub import target_at

MIB = 1 << 20
METRICS = {
    "pid": 7,
    "start_ns": 5,
    "t_ns": 6,
    "runtime": {"live_heap_bytes": 1000, "gc_count": 3, "gc_cpu_s": 0.5, "goroutines_count": "many"},
    "pool": {"max_count": 30, "acquire_wait_s": 1},
    "histograms": {"gc_pause": {"bounds_s": [None, 0.5, None], "counts": [1, 2]}, "sched_latency": {"counts": [1]}},
}


def fits(table: str, rows: list[dict]) -> bool:
    return pa.Table.from_pylist(rows, schema=SAMPLES[table]).num_rows == len(rows)


# -- go


def test_go_runtime_pool_and_histograms() -> None:
    with serving(says(METRICS)) as stub:
        reading = GoSource(stub.url, Clock()).read(2, snapshot=True)
    row = reading.tables["go"][0]
    assert (row["pid"], row["start_ns"], row["live_heap_bytes"], row["gc_cpu_s"]) == (7, 5, 1000, 0.5)
    assert row["goroutines_count"] is None
    assert row["total_bytes"] is None
    assert reading.tables["pool"][0]["max_count"] == 30
    assert [(one["name"], one["counts"]) for one in reading.tables["go_histograms"]] == [("gc_pause", [1, 2])]
    assert fits("go", reading.tables["go"])
    assert fits("pool", reading.tables["pool"])


def test_go_without_metrics_is_read_from_memory() -> None:
    memory = {"heap_alloc_mb": 2.5, "sys_mb": 10, "total_alloc_mb": 100, "num_gc": 4, "num_goroutines": 9}
    with serving(lambda c, p: c.sendall(http(json.dumps(memory).encode(), 200 if p == "/memory" else 404))) as stub:
        source = GoSource(stub.url, Clock())
        rows = [source.read(2, snapshot=True).tables for _ in range(2)]
    assert [list(tables) for tables in rows] == [["go"], ["go"]]
    row = rows[0]["go"][0]
    assert (row["heap_objects_bytes"], row["total_bytes"], row["gc_count"]) == (2.5 * MIB, 10 * MIB, 4)
    assert (row["live_heap_bytes"], row["pid"], row["start_ns"], row["gc_cpu_s"]) == (None, None, None, None)
    assert fits("go", rows[0]["go"])


@pytest.mark.parametrize("content", [{"runtime": 1}, {}, b"<html>", b"\xff\xfe", [1]])
def test_go_garbage_is_refused(content: object) -> None:
    with serving(says(content)) as stub, pytest.raises(CollectionError):
        GoSource(stub.url, Clock()).read(2, snapshot=True)


def test_memory_with_renamed_fields_is_refused() -> None:
    with pytest.raises(CollectionError, match="sys_mb"):
        memory_row({"sys_bytes": 1}, 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(SAMPLES["go"].names), json_values), json_values)
def test_whatever_comes_fits_the_table(runtime: dict, histograms: object) -> None:
    assert fits("go", [typed("go", runtime)])
    assert isinstance(histogram_rows({"histograms": histograms}, 1), list)


# -- host


def test_cpu_ratios_know_guests_and_standstill() -> None:
    before = {"user": 10.0, "guest": 5.0, "idle": 10.0, "steal": 0.0}
    now = {"user": 12.0, "guest": 7.0, "idle": 11.0, "steal": 1.0}
    assert cpu_ratios(before, now) == {"cpu_ratio": 0.75, "steal_ratio": 0.25, "iowait_ratio": 0.0}
    assert cpu_ratios(None, now)["cpu_ratio"] is None
    assert cpu_ratios(now, now)["cpu_ratio"] is None


def test_host_first_ratio_is_unknown_and_the_next_is_one() -> None:
    source = HostSource(Clock())
    first = source.read(1, snapshot=True).tables["host"][0]
    assert first["cpu_ratio"] is None
    while (row := source.read(1, snapshot=False).tables["host"][0])["cpu_ratio"] is None:
        sum(range(100_000))
    assert 0.0 <= row["cpu_ratio"] <= 1.0
    assert 0 < row["memory_used_bytes"] < row["memory_total_bytes"] == psutil.virtual_memory().total
    assert fits("host", [first, row])


# -- processes


def test_a_process_is_read_and_one_that_is_gone_is_a_lost_part() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    source = ProcessSource({"go": child.pid}, Clock(), runner_pid=os.getpid())
    reading = source.read(1, snapshot=False)
    row = next(row for row in reading.tables["processes"] if row["process"] == "go")
    assert reading.lost == {}
    assert row["pid"] == child.pid
    assert 0 < row["rss_bytes"] <= row["high_water_bytes"]
    assert fits("processes", reading.tables["processes"])
    child.communicate()
    assert source.read(1, snapshot=False).lost == {"processes/go": f"process {child.pid} is gone"}


def test_high_water_keeps_what_was_given_back() -> None:
    code = "import sys; x = b'1' * 100_000_000; del x; print(flush=True); sys.stdin.read()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    row = process_row(psutil.Process(child.pid))
    child.communicate()
    assert row["high_water_bytes"] > 100_000_000 > row["rss_bytes"]
    assert high_water_bytes(child.pid) is None


@pytest.mark.real
def test_postgres_is_one_process_without_counting_shared_memory_again(platform: PlatformStatus) -> None:
    postmaster = psutil.Process(platform.pids["postgres"])
    members = [postmaster, *postmaster.children(recursive=True)]
    row = process_row(postmaster, members[1:])
    assert len(members) > 5
    assert max(one.memory_info().rss for one in members) * 0.9 < row["rss_bytes"]
    assert row["rss_bytes"] < sum(one.memory_info().rss for one in members)
    assert row["high_water_bytes"] is None


# -- statements


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("SELECT  1\n", "SELECT 1"),
        ("SELECT 'it''s' || E'a\\'b' || $x$ secret $x$, \"na'me\" FROM t", 'SELECT ? || ? || ?, "na\'me" FROM t'),
        ("SELECT a -- secret\n, b /* secret */ FROM t", "SELECT a , b FROM t"),
        ("SELECT 'cut off in the mid", "SELECT ?"),
        ("SELECT 1 /* cut off", "SELECT 1"),
        ("CREATE ROLE x PASSWORD 'y'", None),
        ("alter user x with encrypted password $1", None),
        ("SELECT password_hash FROM users WHERE password = $1", "SELECT password_hash FROM users WHERE password = $1"),
        ("DO $$ BEGIN secret END $$", "DO ?"),
    ],
)
def test_statements_are_normalised(query: str, kept: str | None) -> None:
    assert normalised(query) == kept


@given(st.text("ab'\"$-/*\\ \nE", max_size=60))
def test_normalising_ends_and_keeps_no_literal(query: str) -> None:
    text = normalised(f"SELECT {query}")
    assert text is not None
    assert len(text) <= LONGEST_TEXT
    assert "\n" not in text


def test_long_statements_are_cut() -> None:
    assert len(normalised("SELECT " + "a, " * 1000) or "") == LONGEST_TEXT


# -- counts


def answered(start_ns: int, **requests_count: int) -> dict:
    entries = [{"method": "POST", "endpoint": path, "requests_count": count} for path, count in requests_count.items()]
    return {"start_ns": start_ns, "requests": [*entries, {"method": "GET", "endpoint": "x", "door": "other"}]}


def test_server_counts_are_differences_by_door() -> None:
    with serving(says(answered(1, a=2, b=5))) as stub:
        before, silent = counts.read(target_at(stub.url))
        stub.answer = says(answered(1, a=3, b=5, c=4))
        rows, restarted = counts.differences(before, counts.read(target_at(stub.url))[0])
    assert (silent, restarted) == ([], [])
    found = {(row["door"], row["endpoint"]): row["requests_count"] for row in rows}
    assert found == {(door, path): count for door in ("fastapi", "go") for path, count in (("a", 1), ("c", 4))}
    assert fits("counts", rows)


def test_counts_of_another_start_are_not_compared() -> None:
    with serving(says(answered(1, a=2))) as stub:
        before, _ = counts.read(target_at(stub.url))
        for later in (answered(2, a=9), answered(1, a=1)):
            stub.answer = says(later)
            rows, restarted = counts.differences(before, counts.read(target_at(stub.url))[0])
            assert rows == []
            assert len(restarted) == 2


def test_a_service_that_does_not_count_is_noted() -> None:
    with serving(says(b"", 404)) as stub:
        found, silent = counts.read(target_at(stub.url))
    assert found == {}
    assert silent == ["counts of fastapi not read: answered 404", "counts of go not read: answered 404"]


# -- the embedded platform


@pytest.mark.real
def test_the_embedded_go_service_delivers_every_column(platform: PlatformStatus) -> None:
    begun_ns = time.time_ns()
    reading = GoSource(platform.go_url, Clock()).read(2, snapshot=True)
    row, pool = reading.tables["go"][0], reading.tables["pool"][0]
    assert None not in row.values()
    assert None not in pool.values()
    assert row["pid"] == platform.pids["go"]
    assert begun_ns - 1e8 < row["t_ns"] < time.time_ns() + 1e8  # clocks of one machine
    assert pool["max_count"] == 30
    assert {one["name"] for one in reading.tables["go_histograms"]} == {"gc_pause", "sched_latency"}

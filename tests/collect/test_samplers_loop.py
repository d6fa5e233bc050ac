"""The loop, its journal and the conversion: nothing delays another source, and whatever was not delivered is told."""

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.samplers import convert
from fireai_analysis.collect.samplers.journal import JournalWriter, framed, journal_path, read_journal
from fireai_analysis.collect.samplers.loop import Loop, next_number
from fireai_analysis.collect.samplers.source import Reading
from fireai_analysis.errors import CollectionError
from tests.collect.stub import run_bundle, target_at

S = 1_000_000_000
INTERVAL_S = 0.02


class Scripted:
    """A source that does what the test says at each reading."""

    def __init__(self, name: str, read: Any) -> None:
        self.name, self._read, self.readings_count = name, read, 0
        self.read_often = threading.Event()

    def read(self, deadline_s: float, *, snapshot: bool) -> Reading:
        self.readings_count += 1
        if self.readings_count >= 10:
            self.read_often.set()
        found = self._read(self.readings_count)
        assert isinstance(found, Reading)
        return found

    def close(self) -> None:
        self.closed = True


def tick(sampler: str, number: int | None, t_s: float, **changes: Any) -> dict[str, Any]:
    content = {"sampler": sampler, "number": number, "t_ns": round(t_s * S), "reason": None, "lost": {}, "tables": {}}
    return {"kind": "tick", "cpu_s": 0.0} | content | changes


@pytest.fixture
def bundle(tmp_path: Path) -> RunBundle:
    return run_bundle(tmp_path, target_at("http://127.0.0.1:1"), "sustained")


def journal(bundle: RunBundle, *records: dict[str, Any], number: int = 0) -> Path:
    path = journal_path(bundle.journal_dir, number)
    writer = JournalWriter(path)
    for record in records:
        writer.append(record)
    writer.close()
    return path


# -- the loop


def test_a_source_that_hangs_delays_no_other(tmp_path: Path) -> None:
    released = threading.Event()
    well = Scripted("well", lambda count: Reading({"host": [{"t_ns": count}]}))
    stuck = Scripted("stuck", lambda count: (released.wait(30), Reading())[1])
    writer = JournalWriter(tmp_path / "j")
    loop = Loop([stuck, well], writer, clock=Clock(), interval_s=INTERVAL_S)
    loop.start()
    assert well.read_often.wait(20)
    assert stuck.readings_count == 1
    released.set()
    loop.stop()
    writer.close()
    records, _ = read_journal(tmp_path / "j")
    assert [record["kind"] for record in (records[0], records[-1])] == ["start", "end"]
    assert records[0]["samplers"] == ["stuck", "well"]
    assert well.closed
    assert [record["number"] for record in records if record.get("sampler") == "well"][-1] is None


def test_a_failure_is_journaled_and_the_next_tick_comes(tmp_path: Path) -> None:
    def read(count: int) -> Reading:
        if count == 2:
            raise CollectionError("connection refused")
        return Reading({"host": [{"t_ns": count}]})

    source = Scripted("host", read)
    writer = JournalWriter(tmp_path / "j")
    loop = Loop([source], writer, clock=Clock(), interval_s=INTERVAL_S)
    loop.start()
    assert source.read_often.wait(20)
    loop.stop()
    ticks = [record for record in read_journal(tmp_path / "j")[0] if record["kind"] == "tick"]
    assert [one["reason"] for one in ticks][:3] == [None, "connection refused", None]
    assert ticks[1]["tables"] == {}
    numbers = [one["number"] for one in ticks[:-1]]
    assert numbers == sorted(set(numbers))


@given(st.integers(0, 1000), st.floats(0, 100), st.sampled_from([0.5, 1.0, 5.0]))
def test_no_tick_starts_an_interval_late(number: int, took_s: float, interval_s: float) -> None:
    now_s = number * interval_s + took_s
    following = next_number(number, now_s, interval_s)
    assert following > number
    assert now_s - following * interval_s < interval_s


# -- the journal


def test_a_torn_line_is_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "j"
    lines = [framed({"n": n}) for n in range(3)]
    path.write_bytes(lines[0] + lines[1].replace(b"1", b"2") + lines[2] + lines[0][:-4])
    assert read_journal(path) == ([{"n": 0}, {"n": 2}], 2)


@given(st.integers(0, 200))
def test_every_cut_keeps_the_whole_lines_before_it(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    lines = [framed({"n": n, "text": "x" * n}) for n in range(6)]
    path = tmp_path_factory.mktemp("cut") / "j"
    path.write_bytes(b"".join(lines)[:cut])
    whole = [n for n in range(6) if sum(map(len, lines[: n + 1])) - 1 <= cut]
    assert [record["n"] for record in read_journal(path)[0]] == whole


# -- the conversion


def test_ticks_gaps_and_rows(bundle: RunBundle) -> None:
    row = {"t_ns": 1, "cpu_ratio": 0.5}
    journal(
        bundle,
        {"kind": "start", "t_ns": 0, "interval_s": 1.0, "own_intervals_s": {}, "samplers": ["host"]},
        tick("host", 0, 0, tables={"host": [row]}, cpu_s=0.25),
        tick("host", 1, 1, reason="connection refused", cpu_s=0.3),
        tick("host", 2, 2, reason="connection refused", cpu_s=0.4),
        tick("host", 3, 3, tables={"host": [row | {"t_ns": 3}]}, cpu_s=0.5),
        tick("host", None, 9, tables={"host": [row | {"t_ns": 9}]}),
        {"kind": "end", "t_ns": 9 * S, "cpu_s": 1.5},
    )
    facts = convert.convert(bundle, 9 * S)
    ticks, gaps, rows = (bundle.samples(name) for name in ("ticks", "gaps", "host"))
    assert ticks is not None
    assert gaps is not None
    assert rows is not None
    assert ticks[["sampler", "expected_count", "delivered_count", "cost_cpu_s"]].values.tolist() == [
        ["host", 10, 2, 0.5]
    ]
    assert gaps.values.tolist() == [
        ["host", 1 * S, 3 * S, "connection refused"],
        ["host", 3 * S, 9 * S, "the sampler was silent"],
    ]
    assert rows["t_ns"].tolist() == [1, 3, 9]
    assert facts["sampler_cpu_s"] == 1.5


def test_a_samplers_process_that_was_killed_leaves_its_rows_and_a_gap(bundle: RunBundle) -> None:
    start = {"kind": "start", "interval_s": 1.0, "own_intervals_s": {}, "samplers": ["host"]}
    killed = journal(bundle, start | {"t_ns": 0}, *(tick("host", n, n, cpu_s=n) for n in range(3)))
    killed.write_bytes(killed.read_bytes() + b'0badc0de {"kind":')
    journal(bundle, start | {"t_ns": 7 * S}, *(tick("host", n, 7 + n, cpu_s=n) for n in range(3)), number=1)
    facts = convert.convert(bundle, 9 * S)
    ticks, gaps = bundle.samples("ticks"), bundle.samples("gaps")
    assert ticks is not None
    assert gaps is not None
    assert ticks.iloc[0][["expected_count", "delivered_count", "cost_cpu_s"]].tolist() == [10, 6, 4.0]
    assert gaps.values.tolist() == [["host", 2 * S, 7 * S, "the sampler was silent"]]
    assert facts["sampler_damaged_lines_count"] == 1


def test_a_lost_part_is_a_gap_of_its_own_and_the_tick_counts(bundle: RunBundle) -> None:
    missing = {"postgres_statements": "relation does not exist"}
    journal(
        bundle,
        {"kind": "start", "t_ns": 0, "interval_s": 1.0, "own_intervals_s": {}, "samplers": ["postgres"]},
        tick("postgres", 0, 0, lost=missing),
        tick("postgres", 1, 1),
        tick("postgres", None, 2, lost=missing),
    )
    convert.convert(bundle, 2 * S)
    gaps, ticks = bundle.samples("gaps"), bundle.samples("ticks")
    assert gaps is not None
    assert ticks is not None
    assert gaps.values.tolist() == [["postgres_statements", 0, 2 * S, "relation does not exist"]]
    assert ticks["delivered_count"].tolist() == [2]


def test_the_pool_counts_as_a_sampler_where_the_service_has_one(bundle: RunBundle) -> None:
    pool = {"pool": [{"t_ns": 0, "max_count": 30}]}
    journal(
        bundle,
        {"kind": "start", "t_ns": 0, "interval_s": 1.0, "own_intervals_s": {}, "samplers": ["go"]},
        tick("go", 0, 0, tables=pool),
        tick("go", 1, 1),
    )
    convert.convert(bundle, 1 * S)
    ticks = bundle.samples("ticks")
    assert ticks is not None
    assert dict(zip(ticks["sampler"], ticks["delivered_count"], strict=True)) == {"go": 2, "pool": 1}


def test_no_gap_means_no_table_of_gaps(bundle: RunBundle) -> None:
    journal(
        bundle,
        {"kind": "start", "t_ns": 0, "interval_s": 1.0, "own_intervals_s": {}, "samplers": ["host"]},
        tick("host", 0, 0),
    )
    convert.convert(bundle, 1)
    assert bundle.samples("gaps") is None


def test_without_a_journal_nothing_is_written(bundle: RunBundle) -> None:
    assert convert.convert(bundle, 1)["restarts"] == []
    assert bundle.samples("ticks") is None


@pytest.mark.parametrize(
    ("tables", "restarted"),
    [
        ({"go": [{"t_ns": 1, "gc_count": 5}, {"t_ns": 2, "gc_count": 6}]}, []),
        ({"go": [{"t_ns": 1, "gc_count": 5}, {"t_ns": 2, "gc_count": 4}]}, [("go", "gc_count fell")]),
        ({"go": [{"t_ns": 1, "gc_count": None}, {"t_ns": 2, "gc_count": 4}]}, []),
        (
            {"processes": [{"t_ns": n, "process": "go", "start_ns": n, "cpu_s": 1.0} for n in (1, 2)]},
            [("go", "it has another start time")],
        ),
        ({"processes": [{"t_ns": n, "process": "generator", "start_ns": n, "cpu_s": 1.0} for n in (1, 2)]}, []),
        (
            {"postgres_database": [{"t_ns": n, "started_ns": 9, "commit_count": 3 - n} for n in (1, 2)]},
            [("postgres", "commit_count fell")],
        ),
    ],
)
def test_restarts(tables: dict[str, list[dict[str, Any]]], restarted: list[tuple[str, str]]) -> None:
    assert [(one["process"], one["evidence"]) for one in convert.restarts(tables)] == restarted

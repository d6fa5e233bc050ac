"""The recorder: rows, error texts, progress, samples, and what a row costs."""

import json
from pathlib import Path

import gevent
import pytest

from fireai_analysis.collect import journal
from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.generator import Generator
from fireai_analysis.collect.journal import Row, Writer, read
from fireai_analysis.collect.recorder import JUDGED, PROFILED, SETUP, SETUP_ENTRY, Recorder, nearest_rank
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.units import NS_PER_MS


def new_recorder(directory: Path) -> Recorder:
    writer = Writer(directory / "journal")
    return Recorder(writer, Clock(), duration_s=10, progress_path=directory / "generator.json")


def row(arrival: int, *, phase: int = JUDGED, entry: int = 0, error: int = 0, response_ms: int = 5) -> Row:
    return Row(phase, entry, 200, arrival, 0, 0, 1, response_ms * NS_PER_MS, 10, error, "app;dur=1.25, db;dur=3")


def test_rows_errors_and_phases_reach_the_journal(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    number = recorder.error_number("status 500")
    assert recorder.error_number(None) == 0
    assert recorder.error_number("status 500") == number
    recorder.sent(JUDGED, 0, 1)
    recorder.ended(row(0, error=number))
    recorder.enter("done")
    recorder.stop()
    content = read(tmp_path / "journal")
    assert content.of(journal.TEXT) == [{"id": number, "text": "status 500"}]
    assert content.of(journal.ROW) == [row(0, error=number)]
    assert [phase["phase"] for phase in content.of(journal.PHASE)] == ["done"]


def test_progress_counts_the_judged_window_only(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    recorder.due_count = lambda now_ns: 40
    recorder.enter("judged", started_ns=recorder.clock.now_ns() - 10**9)
    for number in range(20):
        recorder.sent(JUDGED, 0, (20 if number < 3 else 1) * NS_PER_MS)
        recorder.ended(row(number, error=number % 2, response_ms=number + 1))
    recorder.sent(SETUP, 0, 0)
    recorder.ended(row(0, phase=SETUP, error=1))
    recorder.sent(JUDGED, 0, 1)
    recorder.write_progress()
    progress = json.loads((tmp_path / "generator.json").read_text())
    expected = {"phase": "judged", "sent_count": 21, "done_count": 20, "failed_count": 10, "in_flight_count": 1}
    assert {key: progress[key] for key in expected} == expected
    assert (progress["intended_count"], progress["p95_ms"], progress["reason"]) == (40, 19.0, None)
    assert progress["elapsed_s"] >= 1
    assert recorder.late_count == 3


def test_the_p95_of_the_progress_is_of_judged_requests_in_the_judged_window(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    recorder.judged_entries = frozenset({0, 2})
    for phase, entry in ((SETUP, SETUP_ENTRY), (SETUP, 0), (JUDGED, 1), (PROFILED, 0)):
        recorder.ended(row(0, phase=phase, entry=entry, response_ms=900))
    assert recorder.refreshed().p95_ms is None
    for entry, response_ms in ((0, 5), (2, 7), (1, 900)):
        recorder.ended(row(0, entry=entry, response_ms=response_ms))
    assert recorder.refreshed().p95_ms == 7.0


def test_a_generator_tells_its_recorder_what_is_judged(tmp_path: Path) -> None:
    recorder, spec = new_recorder(tmp_path), run_spec("run", "peak", "smoke", load_target("embedded"), 1)
    Generator(spec, dict.fromkeys(spec.target.secret_names(), "s" * 64), recorder=recorder)
    judged = {number for number, entry in enumerate(spec.scenario.mix) if entry.action != "health"}
    assert recorder.judged_entries == judged


def test_a_sample_holds_the_figures_of_its_second(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    for lag_ms in (1, 2, 30):
        recorder.sent(JUDGED, 0, lag_ms * NS_PER_MS)
    recorder.ended(row(0))
    recorder.flush()
    first, second = recorder.health.sample(5), recorder.health.sample(5)
    counts = ("intended_count", "sent_count", "done_count", "send_lag_max_ms", "send_lag_p99_ms")
    assert [first[name] for name in counts] == [5, 3, 1, 30.0, 30.0]
    assert [second[name] for name in counts] == [0, 0, 0, None, None]
    assert first["loop_lag_p99_ms"] is None


def test_the_background_work_flushes_and_ticks(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    recorder.start()
    recorder.sent(JUDGED, 0, 1)
    recorder.ended(row(0))
    gevent.sleep(0.2)
    assert len(read(tmp_path / "journal").of(journal.ROW)) == 1
    recorder.stop()
    (tick,) = read(tmp_path / "journal").of(journal.TICK)
    assert tick["sent_count"] == tick["done_count"] == 1
    assert tick["loop_lag_max_ms"] is not None


def test_progress_is_replaced_whole(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    recorder.enter("setup")
    assert (tmp_path / "generator.json").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.mark.parametrize("ratio", [0.5, 0.95, 1.0])
def test_nearest_rank(ratio: float) -> None:
    assert nearest_rank([float(number) for number in range(1, 101)], ratio) == ratio * 100


def test_what_is_in_flight_when_the_window_ends_is_counted_once(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    for _ in range(5):
        recorder.sent(JUDGED, 0, 1)
    recorder.ended(row(0))
    assert recorder.in_flight_at_end_count is None
    recorder.enter("drain", ended_ns=recorder.clock.now_ns())
    for number in range(1, 5):
        recorder.ended(row(number))
    recorder.enter("done")
    assert recorder.in_flight_at_end_count == 4


def test_rows_wait_for_the_flush_but_never_more_than_256(tmp_path: Path) -> None:
    recorder = new_recorder(tmp_path)
    for number in range(255):
        recorder.ended(row(number))
    assert read(tmp_path / "journal").of(journal.ROW) == []
    recorder.ended(row(255))
    assert read(tmp_path / "journal").of(journal.ROW) == [row(number) for number in range(256)]
    recorder.ended(row(256))
    recorder.flush()
    assert read(tmp_path / "journal").of(journal.ROW)[-1] == row(256)
    assert recorder.progress.done_count == 257


def test_the_most_in_flight_of_a_second_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    recorder = Recorder(Writer(path), Clock(), duration_s=1.0, progress_path=None)
    for _ in range(3):
        recorder.sent(JUDGED, 0, 0)
    recorder.ended(row(0))
    recorder.ended(row(1))
    recorder.enter("drain")
    recorder.enter("done")
    recorder.flush()
    assert [tick["in_flight_count"] for tick in read(path).of(journal.TICK)] == [3, 1]

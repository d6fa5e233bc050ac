"""Locust's JSON: exact counts of ranges by endpoint, summed over the reports of its workers."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import locust_csv, locust_json
from fireai_analysis.ingest.found import Bounds, Format, Histogram, Item, LeftOut, Refused, Told, Totals
from fireai_analysis.ingest.source import Head, Source
from tests.ingest.fuzz import SAMPLES_DIR, assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import of, only

LIST, WORKERS = locust_json.FORMATS
ENTRY = {
    "name": "/a",
    "method": "GET",
    "last_request_timestamp": 1700000009.5,
    "start_time": 1700000000.25,
    "num_requests": 6,
    "num_none_requests": 1,
    "num_failures": 2,
    "total_response_time": 1500.5,
    "max_response_time": 1049.9,
    "min_response_time": 49.6,
    "total_content_length": 10,
    "response_times": {"50": 2, "300": 2, "1000": 1},
    "num_reqs_per_sec": {"1700000000": 6},
    "num_fail_per_sec": {},
}
REPORT = {
    "stats": [ENTRY],
    "stats_total": ENTRY,
    "errors": {"k": {"name": "/a", "method": "GET", "error": "gone", "occurrences": 2}},
    "user_count": 3,
    "client_id": "one",
}
OWN_LIST = json.dumps([ENTRY, ENTRY | {"name": "/b"}], indent=4).encode()
OWN_LINES = b"".join(
    json.dumps(REPORT | more).encode() + b"\n" for more in ({}, {"client_id": "two"}, {"user_count": 9})
)


def found(tmp_path: Path, data: bytes, format_: Format = LIST) -> list[Item]:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert [one for one in locust_json.FORMATS if one.recognises(Head(data, True))] == [format_]
    return list(format_.read(Source(path)))


def test_counts_by_step_become_counts_of_ranges(tmp_path: Path) -> None:
    items = found(tmp_path, OWN_LIST)
    histogram = of(items, Histogram)[0]
    assert (histogram.endpoint, histogram.method, histogram.failures_count) == ("/a", "GET", 2)
    assert histogram.low_us.tolist() == [49_500, 295_000, 995_000]
    assert histogram.high_us.tolist() == [50_500, 305_000, 1_050_000]
    assert histogram.counts.tolist() == [2, 2, 1]
    totals = of(items, Totals)[0]
    assert (totals.requests_count, totals.failures_count) == (6, 2)
    assert (totals.mean_ms, totals.min_ms, totals.max_ms) == (
        Bounds(300.1, 300.1),
        Bounds(49.6, 49.6),
        Bounds(1049.9, 1049.9),
    )
    told = only(items, Told)
    assert (told.started_ns, told.ended_ns) == (1_700_000_000_250_000_000, 1_700_000_009_500_000_000)
    assert told.notes == (locust_json.ROUNDED,)


def test_whole_times_are_taken_as_cut(tmp_path: Path) -> None:
    whole = ENTRY | {"min_response_time": 50, "max_response_time": 1049}
    items = found(tmp_path, json.dumps([whole], indent=4).encode())
    histogram = of(items, Histogram)[0]
    assert histogram.low_us.tolist() == [50_000, 295_000, 995_000]
    assert histogram.high_us.tolist() == [50_999, 305_999, 1_050_999]
    assert of(items, Totals)[0].max_ms == Bounds(1049, 1050)
    assert locust_json.CUT in only(items, Told).notes


def test_reports_of_workers_are_summed(tmp_path: Path) -> None:
    items = found(tmp_path, OWN_LINES, WORKERS)
    (totals,) = of(items, Totals)
    assert (totals.requests_count, totals.failures_count, totals.errors) == (18, 6, {"gone": 6})
    (histogram,) = of(items, Histogram)
    assert histogram.counts.tolist() == [6, 6, 3]
    assert only(items, Told).users_count == 12


def test_other_output_around_the_list_is_left_out(tmp_path: Path) -> None:
    items = found(tmp_path, b"[2026-01-01] INFO hello\n" + OWN_LIST + b"\nbye\n")
    assert of(items, LeftOut) == [LeftOut(locust_json.BESIDE, 2)]
    assert len(of(items, Totals)) == 2


def test_steps_that_are_not_locusts_own_tell_no_range(tmp_path: Path) -> None:
    odd = ENTRY | {"response_times": {"147": 5}}
    items = found(tmp_path, json.dumps([odd], indent=4).encode())
    assert not of(items, Histogram)
    assert only(items, Told).notes == (locust_csv.ODD_STEPS,)


def test_counts_that_do_not_sum_are_told(tmp_path: Path) -> None:
    odd = ENTRY | {"response_times": {"50": 1}}
    notes = only(found(tmp_path, json.dumps([odd], indent=4).encode()), Told).notes
    assert notes[-1] == locust_json.BROKEN_SUM.format(1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_requests": -1}, "num_requests is not a count"),
        ({"num_requests": 1.5}, "num_requests is not a count"),
        ({"total_response_time": None}, "total_response_time is not a number"),
        ({"response_times": []}, "response_times is no object of counts"),
        ({"response_times": {"x": 1}}, "response_times has a time that is not one"),
        ({"response_times": {"5": -1}}, "a number of response_times is not a count"),
        ({"name": 5}, "entry has no name"),
        ({"num_requests": 2**53 - 1}, "a count is not possible"),
    ],
)
def test_a_broken_entry_is_refused_by_itself(tmp_path: Path, change: dict, reason: str) -> None:
    data = json.dumps(REPORT).encode() + b"\n" + json.dumps(REPORT | {"stats": [ENTRY | change]}).encode()
    items = found(tmp_path, data, WORKERS)
    assert of(items, Refused) == [Refused(reason, 2)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [(b'{"stats": [', "is not JSON"), (b'{"stats": NaN}', "is not JSON"), (b"[" * 5000, "is not JSON")]
    + [(line, "is no report of a worker") for line in (b"{}", b"5", b'{"stats": 5}')],
)
def test_a_line_that_is_no_report_is_refused_by_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    items = found(tmp_path, OWN_LINES + line, WORKERS)
    assert of(items, Refused) == [Refused(reason, 4)]
    assert of(items, Totals)[0].requests_count == 18


def test_lines_of_another_format_are_given_up(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"{}\n" * 100_001)
    with pytest.raises(IngestError, match="no report of a worker in its first 100,000 lines"):
        list(WORKERS.read(Source(tmp_path / "file")))


def test_a_list_without_entries_and_a_cut_list_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="is not JSON"):
        found(tmp_path, OWN_LIST[:-9])
    (tmp_path / "none").write_bytes(b"[\n]")
    with pytest.raises(IngestError, match="no statistics"):
        list(LIST.read(Source(tmp_path / "none")))


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the files of others are not here")
def test_reports_kept_by_taurus_are_the_sums_of_their_lines() -> None:
    (path,) = [path for path in sample_files("locust") if path.suffix == ".ldjson"]
    entries = [entry for line in path.read_text().splitlines() for entry in json.loads(line)["stats"]]
    (totals,) = of(items := list(WORKERS.read(Source(path))), Totals)
    succeeded = sum(entry["num_requests"] for entry in entries)
    failed = sum(entry["num_failures"] for entry in entries)
    assert (succeeded, failed) == (500, 3985)
    assert (totals.requests_count, totals.failures_count) == (succeeded + failed, failed)
    assert totals.errors == {"CatchResponseError('DENIED: wrong data',)": 3985}
    (histogram,) = of(items, Histogram)
    assert (histogram.counts.sum(), histogram.failures_count) == (succeeded, 0)
    steps = np.repeat(
        [int(step) for entry in entries for step in entry["response_times"]],
        [times for entry in entries for times in entry["response_times"].values()],
    )
    p95 = np.sort(steps)[int(np.ceil(0.95 * succeeded)) - 1]
    place = np.searchsorted(histogram.counts.cumsum(), np.ceil(0.95 * succeeded))
    assert histogram.low_us[place] <= p95 * 1000 <= histogram.high_us[place]
    told = only(items, Told)
    assert told.users_count == 501
    assert locust_csv.ADDED in told.notes


SEEDS = seeds([path for path in sample_files("locust") if path.suffix == ".ldjson"], [OWN_LIST, OWN_LINES], 3000)


@fuzzed
@given(st.sampled_from(locust_json.FORMATS), st.sampled_from(SEEDS).flatmap(mutations))
def test_any_bytes_are_read_or_refused(tmp_path: Path, format_: Format, data: bytes) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)

"""Locust's CSV files of every generation: the counts and times as the file tells them, and no more than it tells."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import locust_csv, locust_failures, locust_history
from fireai_analysis.ingest.found import Bounds, Format, Item, LeftOut, Refused, Told, Totals
from fireai_analysis.ingest.locust_steps import bounds, range_us, step_of
from fireai_analysis.ingest.source import Head, Source
from tests.ingest.fuzz import SAMPLES_DIR, assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import of, only

STATS, DISTRIBUTION = locust_csv.FORMATS
FAILURES, EXCEPTIONS = locust_failures.FORMATS
HISTORY = locust_history.FORMAT
FORMATS = (STATS, DISTRIBUTION, HISTORY, FAILURES, EXCEPTIONS)

NEW = b"""Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,\
Max Response Time,Average Content Size,Requests/s,Failures/s,50%,66%,75%,80%,90%,95%,98%,99%,99.9%,99.99%,100%\r
GET,/a,20,1,50,60.25,40.5,304.75,10,2.0,0.1,50,51,52,53,60,300,300,300,300,300,300\r
POST,/a,4,0,41.5,41.5,41.5,41.5,10,0.4,0.0,42,42,42,42,42,42,42,42,42,42,42\r
,Aggregated,24,1,49,57.125,40.5,304.75,10,2.4,0.1,49,50,51,52,60,300,300,300,300,300,300\r
"""
V013 = b"""\
"Type","Name","# requests","# failures","Median response time","Average response time","Min response time",\
"Max response time","Average Content Size","Requests/s","Requests Failed/s","50%","95%","99.999","100%"
"GET","/a",3,0,98,104,75,140,289,0.05,0.00,98,140,140,140
"None","Aggregated",3,0,98,104,75,140,289,0.05,0.00,98,140,140,140"""
V09 = b"""\
"Method","Name","# requests","# failures","Median response time","Average response time","Min response time",\
"Max response time","Average Content Size","Requests/s"
"GET","/a",51,0,4,3,2,6,12274,0.89
"GET","/gone",0,56,0,0,0,0,0,0.00
"None","Total",51,56,4,3,2,6,12274,0.89"""
OLD_DISTRIBUTION = b"""\
"Name","# requests","50%","66%","75%","80%","90%","95%","98%","99%","100%"
"GET /a b",31,4,4,4,4,4,4,4,4,150
"/gone",0,"N/A","N/A","N/A","N/A","N/A","N/A","N/A","N/A","N/A"
"None Total",31,4,4,4,4,4,4,4,4,150"""
COURSE = b"""Timestamp,User Count,Type,Name,Requests/s,Failures/s,50%,100%,Total Request Count,Total Failure Count,\
Total Median Response Time,Total Average Response Time,Total Min Response Time,Total Max Response Time,\
Total Average Content Size\r
1700000000,0,,Aggregated,0.0,0.0,N/A,N/A,0,0,0,0.0,0,0,0\r
1700000001,7,GET,/a,0.0,0.0,4,4,10,1,4,4.5,3.5,6.5,0\r
1700000001,7,,Aggregated,0.0,0.0,4,4,10,1,4,4.5,3.5,6.5,0\r
1700000003,5,,Aggregated,0.0,0.0,4,4,12,1,4,4.5,3.5,6.5,0\r
"""
FAILED = b"""Method,Name,Error,Occurrences,First Seen,Last Seen\r
GET,/a,"HTTPError(""404, not found"")",3,2026-01-01T00:00:00Z,2026-01-01T00:00:09Z\r
GET,/a,"two
lines",2,2026-01-01T00:00:00Z,2026-01-01T00:00:09Z\r
POST,/a,gone,1,,\r
"""
RAISED = b'Count,Message,Traceback,Nodes\r\n3,boom,"  File ""a.py""\r\n\r\n    raise",local\r\n2,bang,x,local\r\n'
OWN = [NEW, V013, V09, OLD_DISTRIBUTION, COURSE, FAILED, RAISED]


def found(tmp_path: Path, data: bytes, format_: Format | None = None) -> list[Item]:
    path = tmp_path / "file"
    path.write_bytes(data)
    reader = format_ or claimant(data)
    return list(reader.read(Source(path)))


def claimant(data: bytes) -> Format:
    (one,) = [format_ for format_ in FORMATS if format_.recognises(Head(data, True))]
    return one


def totals(items: list[Item]) -> dict[tuple[str | None, str | None], Totals]:
    return {(one.endpoint, one.method): one for one in items if isinstance(one, Totals)}


def test_statistics_since_1_0_are_ranges_as_wide_as_the_rounding(tmp_path: Path) -> None:
    items = found(tmp_path, NEW, STATS)
    rows = totals(items)
    assert set(rows) == {("/a", "GET"), ("/a", "POST"), (None, None)}
    whole = rows[None, None]
    assert (whole.requests_count, whole.failures_count) == (24, 1)
    assert whole.quantiles_ms[0.5] == Bounds(48.5, 49.5)
    assert whole.quantiles_ms[0.95] == Bounds(295, 305)  # 304.75 ms was reported as 300
    assert whole.quantiles_ms[0.9999] == Bounds(295, 305)
    assert (whole.mean_ms, whole.min_ms, whole.max_ms) == (
        Bounds(57.125, 57.125),
        Bounds(40.5, 40.5),
        Bounds(304.75, 304.75),
    )
    assert only(items, Told).duration_s == pytest.approx(10)
    assert only(items, Told).notes == (locust_csv.ROUNDED, locust_csv.NEXT_RANK, locust_csv.TAIL)


def test_whole_milliseconds_may_have_lost_a_fraction(tmp_path: Path) -> None:
    items = found(tmp_path, V013, STATS)
    row = totals(items)["/a", "GET"]
    assert row.quantiles_ms == {
        0.5: Bounds(97.5, 99),
        0.95: Bounds(135, 146),
        0.99999: Bounds(135, 146),
        1.0: Bounds(135, 146),
    }
    assert (row.mean_ms, row.min_ms, row.max_ms) == (Bounds(104, 106), Bounds(75, 76), Bounds(140, 141))
    assert locust_csv.CUT in only(items, Told).notes


def test_failures_that_an_old_version_counted_beside_the_requests_are_added(tmp_path: Path) -> None:
    items = found(tmp_path, V09, STATS)
    rows = totals(items)
    assert (rows[None, None].requests_count, rows[None, None].failures_count) == (107, 56)
    assert (rows["/gone", "GET"].requests_count, rows["/gone", "GET"].quantiles_ms) == (56, {})
    assert rows[None, None].quantiles_ms == {0.5: Bounds(3.5, 5)}
    assert locust_csv.ADDED in only(items, Told).notes


def test_old_names_are_split_into_method_and_path(tmp_path: Path) -> None:
    rows = totals(found(tmp_path, OLD_DISTRIBUTION, DISTRIBUTION))
    assert set(rows) == {("/a b", "GET"), ("/gone", None), (None, None)}
    assert rows[None, None].failures_count is None
    assert rows[None, None].quantiles_ms[1.0] == Bounds(145, 156)


def test_history_tells_time_and_users_and_its_last_totals(tmp_path: Path) -> None:
    items = found(tmp_path, COURSE, HISTORY)
    assert LeftOut(locust_history.RUNNING, 4) in items
    assert totals(items)[None, None].requests_count == 12
    assert only(items, Told).started_ns == 1_700_000_000 * 10**9
    assert only(items, Told).ended_ns == 1_700_000_003 * 10**9
    assert only(items, Told).users_count == 7
    assert locust_history.RESTARTED not in only(items, Told).notes
    again = found(tmp_path, COURSE + b"1700000009,1,,Aggregated,0.0,0.0,4,4,1,0,4,4.5,3.5,6.5,0\r\n", HISTORY)
    assert locust_history.RESTARTED in only(again, Told).notes


def test_failures_are_counted_by_text(tmp_path: Path) -> None:
    rows = totals(found(tmp_path, FAILED, FAILURES))
    assert rows["/a", "GET"].errors == {'HTTPError("404, not found")': 3, "two\nlines": 2}
    assert rows[None, None].failures_count == 6
    assert totals(found(tmp_path, b"Method,Name,Error,Occurrences\r\n", FAILURES))[None, None].failures_count == 0


def test_a_count_of_failures_that_was_being_written_is_not_taken(tmp_path: Path) -> None:
    since_1_1 = b"Method,Name,Error,Occurrences\r\nGET,/a,gone,205\r\nGET,/b,gone,20"
    items = found(tmp_path, since_1_1, FAILURES)
    assert of(items, Refused) == [Refused("truncated last line", 3)]
    assert totals(items)[None, None].failures_count == 205
    before = b'"Method","Name","Error","Occurrences"\n"GET","/a","gone",205'  # whole: written without a last line end
    assert totals(found(tmp_path, before, FAILURES))[None, None].failures_count == 205


def test_exceptions_are_no_requests_and_no_failures(tmp_path: Path) -> None:
    items = found(tmp_path, RAISED, EXCEPTIONS)
    assert items[0] == LeftOut(locust_failures.TASKS, 5)
    assert not totals(items)
    assert only(items, Told).notes[0].endswith("3 exceptions in tasks, no requests and no failures: boom")
    assert found(tmp_path, b"Count,Message,Traceback,Nodes\r\n", EXCEPTIONS) == [Told()]


@pytest.mark.parametrize(
    ("damaged", "reason", "line"),
    [
        (NEW.replace(b"POST,/a,4", b"POST,/a,x"), "requests is not a number", 3),
        (NEW.replace(b"POST,/a,4", b"POST,/a,-4"), "requests is not a count", 3),
        (NEW.replace(b"POST,/a,4,0", b"POST,/a\0,4,0"), "NUL bytes", 3),
        (NEW.replace(b"POST,/a,4,0,", b"POST,/a,4,"), "not enough columns", 3),
        (NEW.replace(b"POST,/a", b"POST,/,a"), "too many columns", 3),
        (NEW.replace(b"POST,/a", b'POST,"/a'), "a quote does not close", 3),
        (NEW.replace(b"POST", b"GET"), "endpoint comes twice", 3),
        (NEW[:-4], "truncated last line", 4),
        (NEW.replace(b",42,42,42\r", b",42,42,1e9999\r"), "percentile is not a number", 3),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_row_costs_itself_alone(tmp_path: Path, damaged: bytes, reason: str, line: int) -> None:
    items = found(tmp_path, damaged, STATS)
    assert of(items, Refused) == [Refused(reason, line)]
    assert len(totals(items)) == 2


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n", b"\r"], ids=["LF", "CR LF", "CR CR LF", "CR"])
def test_any_line_end_gives_the_same(tmp_path: Path, end: bytes) -> None:
    assert found(tmp_path, NEW.replace(b"\r\n", end)) == found(tmp_path, NEW)


def test_bytes_of_another_encoding_are_kept_as_escapes(tmp_path: Path) -> None:
    assert ("/\\xb5\\xc4", "GET") in totals(found(tmp_path, NEW.replace(b"GET,/a", b"GET,/\xb5\xc4")))


def test_what_does_not_agree_within_a_file_is_told(tmp_path: Path) -> None:
    notes = only(found(tmp_path, NEW.replace(b",Aggregated,24,1", b",Aggregated,24,9")), Told).notes
    assert notes[-1] == "The endpoints sum to 24 requests and 1 failures, the row of all says 24 and 9."
    odd = found(tmp_path, NEW.replace(b",300\r", b",147\r"))
    assert locust_csv.ODD_STEPS in only(odd, Told).notes
    assert 1.0 not in totals(odd)[None, None].quantiles_ms
    small = only(found(tmp_path, NEW.replace(b",300\r", b",30\r")), Told).notes
    assert small[-1].startswith("In 2 rows the longest time does not fit")


@pytest.mark.parametrize("data", [b"Type,Name,Request Count,Failure Count,Median Response Time\n", NEW[:200]])
def test_a_table_without_rows_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(IngestError, match="no row that can be read"):
        found(tmp_path, data, STATS)


@given(st.integers(0, 40_000_000))
def test_every_time_lies_in_the_range_of_the_step_that_it_rounds_to(time_us: int) -> None:
    step = int(step_of(time_us / 1000))
    first, last = range_us(step, cut=False)
    assert first <= time_us <= last
    wide = bounds(step, cut=False)
    assert wide.low * 1000 <= time_us <= wide.high * 1000


@given(st.integers(0, 40_000_000))
def test_a_time_cut_to_whole_milliseconds_lies_in_the_range_of_its_step(time_us: int) -> None:
    step = int(step_of(time_us // 1000))
    first, last = range_us(step, cut=True)
    assert first <= time_us <= last
    wide = bounds(step, cut=True)
    assert wide.low * 1000 <= time_us <= wide.high * 1000


@pytest.mark.parametrize("cut", [False, True])
def test_ranges_of_steps_touch_and_do_not_overlap(cut: bool) -> None:
    steps = [*range(100), *range(100, 1000, 10), *range(1000, 10_000, 100), *range(10_000, 99_000, 1000)]
    ranges = np.array([range_us(step, cut=cut) for step in steps])
    assert (ranges[1:, 0] == ranges[:-1, 1] + 1).all()


def locust_percentile(times_ms: list[float], probability: float) -> float:
    """As `calculate_response_time_percentile` of Locust, over its rounded times."""
    counts: dict[float, int] = {}
    for time in times_ms:
        counts[step_of(time)] = counts.get(step_of(time), 0) + 1
    below = len(times_ms)
    for step in sorted(counts, reverse=True):
        below -= counts[step]
        if below <= int(len(times_ms) * probability):
            return step
    raise AssertionError


@given(st.lists(st.floats(0, 20_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_what_locust_prints_differs_by_its_rounding_and_by_one_rank_alone(times: list[float], p: float) -> None:
    """Aggregated against ours: the request of rank floor(n p) + 1, rounded; ours is the one of rank ceil(n p)."""
    wide = bounds(locust_percentile(times, p), cut=False)
    assert wide.low <= sorted(times)[int(len(times) * p)] <= wide.high


# What the files of others hold, read beside the reader: name, then requests, failures and 95 % of the row of all.
REAL = {
    "ONSdigital__eq-survey-runner-benchmark__doc__performance-investigations__0003-session-performance__"
    "baseline_1_client_stats.csv": (644, 0, 130),
    "ONSdigital__eq-survey-runner-benchmark__runner-benchmark-3wr-wb5zz_output_stats.csv": (33_246, 0, 120),
    "ONSdigital__eq-survey-runner-benchmark__doc__performance-testing__k8s__0003-relationship-tests-sep-2020__outputs__"
    "5_household_members_output_stats.csv": (131_812, 0, 84),
    "Parkietje__load-test__test_stats.csv": (41, 0, 120_000),
    "Tomaskoss__Locust_DP_repo__report_stats@f21a11c6.csv": (3, 0, 1300),
    "bistrulli__SoY-locust__runtime_data__exp_stats.csv": (0, 0, None),
    "erenyildiz23__ConnectFourPro__test_results__load_tests__locust_reports__locust_50users_stats.csv": (96, 0, 30),
    "imenchihaoui__Lab2_azureclouds__part2_stats.csv": (205, 205, 320),
    "isNeil__neuro__locust_stats.csv": (240, 0, 2000),
    "jenkinsci__performance-plugin__src__test__resources__test_results_stats.csv": (71_464, 10_000, 570),
    "jmath1__ChatOps-LocustIO__example_distribution.csv": (635, None, 6),
    "jmath1__ChatOps-LocustIO__example_requests.csv": (635, 1, None),
    "natalia-zenfolio__media-server-project__output_distribution@176da082.csv": (18, None, 3600),
    "natalia-zenfolio__media-server-project__output_requests.csv": (8, 0, None),
    "rishabhpoddar__llm-inference__results__locust_stats.csv": (608, 0, 93_000),
    "zhajiangmian2342__20200823__locust_stats.csv": (15, 0, 88),
    "imenchihaoui__Lab2_azureclouds__part2_failures.csv": (None, 205, None),
    "teoPalomino__budget-lens-backend__results_failures.csv": (None, 89_410, None),
    "ONSdigital__eq-survey-runner-benchmark__runner-benchmark-3wr-wb5zz_output_stats_history.csv": (32_919, 0, None),
    "isNeil__neuro__locust_stats_history.csv": (190, 0, None),
    "ONSdigital__eq-survey-runner-benchmark__doc__performance-investigations__0003-session-performance__"
    "baseline_1_client_stats_history.csv": (644, 0, None),
}


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the files of others are not here")
@pytest.mark.parametrize("name", REAL)
def test_files_of_others_hold_what_they_say(name: str) -> None:
    path = SAMPLES_DIR / "locust" / name
    items = list(claimant(path.read_bytes()).read(Source(path)))
    assert not of(items, Refused)
    whole = totals(items)[None, None]
    requests, failures, p95 = REAL[name]
    assert (whole.requests_count, whole.failures_count) == (requests, failures)
    assert (0.95 in whole.quantiles_ms) == (p95 is not None)
    if p95 is not None:
        assert whole.quantiles_ms[0.95].low < p95 < whole.quantiles_ms[0.95].high


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the files of others are not here")
def test_every_row_of_files_of_others_is_taken() -> None:
    for path in sample_files("locust"):
        if path.name.endswith("_stats.csv"):
            told_rows = sum(1 for _ in plain_rows(path))
            assert len(totals(list(STATS.read(Source(path))))) == told_rows


def plain_rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="latin-1", newline="") as stream:
        lines = csv.reader(line for line in stream.read().splitlines() if line.strip())
        next(lines)
        yield from lines


SEEDS = seeds([path for path in sample_files("locust") if path.suffix == ".csv"], OWN, 3000)
PAIRS = [(claimant(seed), seed) for seed in SEEDS] + list(
    zip(FORMATS, [FAILED, NEW, V013, RAISED, COURSE], strict=True)
)


@fuzzed
@given(st.sampled_from(PAIRS).flatmap(lambda pair: st.tuples(st.just(pair[0]), mutations(pair[1]))))
def test_any_bytes_are_read_or_refused(tmp_path: Path, pair: tuple[Format, bytes]) -> None:
    assert_reads_or_refuses(*pair, tmp_path)

"""k6's samples as CSV and JSON lines: a request of each duration, judged as k6 judged it."""

import csv
import gzip
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.analyze.quantiles import nearest_rank, rank
from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import k6_rows, k6_samples
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Rows, Told
from fireai_analysis.ingest.source import Head, Source
from tests.ingest.fuzz import SAMPLES_DIR, assert_reads_or_refuses, fuzzed, mutations, sample_files
from tests.ingest.reading import of, only

CSV, LINES = k6_rows.FORMATS
HEADER = (
    b"metric_name,timestamp,metric_value,check,error,error_code,expected_response,method,name,status,url,extra_tags\n"
)
ROWS = b"""\
http_reqs,1700000001,1.000000,,,,true,GET,/a,200,/a,
http_req_duration,1700000001,245.591442,,,,true,GET,/a,200,/a,
http_req_blocked,1700000001,177.281987,,,,true,GET,/a,200,/a,
http_req_failed,1700000001,0.000000,,,,true,GET,/a,200,/a,
http_reqs,1700000002,1.000000,,,1404,false,POST,/b,404,/b,
http_req_duration,1700000002,10.5,,,1404,false,POST,/b,404,/b,
http_req_failed,1700000002,1.000000,,,1404,false,POST,/b,404,/b,
http_req_duration,1700000003,0.000000,,"dial, refused",1212,false,GET,,0,/c,
http_req_failed,1700000003,1.000000,,"dial, refused",1212,false,GET,,0,/c,
checks,1700000003,0.000000,is fast,,,,,,,,
vus,1700000003,7.000000,,,,,,,,,
grpc_req_duration,1700000003,7.000000,,,,,,,,,
"""
OWN_CSV = HEADER + ROWS


def point(metric: str, value: float, at: str = "2023-09-08T21:03:10.549397854+02:00", **tags: str) -> bytes:
    told = {"metric": metric, "type": "Point", "data": {"time": at, "value": value, "tags": tags}}
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


TAGS = {"expected_response": "true", "method": "GET", "name": "/a", "status": "200", "vu": "3"}
OWN_LINES = (
    b'{"type":"Metric","data":{"name":"http_reqs","type":"counter"},"metric":"http_reqs"}\n'
    + point("http_reqs", 1, **TAGS)
    + point("http_req_duration", 121.233058, **TAGS)
    + point("http_req_failed", 0, **TAGS)
    + point("vus", 4)
)


def found(tmp_path: Path, data: bytes) -> list[Item]:
    path = tmp_path / "file"
    path.write_bytes(data)
    (one,) = [format_ for format_ in k6_rows.FORMATS if format_.recognises(Source(path).head())]
    return list(one.read(Source(path)))


def table(items: list[Item]) -> pa.Table:
    return pa.concat_tables([item.table for item in items if isinstance(item, Rows)])


def test_a_duration_is_a_request_and_nothing_else_is(tmp_path: Path) -> None:
    items = found(tmp_path, OWN_CSV)
    rows = table(items).to_pydict()
    assert rows["service_us"] == [245_591, 10_500, None]
    assert rows["sent_ns"] == [1_700_000_000_754_408_558, 1_700_000_001_989_500_000, 1_700_000_003_000_000_000]
    assert rows["endpoint"] == ["/a", "/b", "/c"]
    assert rows["method"] == ["GET", "POST", "GET"]
    assert rows["status"] == [200, 404, 0]
    assert rows["ok"] == [True, False, False]
    assert rows["error"] == [None, "k6 error code 1404", "dial, refused"]
    assert rows["intended_ns"] == rows["user"] == rows["response_bytes"] == [None] * 3
    assert {one.reason: one.count for one in of(items, LeftOut)} == {
        k6_samples.PARTS: 6,
        k6_samples.NO_REQUESTS: 2,
        k6_samples.NOT_HTTP: 1,
    }
    told = only(items, Told)
    assert told.users_count == 7
    assert told.notes[:3] == (k6_samples.ENDS, k6_samples.WHOLE_SECONDS, k6_samples.NO_CONNECTION.format(1))


def test_json_lines_keep_the_time_to_the_nanosecond(tmp_path: Path) -> None:
    items = found(tmp_path, OWN_LINES)
    rows = table(items).to_pydict()
    assert rows["sent_ns"] == [1_694_199_790_549_397_854 - 121_233_058]
    assert (rows["service_us"], rows["user"], rows["ok"]) == ([121_233], [2], [True])
    assert of(items, Told) == [Told(users_count=4, notes=(k6_samples.ENDS,))]


def test_compressed_is_the_same(tmp_path: Path) -> None:
    assert table(found(tmp_path, gzip.compress(OWN_CSV))).equals(table(found(tmp_path, OWN_CSV)))


@pytest.mark.parametrize(
    "time", ["1700000001000", "1700000001000000", "1700000001000000000", "2023-11-14T22:13:21Z"], ids=len
)
def test_any_format_of_time_that_k6_offers_is_read(tmp_path: Path, time: str) -> None:
    data = HEADER + ROWS.splitlines(keepends=True)[1].replace(b"1700000001", time.encode())
    assert table(found(tmp_path, data))["sent_ns"].to_pylist() == [1_700_000_000_754_408_558]


def test_without_its_tag_a_request_is_judged_by_the_sample_that_follows(tmp_path: Path) -> None:
    head = HEADER.replace(b"expected_response,", b"")
    data = head + ROWS.replace(b",true,", b",").replace(b",false,", b",")
    data = data.replace(b"fast,,,,,,,,", b"fast,,,,,,,").replace(b"000,,,,,,,,,\n", b"000,,,,,,,,\n")
    items = found(tmp_path, data)
    assert table(items)["ok"].to_pylist() == [True, False, False]
    assert not of(items, Refused)
    # the tool may take a 404 as expected: what it says counts, not the status
    taken = data.replace(b"http_req_failed,1700000002,1.0", b"http_req_failed,1700000002,0.0")
    assert table(found(tmp_path, taken))["ok"].to_pylist() == [True, True, False]


def test_what_k6_said_of_another_request_does_not_count(tmp_path: Path) -> None:
    rows = b"http_req_duration,1700000001,5,,,,GET,/a,200,/a,\nhttp_req_failed,1700000001,1,,,,GET,/b,200,/b,\n"
    items = found(tmp_path, HEADER.replace(b"expected_response,", b"") + rows)
    assert table(items)["ok"].to_pylist() == [True]


def test_what_k6_did_not_judge_is_judged_by_its_status_and_said(tmp_path: Path) -> None:
    head = HEADER.replace(b"expected_response,", b"")
    rows = b"".join(b"http_req_duration,1700000001,5,,,,GET,/a,%d,/a,\n" % status for status in (200, 399, 400, 503, 0))
    items = found(tmp_path, head + rows)
    assert table(items)["ok"].to_pylist() == [True, True, False, False, False]
    assert k6_samples.BY_STATUS.format(5) in only(items, Told).notes
    nothing = head + rows.replace(b",503,", b",,")
    assert of(found(tmp_path, nothing), Refused) == [Refused("nothing tells whether the request failed", 5)]


def test_iterations_that_k6_dropped_are_told(tmp_path: Path) -> None:
    dropped = b"dropped_iterations,1700000003,5.0,,,,,,,,,\n" * 2
    assert k6_samples.NEVER_SENT.format(10) in only(found(tmp_path, OWN_CSV + dropped), Told).notes


@pytest.mark.parametrize("status", ["\u00b2", "200 OK", "-1", "1000"])
def test_a_status_that_is_no_number_is_no_answer(tmp_path: Path, status: str) -> None:
    tags = TAGS | {"expected_response": "", "status": status}
    items = found(tmp_path, point("http_req_duration", 5, **tags))
    assert (table(items)["status"].to_pylist(), table(items)["ok"].to_pylist()) == ([0], [False])


def test_samples_that_are_added_up_count_as_those_that_are_taken_apart(tmp_path: Path) -> None:
    apart = OWN_CSV.replace(b",1.000000,", b",1.0,").replace(b",0.000000,", b",0.0,")
    assert apart != OWN_CSV
    assert only(found(tmp_path, apart), Told) == only(found(tmp_path, OWN_CSV), Told)
    more = OWN_LINES + point("http_req_failed", 1, **TAGS)
    odd = more.replace(b'"value":1,', b'"value":1.0,').replace(b'"value":0,', b'"value":0.0,')
    assert only(found(tmp_path, odd), Told) == only(found(tmp_path, more), Told)


def test_counts_of_k6_that_the_rows_do_not_reach_are_told(tmp_path: Path) -> None:
    lost = OWN_CSV.replace(b"http_req_duration,1700000002", b"http_req_lost,1700000002")
    notes = only(found(tmp_path, lost + b"http_reqs,1700000003,1.0,,,,,,,,,\n"), Told).notes
    assert notes[-1] == k6_samples.COUNTS_DIFFER.format(3, 2, 2, 1)


@pytest.mark.parametrize(
    ("change", "reason", "line"),
    [
        ((b"n,1700000002,10.5,", b"n,1700000002,x,"), "value is not a number", 7),
        ((b"n,1700000002,10.5,", b"n,1700000002,-1,"), "elapsed is impossible", 7),
        ((b"n,1700000002,10.5,", b"n,1700000002,9e9,"), "elapsed is impossible", 7),
        ((b"n,1700000002,10.5,", b"n,1700000002,9e99,"), "value is impossible", 7),
        ((b"n,1700000002,10.5,", b"n,17,10.5,"), "time is impossible", 7),
        ((b"n,1700000002,10.5,", b"n,today,10.5,"), "time is none that k6 writes", 7),
        ((b"n,1700000002,10.5,,", b"n,1700000002,10.5,"), "not enough columns", 7),
        ((b"d,1700000001,177", b"d,1700000001,1,77"), "too many columns", 4),
        ((b"n,1700000002,10.5,", b"n,1700000002,10\0,"), "NUL bytes", 7),
        ((b"grpc_req_duration,1700000003,7.000000,,,,,,,,,\n", b"http_req_dur"), "not enough columns", 13),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_row_costs_itself_alone(tmp_path: Path, change: tuple[bytes, bytes], reason: str, line: int) -> None:
    items = found(tmp_path, OWN_CSV.replace(*change))
    assert of(items, Refused) == [Refused(reason, line)]
    assert len(table(items)) == (3 if line in (4, 13) else 2)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (point("http_req_duration", 1)[:-9], "truncated last line"),
        (point("http_req_blocked", 1)[:-9], "is not JSON"),
        (point("http_req_duration", 1)[:-9] + b"\n", "is not JSON"),
        (point("http_req_duration", 1, at="2023-09-08T21:03:10", **TAGS), "time is none that k6 writes"),
        (point("http_req_duration", float("nan"), **TAGS), "value is not a number"),
        (point("http_req_duration", -1, **TAGS), "elapsed is impossible"),
        (point("http_req_duration", 10**400, **TAGS), "value is impossible"),
        (b'{"metric":"vus","type":"Point","data":5}\n', "is no sample of k6"),
        (b"hello\n", "is not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_line_costs_itself_alone(tmp_path: Path, line: bytes, reason: str) -> None:
    items = found(tmp_path, OWN_LINES + line)
    assert of(items, Refused) == [Refused(reason, 6)]
    assert len(table(items)) == 1


def test_a_tag_of_the_name_metric_is_not_taken_for_it(tmp_path: Path) -> None:
    told = json.loads(point("http_req_duration", 5, **TAGS))
    told["data"]["tags"]["metric"] = "checks"
    for order in (("type", "data", "metric"), ("metric", "type", "data")):
        line = json.dumps({name: told[name] for name in order}).encode() + b"\n"
        assert len(table(found(tmp_path, line))) == 1


def test_a_file_without_requests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="holds no request"):
        found(tmp_path, HEADER + b"vus,1700000003,7.000000,,,,,,,,,\n")


def k6_percentile(values: list[float], probability: float) -> float:
    """As k6's `TrendSink.P`: between the two nearest, by the share of the way."""
    ordered = sorted(values)
    at = probability * (len(ordered) - 1)
    low, high = ordered[int(np.floor(at))], ordered[int(np.ceil(at))]
    return low + (high - low) * (at - np.floor(at))


@given(st.lists(st.floats(0, 60_000), min_size=21, max_size=300), st.sampled_from([0.5, 0.9, 0.95]))
def test_what_k6_prints_differs_from_ours_by_its_interpolation_alone(values: list[float], p: float) -> None:
    """k6's p(95) lies at n p - p of the ranks from 0, ours at ceil(n p) - 1: at most one request apart."""
    ordered = np.sort(np.array(values))
    place = rank(len(values), Fraction(str(p))) - 1
    printed = k6_percentile(values, p)
    assert ordered[max(place - 1, 0)] <= printed * (1 + 1e-12)
    assert printed <= ordered[min(place + 1, len(values) - 1)] * (1 + 1e-12)


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the files of others are not here")
def test_files_of_others_hold_what_they_say() -> None:
    by_name = {path.name.rsplit("__")[-1]: path for path in sample_files("k6")}
    path = by_name["k6_kpi.csv"]
    with path.open(newline="") as stream:
        beside = [row for row in csv.DictReader(stream) if row["metric_name"] == "http_req_duration"]
    rows = table(list(CSV.read(Source(path)))).to_pydict()
    assert len(rows["ok"]) == len(beside) == 4
    assert rows["ok"].count(False) == 2
    assert rows["status"] == [int(row["status"]) for row in beside]

    path = by_name["result.json.gz"]
    with gzip.open(path, "rt") as lines:
        points = [json.loads(line) for line in lines if '"http_req_duration"' in line]
    values = sorted(one["data"]["value"] for one in points if one["type"] == "Point")
    rows = table(items := list(LINES.read(Source(path)))).to_pydict()
    assert len(values) == len(rows["ok"]) == 322
    assert all(rows["ok"])
    ours = np.sort(np.array(rows["service_us"], dtype=float))
    for p in (0.5, 0.9, 0.95):
        assert nearest_rank(ours, Fraction(str(p))) == round(values[int(np.ceil(322 * p)) - 1] * 1000)
        assert abs(k6_percentile(values, p) - nearest_rank(ours, Fraction(str(p))) / 1000) < 0.05
    assert only(items, Told).users_count == 2


SEEDS = [(CSV, seed) for seed in (OWN_CSV, HEADER.replace(b"expected_response,", b"") + ROWS)]
SEEDS += [(LINES, OWN_LINES), (LINES, OWN_CSV), (CSV, OWN_LINES)]
SEEDS += [(CSV, path.read_bytes()[:4000]) for path in sample_files("k6") if path.suffix == ".csv"]
SEEDS += [(LINES, gzip.decompress(path.read_bytes())[:4000]) for path in sample_files("k6") if path.suffix == ".gz"]


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(lambda pair: st.tuples(st.just(pair[0]), mutations(pair[1]))))
def test_any_bytes_are_read_or_refused(tmp_path: Path, pair: tuple[Format, bytes]) -> None:
    assert_reads_or_refuses(*pair, tmp_path)


def test_the_two_are_not_taken_for_each_other() -> None:
    assert [one.recognises(Head(OWN_CSV, True)) for one in k6_rows.FORMATS] == [True, False]
    assert [one.recognises(Head(OWN_LINES, True)) for one in k6_rows.FORMATS] == [False, True]

"""vegeta's results and reports: the same requests from JSON and CSV, known answers, damage."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import vegeta
from fireai_analysis.ingest.found import Bounds, Refused, Told, Totals
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, seeds
from tests.ingest.reading import items, of, only, rows, written

JSON, CSV, REPORT = vegeta.FORMATS
BEGAN_NS = 1_795_536_043_156_801_384
ANSWERED = {
    **{"attack": "a", "seq": 0, "code": 200, "timestamp": "2026-11-24T16:00:43.156801384Z", "latency": 1740805},
    **{"bytes_out": 0, "bytes_in": 17, "error": "", "body": "aGkK", "method": "GET", "url": "http://host/a?x=1,2"},
}
FAILED = {**ANSWERED, "code": 500, "error": "500 Internal Server Error", "seq": 1, "url": "http://host/b"}
UNANSWERED = {**ANSWERED, "code": 0, "error": 'Get "http://host/c": refused', "latency": 571926, "bytes_in": 0}
LINES = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in (ANSWERED, FAILED, UNANSWERED))
TABLE = f"""\
{BEGAN_NS},200,1740805,0,17,,aGkK,a,0,GET,"http://host/a?x=1,2",Q29=
{BEGAN_NS},500,1740805,0,17,500 Internal Server Error,aGkK,a,1,GET,http://host/b,Q29=
{BEGAN_NS},0,571926,0,0,"Get ""http://host/c"": refused",,a,0,GET,"http://host/a?x=1,2",
"""
SUMMARY = {
    "latencies": {"total": 9, "mean": 1438063, "50th": 1235708, "90th": 3803692, "95th": 4692481, "99th": 4865858},
    **{"bytes_in": {"total": 340}, "bytes_out": {"total": 0}, "requests": 30, "rate": 31.0, "success": 0.6},
    **{"earliest": "2026-11-24T16:00:43.1Z", "latest": "2026-11-24T16:00:44.1Z", "end": "2026-11-24T16:00:44.2Z"},
    **{"status_codes": {"0": 10, "200": 17, "302": 1, "500": 2}, "errors": ["500 Internal Server Error"]},
}


def test_json_and_csv_hold_the_same_requests(tmp_path: Path) -> None:
    from_json, from_csv = rows(items(JSON, written(tmp_path, LINES))), rows(items(CSV, written(tmp_path, TABLE)))
    assert from_json == from_csv
    assert [(row["status"], row["ok"], row["error"]) for row in from_json] == [
        (200, True, None),
        (500, False, "500 Internal Server Error"),
        (0, False, 'Get "http://host/c": refused'),
    ]
    first = from_json[0]
    assert (first["sent_ns"], first["service_us"], first["response_bytes"]) == (BEGAN_NS, 1741, 17)
    assert (first["endpoint"], first["method"]) == ("http://host/a?x=1,2", "GET")


def test_older_csv_has_no_method_and_no_url(tmp_path: Path) -> None:
    (row,) = rows(items(CSV, written(tmp_path, f"{BEGAN_NS},302,999499,0,17,\n")))
    assert (row["endpoint"], row["method"], row["ok"], row["service_us"]) == (None, None, True, 999)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ('Get "http://host/timeout": connection refused', None),
        ('Get "http://host/": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', "timeout"),
        ("dial tcp: i/o timeout", "timeout"),
    ],
)
def test_a_client_that_stopped_waiting_is_a_timeout(tmp_path: Path, error: str, expected: str | None) -> None:
    (row,) = rows(items(JSON, written(tmp_path, json.dumps(UNANSWERED | {"error": error}, separators=(",", ":")))))
    assert row["error"] == (expected or error)


@pytest.mark.parametrize(("status", "ok"), [(0, False), (199, False), (200, True), (399, True), (400, False)])
def test_success_is_a_status_from_200_to_399(tmp_path: Path, status: int, ok: bool) -> None:
    (row,) = rows(items(CSV, written(tmp_path, f"{BEGAN_NS},{status},1,0,0,,\n")))
    assert (row["ok"], row["error"]) == (ok, None if ok else f"status {status}")
    report = SUMMARY | {"requests": 3, "status_codes": {str(status): 3}}
    totals = only(items(REPORT, written(tmp_path, json.dumps(report))), Totals)
    assert totals.failures_count == (0 if ok else 3)


def test_a_row_may_end_with_the_address(tmp_path: Path) -> None:
    (row,) = rows(items(CSV, written(tmp_path, f"{BEGAN_NS},200,1,0,0,,,a,0,PUT,/a\n")))
    assert (row["method"], row["endpoint"]) == ("PUT", "/a")


def test_an_error_over_several_lines_is_one_request(tmp_path: Path) -> None:
    text = f'{BEGAN_NS},200,1,0,0,,,a,0\n{BEGAN_NS},0,1,0,0,"two\nlines",,a,1\n{BEGAN_NS},200,1,0,0,,,a,2\n'
    found = items(CSV, written(tmp_path, text))
    assert [row["error"] for row in rows(found)] == [None, "two\nlines", None]
    assert of(found, Refused) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"timestamp": "noon"}, "time is not a time"),
        ({"timestamp": "0001-01-01T00:00:00Z"}, "time is impossible"),
        ({"latency": None}, "elapsed is not a number"),
        ({"latency": -1}, "elapsed is not a number"),
        ({"latency": 3 * 10**12}, "elapsed is impossible"),
        ({"code": "OK"}, "status is not a number"),
        ({"code": 65000}, "status is not a number"),
    ],
)
def test_bad_results_are_refused_by_reason(tmp_path: Path, change: dict, reason: str) -> None:
    found = items(JSON, written(tmp_path, LINES + json.dumps(ANSWERED | change) + "\n"))
    assert only(found, Refused) == Refused(reason, 4)
    assert len(rows(found)) == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("noon,200,1,0,0,,\n", "time is not a time"),
        (f"{BEGAN_NS},2x0,1,0,0,,\n", "status is not a number"),
        (f"{BEGAN_NS},200,-1,0,0,,\n", "elapsed is not a number"),
        (f"{BEGAN_NS},200,1\n", "not enough columns"),
        (f"{BEGAN_NS},200,1,0,0,\0,\n", "NUL bytes"),
        (f'{BEGAN_NS},200,1,0,0,"x,\n', "a quote does not close"),
        (f"{BEGAN_NS},200", "truncated last line"),
    ],
)
def test_bad_lines_are_refused_by_reason(tmp_path: Path, line: str, reason: str) -> None:
    found = items(CSV, written(tmp_path, TABLE + line))
    assert only(found, Refused) == Refused(reason, 4)
    assert len(rows(found)) == 3


def test_a_json_line_that_breaks_off_is_told_from_a_broken_one(tmp_path: Path) -> None:
    found = items(JSON, written(tmp_path, LINES + "{}}\n[1]\n" + LINES[:80]))
    assert of(found, Refused) == [
        Refused("not JSON", 4),
        Refused("not an object", 5),
        Refused("truncated last line", 6),
    ]


def test_a_report(tmp_path: Path) -> None:
    found = items(REPORT, written(tmp_path, json.dumps(SUMMARY)))
    totals = only(found, Totals)
    assert (totals.requests_count, totals.failures_count) == (30, 12)
    assert totals.quantiles_ms[0.95] == Bounds(4.692481, 4.692481)
    assert (totals.statuses[302], totals.max_ms) == (1, None)
    told = only(found, Told)
    assert told.started_ns is not None
    assert told.ended_ns is not None
    assert told.ended_ns - told.started_ns == 1_100_000_000


def test_a_report_of_nothing_has_no_times(tmp_path: Path) -> None:
    summary = {"latencies": {"mean": 0, "95th": 0}, "bytes_in": {}, "requests": 0, "status_codes": {}}
    totals = only(items(REPORT, written(tmp_path, json.dumps(summary))), Totals)
    assert (totals.requests_count, totals.quantiles_ms, totals.mean_ms) == (0, {}, None)
    del summary["requests"]
    with pytest.raises(IngestError, match="tells no number of requests"):
        items(REPORT, written(tmp_path, json.dumps(summary)))


def test_no_format_takes_the_file_of_another(tmp_path: Path) -> None:
    for index, text in enumerate((LINES, TABLE, json.dumps(SUMMARY))):
        head = written(tmp_path, text).head()
        assert [one.recognises(head) for one in vegeta.FORMATS] == [place == index for place in range(3)]


SEEDS = seeds([], [LINES.encode(), TABLE.encode(), json.dumps(SUMMARY).encode()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from(vegeta.FORMATS))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)

"""Artillery's reports of both versions: counts, failures, and percentiles as wide as its estimates."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import artillery
from fireai_analysis.ingest.found import Bounds, Told, Totals
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import items, of, only, sample, written

TIMES = {
    "min": 1,
    "max": 900.4,
    "count": 90,
    "mean": 100.2,
    "median": 50,
    "p50": 50,
    "p95": 200,
    "p99": 800,
    "p999": 900,
}
SECOND = {
    "aggregate": {
        "counters": {
            "vusers.created": 100,
            "http.requests": 100,
            "http.responses": 90,
            "http.codes.200": 80,
            "http.codes.302": 4,
            "http.codes.404": 6,
            "errors.ETIMEDOUT": 10,
            "plugins.metrics-by-endpoint./a.b.codes.200": 80,
            "plugins.metrics-by-endpoint./a.b.errors.ETIMEDOUT": 10,
            "plugins.metrics-by-endpoint./a.b.server-timing": 3,
        },
        "histograms": {"http.response_time": TIMES, "plugins.metrics-by-endpoint.response_time./a.b": {"p95": 20}},
        "firstMetricAt": 1_700_000_000_000,
        "lastMetricAt": 1_700_000_060_000,
    },
    "intermediate": [],
}
FIRST = {
    "aggregate": {
        "timestamp": "2016-03-16T15:22:25.502Z",
        "scenariosCreated": 10,
        "requestsCompleted": 8,
        "latency": {"min": 1.5, "max": 9, "median": 3, "p95": 8.4, "p99": None},
        "rps": {"count": 10, "mean": 1},
        "errors": {"ECONNREFUSED": 2},
        "codes": {"200": 7, "500": 1},
    }
}


def test_a_report_of_version_2(tmp_path: Path) -> None:
    found = items(artillery.FORMAT, written(tmp_path, json.dumps(SECOND)))
    every, endpoint = of(found, Totals)
    assert (every.endpoint, every.requests_count, every.failures_count) == (None, 100, 16)
    assert every.statuses == {200: 80, 302: 4, 404: 6}
    assert every.errors == {"ETIMEDOUT": 10}
    assert every.quantiles_ms[0.95] == Bounds(200 - 2.05, 200 + 2.05)
    assert every.max_ms == Bounds(900.35, 900.45)
    assert (endpoint.endpoint, endpoint.requests_count, endpoint.failures_count) == ("/a.b", 90, 10)
    assert endpoint.quantiles_ms == {0.95: Bounds(20 - 0.25, 20 + 0.25)}
    assert (only(found, Told).started_ns, only(found, Told).ended_ns) == (17 * 10**17, 170000006 * 10**10)


def test_a_report_of_version_1_counts_what_was_sent(tmp_path: Path) -> None:
    found = items(artillery.FORMAT, written(tmp_path, json.dumps(FIRST)))
    totals = only(found, Totals)
    assert (totals.requests_count, totals.failures_count) == (10, 3)
    assert totals.quantiles_ms == {0.5: Bounds(2.947, 3.053), 0.95: Bounds(8.3416, 8.4584)}
    assert only(found, Told).ended_ns == 1_458_141_745_502_000_000


def test_a_report_of_version_1_without_a_rate(tmp_path: Path) -> None:
    aggregate = {"scenariosCreated": 9, "requestsCompleted": 9, "codes": {"200": 4, "400": 1}, "errors": {}}
    totals = only(items(artillery.FORMAT, written(tmp_path, json.dumps({"aggregate": aggregate}))), Totals)
    assert (totals.requests_count, totals.failures_count) == (9, 1)


def test_an_error_after_an_answer_is_one_request(tmp_path: Path) -> None:
    counters = {"http.requests": 5, "http.codes.500": 5, "errors.Failed capture or match": 5}
    report = {"aggregate": {"counters": counters, "firstCounterAt": 1}}
    totals = only(items(artillery.FORMAT, written(tmp_path, json.dumps(report))), Totals)
    assert (totals.requests_count, totals.failures_count, totals.quantiles_ms) == (5, 5, {})


@pytest.mark.parametrize(
    ("aggregate", "problem"),
    [
        ({"counters": {"vusers.created": 1}}, "counts no request"),
        ({"scenariosCreated": 1}, "has no aggregate of requests"),
        ([], "has no aggregate of requests"),
    ],
)
def test_reports_without_requests_are_refused(tmp_path: Path, aggregate: object, problem: str) -> None:
    text = json.dumps({"aggregate": aggregate, "intermediate": [{"firstCounterAt": 1}]})
    with pytest.raises(IngestError, match=problem):
        items(artillery.FORMAT, written(tmp_path, text))


def test_the_sample_of_version_2() -> None:
    source = sample("artillery", "artillery-report.json")
    totals = of(items(artillery.FORMAT, source), Totals)
    every, endpoints = totals[0], totals[1:]
    assert (every.requests_count, every.failures_count) == (600, 196 + 40)
    assert every.statuses == {200: 364, 404: 196, 500: 40}
    printed = json.loads(source.path.read_bytes())["aggregate"]["histograms"]["http.response_time"]
    for key, probability in {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}.items():
        bounds = every.quantiles_ms[probability]
        assert (bounds.low + bounds.high) / 2 == pytest.approx(printed[key])
    assert every.quantiles_ms[0.99] == Bounds(7.771, 8.029)
    assert sum(one.requests_count or 0 for one in endpoints) == 600
    assert {one.endpoint for one in endpoints} >= {"/dashboard/metrics", "/health", "/produtores"}


def test_the_sample_of_version_1() -> None:
    totals = only(items(artillery.FORMAT, sample("artillery", "scripts__report.json")), Totals)
    assert (totals.requests_count, totals.failures_count) == (1, 1)
    assert (totals.quantiles_ms, totals.mean_ms, totals.max_ms) == ({}, None, None)
    assert totals.errors == {"UNABLE_TO_VERIFY_LEAF_SIGNATURE": 1}


SEEDS = seeds(sample_files("artillery"), [json.dumps(SECOND).encode(), json.dumps(FIRST).encode()])


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_damaged_files(tmp_path: Path, data: bytes) -> None:
    assert_reads_or_refuses(artillery.FORMAT, data, tmp_path)

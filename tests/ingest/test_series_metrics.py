"""Answers of CloudWatch and Prometheus become samples; what no table holds is left out by name."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import series_metrics, series_unknown
from fireai_analysis.ingest.found import LeftOut, Refused, Series, Told
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import items, of, only, sample, written

CLOUDWATCH, PROMETHEUS = series_metrics.FORMATS
UNKNOWN = series_unknown.FORMAT
T_NS = 1_795_428_900 * 10**9
TIMES = ["2026-11-23T10:15:00+00:00", "2026-11-23T10:16:00+00:00"]
METRICS = {
    "MetricDataResults": [
        {"Id": "acu", "Label": "ServerlessDatabaseCapacity", "Timestamps": TIMES, "Values": [2.0, 12.5]},
        {
            "Id": "cpu",
            "Label": "prod CPUUtilization",
            "Timestamps": TIMES[:1],
            "Values": [50.0],
            "StatusCode": "PartialData",
        },
        {"Id": "databaseconnections", "Label": "m1", "Timestamps": TIMES, "Values": [30.0, -1]},
        {"Id": "other", "Label": "FreeableMemory", "Timestamps": TIMES, "Values": [1, 2]},
    ],
    "Messages": [],
}


def series(name: str, values: list, **labels: str) -> dict:
    return {"metric": {"__name__": name, **labels}, "values": values}


POINTS = [[1_795_428_900, "1000"], [1_795_428_915.5, "2000"]]
RANGE = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [
            series("process_resident_memory_bytes", POINTS, job="go-service"),
            series("process_cpu_seconds_total", [[1_795_428_900, "1.5"]], job="go-service"),
            series("process_resident_memory_bytes", POINTS, job="mongo"),
            series("go_goroutines", [[1_795_428_900, "17"], [1_795_428_930, "NaN"]]),
            series("go_goroutines", [[1_795_428_900, "99"]], job="prometheus"),
            series("go_memstats_sys_bytes", [[1_795_428_900, "5"]], job="go-service", instance="a"),
            series("go_memstats_sys_bytes", [[1_795_428_900, "6"]], job="go-service", instance="b"),
            series("up", POINTS),
        ],
    },
}


def table(found: list, name: str) -> list[dict]:
    return [
        {column: value for column, value in row.items() if value is not None}
        for one in of(found, Series)
        if one.name == name
        for row in one.table.to_pylist()
    ]


def test_cloudwatch(tmp_path: Path) -> None:
    found = items(CLOUDWATCH, written(tmp_path, json.dumps(METRICS)))
    assert table(found, "aurora") == [
        {"t_ns": T_NS, "capacity_acu_count": 2.0, "cpu_ratio": 0.5},
        {"t_ns": T_NS + 60 * 10**9, "capacity_acu_count": 12.5},
    ]
    assert table(found, "postgres_connections") == [{"t_ns": T_NS, "connections_count": 30}]
    assert only(found, LeftOut) == LeftOut(series_metrics.UNKNOWN)
    assert only(found, Refused) == Refused("value is not a number", None)
    assert only(found, Told).notes == (
        "CloudWatch says that prod CPUUtilization is not complete (PartialData).",
        series_metrics.NOT_TAKEN.format(names="FreeableMemory"),
    )


def test_prometheus(tmp_path: Path) -> None:
    found = items(PROMETHEUS, written(tmp_path, json.dumps(RANGE)))
    assert table(found, "processes") == [
        {"t_ns": T_NS, "process": "go", "rss_bytes": 1000, "cpu_s": 1.5},
        {"t_ns": T_NS + 15_500_000_000, "process": "go", "rss_bytes": 2000},
    ]
    assert table(found, "go") == [{"t_ns": T_NS, "goroutines_count": 17, "total_bytes": 5}]
    assert set(of(found, LeftOut)) == {LeftOut(series_metrics.UNKNOWN), LeftOut(series_metrics.UNNAMED, 2)}
    assert set(of(found, Refused)) == {Refused("value is not a number", None), Refused(series_metrics.TWICE, None)}


def test_only_objects_are_recognised(tmp_path: Path) -> None:
    for format_, document in ((CLOUDWATCH, METRICS), (PROMETHEUS, RANGE)):
        text = json.dumps(document)
        heads = [written(tmp_path, one).head() for one in (text, f"[{text}]", "{}")]
        assert [format_.recognises(head) for head in heads] == [True, False, False]


def test_many_unknown_metrics_are_named_up_to_a_bound(tmp_path: Path) -> None:
    result = [series("go_goroutines", POINTS), *(series(f"other_{index}", POINTS) for index in range(12))]
    found = items(
        PROMETHEUS, written(tmp_path, json.dumps(RANGE | {"data": {"resultType": "matrix", "result": result}}))
    )
    assert only(found, LeftOut) == LeftOut(series_metrics.UNKNOWN, 12)
    assert only(found, Told).notes[0].endswith("other_8, other_9, 2 more.")


@pytest.mark.parametrize(
    ("format_", "document", "problem"),
    [
        (CLOUDWATCH, {"MetricDataResults": 1}, "has no MetricDataResults"),
        (CLOUDWATCH, {"MetricDataResults": []}, "holds no sample"),
        (
            PROMETHEUS,
            {"status": "error", "data": {"resultType": "matrix", "result": []}},
            "is no answer that succeeded",
        ),
        (PROMETHEUS, RANGE | {"data": {"resultType": "matrix", "result": [series("up", POINTS)]}}, "holds no sample"),
    ],
)
def test_answers_without_samples_are_refused(tmp_path: Path, format_, document: dict, problem: str) -> None:
    with pytest.raises(IngestError, match=problem):
        items(format_, written(tmp_path, json.dumps(document)))


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n2014-04-01 00:00:00,45.0\n2014-04-01 00:05:00,45.0\n",
        "time;commit;metric1\n2021.01.01 3:00:00 +0100;aaa0;154023\n",
        "kpi,timestamp,datasetid\n218.18,1702002504,1535215\n",
        '{"series": [1.5, 2.5]}',
        '{"name": "x", "n_obs": 3, "n_dim": 1, "series": []}',
    ],
)
def test_a_series_without_a_known_resource_is_refused_by_that_name(tmp_path: Path, text: str) -> None:
    source = written(tmp_path, text)
    assert UNKNOWN.recognises(source.head())
    with pytest.raises(IngestError, match="a series without a known resource"):
        list(UNKNOWN.read(source))


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n",
        "timestamp,value\nnoon,much\n",
        "name,value\na,1\n",
        "timestamp,heap_alloc_mb,sys_mb\n1,2,3\n",
        "metric_name,timestamp,metric_value\nhttp_reqs,1,1\n",
        'timestamp,"value\n1,2\n',
        "timestamp,request_type,name,response_time_ms\n2026-11-23T10:15:00Z,GET,/a,5\n",
        "time,one,other,value\n1,GET,/a,5\n",
    ],
)
def test_other_tables_are_no_unknown_series(tmp_path: Path, text: str) -> None:
    assert not UNKNOWN.recognises(written(tmp_path, text).head())


def test_samples_of_series() -> None:
    files = sample_files("series")
    if not files:
        pytest.skip("no sample files of others here")
    assert all(UNKNOWN.recognises(sample("series", path.name).head()) for path in files)


SEEDS = seeds(sample_files("series"), [json.dumps(METRICS).encode(), json.dumps(RANGE).encode()], 3000)


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from([CLOUDWATCH, PROMETHEUS, UNKNOWN]))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)

"""k6's summaries in their three shapes: the same run, the same figures."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import k6_summary
from fireai_analysis.ingest.found import Bounds, Item, LeftOut, Told, Totals
from fireai_analysis.ingest.k6_summary import FORMAT
from fireai_analysis.ingest.source import Head, Source
from tests.ingest.fuzz import SAMPLES_DIR, assert_reads_or_refuses, fuzzed, mutations, sample_files
from tests.ingest.reading import of, only

TIMES = {"avg": 7.5, "min": 1.25, "med": 6.5, "max": 148.5, "p(90)": 8.25, "p(95)": 9.75, "p(99.9)": 100.0}
FLAT = {
    "root_group": {},
    "metrics": {
        "http_reqs": {"count": 225, "rate": 4.5},
        "http_req_duration": {**TIMES, "thresholds": {"p(95)<1200": False, "p(95)<5": True}},
        "http_req_duration{name:/a}": TIMES,
        "http_reqs{name:/a}": {"count": 25, "rate": 0.5},
        "http_req_duration{expected_response:true}": TIMES,
        "http_req_failed": {"passes": 3, "fails": 222, "value": 0.01},
        "checks": {"passes": 220, "fails": 5, "value": 0.9},
        "dropped_iterations": {"count": 12, "rate": 0.1},
        "vus": {"value": 2, "min": 1, "max": 5},
    },
}


def nested() -> dict:
    metrics: dict = {name: {"type": "trend", "values": dict(one)} for name, one in FLAT["metrics"].items()}
    metrics["http_req_duration"]["values"].pop("thresholds")
    metrics["http_req_duration"]["thresholds"] = {"p(95)<1200": {"ok": True}, "p(95)<5": {"ok": False}}
    return {"metrics": metrics, "state": {"testRunDurationMs": 50_000.0}}


def listed() -> dict:
    metrics = [{"name": name, "values": one["values"]} for name, one in nested()["metrics"].items()]
    metrics[5]["values"] = {"matches": 3, "total": 225, "rate": 0.01}
    return {
        "version": "1.0.0",
        "metadata": {"k6Version": "1.5.0"},
        "config": {"duration": 50.0},
        "results": {"metrics": metrics},
    }


SHAPES = {"flat": FLAT, "nested": nested(), "listed": listed()}


def found(tmp_path: Path, document: object) -> list[Item]:
    path = tmp_path / "file"
    path.write_text(json.dumps(document, indent=2))
    assert FORMAT.recognises(Source(path).head())
    return list(FORMAT.read(Source(path)))


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_tells_the_same(tmp_path: Path, shape: str) -> None:
    items = found(tmp_path, SHAPES[shape])
    one, whole = of(items, Totals)
    assert (one.endpoint, one.requests_count, one.failures_count) == ("/a", 25, None)
    assert (whole.endpoint, whole.requests_count, whole.failures_count) == (None, 225, 3)
    assert whole.quantiles_ms == {
        0.5: Bounds(6.5, 6.5),
        0.9: Bounds(8.25, 8.25),
        0.95: Bounds(9.75, 9.75),
        0.999: Bounds(100, 100),
    }
    assert (whole.mean_ms, whole.min_ms, whole.max_ms) == (Bounds(7.5, 7.5), Bounds(1.25, 1.25), Bounds(148.5, 148.5))
    told = only(items, Told)
    assert (told.users_count, told.duration_s) == (5, 50)
    assert told.notes[:2] == (k6_summary.INTERPOLATED, k6_summary.CONNECTION)
    assert k6_summary.NEVER_SENT.format(12) in told.notes
    assert k6_summary.CHECKS_FAILED.format(5, 225) in told.notes
    assert of(items, LeftOut) == [LeftOut(k6_summary.CHECKED, 225)]


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_only_crossed_thresholds_are_told(tmp_path: Path, shape: str) -> None:
    notes = only(found(tmp_path, SHAPES[shape]), Told).notes
    assert notes[4:] == (k6_summary.CROSSED.format("http_req_duration", "p(95)<5"),)


def test_the_version_is_told_where_the_file_has_it(tmp_path: Path) -> None:
    assert only(found(tmp_path, listed()), Told).tool_version == "1.5.0"
    assert only(found(tmp_path, FLAT), Told).tool_version is None


def test_a_run_without_requests_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="tells of no HTTP requests"):
        found(tmp_path, {"metrics": {"iterations": {"count": 5}}})


def test_what_is_no_figure_is_not_told(tmp_path: Path) -> None:
    broken = {"metrics": {"http_reqs": {"count": -1}, "http_req_duration": {"p(95)": "x", "med": None, "avg": 1}}}
    (totals,) = of(found(tmp_path, broken), Totals)
    assert totals == Totals(None, None, None, None, mean_ms=Bounds(1, 1))


@pytest.mark.skipif(not SAMPLES_DIR.is_dir(), reason="the files of others are not here")
@pytest.mark.parametrize(
    ("name", "requests", "p95", "users", "duration_s"),
    [
        ("rrojasgUSACH__devops2025ciclo1__k6-summary.json", 225, 9.911199999999997, 5, 225 / 4.911572163907065),
        ("scottgal__mostlyucid-nmt__k6-summary.json", 856, 24458.761375, 100, 129.88589),
    ],
)
def test_files_of_others_hold_what_they_say(
    name: str, requests: int, p95: float, users: int, duration_s: float
) -> None:
    items = list(FORMAT.read(Source(SAMPLES_DIR / "k6" / name)))
    (totals,) = of(items, Totals)
    assert (totals.requests_count, totals.failures_count) == (requests, 0)
    assert totals.quantiles_ms[0.95] == Bounds(p95, p95)
    told = only(items, Told)
    assert told.users_count == users
    assert told.duration_s == pytest.approx(duration_s)


SEEDS = [json.dumps(one, indent=2).encode() for one in SHAPES.values()]
SEEDS += [path.read_bytes() for path in sample_files("k6") if path.suffix == ".json"]


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    assert_reads_or_refuses(FORMAT, data, tmp_path)


def test_checks_that_fill_the_head_do_not_hide_a_summary(tmp_path: Path) -> None:
    checks = {f"check {number}": {"passes": 1, "fails": 0} for number in range(3000)}
    items = found(tmp_path, {"root_group": {"checks": checks}, "metrics": FLAT["metrics"]})
    assert of(items, Totals)[-1].requests_count == 225


def test_samples_are_no_summary() -> None:
    assert not FORMAT.recognises(Head(b'{"metric":"http_reqs","type":"Point","data":{"metrics":1}}', True))

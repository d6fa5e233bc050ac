"""What may be said of a run that another tool made: a violation where its rows prove one, and never a pass."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fireai_analysis import narrative, plots, tables
from fireai_analysis.analyze import foreign
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import Analysis, analyze_run
from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import folder
from fireai_analysis.ingest.bundling import Wishes, ingest_scenario
from fireai_analysis.ingest.found import ROWS, Format, Rows
from fireai_analysis.judge import Judgement, judge_one, judged
from fireai_analysis.results import ScenarioResult
from fireai_analysis.scenarios import load_criteria
from tests.ingest import small_files
from tests.ingest.fuzz import mutations
from tests.ingest.test_bundling import ingested

CRITERIA = load_criteria()
LIMITS = {one.id: one.limit for one in CRITERIA.criteria}
TODAY = date(2026, 11, 24)


def analysed(tmp_path: Path, files: Mapping[str, bytes], wishes: Wishes = Wishes(), scenario: str = "peak") -> Analysis:  # noqa: B008
    found = ingested(tmp_path, dict(files), wishes, scenario)
    return analyze_run(RunData.from_bundle(found.bundle), CRITERIA)


def verdicts(result: ScenarioResult) -> dict[str, Judgement]:
    return {one.id: judge_one(one, result) for one in CRITERIA.criteria if one.scenario in ("all", result.scenario)}


def steady(median_ms: float, count: int = 3000) -> list[int]:
    return np.random.default_rng(7).gamma(20.0, median_ms / 20, count).astype(int).tolist()


def test_rows_within_the_limit_are_inconclusive_and_the_format_is_named(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"a.jtl": small_files.jtl(steady(50), threads=50)})
    result, one = found.result, verdicts(found.result)["p95_latency"]
    assert one.verdict == "INCONCLUSIVE"
    assert "JMeter JTL, CSV: no intended times, so service time only" in one.reason
    assert {"FORMAT", "NO_EVIDENCE", "TOO_SHORT"} <= set(one.reasons)
    assert "service time P95 " in one.reason
    assert result.response_ms.p95 is None
    assert result.service_ms.p95 == sorted(steady(50))[2849]
    assert result.delay.late_count is result.delay.hidden_count is None
    assert result.generator.late_count is result.generator.send_lag_p99_ms is None
    assert verdicts(result)["go_memory"].verdict == "NOT MEASURED"


def test_service_times_over_the_limit_prove_a_violation(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"a.jtl": small_files.jtl(steady(600), threads=50)})
    assert verdicts(found.result)["p95_latency"].verdict == "FAILED"


def test_not_where_the_load_was_above_the_tickets(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"a.jtl": small_files.jtl(steady(600), step_ms=10, threads=50)})
    one = verdicts(found.result)["p95_latency"]
    assert (one.verdict, "GENERATOR" in one.reasons) == ("INCONCLUSIVE", True)
    assert "100.0" in one.reason
    crowd = analysed(tmp_path / "crowd", {"a.jtl": small_files.jtl(steady(600), threads=80)})
    assert crowd.result.users_count in (5, 80)


def test_not_where_the_paths_are_not_the_platforms(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"a.jtl": small_files.jtl(steady(600), label="GET /shop/cart")})
    one = verdicts(found.result)["p95_latency"]
    assert (one.verdict, "WRONG_RUN" in one.reasons) == ("INCONCLUSIVE", True)
    assert "paths that the platform does not have: GET /shop/cart" in one.reason


def test_more_than_one_percent_refused_decides_nothing(tmp_path: Path) -> None:
    data = small_files.jtl(steady(600)) + b"broken\n" * 40
    result = analysed(tmp_path, {"a.jtl": data}).result
    (check,) = [one for one in result.validity if one.check == "rows_refused"]
    assert check.ok is False
    assert "40 rows could not be taken (1.32 %)" in check.detail
    for one in verdicts(result).values():
        assert one.verdict in ("INCONCLUSIVE", "NOT MEASURED")
    few = analysed(tmp_path / "few", {"a.jtl": small_files.jtl(steady(600)) + b"broken\n" * 20}).result
    assert verdicts(few)["p95_latency"].verdict == "FAILED"


def test_a_declared_open_model_is_told_and_still_passes_nothing(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"a.jtl": small_files.jtl(steady(50))}, Wishes(open_model="constant throughput timer"))
    one = verdicts(found.result)["p95_latency"]
    assert one.verdict == "INCONCLUSIVE"
    assert "FORMAT" not in one.reasons
    (check,) = [one for one in found.result.validity if one.check == "load_model"]
    assert (check.ok, check.detail) == (True, "open, as was declared: constant throughput timer")
    assert found.result.response_ms.p95 == found.result.service_ms.p95 or found.result.service_ms.p95 is not None
    assert found.result.delay.late_count is None


def test_errors_are_counted_and_can_fail(tmp_path: Path) -> None:
    result = analysed(tmp_path, {"a.jtl": small_files.jtl(steady(50), failed=600)}).result
    assert (result.failures_count, result.error_ratio) == (600, 0.2)
    assert result.statuses == {"200": 2400, "500": 600}
    assert verdicts(result)["error_rate"].verdict == "FAILED"


def test_rounded_percentiles_at_the_limit_are_undecided_with_that_reason(tmp_path: Path) -> None:
    result = analysed(tmp_path, {"s.csv": small_files.LOCUST_STATS, "f.csv": small_files.LOCUST_FAILURES}).result
    one = verdicts(result)["p95_latency"]
    assert one.verdict == "INCONCLUSIVE"
    assert {"ROUNDED", "NO_ROWS", "FORMAT"} <= set(one.reasons)
    assert "service time P95 295.0 ms to 305.0 ms" in one.reason
    assert "the limit lies within what the tool's rounding leaves open" in one.reason
    assert result.told is not None
    assert result.told.quantiles_ms["p95"] == (295.0, 305.0)
    assert (result.requests_count, result.failures_count, result.error_ratio) == (10_000, 100, 0.01)
    assert result.errors == {"HTTPError('500 Server Error')": 90, "ConnectionResetError(104)": 10}
    assert {(one.endpoint, one.requests_count, one.failures_count) for one in result.endpoints} == {
        ("/v1/classify", 9000, 90),
        ("/v1/evidence", 1000, 10),
    }
    assert result.service_ms.p95 is None


def test_totals_prove_an_error_ratio_and_no_latency(tmp_path: Path) -> None:
    slow = small_files.LOCUST_STATS.replace(b",300,400,500,", b",900,950,990,").replace(b"10000,100,", b"10000,1000,")
    found = verdicts(analysed(tmp_path, {"s.csv": slow}).result)
    assert (found["p95_latency"].verdict, found["error_rate"].verdict) == ("INCONCLUSIVE", "FAILED")
    assert "over the limit, not proven" in found["p95_latency"].reason
    assert "ROUNDED" not in found["p95_latency"].reasons


def test_intended_times_make_response_times(tmp_path: Path) -> None:
    due_ns = small_files.STARTED_MS * 10**6
    lines = [
        {
            "intended_ns": due_ns + number * 10**8,
            "sent_ns": due_ns + number * 10**8 + 4_000_000,
            "service_us": took * 1000,
        }
        | {"endpoint": "/v1/classify", "method": "POST", "status": 200, "ok": True, "user": number % 50}
        for number, took in enumerate(steady(50))
    ]
    rows = Rows(pa.Table.from_pylist(lines, schema=ROWS))
    form = Format("fake", "Fake", "fake", "rows", lambda head: True, lambda source: iter([rows]))
    path = tmp_path / "file"
    path.write_bytes(b"x")
    made = ingest_scenario(tmp_path / "out", "peak", [folder.Entry(path, "file", form)], Wishes(), lambda count: None)
    result = analyze_run(RunData.from_bundle(made.bundle), CRITERIA).result
    checks = {one.check: one.ok for one in result.validity}
    assert result.load_model == "open"
    assert (checks["load_model"], checks["late_starts"], checks["stall_effect"]) == (True, True, True)
    assert result.response_ms.p95 == pytest.approx((result.service_ms.p95 or 0) + 4)
    assert result.delay.latest_ms == 4.0
    assert verdicts(result)["p95_latency"].verdict == "INCONCLUSIVE"


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    median=st.sampled_from([1, 50, 280]),
    failed=st.integers(0, 30),
    scenario=st.sampled_from(["sustained", "peak", "spike", "crdt_stress"]),
    declared=st.booleans(),
)
def test_nothing_of_another_tool_ever_passes(
    tmp_path_factory: pytest.TempPathFactory, median: int, failed: int, scenario: str, declared: bool
) -> None:
    place, wishes = tmp_path_factory.mktemp("any"), Wishes(open_model="an open workload model" if declared else None)
    files = {"a.jtl": small_files.jtl(steady(median, 600), failed=failed, threads=50)}
    result = judged(analysed(place, files, wishes, scenario).result, CRITERIA, TODAY)
    assert "PASSED" not in {one.verdict for one in verdicts(result).values()}
    assert result.verdict != "PASSED"


@pytest.mark.parametrize("name", ["rows", "totals", "one"])
def test_every_table_figure_and_word_can_be_made_of_it(tmp_path: Path, name: str) -> None:
    data = {"rows": small_files.jtl(steady(50)), "totals": small_files.LOCUST_STATS, "one": small_files.jtl([5])}[name]
    found = analysed(tmp_path, {"a": data})
    result = judged(found.result, CRITERIA, TODAY)
    text = " ".join(narrative.analysis(result, LIMITS))
    shown = [tables.overview(result, LIMITS), tables.percentiles(result, LIMITS), tables.errors(result, LIMITS)]
    shown += [
        tables.latency_by_endpoint(result, LIMITS),
        tables.judged_latency(result, LIMITS),
        tables.validity(result),
    ]
    drawn = [plots.latency_over_time, plots.latency_distribution]
    words = " ".join(
        [text, *(one.text() for one in shown), *(draw(found.tables, result, limit_ms=300.0).alt for draw in drawn)]
    )
    words += plots.throughput(found.tables, result).alt
    assert "closed loop" not in words
    assert "None" not in words
    assert "nan" not in words


SEEDS = [small_files.jtl([5, 60, 700] * 20, failed=3), small_files.VEGETA, small_files.LOCUST_STATS]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SEEDS).flatmap(mutations))
def test_whatever_a_file_holds_it_is_analysed_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    place = tmp_path_factory.mktemp("damaged")
    (place / "peak").write_bytes(data)
    try:
        found = folder.plan(place / "peak")
        made = ingest_scenario(place / "out", "peak", found.scenarios["peak"], Wishes(), lambda count: None)
    except IngestError:
        return
    analysis = analyze_run(RunData.from_bundle(made.bundle), CRITERIA)
    result = judged(analysis.result, CRITERIA, TODAY)
    assert "PASSED" not in {one.verdict for one in verdicts(result).values()}
    assert result.model_dump_json()


def test_an_endpoint_whose_requests_are_not_told_has_no_count(tmp_path: Path) -> None:
    found = ingested(tmp_path, {"a.jtl": small_files.jtl(steady(50), threads=50)}, Wishes(), "peak")
    endpoint = foreign._endpoint(RunData.from_bundle(found.bundle), ("GET", "/a"), None, None)
    assert endpoint.requests_count is endpoint.failures_count is None

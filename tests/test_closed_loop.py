"""A closed loop in the verdict and in the words: service time, never a passed latency criterion."""

from dataclasses import replace

import pytest

from fireai_analysis import narrative
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.plots import latency as plots
from fireai_analysis.readings import CLOSED_DOUBT, READERS
from fireai_analysis.results import ScenarioResult
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.tables import load
from tests import made

P95 = next(one for one in load_criteria().criteria if one.id == "p95_latency")


def closed(data: RunData) -> RunData:
    spec = data.manifest.spec
    changed = {
        name: getattr(spec, name).model_copy(update={"load_model": "closed", "think_s": 1.0})
        for name in ("scenario", "full")
    }
    return replace(data, manifest=data.manifest.model_copy(update={"spec": spec.model_copy(update=changed)}))


@pytest.fixture(scope="module")
def run() -> RunData:
    return closed(made.healthy("peak"))


@pytest.fixture(scope="module")
def result(run: RunData) -> ScenarioResult:
    return made.result(run)


def test_the_criterion_cannot_pass(result: ScenarioResult) -> None:
    assert made.verdicts(made.summary(made.results()))["p95_latency"] == "PASSED"
    found = made.summary(made.results() | {"peak": result})
    assert made.verdicts(found)["p95_latency"] == "INCONCLUSIVE"
    assert "closed loop" in next(one.reason for one in found.criteria if one.id == "p95_latency")
    assert found.readiness == "NOT_READY"


def test_the_doubt_is_of_the_figure_itself(result: ScenarioResult) -> None:
    reading = READERS["response_p95"](P95, result)
    assert reading.doubts == (CLOSED_DOUBT,)
    assert reading.text.startswith("service time P95 200.0 ms")
    assert READERS["response_p95"](P95, made.healthy_result("peak")).doubts == ()


def test_there_is_no_response_time(result: ScenarioResult) -> None:
    assert result.response_ms.p95 is None
    assert all(one.response_ms.p95 is None for one in result.endpoints)
    assert result.service_ms.p95 == pytest.approx(made.P95_MS, abs=1)
    assert result.latency_ms == result.service_ms


def test_tables_name_it_service_time(result: ScenarioResult) -> None:
    percentiles = load.percentiles(result)
    assert percentiles.title == "Service time (closed loop)"
    assert {row[1] for row in percentiles.rows} == {"NOT MEASURED"}
    assert "response time" not in str(load.judged_latency(result).rows[0]).lower()
    overview = str(load.overview(result).rows)
    assert "closed: each user waits" in overview
    assert "open: sent when due" in str(load.overview(made.healthy_result("peak")).rows)


def test_words_name_it_service_time(result: ScenarioResult) -> None:
    text = " ".join(narrative.analysis(result))
    assert "These are service times" in text
    assert "each user waited for its answer" in text
    assert "response time" not in text


def test_figures_name_it_service_time(run: RunData, result: ScenarioResult) -> None:
    tables = analyze_run(run, load_criteria()).tables
    for figure in (plots.latency_over_time(tables, result), plots.latency_distribution(tables, result)):
        assert "service time (closed loop)" in figure.title
        assert figure.measured
        assert "response time" not in (figure.alt + figure.caption).lower()

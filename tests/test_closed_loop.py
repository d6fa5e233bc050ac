"""A closed loop in the verdict and in the words: service time, never a passed latency criterion."""

from dataclasses import replace
from pathlib import Path

import pytest

from fireai_analysis import narrative
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.errors import ParamsError
from fireai_analysis.plots import latency as plots
from fireai_analysis.plots.figure import Figure
from fireai_analysis.plots.style import scale_text
from fireai_analysis.plots.throughput import throughput
from fireai_analysis.publish import document, estimate, render_markdown, values
from fireai_analysis.publish.order import prepare
from fireai_analysis.readings import CLOSED_DOUBT, READERS
from fireai_analysis.results import ScenarioResult
from fireai_analysis.scenarios import closed as closed_run
from fireai_analysis.scenarios import load_criteria, load_target, run_spec
from fireai_analysis.tables import generator, load
from fireai_analysis.tables.verdicts import actual_text
from tests import made

LIMITS = {one.id: one.limit for one in load_criteria().criteria}
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


def test_the_doubt_is_there_once(result: ScenarioResult) -> None:
    reading = READERS["response_p95"](P95, result)
    assert reading.doubts == ()  # the gate says it
    assert READERS["response_p95"](P95, result.model_copy(update={"validity": ()})).doubts == (CLOSED_DOUBT,)
    assert reading.text.startswith("service time P95 199.5 ms")
    assert READERS["response_p95"](P95, made.healthy_result("peak")).doubts == ()


def test_there_is_no_response_time(result: ScenarioResult) -> None:
    assert result.response_ms.p95 is None
    assert all(one.response_ms.p95 is None for one in result.endpoints)
    assert result.service_ms.p95 == made.P95_MS - 0.5
    assert result.response_p95 is not None
    assert result.response_p95.value == result.service_ms.p95
    assert result.latency_ms == result.service_ms


def test_tables_name_it_service_time(result: ScenarioResult) -> None:
    percentiles = load.percentiles(result, LIMITS)
    assert percentiles.title == "Service time (closed loop)"
    assert {row[1] for row in percentiles.rows} == {"NOT MEASURED"}
    assert "response time" not in str(load.judged_latency(result, LIMITS).rows[0]).lower()
    overview = str(load.overview(result, LIMITS).rows)
    assert "closed: each user waits" in overview
    assert "at most 50.0 rps" in overview
    for shown in (load.overview(result, LIMITS), load.burst(result), load.errors(result, LIMITS)):
        assert not [word for word in ("intended", "offered", "asked for", "late") if word in shown.text().lower()]
    assert "intended" in load.burst(made.healthy_result("peak")).text()
    assert "intended" in load.errors(made.healthy_result("peak"), LIMITS).text()
    by_endpoint = load.latency_by_endpoint(result, LIMITS)
    assert "All are service times" in by_endpoint.note
    assert by_endpoint.columns[4:] == ("P50", "P95", "P99", "Max")
    assert by_endpoint.rows[0][5] == "199.5 ms"
    assert "closed loop" not in load.latency_by_endpoint(made.healthy_result("peak"), LIMITS).note
    assert "open: sent when due" in str(load.overview(made.healthy_result("peak"), LIMITS).rows)


def test_the_lists_of_the_report_give_its_service_times_by_their_name(result: ScenarioResult) -> None:
    filling = values.of(made.summary({"peak": result}))
    shown = filling["peak.p95"][0]
    assert (shown.text, shown.key) == ("199.5 ms (service time)", "scenarios.peak.service_ms.p95")
    assert filling["peak.mean"][0].text.endswith(" ms (service time)")
    assert filling["peak.efficiency"][0].reason == "a closed loop offers no rate to hold it against"
    opened = values.of(made.summary({"peak": made.healthy_result("peak")}))["peak.p95"][0]
    assert (opened.text, opened.key) == ("200.0 ms", "scenarios.peak.response_ms.p95")


def test_words_name_it_service_time(result: ScenarioResult) -> None:
    text = " ".join(narrative.analysis(result, LIMITS))
    assert "These are service times" in text
    assert "each user waited for its answer" in text
    assert "response time" not in text
    assert "intended" not in text
    assert "offered" not in text
    assert "rightly within the limit" not in text
    opened = " ".join(narrative.analysis(made.healthy_result("peak"), LIMITS))
    assert "were intended" in opened
    assert "rightly within the limit" in opened


def test_the_check_of_the_rate_speaks_of_no_schedule(result: ScenarioResult) -> None:
    def detail(of: ScenarioResult) -> str:
        return next(one.detail for one in of.validity if one.check == "achieved_rate")

    assert "requests of the closed loop were sent" in detail(result)
    assert "drawn arrivals were sent" in detail(made.healthy_result("peak"))


def test_the_load_is_told_with_its_think_time_or_its_course(result: ScenarioResult) -> None:
    assert "50 users, closed loop, think time 1 s" in scale_text(result)
    opened = made.healthy_result("peak")
    assert "50 users, 35.0 rps" in scale_text(opened)
    shaped = opened.model_copy(update={"peak_rate_rps": 50.0, "lowest_rate_rps": None})
    assert "50 users, up to 50.0 rps over the window (mean 35.0)" in scale_text(shaped)
    assert "20.0 to 50.0 rps over the window (mean 35.0)" in scale_text(
        shaped.model_copy(update={"lowest_rate_rps": 20.0})
    )
    assert "sent requests" in READERS["response_p95"](P95, result).evidence
    assert "intended requests" in READERS["response_p95"](P95, opened).evidence


def test_the_figure_of_the_criterion_says_that_it_is_service_time(result: ScenarioResult) -> None:
    found = made.summary(made.results() | {"peak": result})
    p95 = next(one for one in found.criteria if one.id == "p95_latency")
    assert actual_text(p95) == "199.5 ms (service time)"
    assert actual_text(p95.model_copy(update={"actual": None})) == "NOT MEASURED"
    shown = [render_markdown.render(document.section(found, {}, name)) for name in document.section_names()]
    assert (
        sum(text.count("199.5 ms (service time)") for text in shown) == 5
    )  # verdicts, metrics, list, percentiles, acceptance
    assert "closed loop, think time 1 s" in "".join(shown)
    assert [one.qualifier for one in made.summary(made.results()).criteria] == [""] * 5


def test_the_error_ratio_is_not_told_of_intended_requests(result: ScenarioResult) -> None:
    errors = next(one for one in load_criteria().criteria if one.id == "error_rate")
    evidence = READERS["error_ratio"](errors, result).evidence
    assert "of 126,000 requests of the closed loop failed" in evidence
    assert "intended" not in evidence
    assert "of 126,000 intended requests failed" in READERS["error_ratio"](errors, made.healthy_result("peak")).evidence


def test_no_word_of_an_offer_where_none_was_made(run: RunData, result: ScenarioResult) -> None:
    figure = throughput(analyze_run(run, load_criteria()).tables, result)
    assert figure.title == "Peak: requests achieved and failed"
    assert "intended" not in figure.alt
    assert "Offered" not in figure.alt + figure.caption
    assert _lines_count(figure) == 2
    opened = throughput(analyze_run(made.healthy("peak"), load_criteria()).tables, made.healthy_result("peak"))
    assert opened.title == "Peak: requests offered, achieved and failed"
    assert "Offered 35.00 rps" in opened.alt
    assert _lines_count(opened) == 3
    assert "after the think time" in generator(result).text()
    assert "after the intended start" in generator(made.healthy_result("peak")).text()


def _lines_count(figure: Figure) -> int:
    return sum(one["mode"].startswith("lines") and len(one["x"]) > 1 for one in figure.plotly["data"])


def test_service_time_is_drawn_once(run: RunData, result: ScenarioResult) -> None:
    for data, found, lines_count in (
        (run, result, (3, 1)),
        (made.healthy("peak"), made.healthy_result("peak"), (4, 2)),
    ):
        tables = analyze_run(data, load_criteria()).tables
        figures = (plots.latency_over_time(tables, found), plots.latency_distribution(tables, found))
        assert tuple(_lines_count(figure) for figure in figures) == lines_count


def test_figures_name_it_service_time(run: RunData, result: ScenarioResult) -> None:
    tables = analyze_run(run, load_criteria()).tables
    for figure in (plots.latency_over_time(tables, result), plots.latency_distribution(tables, result)):
        assert "service time (closed loop)" in figure.title
        assert figure.measured
        assert "response time" not in (figure.alt + figure.caption).lower()


def test_it_is_asked_for_at_the_command(tmp_path: Path) -> None:
    [spec] = prepare(["peak"], "smoke", target_name="embedded", seed=1, output=tmp_path / "c", think_s=1.25).specs
    assert (spec.scenario.load_model, spec.scenario.think_s) == ("closed", 1.25)
    assert spec.full.load_model == "open"
    assert spec.scenario.peak_rate_rps == 40.0
    assert estimate.of(spec).requests_count == pytest.approx(40 * 30, rel=0.2)
    assert spec.scale.rate_ratio == 1.0
    [spec] = prepare(["peak"], "smoke", target_name="embedded", seed=1, output=tmp_path / "d", think_s=10.0).specs
    assert spec.scale.rate_ratio == pytest.approx(5 / 35)  # 50 users who think 10 s cannot send more
    [spec] = prepare(["peak"], "smoke", target_name="embedded", seed=1, output=tmp_path / "o").specs
    assert spec.scale.rate_ratio == 1.0
    assert spec.scenario.load_model == "open"


@pytest.mark.parametrize(
    ("name", "think_s", "message"),
    [
        ("crdt_stress", 1.0, "follows its answers and no schedule: no waves; leave out scenarios that"),
        ("peak", 0.0, "greater than 0; give seconds above 0$"),
        ("spike", 0.1, "limits.max_rate_rps: spike needs 2000, allowed 1000"),
    ],
)
def test_a_loop_that_cannot_be_is_refused(name: str, think_s: float, message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        closed_run(run_spec("run", name, "smoke", load_target("embedded"), 1), think_s)

"""Tables: every value formatted, escaped, traceable to its key, and NOT MEASURED where it was not measured."""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis import tables
from fireai_analysis.results import Check, CriterionResult, ScenarioResult
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.tables import Table
from fireai_analysis.tables.verdicts import value_text
from tests import made
from tests.plots.frames import HOSTILE, result, unmeasured

LIMITS = {one.id: one.limit for one in load_criteria().criteria}
BESIDE_LIMITS = (
    tables.overview,
    tables.percentiles,
    tables.judged_latency,
    tables.latency_by_endpoint,
    tables.errors,
    tables.memory,
)
TABLES: dict[str, Callable[[ScenarioResult], Table]] = {
    function.__name__: partial(function, limits=LIMITS) for function in BESIDE_LIMITS
} | {
    function.__name__: function
    for function in (
        tables.validity,
        tables.garbage_collection,
        tables.stability,
        tables.pool,
        tables.statements,
        tables.waits,
        tables.layers,
        tables.burst,
        tables.crdt,
        tables.findings,
        tables.generator,
    )
}
every_table = pytest.mark.parametrize("name", TABLES)


def parsed(table: Table) -> ElementTree.Element:
    return ElementTree.fromstring(table.html())


@every_table
def test_html_is_well_formed_and_accessible(name: str) -> None:
    table = TABLES[name](result())
    root = parsed(table)
    heads = root.findall(".//thead/tr/th")
    assert [head.text for head in heads] == list(table.columns)
    assert all(head.get("scope") == "col" for head in heads)
    rows = root.findall(".//tbody/tr")
    assert len(rows) == len(table.rows) > 0
    assert all(row.find("th[@scope='row']") is not None for row in rows)
    assert root.find(".//caption").text == table.title
    assert set(table._repr_mimebundle_()) == {"text/html", "text/plain"}


@every_table
def test_text_from_outside_stays_text(name: str) -> None:
    table = TABLES[name](result(HOSTILE, reason=HOSTILE))
    tags = {element.tag for element in parsed(table).iter()}
    assert tags <= {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "p"}
    assert "<img" not in table.html() + table.markdown()
    assert "\u202e" not in table.html() + table.markdown()


@every_table
def test_markdown_has_one_line_a_row_and_equal_cells(name: str) -> None:
    table = TABLES[name](result())
    lines = table.markdown().split("\n\n")[0].strip().splitlines()
    assert len(lines) == len(table.rows) + 2
    bars = {line.replace("\\|", "").count("|") for line in lines}
    assert bars == {len(table.columns) + 1}


def below(place: Any, part: str) -> Any:
    return place[int(part)] if isinstance(place, tuple) else place[part]


@every_table
def test_keys_lead_to_the_figure(name: str) -> None:
    table, content = TABLES[name](result()), {"scenarios": {"peak": result().model_dump()}}
    for key in table.keys or ():
        reduce(below, key.split("."), content)  # KeyError or IndexError where it leads nowhere
    assert table.keys is None or len(table.keys) == len(table.rows)


@every_table
def test_what_was_not_measured_says_so_and_is_never_zero(name: str) -> None:
    table = TABLES[name](unmeasured())
    known = {"Verdict", "Reason", "State of the run", "Users", "Rate asked for"}
    values = [cell for row in table.rows if row[0] not in known for cell in row[1:]]
    assert "NOT MEASURED" in table.text() or name == "findings"
    assert not [cell for cell in values if any(character.isdigit() for character in cell)]


def test_checks_that_do_not_hold_stand_first_and_keep_their_keys() -> None:
    checks = [{"check": name, "ok": ok, "detail": "d"} for name, ok in (("a", True), ("b", None), ("c", False))]
    table = tables.validity(result(validity=[Check.model_validate(one) for one in checks]))
    assert [row[0] for row in table.rows] == ["c", "b", "a"]
    assert [key.rpartition(".")[2] for key in table.keys or ()] == ["2", "1", "0"]


def test_the_report_shows_the_checks_that_do_not_hold_and_counts_the_others() -> None:
    def of(*oks: bool | None) -> tables.Table:
        idle = Check(check="history_marks", ok=True, detail="no history belongs to this scenario")
        checks = [Check(check=f"c{place}", ok=ok, detail="d") for place, ok in enumerate(oks)]
        return tables.open_checks(result(validity=[idle, *checks]))

    few = of(True, None, True, False)
    assert few.rows == (("c3", "✘ failed", "d"), ("c1", "– NOT MEASURED", "d"))
    assert [key.rpartition(".")[2] for key in few.keys or ()] == ["4", "2"]
    assert few.note.startswith("2 others hold, 1 not applicable; all of them stand in peak/notebook.ipynb")
    good = of(True, True)
    assert (good.rows, good.keys) == ((("every check", "✔ ok", "2 hold, 1 not applicable"),), None)
    assert tables.open_checks(result(validity=[])).rows == ()
    assert "✔" not in tables.validity(result(validity=[few_idle()])).text()


def few_idle() -> Check:
    """A check of the real gate that has nothing to look at in a run without waves."""
    return next(one for one in made.healthy_result("peak").validity if one.check == "history_complete")


def test_known_values() -> None:
    rows = dict(tables.overview(result(), LIMITS).rows)
    assert rows["Verdict"] == "– INCONCLUSIVE"
    assert rows["Started"] == "2026-09-21T14:13:20Z"
    assert rows["Duration"] == "30 s (0.83 % of the ticket's)"
    assert rows["Users"] == "50"
    assert rows["Error ratio"] == "0.29 %"
    assert rows["Resident set of the Go service, peak"] == "38.0 MB"
    memory = {row[0]: row[1:] for row in tables.memory(result(), LIMITS).rows}
    assert memory["Go service, resident set, MB"] == ("32.5", "38.0", "37.7", "5.2", "NOT MEASURED")
    assert memory["Go service, resident set, MiB"] == ("31.0", "36.2", "36.0", "5.0", "NOT MEASURED")
    assert tables.percentiles(result(), LIMITS).rows[4] == ("P99.9", "NOT MEASURED", "NOT MEASURED")
    assert ("status", "201", "147") in tables.errors(result(), LIMITS).rows
    assert dict(tables.crdt(result()).rows)["Lost"] == "1"


def test_a_run_with_unanswered_requests_has_no_largest_response_time() -> None:
    infinite = result().response_ms.model_copy(update={"max": None, "mean": None})
    rows = tables.percentiles(result(response_ms=infinite), LIMITS).rows
    assert rows[-2:] == (("Max", "unbounded", "41.2 ms"), ("Mean", "unbounded", "6.10 ms"))


def test_an_infinite_p95_is_unbounded_not_unmeasured() -> None:
    p95 = result().response_p95.model_copy(update={"value": None, "infinite": True, "interval": (12.0, None)})
    rows = dict(tables.judged_latency(result(response_p95=p95), LIMITS).rows)
    assert rows["P95 of the response time"] == "unbounded"
    assert rows["95 % interval"] == "12.0 ms to unbounded"


def criterion(**changes: Any) -> CriterionResult:
    content = {
        "id": "p95_latency",
        "title": "P95 Latency",
        "scenario": "peak",
        "limit": 300.0,
        "unit": "ms",
        "bound": "inclusive",
        "counted": True,
        "actual": 300.0,
        "interval": (297.0, None),
        "verdict": "INCONCLUSIVE",
        "reason": "P95 297 to 304 ms",
        "evidence": "requests",
    }
    return CriterionResult.model_validate(content | changes)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"actual": 300.0}, "300.0 ms"),
        ({"actual": 300.0001}, "300.0001 ms"),
        ({"actual": None}, "NOT MEASURED"),
        ({"unit": "bytes", "limit": 512e6, "actual": 511_999_999}, "511.999999 MB"),
        ({"unit": "ratio", "limit": 0.05, "actual": 0.05000001}, "5.000001 %"),
        ({"unit": "ratio", "limit": 0.05, "actual": 0.05}, "5.00 %"),
        ({"unit": "writes", "limit": 0, "actual": 0}, "0 writes"),
        ({"unit": "writes", "limit": 0, "actual": 1}, "1 write"),
    ],
)
def test_rounding_never_hides_the_side_of_the_limit(changes: dict[str, Any], shown: str) -> None:
    entry = criterion(**changes)
    assert value_text(entry.actual, entry) == shown


@given(st.floats(0, 1), st.sampled_from([0.05, 0.01]))
def test_a_ratio_off_the_limit_never_prints_as_the_limit(actual: float, limit: float) -> None:
    entry = criterion(unit="ratio", limit=limit, actual=actual)
    same = value_text(actual, entry) == value_text(limit, entry)
    assert same == (actual == limit) or abs(actual - limit) < 1e-13


def test_criteria_are_told_with_bound_mark_and_reason() -> None:
    table = tables.criteria([criterion(), criterion(bound="strict", verdict="FAILED")])
    assert table.rows[0] == (
        "P95 Latency",
        "peak",
        "≤ 300.0 ms",
        "300.0 ms",
        "297.0 ms to unbounded",
        "– INCONCLUSIVE",
        "P95 297 to 304 ms",
    )
    assert table.rows[1][2].startswith("< ")
    assert table.rows[1][5] == "✘ FAILED"
    coded = tables.criteria([criterion(reasons=["INTERVAL_REACHES_LIMIT", "SCALE"])]).rows[0]
    assert coded[-1] == "P95 297 to 304 ms [INTERVAL_REACHES_LIMIT, SCALE]"
    assert tables.criteria([]).text().splitlines()[-1] == "No criterion applies."


def test_a_figure_that_has_no_interval_is_not_called_unmeasured() -> None:
    assert tables.criteria([criterion(unit="writes", limit=0, actual=0, interval=None)]).rows[0][4] == "–"


@pytest.mark.parametrize("make", [TABLES["overview"], tables.generator, tables.crdt_history, TABLES["judged_latency"]])
def test_headings_of_rows_fit_the_columns_of_plain_text(make: Callable[[ScenarioResult], Table]) -> None:
    assert max(len(row[0]) for row in make(result("crdt_stress")).rows) <= 60


def test_refusals_as_designed_are_told_to_be_no_errors() -> None:
    refused = result().crdt.model_copy(update={"failed_count": 15})
    assert "Refusals as designed" in tables.errors(result(crdt=refused, failures_count=0), LIMITS).note
    assert "Refusals" not in tables.errors(result(crdt=refused, failures_count=3), LIMITS).note


def test_numbers_stand_right_and_words_left() -> None:
    table = Table("t", "T", ("Name", "Count"), (("a", "1,000"), ("bb", "5")), "note")
    assert table.text() == "T\n\nName  Count\n----  -----\na     1,000\nbb        5\nnote"
    assert table.markdown() == "| Name | Count |\n| --- | ---: |\n| a | 1,000 |\n| bb | 5 |\n\nnote\n"
    assert '<td class="num">1,000</td>' in table.html()
    assert '<th scope="row">a</th>' in table.html()
    assert '<th scope="row"><div align="left">a</div></th>' in table._repr_mimebundle_()["text/html"]
    assert "style=" not in table._repr_mimebundle_()["text/html"]  # a strict Content-Security-Policy refuses it


def test_the_generator_is_told_with_what_its_calibration_found() -> None:
    table = tables.generator(result())
    shown = {key: row[1] for row, key in zip(table.rows, table.keys or (), strict=True)}
    prefix = "scenarios.peak.generator"
    assert shown[f"{prefix}.cpu_peak_ratio"] == "44.00 %"
    assert shown[f"{prefix}.in_flight_at_end_count"] == "2"
    assert shown[f"{prefix}.calibration.p95_bias_ratio"] == "0.44 ms (2.10 %)"
    assert shown[f"{prefix}.calibration.capacity_rps"] == "1,400 rps"
    assert "3 tries: 1.9 to 2.6 %" in table.note
    assert "was not calibrated" in tables.generator(unmeasured().model_copy(update={"duration_s": 30.0})).note
    assert "calibrat" not in tables.generator(unmeasured()).note  # nothing ran: nothing is known of the machine


def test_the_rate_of_a_curve_is_told_with_its_range() -> None:
    def rate(label: str = "Rate asked for", **changes: object) -> str:
        return dict(row[:2] for row in tables.overview(result("peak", **changes), LIMITS).rows)[label]

    assert rate() == rate(peak_rate_rps=35.0) == "35.0 rps"
    assert rate(peak_rate_rps=50.0) == "35.0 rps on average, 50.0 rps at the peak"
    assert rate(peak_rate_rps=50.0, lowest_rate_rps=20.0) == "20.0 to 50.0 rps, 35.0 rps on average"
    closed = rate("Rate that users and think time allow", peak_rate_rps=50.0, load_model="closed")
    assert closed == "at most 50.0 rps"

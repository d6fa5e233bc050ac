"""Rounding never changes a verdict, and no text of a figure contradicts the verdict that stands beside it."""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fireai_analysis import narrative, tables
from fireai_analysis.commands.verdicts import show_summary
from fireai_analysis.judge import judge_one
from fireai_analysis.publish import values
from fireai_analysis.readings import limit_text, value_text
from fireai_analysis.results import CriterionResult, Measured, ScenarioResult
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.spec import Criterion
from fireai_analysis.tables import Table
from fireai_analysis.tables.verdicts import value_text as table_text
from fireai_analysis.units import Limits, criterion_text, near_limit_text
from tests import made, never

CRITERIA = {one.id: one for one in load_criteria().criteria}
SCALE = {"ratio": 100.0, "bytes": 1e-6}


def number_of(text: str) -> float:
    """The number that a text shows."""
    found = re.match(r"[0-9.,e+-]+", text)
    assert found, text
    return float(found[0].replace(",", ""))


def side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def around(limit: float, *, whole: bool) -> st.SearchStrategy[float]:
    near = st.integers(-40, 40).map(lambda steps: limit + steps * (1 if whole else 1e-4))
    return near if whole else near | st.floats(limit * 0.99, limit * 1.01)


def shown(criterion: Criterion, value: float) -> CriterionResult:
    named = criterion.model_dump(include={"id", "title", "scenario", "limit", "unit", "bound", "counted"})
    return CriterionResult(**named, actual=value, interval=None, verdict="FAILED", reason="", evidence="")


@pytest.mark.parametrize("criterion", CRITERIA.values(), ids=list(CRITERIA))
@given(data=st.data())
def test_a_shown_figure_is_on_the_side_of_the_limit_on_which_it_was_judged(
    criterion: Criterion, data: st.DataObject
) -> None:
    if criterion.unit == "ratio":  # a share of rows
        rows = data.draw(st.integers(1, 10_000_000))
        value = min(rows, max(0, round(criterion.limit * rows) + data.draw(st.integers(-3, 3)))) / rows
    else:
        value = max(0.0, data.draw(around(criterion.limit, whole=criterion.unit in ("bytes", "writes"))))
    scale = SCALE.get(criterion.unit, 1.0)
    for text in (value_text(criterion, value), table_text(value, shown(criterion, value))):
        assert side(number_of(text), criterion.limit * scale) == side(value, criterion.limit), (value, text)
    assert number_of(limit_text(criterion).split(" ", 1)[1]) == criterion.limit * scale


@given(st.floats(0, 1e6), st.integers(0, 10**9), st.integers(0, 3))
def test_no_text_crosses_any_limit(value: float, micro: int, digits: int) -> None:
    limit = micro / 1000
    text = near_limit_text(value, limit, digits)
    assert side(number_of(text), limit) == side(value, limit)


UNITS = {"ms": 300.0, "bytes": 512e6, "ratio": 0.05, "writes": 0.0}


@given(st.sampled_from(sorted(UNITS)), st.data())
def test_a_printed_figure_and_a_printed_limit_compare_as_the_numbers_do(unit: str, data: st.DataObject) -> None:
    limit = data.draw(
        st.sampled_from([UNITS[unit], UNITS[unit] * 1.000007]) | st.floats(0, 1 if unit == "ratio" else 1e9)
    )
    near = st.floats(-1e-3, 1e-3).map(lambda step: max(0.0, limit * (1 + step)))
    value = data.draw(near | st.just(limit) | st.floats(0, 1 if unit == "ratio" else 1e12))
    shown, bound = (criterion_text(one, limit, unit).split(" ")[0] for one in (value, limit))
    if shown.startswith("<"):
        assert value < limit
        assert Decimal(shown[1:]) <= Decimal(bound)  # so are all values under what is printed
    elif shown.startswith(">"):
        assert value > limit
        assert Decimal(shown[1:]) >= Decimal(bound)
    else:
        exact = Decimal(shown.replace(",", "")) - Decimal(bound.replace(",", ""))
        assert (exact > 0) - (exact < 0) == side(value, limit), (shown, bound)


LIMITS = {one.id: one.limit for one in CRITERIA.values()}
RATIO = 6_301 / 126_000


def near_every_limit(model: str = "open") -> ScenarioResult:
    """A run whose latency, errors and memory lie just over their limits, so near that one digit would hide it."""
    base = p95_of(300.04)
    p95 = {"p95": 300.04}
    return base.model_copy(
        update={
            "load_model": model,
            "response_ms": base.response_ms.model_copy(update=p95),
            "service_ms": base.service_ms.model_copy(update=p95),
            "endpoints": tuple(
                one.model_copy(update={"response_ms": one.response_ms.model_copy(update=p95)}) for one in base.endpoints
            ),
            **{"error_ratio": RATIO, "error_interval": (RATIO, RATIO), "failures_count": 6_301},
            "memory_mib": base.memory_mib.model_copy(update={"peak": 512_000_020 / made.MIB}),
            "go": base.go.model_copy(update={"high_water_end_bytes": 512_000_001}),
        }
    )


BESIDE_LIMITS = (
    tables.overview,
    tables.percentiles,
    tables.judged_latency,
    tables.latency_by_endpoint,
    tables.errors,
    tables.memory,
)


@pytest.mark.parametrize("make", BESIDE_LIMITS, ids=lambda make: make.__name__)
def test_no_table_rounds_a_figure_onto_its_limit(make: Callable[[ScenarioResult, Limits], Table]) -> None:
    text = make(near_every_limit(), LIMITS).text()
    assert not re.search(r"\b300\.0 ms|\b5\.00 %|\b512\.0\b", text), text
    assert re.search(r"300\.04 ms|5\.001 %|512\.00000", text)


@pytest.mark.parametrize("model", ["open", "closed"])
def test_no_sentence_rounds_a_figure_onto_its_limit(model: str) -> None:
    result = near_every_limit(model)
    scenarios = {"peak": result, "sustained": result.model_copy(update={"scenario": "sustained"})}
    for one in scenarios.values():
        text = " ".join(narrative.analysis(one, LIMITS))
        assert "300.04 ms" in text
        assert "5.001 % of them went wrong" in text
        assert "300.0 ms" not in text
        assert "512.00002 MB" in text or one.scenario == "peak"
    filling = values.of(made.summary(scenarios))
    assert filling["peak.success"][0].text == "94.999 %"
    assert filling["sustained.memory_peak"][0].text == "512.00002"
    assert filling["peak.p95"][0].text.removesuffix(" (service time)") == "300.04 ms"


# -- each limit, through the judge


def p95_of(value: float) -> ScenarioResult:
    known = {"over_limit_ratio": 0.04, "over_limit_interval": (0.0, 0.05), "episodes_count": 40, "n_count": 126_000}
    same = Measured(value=value, interval=(value, value), violation_interval=(value, value), **known)
    return made.healthy_result("peak").model_copy(update={"response_p95": same})


@pytest.mark.parametrize(("value", "verdict", "words"), [
    (299.9999, "PASSED", "P95 299.9999 ms"),
    (math.nextafter(300.0, 0), "PASSED", "P95 299.9999999999999 ms"),
    (300.0, "PASSED", "P95 300.0 ms"),
    (math.nextafter(300.0, 301), "FAILED", "P95 300.0000000000001 ms"),
    (300.0001, "FAILED", "P95 300.0001 ms"),
    (300.04, "FAILED", "P95 300.04 ms"),
])  # fmt: skip
def test_the_latency_limit_is_inclusive_and_exact(value: float, verdict: str, words: str) -> None:
    judgement = judge_one(CRITERIA["p95_latency"], p95_of(value))
    assert (judgement.verdict, judgement.actual) == (verdict, value)
    assert judgement.reason.startswith(words + " ")


@pytest.mark.parametrize(("mark", "verdict", "words"), [
    (511_999_999, "PASSED", "511.999999 MB"),
    (512_000_000, "FAILED", "512.0 MB"),
    (512_000_001, "FAILED", "512.000001 MB"),
])  # fmt: skip
def test_the_memory_limit_is_strict_and_exact(mark: int, verdict: str, words: str) -> None:
    result = made.healthy_result("peak")
    go = result.go.model_copy(update={"high_water_end_bytes": mark, "high_water_start_bytes": 1})
    judgement = judge_one(CRITERIA["go_memory"], result.model_copy(update={"go": go}))
    assert (judgement.verdict, words in judgement.reason) == (verdict, True), judgement.reason


@pytest.mark.parametrize(("bad", "verdict"), [(6_300, "PASSED"), (6_301, "FAILED")])
def test_the_error_limit_is_a_count_of_rows(bad: int, verdict: str) -> None:
    ratio = bad / 126_000
    changes = {"error_ratio": ratio, "error_interval": (ratio, ratio), "failures_count": bad}
    judgement = judge_one(CRITERIA["error_rate"], made.healthy_result("peak").model_copy(update=changes))
    assert judgement.verdict == verdict
    assert ("5.00 % errors" in judgement.reason) == (bad == 6_300)


@given(st.floats(290, 310))
def test_a_verdict_is_that_of_the_figure_and_not_of_its_text(value: float) -> None:
    judgement = judge_one(CRITERIA["p95_latency"], p95_of(value))
    assert judgement.verdict == ("PASSED" if value <= 300.0 else "FAILED")
    assert side(number_of(judgement.reason.removeprefix("P95 ")), 300.0) == side(value, 300.0)


def test_the_terminal_shows_no_rounded_figure_beside_its_verdict() -> None:
    over, ratio = p95_of(300.04), 6_301 / 126_000
    peak = over.model_copy(
        update={
            "response_ms": over.response_ms.model_copy(update={"p95": 300.04}),
            **{"error_ratio": ratio, "error_interval": (ratio, ratio), "failures_count": 6_301},
        }
    )
    out = StringIO()
    show_summary(Console(file=out, width=200), made.summary({"peak": peak}))
    (row,) = (line for line in out.getvalue().splitlines() if re.match(r"\W*peak\b.*analyzed", line))
    assert "300.04 ms" in row
    assert "5.001 %" in row
    assert "300.0 ms" not in row


# -- hostile durations in the rows


BAD_US = st.sampled_from([None, float("nan"), float("inf"), -1.0, 0.0, -(2.0**31)])


@settings(max_examples=15, deadline=None)
@given(
    value=BAD_US,
    column=st.sampled_from(["service_us", "response_us"]),
    places=st.lists(st.integers(0, 3_719), min_size=1, max_size=400, unique=True),
)
def test_no_row_with_a_duration_that_cannot_be_passes(value: float | None, column: str, places: list[int]) -> None:
    data = never.small("peak")
    durations = data.requests[column].astype("Float64")
    durations.iloc[places] = pd.NA if value is None else value
    frame = data.requests.assign(**{column: durations})
    result = made.result(never.with_table(data, "requests", frame))
    for name in ("p95_latency", "error_rate"):
        judgement = judge_one(CRITERIA[name], result)
        assert (judgement.verdict, "latency_values failed" in judgement.reason) == ("INCONCLUSIVE", True)
    assert any("duration that cannot be" in text for text in result.warnings)
    assert result.response_ms.p50 is None or np.isfinite(result.response_ms.p50)

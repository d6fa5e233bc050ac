"""Rounding never changes a verdict, and no text of a figure contradicts the verdict that stands beside it."""

import math
import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from fireai_analysis.commands.verdicts import show_summary
from fireai_analysis.judge import judge_one
from fireai_analysis.readings import limit_text, value_text
from fireai_analysis.results import CriterionResult, Measured, ScenarioResult
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.spec import Criterion
from fireai_analysis.tables.verdicts import value_text as table_text
from fireai_analysis.units import near_limit_text
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


# -- each limit, through the judge


def p95_of(value: float) -> ScenarioResult:
    known = {"over_limit_ratio": 0.04, "over_limit_interval": (0.0, 0.05), "episodes_count": 40, "n_count": 126_000}
    same = Measured(value=value, interval=(value, value), violation_interval=(value, value), **known)
    return made.healthy_result("peak").model_copy(update={"response_p95": same})


@pytest.mark.parametrize(("value", "verdict", "words"), [
    (299.9999, "PASSED", "P95 299.9999 ms"),
    (math.nextafter(300.0, 0), "PASSED", "P95 299.99999999999994 ms"),
    (300.0, "PASSED", "P95 300.0 ms"),
    (math.nextafter(300.0, 301), "FAILED", "P95 300.00000000000006 ms"),
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

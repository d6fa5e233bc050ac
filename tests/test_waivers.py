"""A waiver is written, names a known criterion, expires, and covers NOT MEASURED alone; confidence by its rule."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import ParamsError
from fireai_analysis.judge import Judgement, waived
from fireai_analysis.results import CriterionResult, ScenarioResult, Verdict
from fireai_analysis.rulings import confidence, margin_half_widths
from fireai_analysis.scenarios import load_criteria, params_dir
from fireai_analysis.spec import Waiver
from tests import made

CRITERIA = {one.id: one for one in load_criteria().criteria}
GOOD = {"criterion": "aurora_scaling", "reason": "plain PostgreSQL is shipped first", "approved_by": "Ann",
        "expires": date(2027, 1, 31)}  # fmt: skip
DAY = date(2026, 10, 5)


def load(tmp_path: Path, **changes: Any) -> Sequence[Waiver]:
    content = yaml.safe_load((params_dir() / "criteria.yaml").read_text())
    content["waivers"] = [{key: value for key, value in (GOOD | changes).items() if value is not ...}]
    path = tmp_path / "criteria.yaml"
    path.write_text(yaml.safe_dump(content))
    return load_criteria(path).waivers


def test_a_whole_waiver_is_read(tmp_path: Path) -> None:
    assert load(tmp_path) == (Waiver(**GOOD),)


@pytest.mark.parametrize("changes", [
    {"criterion": "p96_latency"}, {"criterion": ""}, {"criterion": ...},
    {"reason": ""}, {"reason": "ok"}, {"reason": ...}, {"reason": None}, {"reason": " " * 40},
    {"approved_by": ""}, {"approved_by": ...}, {"approved_by": "   "},
    {"reason": ". . . . . . . . ."}, {"reason": "\u200b" * 20}, {"approved_by": "-"},
    {"expires": ...}, {"expires": None}, {"expires": "never"}, {"expires": "2026-02-30"},
    {"verdict": "FAILED"},
], ids=str)  # fmt: skip
def test_a_waiver_that_is_not_whole_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(ParamsError, match=r"criteria\.yaml"):
        load(tmp_path, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("p95_latency", {"bound": "at_least"}, "wrong side"),
        ("go_memory", {"bound": "at_least"}, "wrong side"),
        ("aurora_scaling", {"bound": "inclusive"}, "wrong side"),
        ("error_rate", {"limit": 5}, "no share is over 5"),
        ("error_rate", {"limit": 1.0}, "no share is over 1"),
        ("crdt_data_loss", {"bound": "strict"}, "nothing is under 0"),
        ("p95_latency", {"limit": float("inf")}, "finite"),
        ("p95_latency", {"limit": float("nan")}, "finite"),
        ("p95_latency", {"limit": -1}, "greater than or equal to 0"),
    ],
)
def test_a_limit_that_nothing_can_miss_is_refused(
    tmp_path: Path, name: str, changes: dict[str, Any], words: str
) -> None:
    content = yaml.safe_load((params_dir() / "criteria.yaml").read_text())
    next(one for one in content["criteria"] if one["id"] == name).update(changes)
    path = tmp_path / "criteria.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ParamsError, match=words):
        load_criteria(path)


def test_a_campaign_counts_a_waiver_until_the_end_of_its_day() -> None:
    """From the day after its last one on the criterion is NOT MEASURED again, and the campaign is not ready."""
    for generated, verdict, readiness in (
        ("2027-01-31T00:00:00Z", "WAIVED", "READY"),
        ("2027-01-31T23:59:59Z", "WAIVED", "READY"),
        ("2027-02-01T00:00:00Z", "NOT MEASURED", "NOT_READY"),
    ):
        criteria = load_criteria().model_copy(update={"waivers": (Waiver(**GOOD),)})
        found = made.summary(criteria=criteria, generated=generated)
        assert (made.verdicts(found)["aurora_scaling"], found.readiness) == (verdict, readiness), generated
        assert (found.scenarios["spike"].verdict == "PASSED") == (verdict == "WAIVED")


VERDICTS: list[Verdict] = ["PASSED", "FAILED", "INCONCLUSIVE", "NOT MEASURED"]


@given(st.sampled_from(VERDICTS), st.integers(-400, 400), st.sampled_from(sorted(CRITERIA)))
def test_a_waiver_covers_what_was_not_measured_until_its_day(verdict: Verdict, days: int, criterion: str) -> None:
    waiver = Waiver(**(GOOD | {"expires": DAY + timedelta(days=days)}))
    judgement = Judgement(verdict, "why", "spike")
    found = waived(judgement, CRITERIA[criterion], [waiver], DAY)
    covers = verdict == "NOT MEASURED" and days >= 0 and criterion == "aurora_scaling"
    assert found.verdict == ("WAIVED" if covers else verdict)
    assert covers or found == judgement
    assert not covers or "Ann" in found.reason


# -- confidence, by its written rule


def criterion(margin: float | None, verdict: Verdict = "PASSED") -> CriterionResult:
    """A criterion whose figure lies so many half-widths of its interval from the limit."""
    named = CRITERIA["p95_latency"].model_dump(include={"id", "title", "scenario", "limit", "unit", "bound", "counted"})
    actual = 300.0 - 25.0 * (margin or 0.0)
    interval = None if margin is None else (actual - 25.0, actual + 25.0)
    return CriterionResult(**named, actual=actual, interval=interval, verdict=verdict, reason="", evidence="")


FULL = made.healthy_result("peak")
HALF = FULL.model_copy(update={"scale": FULL.scale.model_copy(update={"users_ratio": 0.5})})
SICK = FULL.model_copy(update={"validity": tuple(one.model_copy(update={"ok": False}) for one in FULL.validity[:1])})
BLANK = criterion(None, "NOT MEASURED")


@pytest.mark.parametrize(("criteria", "result", "repeats", "level", "terms"), [
    ([criterion(3.0)], FULL, 5, "HIGH", ("HIGH", "HIGH", "HIGH", "HIGH")),
    ([criterion(3.0)], FULL, 4, "MEDIUM", ("HIGH", "HIGH", "HIGH", "MEDIUM")),
    ([criterion(2.9)], FULL, 5, "MEDIUM", ("HIGH", "MEDIUM", "HIGH", "HIGH")),
    ([criterion(0.9)], FULL, 5, "LOW", ("HIGH", "LOW", "HIGH", "HIGH")),
    ([criterion(None)], FULL, 5, "LOW", ("HIGH", "LOW", "HIGH", "HIGH")),
    ([criterion(3.0), BLANK], FULL, 5, "MEDIUM", ("MEDIUM", "HIGH", "HIGH", "HIGH")),
    ([criterion(3.0), BLANK, BLANK], FULL, 5, "LOW", ("LOW", "HIGH", "HIGH", "HIGH")),
    ([criterion(3.0)], SICK, 5, "LOW", ("LOW", "HIGH", "HIGH", "HIGH")),
    ([criterion(3.0)], HALF, 5, "LOW", ("HIGH", "HIGH", "LOW", "HIGH")),
    ([criterion(0.1, "FAILED"), BLANK], HALF, 1, "HIGH", ("HIGH",)),
])  # fmt: skip
def test_confidence_is_the_lowest_of_its_terms(
    criteria: list[CriterionResult], result: ScenarioResult, repeats: int, level: str, terms: tuple[str, ...]
) -> None:
    found, texts = confidence(criteria, {"peak": result}, repeats)
    assert (found, tuple(text.rsplit(": ", 1)[1] for text in texts)) == (level, terms)


def test_the_margin_is_counted_in_half_widths() -> None:
    assert margin_half_widths(criterion(2.0)) == 2.0
    assert margin_half_widths(criterion(None)) is None
    assert margin_half_widths(criterion(2.0).model_copy(update={"interval": (225.0, None)})) is None
    assert margin_half_widths(criterion(2.0).model_copy(update={"interval": (250.0, 250.0)})) == float("inf")


@pytest.mark.parametrize(
    ("margin", "told"),
    [
        (27.14, "margin: the distance of p95_latency to its limit is 27.1 times the longer side of its interval: HIGH"),
        (2.96, "margin: the distance of p95_latency to its limit is 2.9 times the longer side of its interval: MEDIUM"),
    ],
)
def test_the_margin_is_told_in_words_and_on_its_side_of_the_rule(margin: float, told: str) -> None:
    assert told in confidence([criterion(margin)], {"peak": FULL}, 5)[1]


def test_an_interval_without_width_is_told() -> None:
    one = criterion(2.0).model_copy(update={"interval": (250.0, 250.0)})
    assert "margin: the interval of p95_latency has no width: HIGH" in confidence([one], {"peak": FULL}, 5)[1]

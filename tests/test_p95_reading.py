"""What a p95 is judged on beside its interval: the share of requests over the limit, and how often they came."""

from dataclasses import replace

import pytest

from fireai_analysis.judge import Judgement, judge_one
from fireai_analysis.results import Interval
from fireai_analysis.scenarios import load_criteria
from tests import made

CRITERION = next(one for one in load_criteria().criteria if one.id == "p95_latency")


def judgement(**changes: object) -> Judgement:
    result = made.healthy_result("peak")
    assert result.response_p95 is not None
    p95 = result.response_p95.model_copy(update=changes)
    return judge_one(CRITERION, result.model_copy(update={"response_p95": p95}))


@pytest.mark.parametrize(
    ("share", "verdict"),
    [((0.0, 0.01), "PASSED"), ((0.0, 0.05), "PASSED"), ((0.01, 0.0500001), "INCONCLUSIVE")],
)
def test_a_p95_passes_only_where_no_more_than_5_percent_may_lie_over_the_limit(share: Interval, verdict: str) -> None:
    found = judgement(over_limit_interval=share)
    assert found.verdict == verdict
    assert ("may lie over the limit" in found.reason) == (verdict == "INCONCLUSIVE")


def test_few_stretches_over_the_limit_are_told_with_their_bound() -> None:
    assert (
        "in 3 separate stretches (a run like it may hold 8.8"
        in judgement(episodes_count=3, episodes_most_count=8.77).evidence
    )
    assert "stretches" not in judgement(episodes_count=10, episodes_most_count=18.4).evidence


@pytest.mark.parametrize(
    ("share", "seen", "most", "verdict"),
    [
        (0.0, 0, 3.69, "PASSED"),
        (0.01, 1, 5.0, "PASSED"),
        (0.0101, 1, 5.0, "INCONCLUSIVE"),
        (0.03, 9, 17.1, "INCONCLUSIVE"),
        (0.03, 10, 18.4, "PASSED"),
        (0.01, 1, None, "INCONCLUSIVE"),
    ],
)
def test_rare_stalls_pass_only_where_as_many_as_may_be_keep_within_5_percent(
    share: float, seen: int, most: float | None, verdict: str
) -> None:
    found = judgement(over_limit_ratio=share, episodes_count=seen, episodes_most_count=most)
    assert found.verdict == verdict
    if verdict == "INCONCLUSIVE":
        assert found.reasons == ("INTERVAL_REACHES_LIMIT",)
        assert f"in {seen} separate stretches; in the" in found.reason


@pytest.mark.parametrize("unknown", ["over_limit_ratio", "over_limit_interval", "episodes_count"])
def test_what_is_not_known_of_the_requests_over_the_limit_does_not_pass(unknown: str) -> None:
    assert judgement(**{unknown: None}).reasons == ("NO_EVIDENCE",)


@pytest.mark.parametrize(("share", "verdict"), [(None, "PASSED"), (0.05, "PASSED"), (0.0501, "INCONCLUSIVE")])
def test_a_limit_that_is_kept_only_without_the_warm_up_does_not_pass(share: float | None, verdict: str) -> None:
    found = judgement(uncut_over_limit_ratio=share, uncut_value=350.0)
    assert found.verdict == verdict
    if verdict == "INCONCLUSIVE":
        assert found.reasons == ("NO_STEADY_STATE",)
        assert "200.0 ms after" in found.reason
        assert "350.0 ms with it, as 5.01 % of the requests" in found.reason


def test_the_first_quarter_of_an_hour_over_the_limit_does_not_pass() -> None:
    """The steady rest keeps the limit, and its interval too; 880 of 3,600 s did not."""
    data = made.healthy("peak")
    frame = data.requests.copy()
    early = (frame["intended_ns"] - made.STARTED_NS) < 880 * made.S
    for column in ("response_us", "service_us"):
        frame[column] = frame[column].mask(early, frame[column] + 400_000)
    result = made.result(replace(data, requests=frame))
    p95 = result.response_p95
    assert p95 is not None
    assert result.warm_up_s == 880.0
    assert (p95.value, p95.over_limit_ratio) == (200.0, 0.0)
    assert p95.uncut_value == 500.0
    assert p95.uncut_over_limit_ratio == pytest.approx(880 / 3600, abs=1e-4)
    found = judge_one(CRITERION, result)
    assert (found.verdict, found.reasons) == ("INCONCLUSIVE", ("NO_STEADY_STATE",))


def test_a_run_that_is_not_cut_has_no_figures_with_its_warm_up() -> None:
    p95 = made.healthy_result("peak").response_p95
    assert p95 is not None
    assert (p95.uncut_value, p95.uncut_over_limit_ratio) == (None, None)

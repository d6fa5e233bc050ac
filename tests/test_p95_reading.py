"""What a p95 is judged on beside its interval: the share of requests over the limit, and how often they came."""

import pytest

from fireai_analysis.judge import Judgement, judge_one
from fireai_analysis.results import Interval
from fireai_analysis.scenarios import load_criteria
from tests import made


def judgement(**changes: object) -> Judgement:
    result = made.healthy_result("peak")
    assert result.response_p95 is not None
    p95 = result.response_p95.model_copy(update=changes)
    criterion = next(one for one in load_criteria().criteria if one.id == "p95_latency")
    return judge_one(criterion, result.model_copy(update={"response_p95": p95}))


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

"""The report has every heading and label of the template in its order, and none of its tokens."""

import re

import pytest

from fireai_analysis.publish import document, render_markdown
from fireai_analysis.results import Summary
from tests.publish import campaigns, template


def markdown(summary: Summary) -> str:
    blocks = (block for name in document.section_names() for block in document.section(summary, {}, name))
    return render_markdown.render(blocks)


@pytest.fixture(scope="module")
def measured() -> str:
    return markdown(campaigns.summary())


@pytest.fixture(scope="module")
def empty() -> str:
    gone = {name: campaigns.missing(name, "the target was gone", ordered=True) for name in campaigns.LOADS}
    return markdown(campaigns.summary(scenarios=gone))


@pytest.fixture(scope="module")
def one_of_four() -> str:
    others = {name: campaigns.missing(name) for name in campaigns.LOADS}
    return markdown(campaigns.summary(scenarios=others | {"crdt_stress": campaigns.result("crdt_stress")}))


@pytest.fixture(params=["measured", "empty", "one_of_four"])
def any_report(request: pytest.FixtureRequest) -> str:
    text: str = request.getfixturevalue(request.param)
    return text


@pytest.fixture(params=["measured", "empty"])
def report(request: pytest.FixtureRequest) -> str:
    text: str = request.getfixturevalue(request.param)
    return text


def test_every_heading_in_its_order(any_report: str) -> None:
    mark = re.compile(r"^(#+ )(?:[✔✘–] (?:PASSED|FAILED|INCONCLUSIVE|NOT MEASURED|WAIVED) )?(.*)$")
    found = iter("".join(match.groups()) for match in map(mark.match, any_report.splitlines()) if match)
    missing = [heading for heading in template.HEADINGS if heading not in found]
    assert missing == []


def test_every_label_in_its_order(report: str) -> None:
    place = 0
    for label in template.LABELS:
        found = report.find(label, place)
        assert found >= 0, f"{label!r} is not there, or not in its order"
        place = found + len(label)


@pytest.mark.parametrize("token", template.TOKENS)
def test_no_token_is_left(measured: str, empty: str, token: str) -> None:
    assert token not in measured
    assert token not in empty


def test_expectations_of_the_ticket_are_named_so(measured: str) -> None:
    for claim in ("Up to 3x faster", "Expected 20-30%", "Estimated 40-60%"):
        line = next(line for line in measured.splitlines() if claim in line)
        assert "unverified" in line


def test_what_was_not_measured_says_so_with_its_reason(empty: str) -> None:
    assert "- **P95 Latency:** NOT MEASURED (the target was gone)" in empty
    assert "- **Initial Heap:** NOT MEASURED (the target was gone)" in empty
    row = next(line for line in empty.splitlines() if line.startswith("| P95 |"))
    assert row.count("NOT MEASURED") == 4


def test_scenarios_that_were_left_out_are_told_in_one_line_each(one_of_four: str) -> None:
    assert "> Not part of this campaign: Sustained, Peak and Spike. What rests on them is NOT MEASURED." in one_of_four
    for heading, name in (("Test 1", "sustained"), ("Test 2", "peak"), ("Test 3", "spike")):
        part = one_of_four.partition(f"### {heading}")[2].partition("\n#")[0]
        assert part.partition("\n\n")[2].strip() == (
            "> Not part of this campaign: nothing was sent, and what rests on this scenario is NOT MEASURED. "
            f"To run it: `fireai run {name}`"
        )
    own = one_of_four.partition("### Test 4")[2].partition("\n---")[0]
    assert "- **Total CRDT Operations:** 2,000" in own
    figures = [line for line in one_of_four.splitlines() if line.startswith("**Figure.**")]
    assert len(figures) == 6
    assert all("CRDT stress" in line for line in figures)


def test_labels_outside_the_parts_left_out_stay(one_of_four: str) -> None:
    own = {"**Objective:** Validate memory leaks and connection stability over extended period"}
    first, last = template.LABELS.index(next(iter(own))), template.LABELS.index("- Users: 1000 concurrent")
    place = 0
    for label in (*template.LABELS[:first], *template.LABELS[last:]):
        found = one_of_four.find(label, place)
        assert found >= 0, f"{label!r} is not there, or not in its order"
        place = found + len(label)


def test_a_figure_of_a_scenario_left_out_is_not_run_and_never_a_number(one_of_four: str) -> None:
    rows = [line for line in one_of_four.splitlines() if line.startswith("| P95 |")]
    assert rows == ["| P95 | not run | not run | not run | 14.8 ms |"]
    assert "| Peak | 35.0 | not run | not run |" in one_of_four
    assert "- **Initial Heap:** 3.3 MB" in one_of_four
    assert "| Peak | not run | – | – | – | – | – |" in one_of_four


def test_a_campaign_of_nothing_is_not_run() -> None:
    nothing = markdown(campaigns.summary(scenarios={name: campaigns.missing(name) for name in campaigns.LOADS}))
    assert "- **Initial Heap:** not run" in nothing
    assert "**Figure.**" not in nothing


def test_figures_stand_with_their_units(measured: str) -> None:
    assert "- **P95 Latency:** 14.8 ms ★ **CRITICAL METRIC**" in measured
    assert "- **Success Rate:** 100.00 %" in measured
    assert "- **Memory Growth:** 9.2 MB" in measured  # 8.8 MiB
    assert "| Peak | 35.0 | 34.73 rps | 100.00 % |" in measured
    assert "- **Data Loss Events:** 0 ★ **CRITICAL METRIC**" in measured
    assert "- **Load Testing:** Locust 2.47.0" in measured


def test_fewer_bottlenecks_than_three_are_said_to_be_fewer(measured: str, empty: str) -> None:
    assert "1. **The database takes the largest part of the slow tail:**" in measured
    assert "One bottleneck was identified" in measured
    assert "No bottleneck was identified" in empty


def test_environment_shows_no_secret_and_no_user_name(measured: str) -> None:
    assert "INTERNAL_JWT_SECRET_KEY=set" in measured
    content = campaigns.summary().environment | {"database_url": "postgresql://user:hunter2@db.example:5433/fireai?x=1"}
    text = markdown(campaigns.summary(environment=content))
    assert "DATABASE_URL=postgresql://db.example:5433/fireai\n" in text
    assert "hunter2" not in text
    assert "user:" not in text


def test_reduced_scale_is_said_before_anything_else(measured: str) -> None:
    assert measured.startswith("> Not at the ticket's scale (profile smoke): Sustained 30 s")

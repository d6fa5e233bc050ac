"""Runs that did not end in order: the report tells their own state, why, and what to do."""

from pathlib import Path

import pytest

from fireai_analysis import judge
from fireai_analysis.bundle import RunBundle
from fireai_analysis.campaign import Campaign
from fireai_analysis.publish import report
from fireai_analysis.publish.analyst import rebuild
from fireai_analysis.results import Summary
from tests import made

LONG_AGO_NS = made.STARTED_NS


class Silent:
    """Progress that is told to nobody."""

    def show(self, *_: object) -> None: ...

    def end(self, *_: object, ok: bool) -> None: ...


def left(folder: Path, state: str, reason: str | None = None) -> RunBundle:
    """A run whose collector left it in a state, with a journal and no rows."""
    Campaign.create(folder, made.CAMPAIGN | {"scenarios": ["peak"]})
    bundle = RunBundle.create(folder, made.made_spec("peak", "smoke"))
    (bundle.journal_dir / "requests-0.journal").write_bytes(b"cut off")
    bundle.update(created_ns=LONG_AGO_NS)
    if state != "created":
        bundle.update(state="recording")
    bundle.update(state=state, reason=reason)
    return bundle


@pytest.mark.parametrize("state", ["created", "recording", "crashed"])
def test_a_run_that_nobody_records_any_more_crashed(tmp_path: Path, state: str) -> None:
    left(tmp_path / "run", state)
    outcome = rebuild(tmp_path / "run", ("markdown",), Silent())
    assert outcome.summary is not None
    found = outcome.summary.scenarios["peak"]
    assert (found.state, found.verdict) == ("crashed", "NOT MEASURED")
    assert "kept" in found.reason
    assert found.reason.endswith("run it again: fireai run peak --profile smoke")
    assert outcome.exit_code == judge.EXIT_BROKEN
    text = (tmp_path / "run" / "report.md").read_text()
    assert f"Peak is crashed: {found.reason}" in text
    assert "Peak is missing" not in text


def told(summary: Summary, criterion: str) -> str:
    return next(one.reason for one in summary.criteria if one.id == criterion)


@pytest.mark.parametrize("state", ["crashed", "aborted"])
def test_the_manifest_tells_the_state_before_the_notebook_has_run(tmp_path: Path, state: str) -> None:
    left(tmp_path, state, "the collector was killed by signal 9")
    summary = report.write_summary(tmp_path)
    assert summary.scenarios["peak"].state == state
    assert summary.scenarios["peak"].reason == "the collector was killed by signal 9"
    assert told(summary, "p95_latency") == f"{state}: the collector was killed by signal 9"
    assert judge.exit_code(summary) == judge.EXIT_BROKEN


def test_a_scenario_that_was_ordered_and_left_nothing_broke(tmp_path: Path) -> None:
    Campaign.create(tmp_path, made.CAMPAIGN | {"scenarios": ["peak"]})
    summary = report.write_summary(tmp_path)
    assert summary.scenarios["peak"].state == "missing"
    assert told(summary, "p95_latency") == "ordered, but left no run"
    assert judge.exit_code(summary) == judge.EXIT_BROKEN
    assert told(summary, "crdt_data_loss") == report.NOT_ASKED_FOR

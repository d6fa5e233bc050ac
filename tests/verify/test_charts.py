"""Charts: a forged number or word is told, lines that are drawn otherwise are noted; and so are other versions."""

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from fireai_analysis.scenarios import load_criteria
from fireai_analysis.spec import Waiver
from fireai_analysis.verify import charts, judging
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.ledger import Ledger
from tests.verify.small import mend, put
from tests.verify.test_lies import SUMMARY, told

DATA = re.compile(r'(?<=class="fireai-figure">)[^<]*')
PICTURE = re.compile(r"(?<=svg\+xml;base64,)[A-Za-z0-9+/=]*")


def data(change: Callable[[dict[str, Any]], object], place: int = 0) -> Callable[[str], str]:
    """A page whose chart shows other data."""

    def forge(text: str) -> str:
        found = list(DATA.finditer(text))[place]
        content = json.loads(found[0])
        change(content)
        return text[: found.start()] + json.dumps(content).replace("<", "\\u003c") + text[found.end() :]

    return forge


def picture(change: Callable[[str], str]) -> Callable[[str], str]:
    """A page whose first picture is another."""

    def forge(text: str) -> str:
        found = PICTURE.search(text)
        assert found is not None
        drawn = base64.b64decode(found[0]).decode()
        assert change(drawn) != drawn
        return text[: found.start()] + base64.b64encode(change(drawn).encode()).decode() + text[found.end() :]

    return forge


def first_line(content: dict[str, Any]) -> dict[str, Any]:
    return next(trace for trace in content["data"] if any(trace["y"]))


LIES: dict[str, tuple[Callable[[str], str], str]] = {
    "a point": (data(lambda chart: first_line(chart)["y"].__setitem__(0, 1.5)), ".y.0"),
    "a point left out": (data(lambda chart: first_line(chart)["y"].pop()), ".y."),
    "a line left out": (data(lambda chart: chart["data"].pop()), "data."),
    "the title": (data(lambda chart: chart["layout"]["title"].update(text="all good")), "layout.title.text"),
    "a label": (data(lambda chart: chart["layout"]["annotations"][-1].update(text="P95 1 ms")), "annotations"),
    "the limit": (data(lambda chart: chart["layout"]["shapes"].append({"y0": 9})), "layout.shapes"),
    "the axis": (data(lambda chart: chart["layout"]["yaxis"].update(range=[0, 9e9])), "layout.yaxis.range"),
    "no data": (lambda text: DATA.sub("{}", text, count=1), "data.0"),
    "broken data": (lambda text: DATA.sub("[", text, count=1), "charts."),
    "a word on paper": (picture(lambda svg: re.sub(r">[^<>]*</text>", ">1 ms</text>", svg, count=1)), ".words."),
    "a word too many": (picture(lambda svg: svg.replace("</svg>", "<text>P95 1 ms</text></svg>")), ".words."),
    "another picture over it": (picture(lambda svg: svg.replace("</svg>", '<image href="x"/></svg>')), ".elements"),
    "no picture": (lambda text: PICTURE.sub("", text, count=1), ".words."),
    "a picture of other letters": (lambda text: PICTURE.sub("////", text, count=1), ".words."),
}


@pytest.mark.parametrize("name", LIES)
def test_a_forged_chart_is_told(honest_peak: Path, name: str) -> None:
    text, ledger = (honest_peak / "report.html").read_text(), Ledger()
    forge, place = LIES[name]
    assert charts.hold("report.html", text, text, ledger) == ()
    charts.hold("report.html", forge(text), text, ledger)
    assert [one.key for one in ledger.differences if place in one.key] != []
    assert len(ledger.differences) == 1


def test_numbers_may_differ_by_their_last_digit(honest_peak: Path) -> None:
    text, ledger = (honest_peak / "report.html").read_text(), Ledger()
    change = data(lambda chart: first_line(chart)["y"].__setitem__(0, first_line(chart)["y"][0] * (1 + 1e-15)))
    charts.hold("report.html", change(text), text, ledger)
    assert ledger.differences == []


def test_lines_that_are_drawn_otherwise_are_noted(honest_peak: Path) -> None:
    """They may come from another matplotlib; the numbers are in the data of the same chart."""
    text, ledger = (honest_peak / "report.html").read_text(), Ledger()
    other = picture(lambda svg: re.sub(r'd="M [\d.]+', 'd="M 1.5', svg))(text)
    (note,) = charts.hold("report.html", other, text, ledger)
    assert f"matplotlib {version('matplotlib')} draws otherwise" in note
    assert note.endswith("peak-latency-over-time")
    assert ledger.differences == []


def test_the_checker_holds_charts_and_notes_what_is_another_since(peak: Path) -> None:
    path = peak / "report.html"
    path.write_text(LIES["a point"][0](path.read_text()))
    put(peak / "campaign.json", "versions", {"fireai-analysis": "0.0.1", "numpy": version("numpy"), "pandas": "1"})
    put(peak / SUMMARY, "environment.versions", {"fireai-analysis": "0.0.1", "numpy": version("numpy"), "pandas": "1"})
    (peak / "peak/notebook.ipynb").write_text("{}")
    mend(peak)
    found = told(peak)
    assert found.unchecked == ("peak/notebook.ipynb",)
    assert any(one.key.startswith("charts.peak-") and one.reported == 1.5 for one in found.differences)
    assert any("recorded with fireai-analysis 0.0.1" in one and "numpy" not in one for one in found.notes)


def test_versions_are_noted_where_they_differ() -> None:
    ours = {name: version(name) for name in judging.RECKONING}
    assert judging.other_versions({"environment": {"versions": ours}}) == ()
    assert judging.other_versions({"environment": {"versions": {judging.OURS: ours[judging.OURS]}}}) == ()
    (note,) = judging.other_versions({"environment": {"versions": ours | {"scipy": "0.1"}}})
    assert note.startswith(f"recorded with scipy 0.1, here {ours['scipy']}:")
    for odd in ({}, {"environment": 5}, {"environment": {"versions": ["x"]}}):
        assert "of no told version" in judging.other_versions(odd)[0]


def test_runs_that_were_not_recorded_together_are_noted() -> None:
    def run(name: str, run_id: str) -> Run:
        return Run(name, Path("nowhere"), {"spec": {"run_id": run_id}})

    whole = {name: run(name, f"20261124-a-{name}") for name in ("peak", "spike", "crdt_stress")}
    assert judging.apart(whole) == judging.apart({}) == ()
    (note,) = judging.apart(whole | {"spike": run("spike", "20261124-b-spike")})
    assert note.endswith("peak, crdt_stress in 20261124-a; spike in 20261124-b")


@pytest.mark.parametrize(("days", "told_of"), [(-1, True), (0, False), (1, False)])
def test_a_waiver_that_has_expired_since_is_noted(days: int, told_of: bool) -> None:
    waiver = Waiver(
        criterion="aurora_scaling",
        reason="plain PostgreSQL is shipped first",
        approved_by="Ann",
        expires=datetime.now(UTC).date() + timedelta(days=days),
    )
    criteria = load_criteria().model_copy(update={"waivers": (waiver,)})
    waived = {"criteria": [{"id": "aurora_scaling", "verdict": "WAIVED"}]}
    assert bool(judging.expired(criteria, waived)) is told_of
    assert judging.expired(criteria, {"criteria": [{"id": "aurora_scaling", "verdict": "NOT MEASURED"}]}) == ()

"""Words, reports and odd files: each lie is told by name, and no directory makes the checker hang or break."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from fireai_analysis import cli
from fireai_analysis.verify.charts import undrawn
from fireai_analysis.verify.ledger import Ledger
from fireai_analysis.verify.reports import _hold_pieces, hold_page, pieces
from tests.verify.small import mend, put, read
from tests.verify.test_lies import SUMMARY, keys, told

PEAK = "scenarios.peak"


def forged(key: str, lie: object) -> Callable[[Path], None]:
    """The lie in the summary, in the results of its run, and the hashes mended."""

    def plant(directory: Path) -> None:
        put(directory / SUMMARY, key, lie)
        if key.startswith(PEAK):
            put(directory / "peak/results.json", key.removeprefix(f"{PEAK}."), lie)
        mend(directory)

    return plant


def test_every_word_and_every_entry_beside_is_told(copy: Path) -> None:
    lies: dict[str, object] = {
        "criteria.0.reason": "P95 25.0 ms, within the limit, at full scale",
        "criteria.0.evidence": "peak: 126,000 judged requests",
        "criteria.0.title": "P50 Latency",
        "criteria.0.qualifier": "service time",
        "confidence_terms.0": "everything: HIGH",
        "rulings.0": "P95 limit is 3,000 ms",
        "recommendations.0.text": "nothing to do",
        f"{PEAK}.reason": "everything is fine",
        f"{PEAK}.validity.0.detail": "3600 s of 3600 s",
        "generated": "2020-01-01T00:00:00Z",
        "files.0.bytes": 1,
    }
    for key, lie in lies.items():
        put(copy / SUMMARY, key, lie)
    content = read(copy / SUMMARY)
    content["criteria"].append(content["criteria"][0] | {"id": "p95_final", "verdict": "PASSED"})
    content["scenarios"]["burst"] = content["scenarios"]["peak"]
    content["approved"] = "READY"
    (copy / SUMMARY).write_text(json.dumps(content))
    found = keys(copy)
    assert {*lies, "criteria.5.id", "scenarios.burst.verdict", "approved"} - found == set()


def test_a_check_left_out_is_told(peak: Path) -> None:
    forged(f"{PEAK}.validity", [])(peak)
    assert f"{PEAK}.validity.0.check" in keys(peak)


def test_repeats_without_evidence_are_told(peak: Path) -> None:
    put(peak / "campaign.json", "repeats_count", 5)
    put(peak / SUMMARY, "environment.repeats_count", 5)
    mend(peak)
    assert "environment.repeats_count" in keys(peak)


def stripped(text: str) -> str:
    """A page that no key names a figure of any more, and what is read false."""
    return re.sub(r' data-key="[^"]*"', "", text).replace("INCONCLUSIVE", "PASSED").replace("250.0 ms", "25.0 ms")


PAGES: dict[str, Callable[[str], str]] = {
    "no keys": stripped,
    "a banner": lambda text: text.replace("<body>", "<body><figure><h1>READY: P95 120 ms</h1></figure>"),
    "beside": lambda text: text.replace("INCONCLUSIVE", "PASSED (was INCONCLUSIVE)", 1),
    "hidden": lambda text: text.replace("</head>", "<style>[data-key]{display:none}</style></head>"),
    "a comment": lambda text: text.replace("</main>", "<!-- --></main>"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_says_something_else_is_told(honest_peak: Path, name: str) -> None:
    text, ledger = (honest_peak / "report.html").read_text(), Ledger()
    assert PAGES[name](text) != text
    hold_page(PAGES[name](text), text, ledger)
    assert any(one.file == "report.html" for one in ledger.differences)


def test_an_altered_page_is_told_by_the_checker(peak: Path) -> None:
    path = peak / "report.html"
    path.write_text(PAGES["beside"](path.read_text()))
    assert any("(was INCONCLUSIVE)" in str(one.reported) for one in told(peak).differences)


def test_missing_reports_are_told(peak: Path) -> None:
    for name in ("report.html", "report.md", "junit.xml"):
        (peak / name).unlink()
    assert {"report.html", "report.md", "junit.xml"} <= keys(peak)


def test_drawings_are_left_out_and_nothing_else() -> None:
    chart = '<figure id="a"><img alt="P95 5 ms" src="data:image/svg+xml;base64,{}"></figure>'
    assert undrawn(chart.format("AAAA")) == undrawn(chart.format("BBBB"))
    assert undrawn(chart.format("AAAA").replace("5 ms", "6 ms")) != undrawn(chart.format("AAAA"))
    assert undrawn("<figure><h1>READY</h1></figure>") != undrawn("<figure></figure>")


def test_many_equal_figures_are_compared_at_once() -> None:
    ledger = Ledger()
    _hold_pieces("report.md", "line", ["5"] * 200_000, [*["5"] * 200_000, "6"], ledger)
    assert [(one.key, one.recomputed) for one in ledger.differences] == [("line 200,001", "6")]
    assert pieces("<p>5<!--6--></p>") == ["<p>", "5", "<!--6-->", "</p>"]


# -- odd files


def fifo(directory: Path, name: str) -> None:
    (directory / name).unlink(missing_ok=True)
    os.mkfifo(directory / name)


def folder(directory: Path, name: str) -> None:
    (directory / name).unlink()
    (directory / name).mkdir()


DEEP = "[" * 200_000 + "]" * 200_000
ODD: dict[str, tuple[Callable[[Path], object], int]] = {
    "summary is a pipe": (lambda place: fifo(place, SUMMARY), 2),
    "summary is a folder": (lambda place: folder(place, SUMMARY), 2),
    "summary without end": (lambda place: (place / SUMMARY).write_text(DEEP), 2),
    "summary is empty": (lambda place: (place / SUMMARY).write_text("{}"), 99),
    "manifest is a pipe": (lambda place: fifo(place, "peak/manifest.json"), 99),
    "rows are a pipe": (lambda place: fifo(place, "peak/requests/part-0.parquet"), 99),
    "added pipe": (lambda place: fifo(place, "peak/requests/part-1.parquet"), 99),
    "page of other letters": (lambda place: (place / "report.html").write_bytes(b"\xff\xfe"), 99),
    "words of other letters": (lambda place: (place / "report.md").write_bytes(b"\xff"), 99),
    "cases of other letters": (lambda place: (place / "junit.xml").write_bytes(b"\xff"), 99),
    "generated is null": (lambda place: put(place / SUMMARY, "generated", None), 99),
    "a number of 400 digits": (lambda place: put(place / SUMMARY, f"{PEAK}.requests_count", 10**400), 99),
    "files of odd types": (lambda place: put(place / SUMMARY, "files.3", [1]), 99),
    "facts are a text": (lambda place: put(place / "peak/manifest.json", "facts", "x"), 99),
    "the scenario is a number": (lambda place: put(place / "peak/manifest.json", "spec.scenario", 1), 99),
    "elements in each other": (lambda place: (place / "report.html").write_text('<i data-key="a">' * 20_000), 99),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_ends_with_an_answer(peak: Path, name: str) -> None:
    plant, code = ODD[name]
    plant(peak)
    assert cli.exit_code(["verify", str(peak)]) == code


@pytest.mark.parametrize("criteria", [{"a": 1}, ["x"], [{"id": "odd"}]])
def test_rows_of_an_odd_summary_are_refused(peak: Path, criteria: object) -> None:
    put(peak / SUMMARY, "criteria", criteria)
    assert cli.exit_code(["rows", str(peak), "odd"]) == 2

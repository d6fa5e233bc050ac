"""The page asks nothing of any network, runs nothing but two known scripts, and shows hostile text as text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import nbformat
import pytest
from nbconvert.exporters import get_exporter

from fireai_analysis.publish import document, exporters, page, parts, render_html, render_markdown
from fireai_analysis.publish.section import Section
from fireai_analysis.reasons import MEANINGS
from tests.publish import campaigns

HOSTILE = (
    "</script><script>alert(1)</script>",
    "$x$",
    "[a](javascript:x)",
    "| a |",
    "<img src=x onerror=alert(1)>",
    "</td><h1>ALL PASSED</h1>",
    "```",
    "{p95_latency.verdict}",
)
EVIL = " ".join(HOSTILE)


class Reader(HTMLParser):
    """Elements with their attributes, text by element, scripts and styles word by word."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw: list[tuple[dict[str, str | None], str]] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if self._inside:
            self.raw.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            attrs, so_far = self.raw[-1]
            self.raw[-1] = attrs, so_far + data
        else:
            self.text += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.fixture(scope="module")
def html() -> str:
    made = campaigns.notebook(campaigns.summary(), campaigns.all_frames())
    return exporters.html(made).decode()


@pytest.fixture(scope="module")
def shown(html: str) -> Reader:
    return read(html)


def hostile() -> nbformat.NotebookNode:
    poisoned = {
        "errors": {EVIL: 3},
        "failures_count": 3,
        "error_ratio": 0.003,
        "warnings": [EVIL],
        "hotspots": [EVIL],
        "reason": EVIL,
        "endpoints": [
            {"method": EVIL, "endpoint": EVIL, "door": "go", "requests_count": 1, "failures_count": 0}
            | {"response_ms": {}, "service_ms": {}}
        ],
        "database": {
            "statements": [{"query": EVIL, "calls_count": 1, "total_ms": 1.0, "mean_ms": 1.0, "rows_count": 1}],
            "seq_scans": {EVIL: 1},
            "unused_indexes": [EVIL],
        },
        "validity": [{"check": EVIL, "ok": False, "detail": EVIL}],
        "findings": [
            {"id": "x", "title": EVIL, "layer": EVIL, "confidence": "LOW", "evidence": [EVIL], "recommendation": EVIL}
        ],
        "facts": {"locust_version": EVIL},
    }
    scenarios = {name: campaigns.result(name, **poisoned) for name in campaigns.LOADS}
    judged = campaigns.summary(
        scenarios=scenarios, rulings=[EVIL], confidence_terms=[EVIL], generated=EVIL, campaign=EVIL, profile=EVIL
    )
    return judged


def test_elements_are_the_same_with_hostile_text() -> None:
    counts = []
    for summary in (campaigns.summary(), hostile()):
        text = "".join(
            render_html.render(document.section(summary, campaigns.all_frames(), name))
            for name in document.section_names()
        )
        found = [tag for tag, _ in read(text).elements]
        counts.append({tag: found.count(tag) for tag in ("script", "img", "h1", "h2", "h3", "a", "iframe")})
    assert counts[0] == counts[1]
    assert counts[1]["h1"] == 1
    assert counts[1]["script"] == counts[1]["img"] == 0


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_it_is(text: str) -> None:
    rendered = render_html.render(document.section(hostile(), campaigns.all_frames(), "Bottleneck Analysis"))
    assert text in read(rendered).text


def test_hostile_text_is_text_in_markdown() -> None:
    blocks = (b for n in document.section_names() for b in document.section(hostile(), campaigns.all_frames(), n))
    text = render_markdown.render(blocks)
    assert "<script" not in text
    assert "<img" not in text
    assert "](javascript" not in text.replace("\\](javascript", "")
    assert re.findall(r"(?<!\\)\$", text) == []
    verdicts = [line for line in text.splitlines() if line.startswith("| P95 Latency")]
    assert len(re.findall(r"(?<!\\)\|", verdicts[0])) == 7
    assert sum(line.startswith("# ") for line in text.splitlines()) == 1


def test_a_hostile_page_has_no_more_scripts_than_a_clean_one(shown: Reader) -> None:
    judged = hostile()
    made = campaigns.notebook(judged, campaigns.all_frames())
    found = read(exporters.html(made).decode())
    assert len(found.raw) == len(shown.raw)
    assert [tag for tag, _ in found.elements].count("img") == [tag for tag, _ in shown.elements].count("img")


def test_the_policy_names_the_hashes_of_what_is_in_the_page(shown: Reader) -> None:
    policy = next(attrs["content"] for tag, attrs in shown.elements if attrs.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    run = [text for attrs, text in shown.raw if attrs.get("type") != "application/json"]
    assert len(run) == 3  # style, plotly.js, bootstrap
    for text in run:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_no_attribute_loads_runs_or_styles_anything(shown: Reader) -> None:
    for tag, attrs in shown.elements:
        for name, value in attrs.items():
            assert not name.startswith("on"), (tag, name)
            assert name != "style", (tag, value)
            if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href"):
                assert (value or "").startswith(("data:image/svg+xml;base64,", "#")), (tag, name, (value or "")[:60])
        assert tag not in ("link", "iframe", "object", "embed", "base", "form"), tag


def test_the_style_imports_nothing(shown: Reader) -> None:
    style = shown.raw[0][1]
    assert "@import" not in style
    assert "url(" not in style


def test_every_figure_is_there_as_data_and_as_picture(shown: Reader) -> None:
    directives = [b for b in document.skeleton.load() if isinstance(b, document.Directive) and b.kind == "figure"]
    directives = [b for b in directives if not b.name.endswith(".crdt_counterexample")]  # nothing was violated
    blocks = [json.loads(text) for attrs, text in shown.raw if attrs.get("type") == "application/json"]
    pictures = [attrs for tag, attrs in shown.elements if tag == "img"]
    assert len(blocks) == len(pictures) == len(directives) >= 20
    assert all(block["data"] and block["layout"] for block in blocks)
    assert all(attrs["alt"] for attrs in pictures)
    names = [attrs["id"] for tag, attrs in shown.elements if tag == "figure"]
    assert len(set(names)) == len(names)


def test_anchors_are_unique_and_the_contents_lead_to_them(shown: Reader) -> None:
    anchors = [attrs["id"] for _, attrs in shown.elements if attrs.get("id")]
    assert len(set(anchors)) == len(anchors)
    links = [attrs["href"] for tag, attrs in shown.elements if tag == "a"]
    assert len(links) > 40
    assert {str(link)[1:] for link in links} <= set(anchors)


def test_figures_carry_their_keys(shown: Reader) -> None:
    keys = {attrs["data-key"] for _, attrs in shown.elements if attrs.get("data-key")}
    assert {"scenarios.peak.response_ms.p95", "criteria.0.actual", "overall", "readiness"} <= keys


def test_marks_are_named_by_their_verdict(shown: Reader) -> None:
    marks = [attrs for tag, attrs in shown.elements if tag == "span" and attrs.get("role") == "img"]
    assert {attrs["aria-label"] for attrs in marks} == {"inconclusive", "not measured"}


def test_tables_have_headings_with_scope(shown: Reader) -> None:
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in shown.elements if tag == "th")


def test_the_file_can_be_mailed(html: str) -> None:
    assert len(html.encode()) < 6_500_000
    assert html.count("plotly.js v") == 1


def test_code_and_parameters_are_left_out() -> None:
    cells = [
        nbformat.v4.new_markdown_cell("# Seen <b>x</b> [a](javascript:x)"),
        nbformat.v4.new_markdown_cell("hidden", metadata={"tags": ["remove_cell"]}),
        nbformat.v4.new_code_cell("secret_code()", outputs=[nbformat.v4.new_output("stream", text="<out>")]),
    ]
    text = "".join(
        part.text for part in parts.of(nbformat.v4.new_notebook(cells=cells)) if isinstance(part, parts.Html)
    )
    assert "Seen &lt;b&gt;" in text
    assert "&lt;out&gt;" in text
    assert "javascript:" not in text
    assert "hidden" not in text
    assert "secret_code" not in text


def test_sections_show_figures_beside_their_words() -> None:
    blocks = document.section(campaigns.summary(), campaigns.all_frames(), "Bottleneck Analysis")
    kinds = ["image/svg+xml" in bundle for bundle in Section("x", blocks).bundles()]
    assert kinds.count(True) == 6
    assert kinds[0] is False


def test_exporters_are_entry_points() -> None:
    assert get_exporter("fireai-html") is exporters.FireaiHtmlExporter
    assert get_exporter("fireai-pdf") is exporters.FireaiPdfExporter


def test_plotly_cannot_end_its_element() -> None:
    assert "</script" not in page.plotly_script()


def test_the_codes_of_a_reason_stand_beside_it_with_what_they_mean() -> None:
    first, *others = campaigns.criteria()
    coded = campaigns.summary(criteria=[first | {"reasons": ["TOO_SHORT", "SCALE"]}, *others])
    (shown,) = (bundle for bundle in Section("Verdicts", document.section(coded, {}, "Verdicts")).bundles())
    assert f'<abbr class="code" title="{MEANINGS["TOO_SHORT"]}">TOO_SHORT</abbr>' in shown["text/html"]
    assert shown["text/html"].count("<abbr") == 2
    assert "\\[TOO\\_SHORT, SCALE\\]" in shown["text/plain"]

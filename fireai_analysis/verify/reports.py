"""Every form of the report, rendered again from the campaign as it was judged again, and held letter by letter.

Charts are held by their numbers and words (`charts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

from fireai_analysis.errors import BundleError
from fireai_analysis.plots.figure import PLOTLY_MIME, SVG_MIME
from fireai_analysis.publish import alerts, document, junit, page, parts, render_markdown
from fireai_analysis.publish.report import Report
from fireai_analysis.publish.section import Section
from fireai_analysis.verify import charts
from fireai_analysis.verify.files import MISSING
from fireai_analysis.verify.ledger import Ledger

PAGE, MARKDOWN, JUNIT, ALERTS = "report.html", "report.md", "junit.xml", "alerts/fireai.rules.yml"
TITLE = "FM-ENH-005: Performance Validation Report"
LONGEST = 300
MOST = 50
"""Differences told of one file; one altered word may move everything after it."""

_GUARDS = re.compile(r'(?:<template id="[0-9a-f]{64}"></template>)+')


def html_page(report: Report) -> str:
    """Return the page of a report as its notebook shows it.

    Parameters
    ----------
    report : Report
        The judged campaign, with the tables that its charts are drawn from.
    """
    return _page(_sections(report))


def _sections(report: Report) -> list[Section]:
    """Return the sections of a report, each chart drawn once."""
    names = document.section_names()
    return [Section(name, document.section(report.summary, report.frames, name)) for name in names]


def _page(sections: Sequence[Section]) -> str:
    shown: list[parts.Part] = []
    for section in sections:
        for bundle in section.bundles():
            if SVG_MIME in bundle:
                shown.append(parts.chart(bundle[SVG_MIME], bundle[PLOTLY_MIME]))
            else:
                shown.append(parts.Html(bundle["text/html"]))
    return page.screen(shown, TITLE)


def hold(directory: Path, report: Report, ledger: Ledger) -> tuple[str, ...]:
    """Hold the written forms of the report against what the judged campaign gives, and return what is to be noted.

    Parameters
    ----------
    directory : pathlib.Path
        The campaign.
    report : Report
        The campaign, analysed and judged again.
    ledger : Ledger
        Takes what differs; a form that is not there is a difference too.
    """
    sections = _sections(report)
    wanted: dict[str, Callable[[], str]] = {
        PAGE: lambda: _page(sections),
        MARKDOWN: lambda: render_markdown.render(block for one in sections for block in one.blocks),
        JUNIT: lambda: junit.write(report.summary).decode(),
        ALERTS: lambda: alerts.write().decode(),
    }
    notes: tuple[str, ...] = ()
    for file, render in wanted.items():
        with ledger.guarded(file, file):
            text = read_text(directory / file)
            if text is None:
                ledger.differ(file, file, MISSING, "write it again: fireai report DIR")
            elif file == PAGE:
                notes = hold_page(text, render(), ledger)
            else:
                _hold_pieces(file, "line", text.splitlines(), render().splitlines(), ledger)
    return notes


def read_text(path: Path) -> str | None:
    """Return the text of a file, None where there is nothing; what is no file is refused."""
    if not path.exists():
        return None
    if not path.is_file():
        raise BundleError(path, "is not a file", "write it again: fireai report DIR")
    return path.read_bytes().decode("utf-8")


def hold_page(text: str, wanted: str, ledger: Ledger) -> tuple[str, ...]:
    """Hold a page letter by letter, its charts by numbers and words, and return what is to be noted.

    Parameters
    ----------
    text, wanted : str
        The page as it is, and as it is written again.
    ledger : Ledger
        Takes what differs.
    """
    notes = charts.hold(PAGE, text, wanted, ledger)
    said, found = _in_order(charts.undrawn(text)), _in_order(charts.undrawn(wanted))
    before = len(ledger.differences)
    if said != found:
        _hold_pieces(PAGE, "piece", pieces(said), pieces(found), ledger)
    if said != found and len(ledger.differences) == before:
        ledger.differ(PAGE, PAGE, "other markup", "as the report writes it")
    return notes


def _in_order(text: str) -> str:
    """Return a page with the guards of its style sheet in order, which the report writes in any."""
    return _GUARDS.sub(lambda found: "".join(sorted(re.findall("<[^/]*></template>", found[0]))), text)


class _Pieces(HTMLParser):
    """Takes a page apart: every tag with its attributes and every text, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(self.get_starttag_text() or f"<{tag}>")

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append(" ".join(data.split()))

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"<!{decl}>")


def pieces(text: str) -> list[str]:
    """Return the tags and texts of a page in their order.

    Examples
    --------
    >>> pieces('<p class="a">P95 <b>4.8</b></p>')
    ['<p class="a">', 'P95', '<b>', '4.8', '</b>', '</p>']
    """
    reader = _Pieces()
    reader.feed(text)
    reader.close()
    return reader.found


def _hold_pieces(file: str, kind: str, said: Sequence[str], wanted: Sequence[str], ledger: Ledger) -> None:
    """Tell which pieces differ; where pieces were added or left out, the first of them and all that follow at once."""
    first = _equal_count(said, wanted)
    last = _equal_count(said[first:][::-1], wanted[first:][::-1])
    told, found = said[first : len(said) - last], wanted[first : len(wanted) - last]
    if len(told) != len(found):
        ledger.differ(f"{kind} {first + 1:,}", file, _cut(" ".join(told)), _cut(" ".join(found)))
        return
    places = [place for place, (one, other) in enumerate(zip(told, found, strict=True)) if one != other]
    for place in places[:MOST]:
        ledger.differ(f"{kind} {first + place + 1:,}", file, _cut(told[place]), _cut(found[place]))
    if len(places) > MOST:
        ledger.differ(file, file, f"{len(places) - MOST:,} more that differ", "as the report writes it")


def _equal_count(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many pieces two lists have in common from their start on."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (left, right) in enumerate(pairs) if left != right), min(len(one), len(other)))


def _cut(text: str) -> str:
    return (text if len(text) <= LONGEST else f"{text[:LONGEST]}\N{HORIZONTAL ELLIPSIS}") or "(nothing)"

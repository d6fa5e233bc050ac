"""The other forms of the report: `report.md` holds the figures of `report.html` in order, `junit.xml` the verdicts.

Figures without a key (tables of endpoints, words of a paragraph) are held so too: whoever changes one file must change
the other alike.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from html.parser import HTMLParser

from fireai_analysis.verify.ledger import Ledger
from fireai_analysis.verify.page import VOID

MARKDOWN, JUNIT = "report.md", "junit.xml"
UNPRINTED = ("script", "style", "template", "figure", "nav", "head")
CAPTION = "fireai-caption"
INLINE = ("span", "strong", "code", "a")
BEFORE = 3
_FIGURE = re.compile(r"\d[\d,.]*\d|\d|PASSED|FAILED|INCONCLUSIVE|NOT MEASURED|WAIVED")
_UNTOLD_LINE = re.compile(r"\*\*Figure\.\*\*.*|\|[-:| ]+\|")
_LIST_MARK = re.compile(r"^\d+\. ", re.MULTILINE)


class _Words(HTMLParser):
    """Collects the words of a page, without figures, captions and contents."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)
        if tag not in VOID:
            self._open.append((tag, tag in UNPRINTED or CAPTION in (dict(attrs).get("class") or "")))

    def handle_endtag(self, tag: str) -> None:
        self._break(tag)
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(hidden for _, hidden in self._open):
            self.words.append(data)

    def _break(self, tag: str) -> None:
        if tag not in INLINE:
            self.words.append("\n")


def figures_of_page(text: str) -> list[str]:
    """Return the numbers and verdicts of a page in their order.

    Examples
    --------
    >>> figures_of_page('<p>P95 <b>4.8</b> ms</p><figure>9</figure><p>PASSED</p>')
    ['95', '4.8', 'PASSED']
    """
    reader = _Words()
    reader.feed(text)
    reader.close()
    return _FIGURE.findall("".join(reader.words))


def figures_of_markdown(text: str) -> list[str]:
    r"""Return the numbers and verdicts of a Markdown report in their order.

    Examples
    --------
    >>> figures_of_markdown("1. P95 4.8 ms\n**Figure.** 9\n|---|\n| PASSED |")
    ['95', '4.8', 'PASSED']
    """
    told = "\n".join(line for line in text.splitlines() if not _UNTOLD_LINE.fullmatch(line))
    return _FIGURE.findall(html.unescape(re.sub(r"\\(.)", r"\1", _LIST_MARK.sub("", told))))


def hold_markdown(page: str, markdown: str, ledger: Ledger) -> None:
    """Hold the figures of `report.md` against those of `report.html`."""
    wanted, said = figures_of_page(page), figures_of_markdown(markdown)
    for kind, start, end, first, last in SequenceMatcher(None, wanted, said, autojunk=False).get_opcodes():
        if kind != "equal":
            after = " ".join(wanted[max(0, start - BEFORE) : start])
            place = f"figure {start + 1:,} of {len(wanted):,}" + (f", after {after}" if after else "")
            told = f"{' '.join(wanted[start:end]) or '(nothing)'} in report.html"
            ledger.differ(place, MARKDOWN, " ".join(said[first:last]) or "(nothing)", told)


class _Cases(HTMLParser):
    """Collects the verdict of each test case; no XML parser, which entities could be made to exhaust."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.verdicts: dict[str, str | None] = {}
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "testcase":
            self._name = dict(attrs).get("name") or ""
            self.verdicts[self._name] = "PASSED"
        elif tag == "skipped":
            self.verdicts[self._name] = "WAIVED"
        elif tag in ("failure", "error"):
            self.verdicts[self._name] = dict(attrs).get("type")


def hold_junit(text: str, verdicts: Mapping[str, str], ledger: Ledger) -> None:
    """Hold the test cases of `junit.xml` against the verdicts by criterion."""
    reader = _Cases()
    reader.feed(text)
    reader.close()
    for name in sorted(reader.verdicts.keys() | verdicts.keys()):
        if reader.verdicts.get(name) != verdicts.get(name):
            ledger.differ(f"testcase {name}", JUNIT, reader.verdicts.get(name), verdicts.get(name))

"""What an executed notebook shows, as parts of a page: fragments of HTML and figures. Code is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser
from typing import Any

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from fireai_analysis.markup import html_text
from fireai_analysis.plots.figure import PLOTLY_MIME, SVG_MIME, sentences

HIDDEN_TAGS = frozenset({"remove_cell", "parameters", "injected-parameters"})
TOC_LEVELS = ("h2", "h3")


@dataclass(frozen=True)
class Html:
    """A fragment of the page."""

    text: str


@dataclass(frozen=True)
class Chart:
    """A figure: plotly JSON for the screen (None where there is none), SVG for paper and where no script runs."""

    name: str
    alt: str
    svg: str
    plotly: Mapping[str, Any] | None


Part = Html | Chart


@dataclass(frozen=True)
class Entry:
    """A line of the table of contents."""

    level: int
    anchor: str
    text: str


def of(notebook: Any) -> list[Part]:
    """Return the parts of a notebook's page: Markdown cells and outputs, in order.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook. Cells tagged `remove_cell` and parameter cells are left out, and so is all code.
    """
    parts: list[Part] = []
    for cell in notebook.cells:
        if HIDDEN_TAGS & set(cell.metadata.get("tags", ())):
            continue
        if cell.cell_type == "markdown":
            parts.append(Html(_prose(cell.source)))
        elif cell.cell_type == "code":
            parts += [part for output in cell.outputs for part in _output(output)]
    return parts


def contents(parts: list[Part]) -> list[Entry]:
    """Return the headings of levels 2 and 3 that have an anchor."""
    reader = _Headings()
    for part in parts:
        if isinstance(part, Html):
            reader.feed(part.text)
    reader.close()
    return reader.entries


def _prose(source: str) -> str:
    """Return a Markdown cell as HTML; markup in it is shown as text, links that would run something lead nowhere."""
    renderer = IPythonRenderer(escape=True, allow_harmful_protocols=False)
    text: str = MarkdownWithMath(renderer=renderer).render(source)
    return text


def _output(output: Any) -> Iterator[Part]:
    if output.output_type in ("display_data", "execute_result"):
        yield from _shown(output.data)
    elif output.output_type == "error":
        yield Html(f'<pre class="failure">{html_text(f"{output.ename}: {output.evalue}")}</pre>')
    elif output.output_type == "stream":
        yield Html(f"<pre>{html_text(_joined(output.text))}</pre>")


def _shown(data: Mapping[str, Any]) -> Iterator[Part]:
    if SVG_MIME in data:
        yield chart(_joined(data[SVG_MIME]), data.get(PLOTLY_MIME))
    elif "text/html" in data:
        yield Html(_joined(data["text/html"]))
    elif "text/plain" in data:
        yield Html(f"<pre>{html_text(_joined(data['text/plain']))}</pre>")


def chart(svg: str, plotly: Mapping[str, Any] | None) -> Chart:
    """Return a figure from its SVG, which carries name, title and alternative text itself."""
    name = re.search(r'<title id="([A-Za-z0-9_-]+)-title">', svg)
    title = re.search(r"<title[^>]*>([^<]*)</title>", svg)
    alt = re.search(r"<desc[^>]*>([^<]*)</desc>", svg)
    words = [unescape(found[1]) for found in (title, alt) if found]
    return Chart(name[1] if name else "", sentences(*words) if len(words) == 2 else "".join(words), svg, plotly)


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


class _Headings(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self._open: tuple[int, str] | None = None
        self._words: list[str] = []
        self._skipped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag in TOC_LEVELS and attributes.get("id"):
            self._open, self._words = (int(tag[1]), str(attributes["id"])), []
        elif tag == "span" and self._open and (self._skipped or "chip" in (attributes.get("class") or "")):
            self._skipped += 1
        elif tag == "a" and self._open and "anchor-link" in (attributes.get("class") or ""):
            self._skipped += 1

    def handle_endtag(self, tag: str) -> None:
        if self._skipped and tag in ("span", "a"):
            self._skipped -= 1
        elif tag in TOC_LEVELS and self._open:
            level, anchor = self._open
            self.entries.append(Entry(level, anchor, " ".join("".join(self._words).split())))
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open and not self._skipped:
            self._words.append(data)

"""Blocks as HTML: every value a text node in its own element that names its key in `summary.json`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fireai_analysis.markup import html_text
from fireai_analysis.plots import Figure
from fireai_analysis.publish.document import Filled, Hero
from fireai_analysis.publish.skeleton import (
    Bold,
    Code,
    CodeText,
    Directive,
    Grid,
    Heading,
    Inline,
    Items,
    Line,
    Paragraph,
    Rule,
    Slot,
    Value,
    lines_of,
    plain,
)
from fireai_analysis.reasons import MEANINGS
from fireai_analysis.tables import Table
from fireai_analysis.tables.table import MARKS, key_attributes
from fireai_analysis.units import NOT_MEASURED

TONES = {"PASSED": "passed", "FAILED": "failed"}
OF_CODE = {str(code): meaning for code, meaning in MEANINGS.items()}
FACTS_LINES = 3
"""A paragraph of this many lines or more is a row of facts."""


def render(blocks: Iterable[Filled]) -> str:
    """Return blocks as an HTML fragment; figures are left to the exporter, which owns their scripts."""
    shown = [block for block in blocks if not isinstance(block, Figure | Directive)]
    return "\n".join(_kept(list(group)) for group in _groups(shown))


def _groups(blocks: Iterable[Filled]) -> Iterator[list[Filled]]:
    """Yield blocks that belong on one page: headings with the block that follows them, every other one alone."""
    group: list[Filled] = []
    for block in blocks:
        group.append(block)
        if not isinstance(block, Heading):
            yield group
            group = []
    if group:
        yield group


def _kept(group: list[Filled]) -> str:
    body = "\n".join(map(_block, group))
    return f'<div class="keep">\n{body}\n</div>' if len(group) > 1 else body


def caption(figure: Figure) -> str:
    """Return the words below a figure as an HTML fragment."""
    return f'<p class="fireai-caption">{html_text(figure.caption)}</p>' if figure.caption else ""


def anchor(words: str) -> str:
    """Return the anchor of a heading.

    Examples
    --------
    >>> anchor("Test 1: Sustained Baseline Load")
    'test-1-sustained-baseline-load'
    """
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")


def chip(value: Value) -> str:
    """Return a verdict as its word with its mark; the mark is an image to a screen reader, named by the word."""
    tone = TONES.get(value.text, "open")
    return (
        f'<span class="chip {tone}"{key_attributes(value.key)}>'
        f'<span role="img" aria-label="{html_text(value.text.lower())}">'
        f"{MARKS[value.text]}</span> {html_text(value.text)}</span>"
    )


def _block(block: Filled) -> str:
    if isinstance(block, Heading):
        return f'<h{block.level} id="{anchor(plain(block.line))}">{_line(block.line)}</h{block.level}>'
    if isinstance(block, Paragraph):
        return _paragraph(block)
    if isinstance(block, Items):
        tag = "ol" if block.ordered else "ul"
        return f"<{tag}>{''.join(f'<li>{_line(line)}</li>' for line in block.lines)}</{tag}>"
    if isinstance(block, Grid):
        return _grid(block)
    if isinstance(block, Code):
        return f"<pre><code>{chr(10).join(_line(line) for line in block.lines)}</code></pre>"
    if isinstance(block, Table):
        return block.html()
    if isinstance(block, Hero):
        return _hero(block)
    return "<hr>" if isinstance(block, Rule) else ""


def _line(line: Line, *, reasons: bool = True) -> str:
    """Return a line; values of several scenarios, each after the scenario's name, become a list of their own."""
    first = next(
        (place for place, part in enumerate(line) if isinstance(part, Value) and part.kind == "scenario"), None
    )
    if first is None:
        return "".join(_inline(part, reasons) for part in line)
    names, figures = line[first::2], line[first + 1 :: 2]
    pairs = (
        f'<span class="pair">{_inline(name, reasons)} {_inline(figure, reasons)}</span>'
        for name, figure in zip(names, figures, strict=True)
    )
    return f'{_line(line[:first])} <span class="each">{" ".join(pairs)}</span>'


def _inline(part: Inline, reasons: bool) -> str:
    if isinstance(part, Bold):
        return f"<strong>{_line(part.parts)}</strong>"
    if isinstance(part, CodeText):
        return f"<code>{html_text(part.text)}</code>"
    if isinstance(part, Value):
        return _value(part, reasons)
    return "" if isinstance(part, Slot) else html_text(part.text)


def _value(value: Value, reasons: bool) -> str:
    if value.kind == "verdict":
        return chip(value)
    if value.kind == "scenario":
        return f'<span class="scenario">{html_text(value.text)}</span>'
    if value.kind == "codes":
        return _codes(value)
    missing = ' class="missing"' if value.text == NOT_MEASURED else ""
    attributes = f"{missing}{key_attributes(value.key)}"
    text = f"<span{attributes}>{html_text(value.text)}</span>" if attributes else html_text(value.text)
    return f'{text} <span class="reason">({html_text(value.reason)})</span>' if value.reason and reasons else text


def _codes(value: Value) -> str:
    """Return the codes of a reason, each with what it means as its tooltip."""
    codes = (
        f'<abbr class="code" title="{html_text(OF_CODE.get(code, code))}">{html_text(code)}</abbr>'
        for code in value.text.split()
    )
    return f'<span data-key="{html_text(value.key)}">{" ".join(codes)}</span>'


def _paragraph(block: Paragraph) -> str:
    if block.tone == "warning":
        lines = "".join(f"<p>{_line(line)}</p>" for line in block.lines)
        return f'<aside class="banner" role="note" aria-label="About these runs">{lines}</aside>'
    if len(block.lines) >= FACTS_LINES:
        return f'<p class="facts">{" ".join(f"<span>{_line(line)}</span>" for line in block.lines)}</p>'
    body = "<br>\n".join(_line(line) for line in block.lines)
    return f'<p class="fireai-note">{body}</p>' if block.tone else f"<p>{body}</p>"


def _grid(grid: Grid) -> str:
    columns = grid.columns[:-1] if grid.wide_last else grid.columns
    heads = "".join(f'<th scope="col">{_line(column)}</th>' for column in columns)
    body = "".join(map(_wide_row if grid.wide_last else _row, grid.rows))
    title = f"<caption>{html_text(grid.caption)}</caption>" if grid.caption else ""
    name = f' id="{html_text(grid.name)}-table"' if grid.name else ""
    notes = "".join(f'<p class="fireai-note">{html_text(text)}</p>' for text in absences(grid))
    return (
        f'<div class="fireai-table"{name}><table>{title}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody></table>{notes}</div>"
    )


def _row(row: tuple[Line, ...]) -> str:
    cells = "".join(f"<td>{_line(cell, reasons=False)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{_line(row[0])}</th>{cells}</tr>'


def _wide_row(row: tuple[Line, ...]) -> str:
    """Return a row whose last cell stands below the others, in their width; the heading covers both lines."""
    cells = "".join(f"<td>{_line(cell, reasons=False)}</td>" for cell in row[1:-1])
    return (
        f'<tr class="upper"><th scope="row" rowspan="2">{_line(row[0])}</th>{cells}</tr>'
        f'<tr><td colspan="{len(row) - 2}" class="wide">{_line(row[-1], reasons=False)}</td></tr>'
    )


def absences(grid: Grid) -> list[str]:
    """Return why cells of a table are NOT MEASURED, each reason once."""
    found = [part.reason for line in lines_of(grid) for part in line if isinstance(part, Value) and part.reason]
    return [f"{NOT_MEASURED}: {reason}." for reason in dict.fromkeys(found)]


def _hero(hero: Hero) -> str:
    terms = "".join(
        f"<div><dt>{html_text(name)}</dt><dd>{_value(value, True)}</dd></div>" for name, value in hero.terms
    )
    tone = TONES.get(hero.verdict.text, "open")
    return (
        f'<div class="hero {tone}"><p class="question">{html_text(hero.question)}</p>'
        f'<p class="overall">{chip(hero.verdict)}</p><p class="answer">{html_text(hero.answer)}</p>'
        f"<dl>{terms}</dl></div>"
    )

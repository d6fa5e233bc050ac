"""Blocks as GitHub Markdown: the report for terminals, pull requests and diffs. Values are escaped."""

from __future__ import annotations

from collections.abc import Iterable

from fireai_analysis.markup import markdown_text
from fireai_analysis.plots import Figure
from fireai_analysis.plots.figure import sentences
from fireai_analysis.publish.document import Filled, Hero
from fireai_analysis.publish.render_html import absences
from fireai_analysis.publish.skeleton import (
    Bold,
    Code,
    CodeText,
    Grid,
    Heading,
    Inline,
    Items,
    Line,
    Paragraph,
    Rule,
    Text,
    Value,
)
from fireai_analysis.tables import Table, verdict_text


def render(blocks: Iterable[Filled]) -> str:
    """Return blocks as Markdown; figures are told in words."""
    return "\n\n".join(text for text in (_block(block) for block in blocks) if text) + "\n"


def _block(block: Filled) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {_line(block.line)}"
    if isinstance(block, Paragraph):
        return _paragraph(block)
    if isinstance(block, Items):
        marks = (f"{place}." if block.ordered else "-" for place in range(1, len(block.lines) + 1))
        return "\n".join(f"{mark} {_line(line)}" for mark, line in zip(marks, block.lines, strict=True))
    if isinstance(block, Grid):
        return _grid(block)
    if isinstance(block, Code):
        lines = "\n".join(_verbatim(line) for line in block.lines)
        return f"```{block.language}\n{lines}\n```"
    if isinstance(block, Rule):
        return "---"
    return _made(block)


def _made(block: Filled) -> str:
    if isinstance(block, Table):
        return f"**{markdown_text(block.title)}**\n\n{block.markdown().rstrip()}"
    if isinstance(block, Figure):
        return f"**Figure.** {markdown_text(sentences(block.title, block.alt))}"
    return _hero(block) if isinstance(block, Hero) else ""


def _line(line: Line, *, reasons: bool = True) -> str:
    return "".join(
        _inline(part, reasons, after=any(map(_is_scenario, line[:place]))) for place, part in enumerate(line)
    )


def _is_scenario(part: Inline) -> bool:
    return isinstance(part, Value) and part.kind == "scenario"


def _inline(part: Inline, reasons: bool, *, after: bool) -> str:
    """Return a part of a line; `after` tells that another scenario stands before it in the line."""
    if isinstance(part, Bold):
        return f"**{_line(part.parts)}**"
    if isinstance(part, CodeText):
        return f"`{part.text}`"
    if isinstance(part, Value):
        return _value(part, reasons, after=after)
    return part.text if isinstance(part, Text) else ""


def _value(value: Value, reasons: bool, *, after: bool) -> str:
    if value.kind == "verdict":
        return verdict_text(value.text)
    if value.kind == "codes":
        return markdown_text(f"[{', '.join(value.text.split())}]")
    if value.kind == "scenario":
        return f"{'; ' if after else ''}{markdown_text(value.text)} "
    reason = f" ({markdown_text(value.reason)})" if value.reason and reasons else ""
    return markdown_text(value.text) + reason


def _paragraph(block: Paragraph) -> str:
    if block.tone:
        return "\n>\n".join(f"> {_line(line)}" for line in block.lines)
    return "  \n".join(_line(line) for line in block.lines)


def _verbatim(line: Line) -> str:
    """Return a line inside a code fence, where nothing is markup but a fence."""
    return "".join(" ".join(getattr(part, "text", "").split("\n")).replace("```", "` ` `") for part in line)


def _grid(grid: Grid) -> str:
    title = f"**{markdown_text(grid.caption)}**\n\n" if grid.caption else ""
    rows = [_row(grid.columns), f"|{'---|' * len(grid.columns)}", *map(_row, grid.rows)]
    notes = "".join(f"\n\n> {markdown_text(text)}" for text in absences(grid))
    return title + "\n".join(rows) + notes


def _row(cells: tuple[Line, ...]) -> str:
    return f"| {' | '.join(_line(cell, reasons=False) for cell in cells)} |"


def _hero(hero: Hero) -> str:
    terms = " · ".join(f"{name}: {markdown_text(value.text)}" for name, value in hero.terms)
    return (
        f"**{hero.question}** {markdown_text(hero.answer)}\n\n**Overall: {verdict_text(hero.verdict.text)}** · {terms}"
    )

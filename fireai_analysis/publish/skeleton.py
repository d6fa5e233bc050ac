"""Reads the trusted skeleton of the report into blocks, before any value is filled in.

The skeleton is a small subset of Markdown with `{key}` for a value, `{*.key}` for one value a scenario, and directives
on lines of their own (`{figure:peak.latency_over_time}`). Values are put into finished blocks as text nodes, so that
data can never become structure. Not a Markdown parser: what it does not know is an error, because the file is ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from fireai_analysis.errors import ReportError

_DIRECTIVE = re.compile(r"^\{[a-z]+:[a-z0-9_.]*\}$")
_HEADING = re.compile(r"^(#{1,4}) (.+)$")
_BULLET = re.compile(r"^- (.+)$")
_NUMBERED = re.compile(r"^\d+\. (.+)$")
_INLINE = re.compile(r"\*\*(?P<bold>.+?)\*\*|`(?P<code>[^`]+)`|\{(?P<slot>(?:\*\.)?[a-z][a-z0-9_.]*)\}")


@dataclass(frozen=True)
class Text:
    """Literal text of the skeleton, trusted; whatever comes from results is a Value."""

    text: str


@dataclass(frozen=True)
class Bold:
    """Strong text."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True)
class CodeText:
    """A name as one types it."""

    text: str


@dataclass(frozen=True)
class Slot:
    """The place of a value; a key that starts with `*.` stands for one value a scenario."""

    key: str


@dataclass(frozen=True)
class Value:
    """One value of the report as text.

    Attributes
    ----------
    text : str
        What is shown, unit included.
    key : str
        Dotted path of the figure in `summary.json`; empty where it has none.
    reason : str
        Why it was not measured; empty where it was.
    kind : {'figure', 'verdict', 'scenario', 'codes'}
        Verdicts are shown with their mark; `scenario` names the scenario that the next figure belongs to; `codes`
        are those of a reason, parted by spaces.
    """

    text: str
    key: str = ""
    reason: str = ""
    kind: Literal["figure", "verdict", "scenario", "codes"] = "figure"


Inline = Text | Bold | CodeText | Slot | Value
Line = tuple[Inline, ...]


@dataclass(frozen=True)
class Heading:
    """A heading of level 1 to 4."""

    level: int
    line: Line


@dataclass(frozen=True)
class Paragraph:
    """Lines that belong together, each on a line of its own; `tone` marks a note or a warning."""

    lines: tuple[Line, ...]
    tone: Literal["", "note", "warning"] = ""


@dataclass(frozen=True)
class Items:
    """A list."""

    lines: tuple[Line, ...]
    ordered: bool = False


@dataclass(frozen=True)
class Grid:
    """A table: the first cell of each row is its heading; a wide last column may have a line of its own."""

    columns: tuple[Line, ...]
    rows: tuple[tuple[Line, ...], ...]
    caption: str = ""
    name: str = ""
    wide_last: bool = False


@dataclass(frozen=True)
class Code:
    """Literal lines."""

    language: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Rule:
    """A line between two parts."""


@dataclass(frozen=True)
class Directive:
    """The place of something made from results: a figure, a table, a list, paragraphs."""

    kind: str
    name: str


Block = Heading | Paragraph | Items | Grid | Code | Rule | Directive


def load() -> tuple[Block, ...]:
    """Return the blocks of the report's skeleton."""
    place = resources.files("fireai_analysis.publish") / "templates" / "report.skeleton.md"
    return parse(place.read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Block, ...]:
    r"""Return the blocks of a skeleton.

    Parameters
    ----------
    text : str
        Trusted text; blocks are separated by empty lines, or end where another kind of line begins.

    Raises
    ------
    ReportError
        Where a code fence does not end or a brace belongs to nothing.

    Examples
    --------
    >>> [type(block).__name__ for block in parse("## A\n- **B:** {c}")]
    ['Heading', 'Items']
    >>> slots(parse("- **B:** {c}"))
    ['c']
    """
    return tuple(_block(kind, lines) for kind, lines in _grouped(text.splitlines()))


def inline(text: str) -> Line:
    """Return a line of the skeleton as text, bold text, code and slots."""
    parts: list[Inline] = []
    end = 0
    for found in _INLINE.finditer(text):
        parts += _literal(text[end : found.start()])
        parts.append(_special(found))
        end = found.end()
    return tuple(parts + _literal(text[end:]))


def sections(blocks: tuple[Block, ...]) -> dict[str, tuple[Block, ...]]:
    """Return the blocks by their heading of level 2; what comes before the first one is the section `front`."""
    parts: dict[str, list[Block]] = {"front": []}
    current = parts["front"]
    for block in blocks:
        if isinstance(block, Heading) and block.level == 2:
            current = parts[plain(block.line)] = []
        current.append(block)
    return {name: tuple(found) for name, found in parts.items()}


def plain(line: Line) -> str:
    """Return the words of a line, without what is filled in."""
    words = (plain(part.parts) if isinstance(part, Bold) else getattr(part, "text", "") for part in line)
    return "".join(words).strip()


def slots(blocks: tuple[Block, ...]) -> list[str]:
    """Return the keys of all slots, in their order."""
    return [part.key for block in blocks for line in lines_of(block) for part in _walk(line) if isinstance(part, Slot)]


def lines_of(block: Block) -> tuple[Line, ...]:
    """Return every line of a block; none for rules and directives."""
    if isinstance(block, Heading):
        return (block.line,)
    if isinstance(block, Grid):
        return (*block.columns, *(cell for row in block.rows for cell in row))
    return block.lines if isinstance(block, Paragraph | Items | Code) else ()


def _walk(line: Line) -> Iterator[Inline]:
    for part in line:
        yield part
        if isinstance(part, Bold):
            yield from _walk(part.parts)


def _special(found: re.Match[str]) -> Inline:
    if found["bold"] is not None:
        return Bold(inline(found["bold"]))
    return CodeText(found["code"]) if found["code"] is not None else Slot(found["slot"])


def _literal(text: str) -> list[Inline]:
    if "{" in text or "}" in text:
        raise ReportError(f"report.skeleton.md: {text!r}: a brace that belongs to no slot; correct the skeleton")
    return [Text(text)] if text else []


def _grouped(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield runs of lines of one kind; a code fence is one run."""
    kind, group = "", list[str]()
    for line in lines:
        fenced = kind == "code" and not (len(group) > 1 and group[-1] == "```")
        now = "code" if fenced or line.startswith("```") else _kind(line)
        if group and (now != kind or (now in ("heading", "directive") and not fenced)):
            yield kind, group
            group = []
        kind = now
        if kind:
            group.append(line)
    if group:
        yield kind, group


def _kind(line: str) -> str:
    if not line.strip():
        return ""
    if line == "---":
        return "rule"
    tests = (("heading", _HEADING), ("directive", _DIRECTIVE), ("bullets", _BULLET), ("numbered", _NUMBERED))
    return next(
        (kind for kind, test in tests if test.match(line)), {"|": "grid", ">": "note"}.get(line[0], "paragraph")
    )


def _block(kind: str, lines: list[str]) -> Block:
    if kind == "heading":
        marks, _, words = lines[0].partition(" ")
        return Heading(len(marks), inline(words))
    if kind == "directive":
        name, _, argument = lines[0].strip("{}").partition(":")
        return Directive(name, argument)
    if kind in ("bullets", "numbered"):
        pattern = _NUMBERED if kind == "numbered" else _BULLET
        return Items(tuple(inline(pattern.sub(r"\1", line)) for line in lines), kind == "numbered")
    if kind == "grid":
        return _grid(lines)
    if kind == "code":
        return _code(lines)
    if kind == "rule":
        return Rule()
    note = kind == "note"
    return Paragraph(
        tuple(inline(line.removeprefix("> ").strip() if note else line.strip()) for line in lines),
        "note" if note else "",
    )


def _code(lines: list[str]) -> Code:
    if len(lines) < 2 or lines[-1] != "```":
        raise ReportError("report.skeleton.md: a code fence does not end; close it")
    return Code(lines[0].removeprefix("```"), tuple(inline(line) for line in lines[1:-1]))


def _grid(lines: list[str]) -> Grid:
    rows = [tuple(inline(cell.strip()) for cell in line.strip("|").split("|")) for line in lines]
    return Grid(rows[0], tuple(rows[2:]))

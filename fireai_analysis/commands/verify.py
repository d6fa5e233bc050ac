"""`fireai verify`: whether a campaign's files, figures and verdicts are what its own evidence gives."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from fireai_analysis.commands import choices, terminal
from fireai_analysis.units import number_text

if TYPE_CHECKING:
    from fireai_analysis.verify.campaign import Verification
    from fireai_analysis.verify.ledger import Difference

EXIT_EQUAL, EXIT_DIFFERENT = 0, 99
EPILOG = """\b
Examples
  fireai verify runs/20261123-101500-smoke
  fireai verify runs/20261123-101500-smoke --json | jq .differences

\b
Exit codes
  0 everything is as reported            99 something differs
  2 no campaign, or it cannot be read     1 a defect of this tool
"""


def verify(
    directory: choices.Campaign,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> int:
    """Check hashes, and recompute figures and verdicts from the rows by a second path."""
    from fireai_analysis.verify.campaign import verify as check
    from fireai_analysis.verify.guard import readable

    with terminal.progress() as progress, readable(directory):
        found = check(directory, progress)
    if as_json:
        typer.echo(json.dumps({"equal": not found.differences} | asdict(found), indent=2, default=str))
    else:
        _show(terminal.output(), directory, found)
    return EXIT_DIFFERENT if found.differences else EXIT_EQUAL


def _show(console: Console, directory: Path, found: Verification) -> None:
    figures = f"{number_text(found.recomputed_count, 0)} of {number_text(found.figures_count, 0)} recomputed"
    printed = "not there" if found.printed_count is None else f"{number_text(found.printed_count, 0)} figures read"
    console.print()
    for name, text in (
        ("Files", f"{number_text(found.files_count, 0)} held against their hashes"),
        ("Figures", f"{figures} from rows and samples"),
        ("Verdicts", "judged again by a table of their own"),
        ("Words", "reasons, notes and rulings analysed and judged again"),
        ("Reports", "rendered again: report.html, report.md, junit.xml, alerts"),
        ("Charts", "numbers and words, drawn again"),
        ("report.html", printed),
        ("Unchecked", ", ".join((*found.unchecked, "campaign.json's facts"))),
    ):
        console.print(Text(f"{name:<13}{text}"))
    for note in found.notes:
        console.print(Text(f"{'Note':<13}{_text(note)}", "yellow"))
    if found.patterns:
        console.print()
        console.print(Text("Not recomputed by a second path (only analysed again):", "bold"))
        console.print(Padding(Text(", ".join(found.patterns), "dim"), (0, 0, 0, 2)))
    if found.unproven:
        told = ", ".join(found.unproven)
        console.print(Text(f"verdicts that stand on checks which were not recomputed: {told}", "yellow"))
    console.print()
    for one in found.differences:
        _show_difference(console, one)
    count = len(found.differences)
    words = f"{number_text(count, 0)} difference{'s' if count > 1 else ''}" if count else "No difference"
    console.print(Text(f"{words}: {directory}", "bold red" if count else "green"), soft_wrap=True)


def _show_difference(console: Console, one: Difference) -> None:
    console.print(Text.assemble(("! ", "bold red"), (_text(one.key), "bold"), f"  ({_text(one.file)})"))
    for name, value in (("reported", one.reported), ("recomputed", one.recomputed)):
        console.print(Padding(Text(f"{name:<11}{_text(value)}"), (0, 0, 0, 4)))


def _text(value: Any) -> str:
    text = "null" if value is None else str(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text)

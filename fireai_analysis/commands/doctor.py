"""`fireai doctor`: checks this machine and a target before hour one of four."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fireai_analysis.commands import choices, terminal

if TYPE_CHECKING:
    from fireai_analysis.preflight.check import Check
    from fireai_analysis.spec import Target

COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}
FAILED = 2

EPILOG = """\b
Examples
  fireai doctor                     this machine
  fireai doctor --target embedded   and the embedded platform
  fireai doctor --target staging    and a real one, before hour one of four
  fireai doctor --target staging --profile rehearsal

\b
Exit codes
  0 nothing failed      2 something failed
"""


def doctor(
    target: Annotated[
        str | None,
        typer.Option(
            metavar="NAME_OR_FILE",
            help="Also check this target: a name in params/targets/ or a file.",
            autocompletion=choices.targets,
        ),
    ] = None,
    profile: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Profile of the campaign that the target is to hold.", autocompletion=choices.profiles
        ),
    ] = "full",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Check this machine, and a target with its routes, tokens, database, seed data and what else a run needs.

    The embedded platform is started for it where it is not up. A check of a target leaves two sessions with a
    few rows in its database and says so; a short burst of harmless requests shows whether a rate limiter is there.
    """
    from fireai_analysis.doctor import machine
    from fireai_analysis.scenarios import load_profile, load_target

    load_profile(profile)
    chosen = load_target(target) if target else None
    found = list(machine.checks())
    if chosen is not None:
        found += _target_checks(chosen, profile)
    if as_json:
        typer.echo(json.dumps({"ok": not _failures(found), "checks": [asdict(check) for check in found]}, indent=2))
    else:
        _show(terminal.output(), found)
    return FAILED if _failures(found) else 0


def _target_checks(target: Target, profile: str) -> list[Check]:
    from fireai_analysis.doctor import before, database
    from fireai_analysis.doctor import target as questions

    with _reached(target) as (bound, environment):
        found = [*questions.checks(bound, environment), *database.checks(bound, environment)]
        return found + ([] if _failures(found) else [*before.checks(bound, environment, profile)])


@contextmanager
def _reached(target: Target) -> Iterator[tuple[Target, Mapping[str, str]]]:
    """Yield the target as it runs and the environment with its secrets; one that is under load is left alone."""
    from fireai_analysis.platform import control

    if target.kind == "remote":
        yield target, os.environ
        return
    with control.reserved(), control.running(lambda text: typer.echo(text, err=True)) as status:
        yield control.bind(target, status), control.secrets(status)


def _failures(found: list[Check]) -> int:
    return sum(check.verdict == "fail" for check in found)


def _show(console: Console, found: list[Check]) -> None:
    for part in dict.fromkeys(check.part for check in found):
        console.print(Text(part, "bold"))
        console.print(_table([check for check in found if check.part == part]))
        console.print()
    failed, warned = _failures(found), sum(check.verdict == "warn" for check in found)
    console.print(f"{len(found)} checks: {failed} failed, {warned} to look at, {len(found) - failed - warned} ok")


def _table(found: list[Check]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=5, justify="right")
    grid.add_column(width=21, overflow="fold")
    grid.add_column(overflow="fold")
    for check in found:
        detail = Text(check.detail)
        if check.remedy:
            detail.append(f"\n-> {check.remedy}{f' ({check.key})' if check.key else ''}", "dim")
        grid.add_row(Text(check.verdict, COLOURS[check.verdict]), check.name, detail)
    return grid

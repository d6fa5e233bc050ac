"""`fireai report`: the report of a campaign again, from its bundles."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from fireai_analysis.commands import choices, terminal, verdicts


class Format(StrEnum):
    """What a report can be written as."""

    HTML = "html"
    PDF = "pdf"
    MARKDOWN = "markdown"


EPILOG = """\b
Examples
  fireai report runs/20261123-101500-smoke
  fireai report runs/20261123-101500-smoke --to pdf --to markdown

\b
Exit codes are those of `fireai run`: 0, 99, 3, 4, 2 or 1.
"""


def report(
    directory: choices.Campaign,
    to: Annotated[
        list[Format] | None, typer.Option(help="Format to write; may be given again. Default: all three.")
    ] = None,
) -> int:
    """Write the report of a campaign again, from its evidence; no new run is made."""
    from fireai_analysis.publish.analyst import rebuild

    with terminal.progress() as progress:
        outcome = rebuild(directory, tuple(each.value for each in to or list(Format)), progress)
    verdicts.show(outcome)
    return outcome.exit_code

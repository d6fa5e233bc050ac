"""How far a campaign is, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from fireai_analysis.judge import exit_code
from fireai_analysis.results import Summary

DEFECT, PROVEN = 1, 99


class Progress(Protocol):
    """Tells a person how far a campaign is."""

    def show(self, name: str, phase: str, ratio: float | None, text: str) -> None:
        """Tell how far a part of the campaign is; `ratio` runs from 0 to 1, None where it is unknown."""

    def end(self, name: str, text: str, *, ok: bool) -> None:
        """Tell that a part has ended, and how."""


@dataclass
class Outcome:
    """A campaign that ended.

    Attributes
    ----------
    directory : pathlib.Path
        The campaign directory.
    summary : Summary or None
        The judged result; None only where it could not be made.
    problems : list of str
        What broke, in words.
    defect : bool
        Whether a notebook or the report failed: our fault, and no verdict.
    stopped : int or None
        Exit code of the signal that ended the campaign early.
    """

    directory: Path
    summary: Summary | None = None
    problems: list[str] = field(default_factory=list)
    defect: bool = False
    stopped: int | None = None

    @property
    def exit_code(self) -> int:
        """Exit code of `fireai run`: a signal, what is proven, a defect of ours, then the table of the judge."""
        if self.stopped is not None:
            return self.stopped
        code = DEFECT if self.summary is None else exit_code(self.summary)
        return DEFECT if self.defect and code != PROVEN else code

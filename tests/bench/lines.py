"""One line of a benchmark: what was measured, beside what is to be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A figure measured beside the one to reach.

    Attributes
    ----------
    name : str
        What was measured.
    reach : str
        The figure to reach, with its unit.
    measured : str
        The figure measured, with its unit.
    met : bool
        Whether it was reached.
    """

    name: str
    reach: str
    measured: str
    met: bool

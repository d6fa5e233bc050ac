"""What a preflight is about: the runs to come, the target as it runs, and the place for what they record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fireai_analysis.preflight.check import Check
from fireai_analysis.spec import RunSpec, Target

PART = "before a run"


@dataclass(frozen=True)
class Occasion:
    """Runs that are about to begin.

    Attributes
    ----------
    specs : tuple of RunSpec
        The runs, at least one.
    target : Target
        The target with the addresses it really has.
    environment : mapping of str to str
        Holds the secrets under the names in the target file.
    directory : pathlib.Path
        Where the campaign is written; it need not exist.
    lasts_s, needed_bytes : float, int
        How long the runs take together, and how much room.
    capacity_rps : float or None
        What one generator process can send, by its calibration; None where it was never calibrated.
    """

    specs: tuple[RunSpec, ...]
    target: Target
    environment: Mapping[str, str] = field(repr=False)
    directory: Path
    lasts_s: float
    needed_bytes: int
    capacity_rps: float | None = None


def good(name: str, detail: str) -> Check:
    """Return that nothing is in the way."""
    return Check(PART, name, "ok", detail)


def warning(name: str, detail: str, remedy: str, key: str = "") -> Check:
    """Return what is to be looked at; the run can begin."""
    return Check(PART, name, "warn", detail, remedy, key)


def refusal(name: str, detail: str, remedy: str, key: str = "") -> Check:
    """Return why the run must not begin."""
    return Check(PART, name, "fail", detail, remedy, key)

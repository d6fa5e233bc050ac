"""The campaign directory as an argument, and what the shell offers on the tab key.

A broken parameter file offers nothing and never disturbs the typing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fireai_analysis.errors import FireAIAnalysisError
from fireai_analysis.scenarios import SCENARIO_NAMES, params_dir, read_yaml

Campaign = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="A campaign directory.")]


def scenarios(incomplete: str) -> list[str]:
    """Return the names of scenarios that begin with what was typed.

    Examples
    --------
    >>> scenarios("s")
    ['sustained', 'spike']
    """
    return [name for name in SCENARIO_NAMES if name.startswith(incomplete)]


def profiles(incomplete: str) -> list[str]:
    """Return the names of profiles that begin with what was typed."""
    try:
        known = read_yaml(params_dir() / "scenarios.yaml").get("profiles", {})
    except FireAIAnalysisError:
        return []
    return [str(name) for name in known if str(name).startswith(incomplete)]


def targets(incomplete: str) -> list[str]:
    """Return the names of targets that begin with what was typed."""
    try:
        folder = params_dir() / "targets"
    except FireAIAnalysisError:
        return []
    return [path.stem for path in sorted(folder.glob("*.yaml")) if path.stem.startswith(incomplete)]

"""The rows behind one figure: which rows a key of `summary.json` stands on, picked from the evidence."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fireai_analysis.bundle import read_json
from fireai_analysis.definitions import Definition, definition
from fireai_analysis.errors import BundleError, UsageError
from fireai_analysis.scenarios import SCENARIO_NAMES
from fireai_analysis.verify import of_requests, of_samples, of_writes
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.guard import readable
from fireai_analysis.verify.ledger import ABSENT, flat, look

SUMMARY = "summary.json"
MOST_SUGGESTED = 5
BASES = {
    "p95_latency": "response_ms.p95",
    "crdt_data_loss": "crdt.lost_count",
    "go_memory": "go.high_water_end_bytes",
    "error_rate": "error_ratio",
    "aurora_scaling": "capacity",
}
"""The figure below a scenario that each criterion is judged on."""


@dataclass(frozen=True)
class Shown:
    """A figure with its rows.

    Attributes
    ----------
    key : str
        Key of the figure; of a criterion that of the figure it is judged on.
    value : object
        What `summary.json` reports.
    definition : Definition
        File, rows and formula.
    notes : dict of str to str
        What else tells how the figure comes about, such as its rank.
    rows : pandas.DataFrame or None
        The rows, the telling columns first; None where the figure stands on none.
    marked : object
        Label in the index of the row that the figure is; None where it is not one row.
    """

    key: str
    value: Any
    definition: Definition
    notes: dict[str, str] = field(default_factory=dict)
    rows: pd.DataFrame | None = None
    marked: Any = None


def behind(directory: Path, key: str) -> Shown:
    """Return the rows behind a figure.

    Parameters
    ----------
    directory : pathlib.Path
        Campaign directory.
    key : str
        Dotted key in `summary.json`; `scenarios.` may be left out, and a criterion may be named by its id.

    Raises
    ------
    UsageError
        Where the summary has no such figure: the nearest keys are named.
    BundleError
        Where the directory is no campaign, or the rows cannot be read.
    """
    with readable(directory / SUMMARY):
        summary = read_json(directory / SUMMARY)
        if not isinstance(summary, dict):
            raise BundleError(directory / SUMMARY, "holds no object", "write it again: fireai report DIR")
        named = _resolved(key, summary)
        value, what = look(summary, named), definition(named)
        if value is ABSENT or what is None:
            raise UsageError(f"{key}: no such figure in summary.json; {_nearest(key, summary)}")
    parts = named.split(".")
    if parts[0] != "scenarios" or not (directory / parts[1] / "manifest.json").is_file():
        return Shown(named, value, what)
    with readable(directory / parts[1]):
        return _picked(directory, named, value, what, summary)


def _picked(directory: Path, named: str, value: Any, what: Definition, summary: dict[str, Any]) -> Shown:
    """Return the rows of a run that a figure stands on."""
    parts = named.split(".")
    run, below = Run.read(directory / parts[1]), ".".join(parts[2:])
    for pick in (of_requests.pick, of_writes.pick, of_samples.pick):
        found = pick(run, below, look(summary, f"scenarios.{parts[1]}"))
        if found is not None:
            return Shown(named, value, what, found.notes, found.rows, found.marked)
    return Shown(named, value, what)


def keys(directory: Path, beginning: str = "") -> list[str]:
    """Return the keys of the figures in a campaign's summary that begin with what was typed."""
    summary = read_json(directory / SUMMARY)
    return [key for key in _figures(summary) if key.startswith(beginning)]


def _figures(summary: Any) -> list[str]:
    leaves = (key for key, _ in flat(summary, ""))
    return [key for key in leaves if definition(key) is not None and not key.startswith("environment")]


def _resolved(key: str, summary: dict[str, Any]) -> str:
    """Return the full key: of a criterion that of its figure in the scenario that decides."""
    parts = key.split(".")
    if parts[0] in SCENARIO_NAMES:
        return f"scenarios.{key}"
    criteria = summary.get("criteria") or []
    if parts[0] == "criteria" and len(parts) > 1:
        place = int(parts[1]) if parts[1].isdecimal() else -1
        chosen = [one for number, one in enumerate(criteria) if number == place or one.get("id") == parts[1]]
    else:
        chosen = [one for one in criteria if one.get("id") == key]
    if not chosen or (len(parts) > 2 and parts[2] not in ("actual", "interval", "verdict", "reason", "evidence")):
        return key
    return _basis(chosen[0], summary)


def _basis(criterion: dict[str, Any], summary: dict[str, Any]) -> str:
    base = BASES[str(criterion.get("id"))]
    names = SCENARIO_NAMES if criterion.get("scenario") == "all" else (str(criterion.get("scenario")),)
    values = {name: look(summary, f"scenarios.{name}.{base}") for name in names}
    known = {name: value for name, value in values.items() if isinstance(value, int | float)}
    return f"scenarios.{max(known, key=known.__getitem__) if known else names[0]}.{base}"


def _nearest(key: str, summary: dict[str, Any]) -> str:
    known = _figures(summary)
    short = {one.removeprefix("scenarios."): one for one in known}
    near = difflib.get_close_matches(key.removeprefix("scenarios."), short, MOST_SUGGESTED, 0.5)
    return f"nearest: {', '.join(near)}" if near else f"there are {len(known):,}, such as {', '.join(known[:2])}"

"""A campaign analysed and judged again from its rows, by the code of the report, for every word that it says.

The figures are recomputed by a second path elsewhere. Words have no second path: a reason, a note, the detail of a
check or a ruling is held against what the same rows give now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle, read_parquet
from fireai_analysis.campaign import Campaign
from fireai_analysis.judge import judged
from fireai_analysis.publish import report
from fireai_analysis.results import ScenarioResult, Summary
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.verify.ledger import Ledger, flat, same

SUMMARY = "summary.json"
UNANALYSED = ("created", "recording", "crashed")
"""States of a run that no notebook looks at."""


@dataclass
class Again:
    """Results and derived tables by scenario, of the runs that could be analysed."""

    results: dict[str, ScenarioResult] = field(default_factory=dict)
    frames: dict[str, dict[str, pd.DataFrame]] = field(default_factory=dict)


def analyse(directory: Path, today: date, ledger: Ledger) -> Again:
    """Analyse every run of a campaign again.

    Parameters
    ----------
    directory : pathlib.Path
        The campaign.
    today : datetime.date
        Day of judging; it decides whether a waiver has expired.
    ledger : Ledger
        Takes what cannot be analysed, and the derived tables that differ.
    """
    found, criteria = Again(), load_criteria()
    for bundle in Campaign.open(directory).bundles():
        name = bundle.scenario
        if bundle.manifest.state in UNANALYSED or not bundle.holds_requests:
            continue
        with ledger.guarded(f"scenarios.{name}", f"{name}/manifest.json"):
            analysis = analyze_run(RunData.from_bundle(bundle), criteria)
            found.results[name] = judged(analysis.result, criteria, today)
            found.frames[name] = dict(analysis.tables)
            _hold_tables(bundle, analysis.tables, ledger)
    return found


def hold(directory: Path, summary: dict[str, Any], again: Again, generated: str, ledger: Ledger) -> Summary:
    """Judge the campaign again, hold every word and figure of `summary.json` against that, and return it."""
    found = report.summary_of(Campaign.open(directory), again.results, generated)
    content = found.model_dump(mode="json", by_alias=True)
    ledger.hold_all(SUMMARY, summary, content)
    return found


def _hold_tables(bundle: RunBundle, tables: Mapping[str, pd.DataFrame], ledger: Ledger) -> None:
    """Hold the derived tables, which the charts are drawn from."""
    folder = bundle.directory / "analysis"
    names = {path.stem for path in folder.glob("*.parquet")}
    for name in sorted(names | tables.keys()):
        file = f"{bundle.scenario}/analysis/{name}.parquet"
        with ledger.guarded(f"analysis.{name}", file):
            said = _cells(read_parquet(folder / f"{name}.parquet")) if name in names else None
            wanted = _cells(tables[name]) if name in tables else None
            if said is None or wanted is None:
                ledger.differ(f"analysis.{name}", file, _presence(said), _presence(wanted))
                continue
            place = next((key for key in said | wanted if not same(said.get(key), wanted.get(key))), None)
            if place is not None:
                ledger.differ(f"analysis.{name}.{place}", file, said.get(place), wanted.get(place))


def _presence(cells: Mapping[str, Any] | None) -> str:
    return "no such table" if cells is None else "a table"


def _cells(frame: pd.DataFrame) -> dict[str, Any]:
    """Return the cells of a table by column and row, whatever the types of its columns are."""
    columns = {str(name): frame[name].astype(object).tolist() for name in frame}
    return {key: _plain(value) for key, value in flat(columns, "")}


def _plain(value: Any) -> Any:
    """Return a cell as a number, a text or null."""
    if value is None or value is pd.NA or value != value:
        return None
    return value.item() if hasattr(value, "item") else value

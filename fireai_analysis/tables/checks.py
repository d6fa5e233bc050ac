"""Tables of the checks of the validity gate: all of them for the notebook, those that do not hold for the report."""

from __future__ import annotations

from dataclasses import replace

from fireai_analysis.analyze.validity.history import NONE_BELONGS
from fireai_analysis.results import Check, ScenarioResult
from fireai_analysis.tables.table import Table, listing
from fireai_analysis.units import NOT_MEASURED, number_text

ORDER = (False, None, True)
WORDS = {True: "✔ ok", False: "✘ failed", None: f"– {NOT_MEASURED}"}
NOT_APPLICABLE = "– not applicable"
NOTE = "A failed check makes the criteria that depend on it INCONCLUSIVE."


def validity(result: ScenarioResult) -> Table:
    """Return the checks of the validity gate, those that do not hold first: whether the figures can be trusted."""
    places = sorted(range(len(result.validity)), key=lambda place: ORDER.index(result.validity[place].ok))
    checks = [result.validity[place] for place in places]
    rows = [(check.check, _came_of(check), check.detail) for check in checks]
    columns = ("Check", "Result", "Detail")
    table = listing(result, "validity", title="Data quality", columns=columns, rows=rows, note=NOTE)
    return replace(table, keys=tuple(f"scenarios.{result.scenario}.validity.{place}" for place in places))


def open_checks(result: ScenarioResult) -> Table:
    """Return the checks of the validity gate that do not hold; a note counts the others and says where they stand."""
    table = validity(result)
    if not table.rows:
        return table
    open_count = sum(check.ok is not True for check in result.validity)
    idle_count = sum(map(_is_idle, result.validity))
    held = number_text(len(table.rows) - open_count - idle_count, 0)
    idle = f", {number_text(idle_count, 0)} not applicable" if idle_count else ""
    where = f"all of them stand in {result.scenario}/notebook.ipynb and in summary.json."
    if not open_count:
        return replace(
            table, rows=(("every check", WORDS[True], f"{held} hold{idle}"),), keys=None, note=f"A{where[1:]}"
        )
    note = f"{held} others hold{idle}; {where} {NOTE}"
    return replace(table, rows=table.rows[:open_count], keys=(table.keys or ())[:open_count], note=note)


def _is_idle(check: Check) -> bool:
    """Whether a check had nothing to look at in this scenario; the gate counts it as held."""
    return check.ok is True and check.detail == NONE_BELONGS


def _came_of(check: Check) -> str:
    return NOT_APPLICABLE if _is_idle(check) else WORDS[check.ok]

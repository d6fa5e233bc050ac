"""Tables of what follows from the figures: CRDT writes, findings, verdicts."""

from __future__ import annotations

from collections.abc import Iterable

from fireai_analysis.narrative.words import few
from fireai_analysis.results import CriterionResult, ScenarioResult
from fireai_analysis.spec import SIGNS
from fireai_analysis.tables.table import Table, figures, interval_text, listing, share_text, verdict_text
from fireai_analysis.units import NOT_MEASURED, criterion_text, ms_text, number_text

MOST_EXAMPLES = 3


def crdt(result: ScenarioResult) -> Table:
    """Return acknowledged against surviving writes."""
    counts = result.crdt
    resolution = None if counts.resolution_ms is None else counts.resolution_ms.p95
    resolution_key = "crdt.resolution_ms" if counts.resolution_ms is None else "crdt.resolution_ms.p95"
    violations = number_text(counts.idempotency_violations_count, 0)
    rows = [
        ("Operations", number_text(counts.operations_count, 0), "crdt.operations_count"),
        ("Acknowledged", number_text(counts.acknowledged_count, 0), "crdt.acknowledged_count"),
        ("Refused", number_text(counts.failed_count, 0), "crdt.failed_count"),
        ("Unknown (no answer)", number_text(counts.unknown_count, 0), "crdt.unknown_count"),
        ("In conflict", number_text(counts.conflicts_count, 0), "crdt.conflicts_count"),
        ("Legally superseded", number_text(counts.superseded_count, 0), "crdt.superseded_count"),
        ("Lost", number_text(counts.lost_count, 0), "crdt.lost_count"),
        ("Replays", number_text(counts.replays_count, 0), "crdt.replays_count"),
        ("Idempotency violations", violations, "crdt.idempotency_violations_count"),
        ("Conflict resolution time, P95", ms_text(resolution), resolution_key),
    ]
    read = "Final states were read from the database." if counts.final_state_read else "Final states: NOT MEASURED."
    bound = "" if counts.lost_ratio_bound is None else f" Share lost at most {share_text(counts.lost_ratio_bound)}."
    examples = f" Lost, for example: {few(counts.lost_examples, MOST_EXAMPLES, '; ')}." if counts.lost_examples else ""
    return figures(result, "crdt", title="CRDT writes", rows=rows, note=f"{read}{bound}{examples}")


def findings(result: ScenarioResult) -> Table:
    """Return what was found, with its evidence and what to do."""
    rows: list[tuple[str, ...]] = [
        (
            entry.title,
            entry.layer,
            "–" if entry.share_of_tail_ratio is None else share_text(entry.share_of_tail_ratio),
            entry.confidence,
            "; ".join(entry.evidence),
            ": ".join(filter(None, (entry.priority, entry.recommendation))) or "–",
        )
        for entry in result.findings
    ]
    note = "Shares are associated with the slow tail; a cause is proven only where the evidence says so."
    columns = ("Finding", "Layer", "Share of the slow tail", "Confidence", "Evidence", "Recommendation")
    if not rows:
        rows, note = [("No finding", "–", "–", "–", "–", "–")], "Nothing in the evidence points at a bottleneck."
    return listing(result, "findings", title="Findings", columns=columns, rows=rows, note=note)


def criteria(results: Iterable[CriterionResult], *, table_id: str = "criteria") -> Table:
    """Return the verdict of each criterion with limit, actual value, interval and reason."""
    columns = ("Criterion", "Scenario", "Limit", "Actual", "95 % interval", "Verdict", "Reason")
    rows = tuple(_criterion_row(entry) for entry in results)
    return Table(table_id, "Verdict by criterion", columns, rows, "" if rows else "No criterion applies.")


def _criterion_row(entry: CriterionResult) -> tuple[str, ...]:
    interval = interval_text(entry.interval, lambda value: value_text(value, entry)) if entry.interval else "–"
    measured = (f"{SIGNS[entry.bound]} {value_text(entry.limit, entry)}", actual_text(entry), interval)
    codes = f" [{', '.join(entry.reasons)}]" if entry.reasons else ""
    return (entry.title, entry.scenario, *measured, verdict_text(entry.verdict), f"{entry.reason}{codes}")


def actual_text(entry: CriterionResult) -> str:
    """Return the figure that a criterion was judged on, with what it is where that is not what was asked for."""
    qualified = f" ({entry.qualifier})" if entry.qualifier and entry.actual is not None else ""
    return f"{value_text(entry.actual, entry)}{qualified}"


def value_text(value: float | None, criterion: CriterionResult) -> str:
    """Return a value of a criterion in its unit, with as many digits as show on which side of the limit it lies."""
    return NOT_MEASURED if value is None else criterion_text(value, criterion.limit, criterion.unit)

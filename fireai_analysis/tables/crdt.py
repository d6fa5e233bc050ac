"""Tables of the CRDT history: what was checked with what outcome, and the smallest history that proves a violation."""

from __future__ import annotations

from fireai_analysis.results import Crdt, Quantiles, ScenarioResult
from fireai_analysis.tables.table import Table, figures, listing
from fireai_analysis.units import NOT_MEASURED, NS_PER_MS, ms_text, number_text

COUNTED = (
    ("Operations", "operations_count"),
    ("Acknowledged", "acknowledged_count"),
    ("Refused", "failed_count"),
    ("Unknown (no answer)", "unknown_count"),
    ("In realised conflict", "conflicts_count"),
    ("Increments of counters", "counters_count"),
    ("Replays", "replays_count"),
    ("Legally superseded", "superseded_count"),
    ("Recovered: no answer, and there", "recovered_count"),
    ("Lost: acknowledged and absent", "lost_count"),
    ("Lost later: seen by a read and gone", "lost_later_count"),
    ("Phantom: written by nobody", "phantom_count"),
    ("Resurrected: refused and visible", "resurrected_count"),
    ("Duplicated: more often than made", "duplicated_count"),
    ("Keys with a second effect", "double_effect_count"),
    ("Repetitions with another answer", "other_answer_count"),
    ("Bodies swallowed: acknowledged under a used key, absent", "swallowed_body_count"),
    ("Other bodies given the stored answer", "stored_answer_count"),
    ("Registers with an illegal winner", "illegal_winner_count"),
    ("Clock regressions", "clock_regression_count"),
    ("Sessions that differ between places", "divergence_count"),
    ("Stale: missing from a later read, never lost", "stale_count"),
)
"""Label and field of every count, the harmless ones first."""


def crdt_history(result: ScenarioResult) -> Table:
    """Return every count of the checker; what could not be looked at says NOT MEASURED, and the note says why."""
    crdt = result.crdt
    rows = [(label, number_text(getattr(crdt, name), 0), f"crdt.{name}") for label, name in COUNTED]
    rows += _spans(crdt.stale_ms, "Until every read shows a stale write", "stale_ms")
    rows += _spans(crdt.converge_ms, "From the last answer until every place rests", "converge_ms")
    return figures(result, "crdt-history", title="CRDT history: what was checked", rows=rows, note=_note(crdt))


def _spans(spans: Quantiles | None, label: str, name: str) -> list[tuple[str, str, str]]:
    if spans is None:
        return [(label, NOT_MEASURED, f"crdt.{name}")]
    levels = (("P50", "p50"), ("P95", "p95"), ("P99", "p99"), ("largest", "max"))
    known = [(f"{label}, {words}", getattr(spans, level), f"crdt.{name}.{level}") for words, level in levels]
    told = [(words, ms_text(value), key) for words, value, key in known if value is not None]
    return told or [(label, "–", f"crdt.{name}")]


def _note(crdt: Crdt) -> str:
    if crdt.operations_count is None:
        return "No history of writes was recorded."
    read = f"Read at rest for every session: {', '.join(crdt.doors)}." if crdt.doors else "No place was read at rest."
    return " ".join([read, *(f"{doubt[:1].upper()}{doubt[1:]}." for doubt in crdt.doubts)])


def crdt_counterexample(result: ScenarioResult) -> Table | None:
    """Return the events of the smallest history that proves the gravest violation; None where there is none."""
    shown = result.crdt.counterexample
    if shown is None:
        return None
    start_ns = min(event.begin_ns for event in shown.events)
    rows = [
        (
            number_text((event.begin_ns - start_ns) / NS_PER_MS, 1),
            "–" if event.end_ns is None else number_text((event.end_ns - start_ns) / NS_PER_MS, 1),
            event.lane,
            event.text,
        )
        for event in shown.events
    ]
    return listing(
        result,
        "crdt-counterexample",
        title=f"Smallest counterexample: {shown.kind.replace('_', ' ')}",
        columns=("Begin, ms", "End, ms", "Who or where", "What"),
        rows=rows,
        note=f"Session {shown.session_id}: {shown.text}.",
    )

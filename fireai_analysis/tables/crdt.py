"""Tables of the CRDT history: what was checked with what outcome, and the smallest history that proves a violation."""

from __future__ import annotations

from fireai_analysis.narrative.words import VIOLATIONS
from fireai_analysis.results import Crdt, Quantiles, ScenarioResult
from fireai_analysis.tables.table import Table, listing
from fireai_analysis.units import NOT_MEASURED, NS_PER_MS, ms_text, number_text

FAILS, DOUBT, HARMLESS = "violation", "doubt", "–"
COUNTED = (
    ("Operations", "operations_count", HARMLESS),
    ("Acknowledged", "acknowledged_count", HARMLESS),
    ("Refused", "failed_count", HARMLESS),
    ("Unknown: no answer came", "unknown_count", HARMLESS),
    ("In conflict: sent while another wrote the same path", "conflicts_count", HARMLESS),
    ("Increments of counters", "counters_count", HARMLESS),
    ("Repetitions under the same key", "replays_count", HARMLESS),
    ("Superseded by a later or winning write, as designed", "superseded_count", HARMLESS),
    ("Recovered: no answer came, yet it is there", "recovered_count", HARMLESS),
    ("Lost: acknowledged and absent", "lost_count", FAILS),
    ("Lost later: seen by a read and gone", "lost_later_count", FAILS),
    ("Phantom: written by nobody", "phantom_count", FAILS),
    ("Resurrected: refused and visible", "resurrected_count", FAILS),
    ("Keys that took effect twice", "double_effect_count", FAILS),
    ("Swallowed: other body under a used key, and absent", "swallowed_body_count", FAILS),
    ("Registers that hold an overwritten value", "illegal_winner_count", FAILS),
    ("Sessions that differ between places at rest", "divergence_count", FAILS),
    ("Duplicated: stand more often than they were made", "duplicated_count", DOUBT),
    ("Repetitions that were answered otherwise", "other_answer_count", DOUBT),
    ("Vector clocks that fell, or hold what was never sent", "clock_regression_count", DOUBT),
    ("Stale: missing from a later read, and there in the end", "stale_count", DOUBT),
    ("Other bodies under a used key that got the stored answer", "stored_answer_count", HARMLESS),
)
"""Label and field of every count, the harmless ones first, and what it is if not zero."""
PLACES = {"sql": "database", "fastapi": "FastAPI", "go": "Go service"}


def crdt_history(result: ScenarioResult) -> Table:
    """Return every count of the checker; what could not be looked at says NOT MEASURED, and the note says why."""
    crdt = result.crdt
    rows = [(label, number_text(getattr(crdt, name), 0), weight, f"crdt.{name}") for label, name, weight in COUNTED]
    rows += _spans(crdt.stale_ms, "Until every read showed a stale write", "stale_ms")
    rows += _spans(crdt.converge_ms, "From the last answer until all reads agree", "converge_ms")
    return Table(
        id=f"{result.scenario}-crdt-history",
        title="CRDT history: what was checked",
        columns=("Figure", "Value", "If not zero"),
        rows=tuple(row[:3] for row in rows),
        note=_note(crdt),
        keys=tuple(f"scenarios.{result.scenario}.{row[3]}" for row in rows),
    )


def _spans(spans: Quantiles | None, label: str, name: str) -> list[tuple[str, str, str, str]]:
    if spans is None:
        return [(label, NOT_MEASURED, HARMLESS, f"crdt.{name}")]
    levels = (("P50", "p50"), ("P95", "p95"), ("P99", "p99"), ("largest", "max"))
    known = [(f"{label}, {words}", getattr(spans, level), f"crdt.{name}.{level}") for words, level in levels]
    told = [(words, ms_text(value), HARMLESS, key) for words, value, key in known if value is not None]
    return told or [(label, "–", HARMLESS, f"crdt.{name}")]


def _note(crdt: Crdt) -> str:
    if crdt.operations_count is None:
        return "No history of writes was recorded."
    places = ", ".join(PLACES.get(door, door) for door in crdt.doors)
    read = f"Read at rest for every session: {places}." if places else "No place was read at rest."
    weights = "One violation is enough for FAILED; a doubt keeps the criterion from passing."
    return " ".join([read, weights, *(f"{doubt[:1].upper()}{doubt[1:]}." for doubt in crdt.doubts)])


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
        title=f"Smallest counterexample: {VIOLATIONS.get(shown.kind, shown.kind)}",
        columns=("Begin, ms", "End, ms", "Who or where", "What"),
        rows=rows,
        note=f"Session {shown.session_id}: {shown.text}.",
    )

"""Words about goroutines and the database; None where nothing was measured."""

from __future__ import annotations

from fireai_analysis.narrative.words import counted, few
from fireai_analysis.results import ScenarioResult
from fireai_analysis.units import number_text, percent_text


def goroutine_leaks(result: ScenarioResult) -> str | None:
    """Return DETECTED with the finding, NONE with what was seen, or that the run was too short to judge."""
    found = next((finding for finding in result.findings if "goroutine" in finding.id.lower()), None)
    if found is not None:
        return f"DETECTED: {found.title}"
    goroutines = result.go.goroutines
    if goroutines.initial is None or goroutines.final is None:
        return None
    seen = f"{goroutines.initial:,} at first, {goroutines.final:,} at the end of the load"
    if result.growth.goroutines.label is None:
        return f"not judged: too short ({seen})"
    return f"NONE found ({seen})"


def query_performance(result: ScenarioResult) -> str | None:
    """Return calls and mean time of the statement that took most time, and the share of reads from memory."""
    database = result.database
    if not database.statements:
        return None
    calls = sum(statement.calls_count for statement in database.statements)
    top = max(database.statements, key=lambda statement: statement.total_ms)
    text = f"{counted(calls, 'call')}, costliest statement {number_text(top.mean_ms, 2, 'ms')} on average"
    if database.cache_hit_ratio is not None:
        text += f", {percent_text(database.cache_hit_ratio)} % of blocks from memory"
    return text


def lock_contention(result: ScenarioResult) -> str | None:
    """Return lock waits and deadlocks."""
    database = result.database
    if database.lock_waits_count is None and database.deadlocks_count is None:
        return None
    waits = "lock waits NOT MEASURED"
    if database.lock_waits_count is not None:
        waits = counted(database.lock_waits_count, "lock wait") + " sampled"
    deadlocks = "" if database.deadlocks_count is None else f", {counted(database.deadlocks_count, 'deadlock')}"
    return waits + deadlocks


def index_usage(result: ScenarioResult) -> str | None:
    """Return index scans against sequential scans, and indexes that no one used."""
    database = result.database
    if not database.index_scans and not database.seq_scans:
        return None
    scanned = [f"{name} {number_text(count, 0)}" for name, count in _largest(database.seq_scans) if count]
    text = f"{counted(sum(database.index_scans.values()), 'index scan')}, "
    text += counted(sum(database.seq_scans.values()), "sequential scan")
    text += f" ({', '.join(scanned)})" if scanned else ""
    return text + (f"; unused: {few(database.unused_indexes, 3)}" if database.unused_indexes else "")


def _largest(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: -entry[1])[:3]

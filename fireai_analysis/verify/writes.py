"""The figures of a CRDT history: counts of operations, what became of the writes, and how its places differ."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from scipy import stats

from fireai_analysis.verify import bounds, breaches
from fireai_analysis.verify.evidence import Run, words
from fireai_analysis.verify.fates import Write, at, conflicts, fate, finals, operations, writes
from fireai_analysis.verify.traffic import Figures


def figures(run: Run) -> Figures:
    """Return the figures below `crdt.`; all null where there is no history."""
    frame = operations(run)
    if frame is None:
        return dict.fromkeys(
            f"crdt.{name}_count" for name in ("operations", "acknowledged", "unknown", "conflicts", "lost")
        )
    found, states = writes(frame), finals(run)
    told, outcomes, kinds = fate(found, states), frame["outcome"].tolist(), words(frame, "kind")
    promised = [one for one in found if one.acknowledged and not one.altered]
    sessions = {one.session for one in promised} or set(states)
    read = bool(sessions) and all("sql" in states.get(one, {}) for one in sessions)
    counted = read and not told.unreadable_count
    lost = len(told.lost) + sum(told.lacking.values())
    lost_count = lost if lost or counted else None
    resolved = (np.array(kinds) == "contended") & (np.array(outcomes) == "ok")
    took_us = (frame["end_ns"] - frame["invoke_ns"])[resolved] / 1000
    return {
        "crdt.operations_count": len(frame),
        "crdt.acknowledged_count": outcomes.count("ok"),
        "crdt.failed_count": outcomes.count("fail"),
        "crdt.unknown_count": outcomes.count("unknown"),
        "crdt.replays_count": kinds.count("replay"),
        "crdt.counters_count": kinds.count("counter"),
        "crdt.conflicts_count": len(conflicts(found)),
        "crdt.lost_count": lost_count,
        "crdt.lost_ratio_bound": None if lost_count is None else _bound(lost_count, len(promised)),
        "crdt.superseded_count": len(told.superseded) if read else None,
        "crdt.recovered_count": told.recovered_count if counted else None,
        "crdt.final_state_read": read,
        "crdt.divergence_count": _divergence(run, found, states, sessions),
        "crdt.resolution_ms": bounds.quantiles_ms(took_us.to_numpy(dtype=float)),
        **breaches.figures(run, frame, found, told, read=read),
    }


def _bound(lost_count: int, n_count: int) -> float | None:
    if not n_count or lost_count >= n_count:
        return 1.0 if n_count else None
    return float(stats.beta.ppf(0.95, lost_count + 1, n_count - lost_count)) if lost_count else min(1.0, 3 / n_count)


def _divergence(run: Run, found: list[Write], states: dict[str, dict[str, Any]], sessions: set[str]) -> int | None:
    """Return how many sessions differ between places where the run wrote; None where not all were read at all."""
    places = {"sql", *run.manifest["spec"]["target"]["crdt"]["reads"], *_sources(run)}
    paths: dict[str, set[str]] = defaultdict(set)
    for one in found:
        paths[one.session].add(one.path)
    count = 0
    for session, own in paths.items():
        first, *others = [
            states.get(session, {})[place] for place in sorted(states.get(session, {}), key=_sql_first)
        ] or [None]
        count += any(at(first, path) != at(other, path) for other in others for path in own)
    whole = len(places) > 1 and all(places <= states.get(one, {}).keys() for one in sessions)
    return count if count or (whole and sessions) else None


def _sql_first(place: str) -> tuple[bool, str]:
    return place != "sql", place


def _sources(run: Run) -> set[str]:
    frame = run.table("final_states")
    return set() if frame is None else set(words(frame, "source"))

"""The operations behind a figure of the CRDT history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.verify import fates
from fireai_analysis.verify.bounds import PER_MILLE, place
from fireai_analysis.verify.evidence import Run, words
from fireai_analysis.verify.fates import Write
from fireai_analysis.verify.picked import Picked

FIRST = ("op_id", "outcome", "took_ms", "kind", "path", "session_id")
OUTCOMES = {"acknowledged_count": "ok", "failed_count": "fail", "unknown_count": "unknown"}
KINDS = {"replays_count": "replay", "counters_count": "counter"}


def pick(run: Run, key: str, reported: Any) -> Picked | None:
    """Return the operations of a figure below a scenario; None where it stands on none."""
    head, _, name = key.partition(".")
    frame = fates.operations(run) if head == "crdt" else None
    if frame is None:
        return None
    table = _table(frame)
    if name in OUTCOMES:
        return Picked(table[table["outcome"] == OUTCOMES[name]])
    if name in KINDS:
        return Picked(table[np.array(words(frame, "kind")) == KINDS[name]])
    if name.startswith("resolution_ms"):
        return _resolution(table, name.partition(".")[2])
    if name in ("lost_count", "lost_ratio_bound", "superseded_count", "conflicts_count"):
        return _writes(run, frame, table, name)
    return Picked(table)


def _table(frame: pd.DataFrame) -> pd.DataFrame:
    took = (frame["end_ns"] - frame["invoke_ns"]).astype("Float64").to_numpy(dtype=float, na_value=np.nan) / 1e6
    shown = frame.drop(columns=["begin", "end"]).assign(took_ms=took)
    return shown[[*FIRST, *(name for name in shown if name not in FIRST)]]


def _resolution(table: pd.DataFrame, level: str) -> Picked:
    own = table[(table["outcome"] == "ok") & (table["kind"] == "contended")].sort_values("took_ms", kind="stable")
    if level not in PER_MILLE or not len(own):
        return Picked(own[::-1] if level == "max" else own)
    rank = place(len(own), PER_MILLE[level])
    notes = {"rank": f"{rank:,} of {len(own):,}"}
    return Picked(own, notes, own.index[rank - 1])


def _writes(run: Run, frame: pd.DataFrame, table: pd.DataFrame, name: str) -> Picked:
    found = fates.writes(frame)
    if name == "conflicts_count":
        return _of(table, fates.conflicts(found), "in conflict")
    told = fates.fate(found, fates.finals(run))
    if name == "superseded_count":
        return _of(table, told.superseded, "superseded")
    short = [one for one in found if (one.session, one.path) in told.lacking and one.acknowledged]
    lacking = "; ".join(f"{session} {path} lacks {count}" for (session, path), count in told.lacking.items())
    picked = _of(table, [*told.lost, *short], "lost or short")
    acknowledged = sum(one.acknowledged for one in found)
    notes = {
        "acknowledged": f"{acknowledged:,} writes in {int((frame['outcome'] == 'ok').sum()):,} operations: a write and "
        "its repetitions under one key are one write",
        "lost": f"{len(told.lost):,} writes",
    }
    return Picked(picked.rows, notes | ({"counters": lacking} if lacking else {}))


def _of(table: pd.DataFrame, chosen: Sequence[Write], what: str) -> Picked:
    """Return the operations of writes, repetitions among them, and how many writes these are."""
    op_ids = {op_id for one in chosen for op_id in one.op_ids}
    rows = table[table["op_id"].isin(op_ids)]
    return Picked(rows, {what: f"{len(chosen):,} writes, {len(rows):,} operations with their repetitions"})

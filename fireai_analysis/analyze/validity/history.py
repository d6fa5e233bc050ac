"""Whether the CRDT history is whole and told as it was: what it leaves out cannot be lost in it."""

from __future__ import annotations

import math

import numpy as np

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.population import Rows
from fireai_analysis.results import Check

NONE_BELONGS = "no history belongs to this scenario"
OUTCOMES = ("ok", "fail", "unknown")


def history_complete(data: RunData, rows: Rows) -> Check:
    """Whether every request that was sent in waves is an operation of the history, and every planned wave is there."""
    name, scenario = "history_complete", data.manifest.spec.scenario
    if scenario.arrivals != "waves" or scenario.wave_period_s is None:
        return Check(check=name, ok=True, detail=NONE_BELONGS)
    frame = data.operations
    if frame is None or frame.empty or "wave" not in frame:
        return Check(check=name, ok=None, detail="no history of waves was recorded")
    if unknown := int(np.isnan(floats(frame, "wave")).sum()):
        return Check(check=name, ok=None, detail=f"the wave of {unknown:,} operations is not known")
    sent = int(rows.sent.sum())
    planned = math.ceil(min(rows.window.duration_s, scenario.duration_s) / scenario.wave_period_s)
    missing = sorted(set(range(planned)) - set(floats(frame, "wave").astype(int).tolist()))
    detail = f"{len(frame):,} operations of {sent:,} requests sent, {planned - len(missing)} of {planned} waves"
    if missing:
        detail += f"; missing: {', '.join(map(str, missing[:10]))}"
    return Check(check=name, ok=len(frame) == sent and not missing, detail=detail)


def history_marks(data: RunData) -> Check:
    """Whether each outcome of the history is what its status says: ok 2xx, fail and unknown never 2xx.

    A 409 is acknowledged only where the target's file says that such a write was applied.
    """
    name, frame = "history_marks", data.operations
    if data.manifest.spec.scenario.arrivals != "waves":
        return Check(check=name, ok=True, detail=NONE_BELONGS)
    if frame is None or frame.empty or not {"outcome", "status"} <= set(frame):
        return Check(check=name, ok=None, detail="the history tells no outcomes with their statuses")
    outcomes, statuses = texts(frame, "outcome"), floats(frame, "status")
    told = ~np.isnan(statuses)
    success = (statuses >= 200) & (statuses < 300)
    if data.manifest.spec.target.crdt.conflict_409_applied:
        success = success | (statuses == 409)
    known = np.isin(outcomes.astype(str), OUTCOMES)
    wrong = int((~known | (told & ((outcomes == "ok") != success))).sum())
    silent = int((~told & (outcomes != "unknown")).sum())
    if wrong:
        return Check(check=name, ok=False, detail=f"{wrong:,} of {len(frame):,} operations: outcome against status")
    if silent:
        return Check(check=name, ok=None, detail=f"{silent:,} of {len(frame):,} operations tell no status")
    return Check(check=name, ok=True, detail=f"{len(frame):,} operations are marked as their status says")

"""Whether each part of the target went through the run as one process.

Parts are what the target's file says is there: each door, and the database where it may be read. What tells of a part:

- its process, where it runs on this machine (table `processes`),
- the start that Go tells of itself (`go`) and PostgreSQL of its postmaster (`postgres_database`),
- the server's own count of a door: a process that starts anew counts anew, so one that equals ours from before the
  load to after it was never reset.

A part is proven whole where it is seen at the window's end and either says that it started before the window, or was
the same process at the window's start. Another process or start is a restart, and so is one that is seen no more while
the sampler that saw it went on. Where nothing of this is told, there is no evidence for the part.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import NO_INSTANT, nanoseconds, records, texts
from fireai_analysis.analyze.data import RunData, Window
from fireai_analysis.analyze.memory import TARGET_PROCESSES, restarts
from fireai_analysis.results import Check
from fireai_analysis.units import NS_PER_S

Fate = Literal["whole", "restarted", "ended"]
OWN_WORD = {"go": ("go", "start_ns"), "postgres": ("postgres_database", "started_ns")}
"""Table and column in which a part tells its own start."""

SILENT_STEPS, SILENT_RATIO = 3, 0.05
"""A part may be unseen at an end of the window for three usual steps of its samples, and 5 % of the window."""
START_SLACK_NS = NS_PER_S
"""A start is told to the second on some machines."""


def target_restart(data: RunData) -> Check:
    """Whether no part of the target was replaced or ended during the run; unknown where one part is not seen."""
    window = data.window
    fates = {part: None if window is None else _fate(data, part, window) for part in parts(data)}
    bad = [f"{fate}: {', '.join(names)}" for fate in ("restarted", "ended") if (names := _of(fates, fate))]
    unseen, whole = _of(fates, None), _of(fates, "whole")
    told = bad or ([f"no restart of {', '.join(whole)}"] if whole else [])
    detail = "; ".join([*told, *([f"no evidence for {', '.join(unseen)}"] if unseen else [])])
    return Check(check="target_restart", ok=False if bad else (None if unseen else True), detail=detail)


def parts(data: RunData) -> tuple[str, ...]:
    """Return the parts of the target that its file says are there."""
    target = data.manifest.spec.target
    there = {*target.doors, *target.process_ids, *(("postgres",) if target.database_url_env else ())}
    return tuple(name for name in TARGET_PROCESSES if name in there)


def _of(fates: dict[str, Fate | None], wanted: str | None) -> list[str]:
    return [part for part, fate in fates.items() if fate == wanted]


def _fate(data: RunData, part: str, window: Window) -> Fate | None:
    """Return what became of a part; None where it is not known."""
    table, column = OWN_WORD.get(part, ("", ""))
    seen = [_seen(data, part, window), _told(data.sample(table), column, window)]
    if restarts(data).get(part) or "restarted" in seen:
        return "restarted"
    if "ended" in seen:
        return "ended"
    return "whole" if "whole" in seen or _counted_through(data, part) else None


def _seen(data: RunData, part: str, window: Window) -> Fate | None:
    """Return what the samples of this machine's processes tell of a part."""
    frame = data.sample("processes")
    if frame is None:
        return None
    own = frame[texts(frame, "process") == part]
    fate = _told(own, "start_ns", window)
    if fate is None and len(own):
        times, everyone = nanoseconds(own, "t_ns"), nanoseconds(frame, "t_ns")
        last_ns = min(int(everyone.max()), window.ended_ns)
        return "ended" if int(times.max()) < last_ns - _slack_ns(times, window) else None
    return fate


def _told(frame: pd.DataFrame | None, column: str, window: Window) -> Fate | None:
    """Return what samples with a start time (and a process id) tell."""
    if frame is None or frame.empty:
        return None
    if any(name in frame and frame[name].dropna().nunique() > 1 for name in ("pid", column)):
        return "restarted"
    start_ns, times = int(nanoseconds(frame, column).max()), nanoseconds(frame, "t_ns")
    if start_ns > window.started_ns + START_SLACK_NS:
        return "restarted" if start_ns < window.ended_ns else None
    slack_ns = _slack_ns(times, window)
    from_start = start_ns != NO_INSTANT or int(times.min()) <= window.started_ns + slack_ns
    return "whole" if from_start and int(times.max()) >= window.ended_ns - slack_ns else None


def _slack_ns(times: np.ndarray, window: Window) -> float:
    steps = np.diff(np.sort(times))
    usual_ns = float(np.median(steps)) if len(steps) else 0.0
    return max(NS_PER_S, min(SILENT_STEPS * usual_ns, SILENT_RATIO * window.duration_s * NS_PER_S))


def _counted_through(data: RunData, part: str) -> bool:
    """Return whether the server's own count of a door equals ours on each of its routes."""
    counted: dict[str, dict[tuple[str, str], int]] = {"rows": {}, "server": {}}
    for one in records(data.sample("counts")):
        if one.get("door") == part and one.get("source") in counted:
            counts, route = counted[str(one["source"])], (str(one.get("method")), str(one.get("endpoint")))
            counts[route] = counts.get(route, 0) + int(one.get("requests_count") or 0)
    return bool(counted["rows"]) and counted["rows"] == counted["server"]

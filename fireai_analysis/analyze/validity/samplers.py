"""Whether the samplers went on through the run, and saw the processes that did the work."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import Flags, Objects, floats, known, nanoseconds, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.memory import high_water, of_process
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.validity import told
from fireai_analysis.results import Check
from fireai_analysis.units import NS_PER_S, duration_text, mb, percent_text

ALIVE_RATIO = 0.95
OF_ITS_OWN = ("go", "processes", "pool", "host")
"""Samplers with a table of their name that gets a row a tick."""
FROZEN_S = 60.0
OTHER_START_NS = 60 * NS_PER_S
"""How far the kernel and a process may be apart about its start: the kernel counts from a boot whose time drifts."""
FEWEST_SERVED = 100
MARK_TOLERANCE, MARK_SLACK_BYTES = 1.02, 4_000_000
"""The kernel adds up resident pages in batches for each thread, so a mark may stand a little under a sample."""


def sampler(data: RunData, rows: Rows, name: str) -> Check:
    """Whether a sampler delivered at least 95 % of its ticks, and tells of the process that did the work.

    Without its own count, of the seconds of the window.
    """
    check = _alive(data, name)
    if check.ok is False or name not in ("go", "processes"):
        return check
    doubt = _frozen_or_other(data) if name == "go" else _idle(data, rows)
    if doubt is None:
        return check
    return check.model_copy(update={"ok": False, "detail": f"{check.detail}; {doubt}"})


def _alive(data: RunData, name: str) -> Check:
    check, ticks = f"sampler_{name}", data.sample("ticks")
    own = None if ticks is None else ticks[_belongs(texts(ticks, "sampler"), name)]
    expected = 0.0 if own is None else float(np.nansum(floats(own, "expected_count")))
    if own is not None and expected > 0:
        share = float(np.min(floats(own, "delivered_count") / floats(own, "expected_count")))
        detail = f"delivered {percent_text(share)} % of its ticks"
        return _there(data, own, Check(check=check, ok=share >= ALIVE_RATIO, detail=detail))
    if name == "generator":
        return _generator_alive(data)
    return Check(check=check, ok=None, detail="no record of its ticks")


def _there(data: RunData, ticks: pd.DataFrame, check: Check) -> Check:
    """Return the check as failed where ticks were delivered, but their samples are gone from the judged window.

    Of the processes it is the one of Go that counts. One sample may be missing at the window's edge.
    """
    name, window = check.check.removeprefix("sampler_"), data.window
    if name not in OF_ITS_OWN or not check.ok or window is None:
        return check
    frame = of_process(data, "go") if name == "processes" else data.during(name)
    interval_s = float(np.max(floats(ticks, "interval_s")))
    if not 0 < interval_s < np.inf:
        return check.model_copy(update={"ok": None, "detail": "the distance of its ticks is not known"})
    seen, due = 0 if frame is None else int(frame["t_ns"].nunique()), window.duration_s // interval_s
    if seen >= max(1.0, ALIVE_RATIO * due - 1):
        return check
    return check.model_copy(update={"ok": False, "detail": f"{check.detail}; {seen:,} of {due:,.0f} are there"})


def _belongs(names: Objects, name: str) -> Flags:
    """Return which names are a sampler's: `postgres` may report as several, `postgres_activity` and the like."""
    return np.array([str(one) == name or str(one).startswith(f"{name}_") for one in names], dtype=np.bool_)


def _generator_alive(data: RunData) -> Check:
    frame, window = data.during("generator"), data.window
    if frame is None or window is None:
        return Check(check="sampler_generator", ok=None, detail="the generator was not sampled")
    numbers = [told.count(one, "worker") for one in told.workers(data) or ()] or [None]
    seconds, process = (nanoseconds(frame, "t_ns") - window.started_ns) // NS_PER_S, floats(frame, "worker")
    each = [len(np.unique(seconds if number is None else seconds[process == number])) for number in numbers]
    share = min(1.0, min(each) / max(1.0, np.floor(window.duration_s)))
    detail = f"sampled in {percent_text(share)} % of the seconds"
    return Check(check="sampler_generator", ok=share >= ALIVE_RATIO, detail=detail)


def _frozen_or_other(data: RunData) -> str | None:
    """Return in words that the Go runtime's figures stood still, or are those of another process than was sampled.

    A Go process that serves allocates, and be it for the answer that tells its figures. Where the bytes allocated since
    its start are the same for 5 % of the window (and a minute), or all along, it is an old answer that was told again.
    """
    frame, window, process = data.during("go"), data.window, of_process(data, "go")
    if frame is None or window is None:
        return None
    if process is not None:
        ids = [set(known(floats(one, "pid")).tolist()) for one in (frame, process)]
        starts = [nanoseconds(one, "start_ns")[0] for one in (frame, process)]
        if all(ids) and not ids[0] & ids[1] and min(starts) > 0 and abs(starts[0] - starts[1]) > OTHER_START_NS:
            return f"its figures are of process {ids[0].pop():.0f}, and process {ids[1].pop():.0f} was sampled"
    allocated, times = floats(frame, "alloc_bytes_total"), nanoseconds(frame, "t_ns")
    told = ~np.isnan(allocated)
    still_s = _longest_still_s(allocated[told], times[told])
    whole = told.sum() > 2 and len(set(allocated[told].tolist())) == 1
    if not whole and still_s <= max(FROZEN_S, (1 - ALIVE_RATIO) * window.duration_s):
        return None
    return f"nothing was allocated for {duration_text(still_s)}: its figures stood still"


def _longest_still_s(values: np.ndarray, times: np.ndarray) -> float:
    """Return the longest time in which a value stayed what it was.

    Examples
    --------
    >>> _longest_still_s(np.array([1.0, 1.0, 2.0, 2.0, 2.0]), np.arange(5) * NS_PER_S)
    2.0
    """
    if not len(values):
        return 0.0
    begins = np.flatnonzero(np.concatenate([[True], np.diff(values) != 0]))
    lasts = np.concatenate([begins[1:] - 1, [len(values) - 1]])
    return float((times[lasts] - times[begins]).max()) / NS_PER_S


def _idle(data: RunData, rows: Rows) -> str | None:
    """Return in words that the Go process that was sampled used no CPU time although its door answered."""
    process = of_process(data, "go")
    served = int((rows.answered & (texts(rows.frame, "door") == "go")).sum())
    if process is None or served < FEWEST_SERVED:
        return None
    used_s = known(floats(process, "cpu_s"))
    if len(used_s) < 2 or used_s[-1] > used_s[0]:
        return None
    return f"the Go process that was sampled used no CPU time, and its door answered {served:,} requests"


def memory_mark(data: RunData) -> Check:
    """Whether the high-water mark is at least what was sampled of the same process, and did not fall."""
    mark, process = high_water(data), of_process(data, "go")
    sizes = np.array([]) if process is None else known(floats(process, "rss_bytes"))
    if mark.end_bytes is None or not len(sizes):
        return Check(check="memory_mark", ok=None, detail="no mark, or no sample to hold it against")
    least = max(float(sizes.max()), float(mark.start_bytes or 0))
    detail = f"mark {mb(mark.end_bytes):.1f} MB, at least {mb(least):.1f} MB were resident before"
    ok = least <= MARK_TOLERANCE * mark.end_bytes + MARK_SLACK_BYTES
    return Check(check="memory_mark", ok=ok, detail=detail if ok else f"{detail}: it is not of this process")

"""Whether samplers delivered what they say, of the process that did the work, and the target lived through the run."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import NS_PER_S, Run, finite, numbers, words
from fireai_analysis.verify.generator import count_of, workers
from fireai_analysis.verify.requests import Requests
from fireai_analysis.verify.resources import TARGET, marks, restarted

Answer = bool | None
SAMPLERS = ("go", "processes", "pool", "host", "postgres", "generator")
ROW_A_TICK = ("go", "processes", "pool", "host")
OWN_WORD = {"go": ("go", "start_ns"), "postgres": ("postgres_database", "started_ns")}


def memory_mark(run: Run, rows: Requests) -> Answer:
    """Return whether the mark is not under what was resident before, but for 2 % and 4 MB."""
    told, sizes = marks(run), finite(numbers(run.process("go"), "rss_bytes"))
    end = told["go.high_water_end_bytes"]
    if end is None or not len(sizes):
        return None
    least = max(float(sizes.max()), float(told["go.high_water_start_bytes"] or 0))
    return least <= 1.02 * float(end) + 4_000_000


# -- samplers


def sampler(run: Run, rows: Requests, name: str) -> Answer:
    """Return whether a sampler delivered 95 % of its ticks, what it delivered is there, and is of the right process."""
    answer = _delivered(run, name)
    wrong = (name == "go" and (_other_process(run) or _stood_still(run))) or (name == "processes" and _idle(run, rows))
    return False if wrong else answer


def _delivered(run: Run, name: str) -> Answer:
    ticks = run.table("ticks")
    own = None if ticks is None else ticks[[_is_of(one, name) for one in words(ticks, "sampler")]]
    expected, delivered = (numbers(own, f"{kind}_count") for kind in ("expected", "delivered"))
    if not np.nansum(expected) > 0:
        return _seconds_there(run) if name == "generator" else None
    good = bool(np.min(delivered / expected) >= 0.95)
    if not good or name not in ROW_A_TICK:
        return good
    step_s, frame = float(np.max(numbers(own, "interval_s"))), run.during(name)
    frame = run.process("go") if name == "processes" else frame
    if not 0 < step_s < math.inf:
        return None
    seen = 0 if frame is None else len(set(frame["t_ns"]))
    return seen >= max(1.0, 0.95 * (run.duration_s // step_s) - 1)


def _is_of(table: str, sampler: str) -> bool:
    return table == sampler or table.startswith(f"{sampler}_")


def _seconds_there(run: Run) -> Answer:
    frame, window = run.during("generator"), run.window_ns
    if frame is None or window is None:
        return None
    told = [count_of(one.get("worker")) for one in workers(run) or []] or [None]
    seconds = ((frame["t_ns"] - window[0]) // NS_PER_S).to_numpy(dtype=np.int64)
    process = numbers(frame, "worker")
    each = [len(set(seconds[np.ones(len(frame), dtype=bool) if one is None else process == one])) for one in told]
    return min(each) >= 0.95 * max(1, math.floor(run.duration_s))


def _other_process(run: Run) -> bool:
    """Whether Go told another pid than the process sampled has, and a start more than a minute from its."""
    both = (run.during("go"), run.process("go"))
    pids = [set(finite(numbers(one, "pid")).tolist()) for one in both]
    starts = [_start_ns(one.iloc[:1], "start_ns") for one in both if one is not None]
    known = len(starts) == 2 and all(pids) and all(one is not None and one > 0 for one in starts)
    if not known or pids[0] & pids[1] or starts[0] is None or starts[1] is None:
        return False
    return abs(starts[0] - starts[1]) > 60 * NS_PER_S


def _stood_still(run: Run) -> bool:
    """Whether the allocated bytes were the same for more than a minute and 5 % of the window, or throughout."""
    frame = run.during("go")
    allocated = numbers(frame, "alloc_bytes_total")
    told = ~np.isnan(allocated)
    if frame is None or not told.any():
        return False
    values, times = allocated[told].tolist(), frame["t_ns"].to_numpy(dtype=np.int64)[told].tolist()
    longest_ns, since = 0, times[0]
    for value, before, t_ns in zip(values, [values[0], *values], times, strict=False):
        since = since if value == before else t_ns
        longest_ns = max(longest_ns, t_ns - since)
    return (len(values) > 2 and len(set(values)) == 1) or longest_ns > NS_PER_S * max(60.0, 0.05 * run.duration_s)


def _idle(run: Run, rows: Requests) -> bool:
    """Whether the Go process that was sampled used no CPU time while its door answered a hundred requests."""
    used = finite(numbers(run.process("go"), "cpu_s"))
    served = rows.answered & (np.array(words(rows.frame, "door")) == "go")
    return int(served.sum()) >= 100 and len(used) > 1 and bool(used[-1] <= used[0])


# -- the target


def target_restart(run: Run, rows: Requests) -> Answer:
    """Return whether every part that the target file names went through the run as one process; None: not seen."""
    target = run.manifest["spec"]["target"]
    named = {*target["doors"], *(target.get("process_ids") or {})}
    named |= {"postgres"} if target.get("database_url_env") else set()
    fates = [_whole(run, part) for part in TARGET if part in named]
    return False if False in fates else None if None in fates else True


def _whole(run: Run, part: str) -> Answer:
    """Whether a part lived through the run: by its samples, by its own word, by a count that was never reset."""
    table, column = OWN_WORD.get(part, ("", ""))
    own = run.process(part, everywhere=True)
    seen = [_one_start(run, own, "start_ns"), _one_start(run, run.table(table) if table else None, column)]
    if restarted(run).get(part) or False in seen:
        return False
    if own is not None and seen[0] is None and _ended(run, own):
        return False
    return True if True in seen or _counted_through(run, part) else None


def _one_start(run: Run, frame: pd.DataFrame | None, column: str) -> Answer:
    """Return what rows with a start tell: True whole, False another process, None nothing certain."""
    window = run.window_ns
    if frame is None or window is None:
        return None
    if any(name in frame and len(set(frame[name].dropna())) > 1 for name in ("pid", column)):
        return False
    start_ns, times = _start_ns(frame, column), frame["t_ns"].to_numpy(dtype=np.int64)
    if start_ns is not None and start_ns > window[0] + NS_PER_S:
        return False if start_ns < window[1] else None
    slack_ns = _slack_ns(run, times)
    from_start = start_ns is not None or times.min() <= window[0] + slack_ns
    return True if from_start and times.max() >= window[1] - slack_ns else None


def _start_ns(frame: pd.DataFrame, column: str) -> int | None:
    """Return the latest start, exact to the nanosecond; None where none is told."""
    return max(map(int, frame[column].dropna()), default=None) if column in frame else None


def _ended(run: Run, own: pd.DataFrame) -> bool:
    """Whether a process was seen no more while the sampler still saw others."""
    everyone, window = run.table("processes"), run.window_ns
    if everyone is None or window is None:
        return False
    times = own["t_ns"].to_numpy(dtype=np.int64)
    return bool(times.max() < min(int(everyone["t_ns"].max()), window[1]) - _slack_ns(run, times))


def _slack_ns(run: Run, times: np.ndarray) -> float:
    """Return how long a part may be unseen: a second, or three usual steps, of these 5 % of the window at most."""
    steps = np.diff(np.sort(times))
    usual = float(np.median(steps)) if len(steps) else 0.0
    return max(NS_PER_S, min(3 * usual, 0.05 * run.duration_s * NS_PER_S))


def _counted_through(run: Run, part: str) -> bool:
    """Whether the server's count of a door equals ours on each of its routes."""
    frame = run.table("counts")
    counted: dict[str, Counter[str]] = {"rows": Counter(), "server": Counter()}
    lines = [] if frame is None else zip(*(words(frame, one) for one in ("source", "door")), strict=True)
    routes = [] if frame is None else list(zip(*(words(frame, one) for one in ("method", "endpoint")), strict=True))
    for (source, door), route, count in zip(lines, routes, numbers(frame, "requests_count"), strict=True):
        if door == part and source in counted:
            counted[source][" ".join(route)] += 0 if math.isnan(count) else int(count)
    return bool(counted["rows"]) and dict(counted["rows"]) == dict(counted["server"])

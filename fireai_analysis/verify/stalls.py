"""Whether the generator's own stalls made the P95, and whether it read answers late while the server was idle."""

from __future__ import annotations

import numpy as np

from fireai_analysis.verify import bounds
from fireai_analysis.verify.evidence import NS_PER_S, Flags, Floats, Ints, Run, numbers
from fireai_analysis.verify.requests import Requests
from fireai_analysis.verify.resources import TARGET
from fireai_analysis.verify.traffic import LATE_NS

GAP_MS, BUSY, BIAS = 30.0, 0.80, 1.03


def stall_effect(run: Run, rows: Requests) -> bool | None:
    """Return whether the P95 without requests that met a stall is less by at most 3 %, or within its plain interval."""
    counted = rows.counted(-np.inf)
    met = _met_a_stall(rows)
    if not (counted & ~met).any():
        return None
    whole, spared = np.sort(rows.response_us[counted]), np.sort(rows.response_us[counted & ~met])
    p95, without = (every[bounds.place(len(every), 950) - 1] for every in (whole, spared))
    ranks = bounds.plain_ranks(len(whole))
    least = 0.0 if ranks is None else whole[ranks[0] - 1]
    moved = bool(p95 > BIAS * without and without < least)
    return not moved or bool(run.full["arrivals"] == "waves")


def _met_a_stall(rows: Requests) -> Flags:
    """Return which requests were sent more than 15 ms late, or answered while such a one still waited."""
    late: Flags = rows.sent & (rows.lag_ns > LATE_NS)
    if not late.any():
        return late
    begins = rows.due_ns[late]
    order = np.argsort(begins, kind="stable")
    until = np.maximum.accumulate((begins + rows.lag_ns[late] + LATE_NS)[order])
    took_us = numbers(rows.frame, "response_us")
    told = rows.answered & np.isfinite(took_us)
    answered_ns = rows.due_ns + np.where(told, took_us, 0) * 1000
    place = np.searchsorted(begins[order], answered_ns, "right") - 1
    inside = (place >= 0) & (answered_ns <= until[np.maximum(place, 0)])
    met: Flags = late | (told & inside)
    return met


def generator_gap(run: Run, rows: Requests) -> bool | None:
    """Return whether client less server time is within 30 ms in the seconds in which the server was idle."""
    frame = run.during("generator")
    gaps = numbers(frame, "gap_p95_ms")
    if frame is None or np.isnan(gaps).all():
        return None
    told = ~np.isnan(gaps)
    gaps, times = gaps[told], frame["t_ns"].to_numpy(dtype=np.int64)[told]
    wide, busy = gaps > GAP_MS, _busy(run, times)
    if _many(wide & (busy == 0)):
        return bool(run.full["arrivals"] == "waves")
    return None if _many(gaps < -1.0) or _many(wide & np.isnan(busy)) else True


def _many(sick: Flags) -> bool:
    """Return whether more than 5 % of the seconds are sick, and more than one."""
    return int(sick.sum()) > max(1.0, 0.05 * len(sick))


def _busy(run: Run, at_ns: Ints) -> Floats:
    """Return 1 where machine, a process of the target or the pool was used up, 0 where none was, NaN where unknown."""
    host, pool = run.table("host"), run.table("pool")
    machine = np.full(len(at_ns), np.nan)
    if host is not None:
        machine = _at(host["t_ns"].to_numpy(dtype=np.int64), numbers(host, "cpu_ratio"), at_ns)
    cores = np.fmax.reduce([np.full(len(at_ns), np.nan), *(_cores(run, name, at_ns) for name in TARGET)])
    full = np.zeros(len(at_ns), dtype=bool)
    if pool is not None:
        share = numbers(pool, "acquired_count") / np.fmax(numbers(pool, "max_count"), 1.0)
        full = _at(pool["t_ns"].to_numpy(dtype=np.int64), share, at_ns) >= 1.0
    used = (machine > BUSY) | (cores > BUSY) | full
    return np.where(used, 1.0, np.where(np.isnan(machine) | np.isnan(cores), np.nan, 0.0))


def _cores(run: Run, name: str, at_ns: Ints) -> Floats:
    own = run.process(name, everywhere=True)
    if own is None or len(own) < 2:
        return np.full(len(at_ns), np.nan)
    times: Ints = own["t_ns"].to_numpy(dtype=np.int64)
    spans_s = np.maximum(np.diff(times), 1) / NS_PER_S
    return _at(times[1:], np.diff(numbers(own, "cpu_s")) / spans_s, at_ns)


def _at(times: Ints, values: Floats, at_ns: Ints) -> Floats:
    """Return for each instant the next sample's value, else the last one's; NaN where it lies over three steps away."""
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    step_ns = max(NS_PER_S, float(np.median(np.diff(times)))) if len(times) > 1 else NS_PER_S
    place = np.minimum(np.searchsorted(times, at_ns), len(times) - 1)
    return np.where(np.abs(times[place] - at_ns) <= 3 * step_ns, values[place], np.nan)

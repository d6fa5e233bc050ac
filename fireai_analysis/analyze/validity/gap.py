"""The gap between what the client waited and what the server says it took, where the server cannot be the reason.

A saturated generator reads answers late, and the gap grows (Server-Timing; statistics section 2). So does it where the
server is busy: requests wait at its socket before its own clock starts. A second therefore counts against the
generator only while the server was idle. "Idle" is decided second by second from the samples beside the run:

- the machine used at most 80 % of its CPU, and
- each sampled process of the target used at most 80 % of one core, and
- the pool had a connection free.

One of them over its limit: the server was busy, and the second counts for nobody. None over its limit, but machine or
processes not sampled (a target on another machine): it is not known, and large gaps leave the check without evidence.
"""

from __future__ import annotations

import numpy as np

from fireai_analysis.analyze.columns import Floats, Ints, floats, nanoseconds, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.memory import TARGET_PROCESSES
from fireai_analysis.analyze.validity import told
from fireai_analysis.analyze.validity.generator import are_many, unless_waves
from fireai_analysis.results import Check
from fireai_analysis.units import NS_PER_S, percent_text

GAP_LIMIT_MS = 30.0
BUSY_RATIO = 0.80
BACKWARDS_MS = 1.0
"""How much longer than the client's time the server's may be: two clocks of one duration, each rounded."""


def generator_gap(data: RunData) -> Check:
    """Whether the gap's P95 is at most 30 ms, but for 5 % of the seconds (or one) in which the server was idle."""
    frame = data.during("generator")
    gaps = np.array([]) if frame is None else floats(frame, "gap_p95_ms")
    there = ~np.isnan(gaps)
    if frame is None or not there.any():
        return Check(check="generator_gap", ok=None, detail="no server time was told")
    gaps, t_ns = gaps[there], nanoseconds(frame, "t_ns")[there]
    wide, busy = gaps > GAP_LIMIT_MS, busy_at(data, t_ns)
    blamed, open_ = wide & (busy == 0), wide & np.isnan(busy)
    detail = (
        f"client less server time (P95) over {GAP_LIMIT_MS:g} ms with the server idle in "
        f"{percent_text(float(blamed.mean()), 1)} % of {told.seconds_text(data, len(gaps))}, "
        f"largest {gaps.max():.3g} ms"
    )
    if are_many(blamed):
        return unless_waves(data, Check(check="generator_gap", ok=False, detail=detail))
    if are_many(gaps < -BACKWARDS_MS):
        return Check(check="generator_gap", ok=None, detail="the server told longer times than the client waited")
    if are_many(open_):
        detail += f"; in {percent_text(float(open_.mean()), 1)} % whether the server was idle is not known"
        return Check(check="generator_gap", ok=None, detail=detail)
    return Check(check="generator_gap", ok=True, detail=detail)


def busy_at(data: RunData, t_ns: Ints) -> Floats:
    """Return for each instant 1 where the server was busy, 0 where it was idle, NaN where that is not known."""
    machine, processes = _machine(data, t_ns), _processes(data, t_ns)
    known = ~np.isnan(machine) & ~np.isnan(processes)
    with np.errstate(invalid="ignore"):
        busy = (machine > BUSY_RATIO) | (processes > BUSY_RATIO) | _pool_is_full(data, t_ns)
    return np.where(busy, 1.0, np.where(known, 0.0, np.nan))


def _machine(data: RunData, t_ns: Ints) -> Floats:
    frame = data.sample("host")
    if frame is None:
        return np.full(len(t_ns), np.nan)
    return _covering(nanoseconds(frame, "t_ns"), floats(frame, "cpu_ratio"), t_ns)


def _processes(data: RunData, t_ns: Ints) -> Floats:
    """Return how many cores the busiest process of the target used around each instant."""
    frame, largest = data.sample("processes"), np.full(len(t_ns), np.nan)
    if frame is None:
        return largest
    for name in TARGET_PROCESSES:
        own = frame[texts(frame, "process") == name].sort_values("t_ns", kind="stable")
        times, used_s = nanoseconds(own, "t_ns"), floats(own, "cpu_s")
        if len(times) > 1:
            spans_s = np.maximum(np.diff(times), 1) / NS_PER_S
            largest = np.fmax(largest, _covering(times[1:], np.diff(used_s) / spans_s, t_ns))
    return largest


def _pool_is_full(data: RunData, t_ns: Ints) -> np.ndarray:
    frame = data.sample("pool")
    if frame is None:
        return np.zeros(len(t_ns), dtype=np.bool_)
    used = floats(frame, "acquired_count") / np.maximum(floats(frame, "max_count"), 1.0)
    full: np.ndarray = _covering(nanoseconds(frame, "t_ns"), used, t_ns) >= 1.0
    return full


def _covering(times: Ints, values: Floats, t_ns: Ints) -> Floats:
    """Return the value of the sample that covers each instant: the next one, if it came within three usual steps."""
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    usual_ns = float(np.median(np.diff(times))) if len(times) > 1 else float(NS_PER_S)
    place = np.minimum(np.searchsorted(times, t_ns, "left"), len(times) - 1)
    near = np.abs(times[place] - t_ns) <= 3 * max(usual_ns, NS_PER_S)
    return np.where(near, values[place], np.nan)

"""Whether the run is there as it was: its end, its length, its rows, its durations and its clocks."""

from __future__ import annotations

from collections import Counter

import numpy as np

from fireai_analysis.analyze import layers
from fireai_analysis.analyze.columns import Flags, floats, records, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.memory import restarts
from fireai_analysis.analyze.population import CLOCK_US, Rows
from fireai_analysis.analyze.steady_state import Steady
from fireai_analysis.analyze.validity import told
from fireai_analysis.results import Check
from fireai_analysis.schemas import SERVER_PARTS
from fireai_analysis.units import duration_text, percent_text

GOOD_STATES = ("recorded", "analyzed")
LENGTH_RATIO = 0.98
CLOCK_LIMIT_US = 5_000.0
DRIFT_LIMIT_US = 50_000.0
"""How far the wall clock may go from the monotonic one in a run. No latency holds it, but samples and offsets do: 50 ms
is a twentieth of the second in which they are brought together, and 14 millionths of an hour, which a clock that is
disciplined over the network usually keeps. What goes beyond was most likely stepped.
"""
OVERRUN_RATIO = 0.01
"""How many answers may tell more server time than the client waited: broken timing of the server is theirs alone."""
Routes = Counter[tuple[str, ...]]
"""Requests by door, method and endpoint."""
SAME_ARRIVAL = ("intended_ns", "sent_ns", "user", "door", "endpoint")
"""Two rows alike in these tell of one arrival: a user does not send twice in one nanosecond."""


def run_state(data: RunData) -> Check:
    """Whether the run came to its end in order."""
    state, reason = data.manifest.state, data.manifest.reason
    if state in GOOD_STATES:
        return Check(check="run_state", ok=True, detail="ended in order")
    return Check(check="run_state", ok=False, detail=f"{state}{f': {reason}' if reason else ''}")


def run_length(data: RunData) -> Check:
    """Whether the judged window is at least 98 % of what the profile planned."""
    planned_s, window = data.manifest.spec.scenario.duration_s, data.window
    if window is None:
        return Check(check="run_length", ok=None, detail="there is no judged window")
    ratio = window.duration_s / planned_s
    detail = f"{duration_text(window.duration_s)} of {duration_text(planned_s)} planned ({percent_text(ratio)} %)"
    left_out = told.count(told.part(data, "generator"), "left_out_count")
    detail += f"; {left_out:,} arrivals of the drawn schedule were due later and have no row" if left_out else ""
    return Check(check="run_length", ok=ratio >= LENGTH_RATIO, detail=detail)


def _drawn_count(data: RunData) -> int | None:
    """Return how many arrivals were due in the window: as the generator noted, else the sum of its seconds."""
    for place in (data.manifest.facts, told.part(data, "generator")):
        value = told.count(place, "intended_count")
        if value is not None:
            return value
    frame = data.sample("generator")
    counts = np.array([np.nan]) if frame is None else floats(frame, "intended_count")
    return None if np.isnan(counts).all() else int(np.nansum(counts))


def recorder_complete(data: RunData, rows: Rows) -> Check:
    """Whether every arrival that was due has one row, a row of its own, inside the window."""
    drawn, outside = _drawn_count(data), int((~rows.inside).sum())
    if drawn is None or not len(rows):
        return Check(check="recorder_complete", ok=None, detail="how many arrivals were drawn is not known")
    twice = int(rows.frame.duplicated([one for one in SAME_ARRIVAL if one in rows.frame]).sum())
    ok = drawn == len(rows) and not outside and not twice
    detail = f"{len(rows):,} rows for {drawn:,} arrivals due" + (f", {outside:,} outside the window" if outside else "")
    detail += f", {twice:,} there twice" if twice else ""
    return Check(check="recorder_complete", ok=ok, detail=detail)


def counts(data: RunData, rows: Rows, source: str) -> Check:
    """Whether our rows of sent requests equal another counter, endpoint by endpoint.

    A request without an answer may or may not have reached the server, so that the server's count lies between those
    that were answered and those that were sent.
    """
    name, (ours, theirs) = f"counts_{source}", _counted(data, source)
    if not ours or not theirs:
        return Check(check=name, ok=None, detail=f"no count of the {source} to compare with")
    if source == "server" and any(restarts(data).values()):
        return Check(check=name, ok=None, detail="a restart of the target reset its counters")
    unanswered = _by_route(rows, _without_answer(rows)) if source == "server" else Counter()
    silent = _silent_doors(ours, theirs, unanswered)
    unlike = {
        route
        for route in ours.keys() | theirs.keys()
        if route[0] not in silent and not 0 <= ours[route] - theirs[route] <= unanswered[route]
    }
    sent, counted = int(rows.sent.sum()), ours.total()
    unlike |= {route for route, count in _by_route(rows, rows.sent).items() if count > ours[route]}
    wrong = sorted(" ".join(route) for route in unlike)
    around = f", {counted - sent:,} of them before or after the window" if counted > sent else ""
    parts = [f"rows {counted:,}, {source} {theirs.total():,}{around}"]
    parts += [f"{unanswered.total():,} requests without an answer"] if unanswered else []
    parts += [f"told nothing and left requests unanswered: {', '.join(silent)}"] if silent else []
    parts += [f"{sent:,} sent rows, {counted:,} counted"] if sent > counted else []
    ok = not wrong and sent <= counted
    if not ok and source == "locust" and any(one.get("state") != "done" for one in told.workers(data) or ()):
        parts.append("Locust lacks what a lost worker sent since its last report")
    parts += [f"routes that differ, {len(wrong)}: {', '.join(wrong)}"] if wrong else []
    return Check(check=name, ok=None if ok and silent else ok, detail="; ".join(parts))


def _counted(data: RunData, source: str) -> tuple[Routes, Routes]:
    """Return how many requests to each route our rows count, and another counter."""
    tables: dict[str, Routes] = {"rows": Counter(), source: Counter()}
    for one in records(data.sample("counts")):
        if one.get("source") in tables:
            route = (str(one.get("door")), str(one.get("method")), str(one.get("endpoint")))
            tables[str(one["source"])][route] += int(one.get("requests_count") or 0)
    return tables["rows"], tables[source]


def _by_route(rows: Rows, which: Flags) -> Routes:
    """Return how many of these requests went to each door, method and endpoint."""
    columns = (texts(rows.frame, name)[which].tolist() for name in ("door", "method", "endpoint"))
    return Counter(zip(*columns, strict=True))


def _without_answer(rows: Rows) -> Flags:
    without: Flags = rows.sent & ~rows.ok & ~rows.answered
    return without


def _silent_doors(ours: Routes, theirs: Routes, unanswered: Routes) -> list[str]:
    """Return the doors that told no count and left requests unanswered: who hangs cannot be asked.

    A door that answered every request and counted none tells a wrong zero.
    """
    return sorted(({door for door, *_ in unanswered} & {door for door, *_ in ours}) - {door for door, *_ in theirs})


def latency_values(rows: Rows) -> Check:
    """Whether every sent request holds durations that can be, and 99 % of them no less than the server says it took."""
    bad, shorter, overruns = int(rows.impossible.sum()), _shorter_count(rows), layers.overruns_count(rows)
    detail = f"{bad:,} of {int(rows.sent.sum()):,} sent requests hold a duration that cannot be"
    if shorter:
        detail += f"; {shorter:,} are shorter than the server's own time for them"
    if layers.is_broken(rows):
        detail += f"; {overruns} answers tell parts of more time than passed, so that no time by part is told"
    ok = bad == 0 and shorter <= OVERRUN_RATIO * int(rows.ok.sum())
    return Check(check="latency_values", ok=ok if rows.sent.any() else None, detail=detail)


def _shorter_count(rows: Rows) -> int:
    """Return how many right answers took less time than one part of the server alone says (by more than 1 ms).

    One part, not their sum: a platform may count the database into its own time.
    """
    longest = np.fmax.reduce([floats(rows.frame, f"{part}_us") for part in SERVER_PARTS])
    with np.errstate(invalid="ignore"):
        shorter = rows.ok & (longest > floats(rows.frame, "service_us") + CLOCK_US)
    return int(shorter.sum())


def steady_state(steady: Steady) -> Check:
    """Whether a steady state was reached."""
    return Check(check="steady_state", ok=steady.steady, detail=steady.detail)


def clock(data: RunData) -> Check:
    """Whether the doors' clocks agreed with ours to 5 ms, before the load and after, and ours kept to 50 ms."""
    after = told.part(data, "clock_offset_end_us")
    offsets = data.manifest.clock_offset_us | {f"{door}, after the load": us for door, us in after.items()}
    if not offsets or any(told.number(offsets, name) is None for name in offsets):
        return Check(check="clock", ok=None, detail="no clock was compared")
    worst = max(offsets, key=lambda name: abs(offsets[name]))
    detail = f"largest offset {offsets[worst]:.0f} µs ({worst})"
    noted = told.part(data, "generator")
    drift_us = told.number(noted, "clock_drift_us") if noted.get("clock_drift_us") is not None else 0.0
    if drift_us is None:
        return Check(check="clock", ok=None, detail=f"{detail}; how far the machine's clock went is not known")
    if abs(drift_us) > DRIFT_LIMIT_US:
        return Check(check="clock", ok=False, detail=f"{detail}; the machine's clock went {drift_us:,.0f} µs off in it")
    return Check(check="clock", ok=abs(offsets[worst]) <= CLOCK_LIMIT_US, detail=detail)

"""The validity gate: named checks of a run, before any criterion (DESIGN.md section 6).

A check is None where there is no evidence for it. Which failed check voids which criterion stands in `judge.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fireai_analysis.analyze import throughput
from fireai_analysis.analyze.columns import Flags, Objects, floats, records, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.memory import restarts
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.steady_state import Steady
from fireai_analysis.results import Check
from fireai_analysis.units import percent_text

RATE_TOLERANCE = 0.05
CPU_LIMIT_RATIO, LAG_LIMIT_MS = 0.80, 15.0
SICK_SECONDS_RATIO, LATE_RATIO, WRONG_RATIO = 0.05, 0.01, 0.01
CLOCK_LIMIT_US = 5_000.0
ALIVE_RATIO = 0.95
SAMPLERS = ("go", "processes", "pool", "host", "postgres", "generator")
MS_PER_S = 1000
GOOD_STATES = ("recorded", "analyzed")


def gate(data: RunData, rows: Rows, steady: Steady) -> tuple[Check, ...]:
    """Return every check of a run."""
    return (
        _run_state(data),
        _achieved_rate(rows),
        _recorder_complete(data, rows),
        _counts(data, rows, "locust"),
        _counts(data, rows, "server"),
        _generator_cpu(data),
        _generator_lag(data),
        _late_starts(data, rows),
        _status_mix(rows),
        _latency_values(rows),
        _steady_state(steady),
        _clock(data),
        _target_restart(data),
        *(_sampler(data, name) for name in SAMPLERS),
    )


def _run_state(data: RunData) -> Check:
    state, reason = data.manifest.state, data.manifest.reason
    return Check(check="run_state", ok=state in GOOD_STATES, detail=f"{state}{f': {reason}' if reason else ''}")


def _achieved_rate(rows: Rows) -> Check:
    """Whether the generator sent what the schedule drew; a slow answer does not count against it."""
    if not len(rows):
        return Check(check="achieved_rate", ok=None, detail="no request was recorded")
    in_window = rows.sent & (rows.at_s + rows.send_lag_s <= rows.window.duration_s)
    ratio = float(in_window.sum()) / len(rows)
    detail = (
        f"{int(in_window.sum())} of {len(rows)} drawn arrivals were sent inside the window ({percent_text(ratio)} %)"
    )
    return Check(check="achieved_rate", ok=ratio >= 1 - RATE_TOLERANCE, detail=detail)


def _drawn_count(data: RunData) -> int | None:
    """Return how many arrivals were due in the window: as the generator noted, else the sum of its seconds."""
    facts: Mapping[str, Any] = data.manifest.facts
    generator = facts.get("generator")
    for place in (facts, generator if isinstance(generator, dict) else {}):
        value = place.get("intended_count")
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    frame = data.sample("generator")
    counts = np.array([np.nan]) if frame is None else floats(frame, "intended_count")
    return None if np.isnan(counts).all() else int(np.nansum(counts))


def _recorder_complete(data: RunData, rows: Rows) -> Check:
    drawn, outside = _drawn_count(data), int((~rows.inside).sum())
    if drawn is None or not len(rows):
        return Check(check="recorder_complete", ok=None, detail="how many arrivals were drawn is not known")
    ok = drawn == len(rows) and not outside
    detail = f"{len(rows)} rows for {drawn} arrivals due" + (f", {outside} outside the window" if outside else "")
    return Check(check="recorder_complete", ok=ok, detail=detail)


def _counts(data: RunData, rows: Rows, source: str) -> Check:
    """Whether our rows of sent requests equal another counter, endpoint by endpoint."""
    name = f"counts_{source}"
    tables: dict[str, dict[tuple[str, ...], int]] = {"rows": {}, source: {}}
    for one in records(data.sample("counts")):
        if one.get("source") in tables:
            key = (str(one.get("door")), str(one.get("method")), str(one.get("endpoint")))
            table = tables[str(one["source"])]
            table[key] = table.get(key, 0) + int(one.get("requests_count") or 0)
    ours, theirs = tables["rows"], tables[source]
    if not ours or not theirs:
        return Check(check=name, ok=None, detail=f"no count of the {source} to compare with")
    if source == "server" and any(restarts(data).values()):
        return Check(check=name, ok=None, detail="a restart of the target reset its counters")
    sent, counted = int(rows.sent.sum()), sum(ours.values())
    wrong = [" ".join(key) for key in ours.keys() | theirs.keys() if ours.get(key, 0) != theirs.get(key, 0)]
    if sent > counted:
        wrong.append(f"{sent} sent rows, {counted} counted")
    detail = f"rows {counted}, {source} {sum(theirs.values())}" + (
        f"; differs: {', '.join(sorted(wrong))}" if wrong else ""
    )
    return Check(check=name, ok=not wrong, detail=detail)


def _sick_seconds(data: RunData, name: str, column: str, limit: float) -> Check:
    frame = data.during("generator")
    values = np.array([np.nan]) if frame is None else floats(frame, column)
    seen = values[~np.isnan(values)]
    if not len(seen):
        return Check(check=name, ok=None, detail="the generator was not sampled")
    share = float((seen > limit).mean())
    detail = f"{column} over {limit:g} in {percent_text(share, 1)} % of {len(seen)} seconds, largest {seen.max():.3g}"
    return Check(check=name, ok=share <= SICK_SECONDS_RATIO, detail=detail)


def _generator_cpu(data: RunData) -> Check:
    return _sick_seconds(data, "generator_cpu", "cpu_ratio", CPU_LIMIT_RATIO)


def _generator_lag(data: RunData) -> Check:
    check = _sick_seconds(data, "generator_lag", "loop_lag_p99_ms", LAG_LIMIT_MS)
    return _unless_waves(data, check)


def _unless_waves(data: RunData, check: Check) -> Check:
    """Lateness does not bind a scenario of waves, which has no latency criterion."""
    if check.ok is False and data.manifest.spec.full.arrivals == "waves":
        return check.model_copy(update={"ok": True, "detail": f"{check.detail}; does not bind waves"})
    return check


def _late_starts(data: RunData, rows: Rows) -> Check:
    lags = rows.send_lag_s[rows.sent] * MS_PER_S
    if not len(lags):
        return Check(check="late_starts", ok=None, detail="no request was sent")
    share = float((lags > LAG_LIMIT_MS).mean())
    detail = (
        f"{percent_text(share)} % of requests were sent more than {LAG_LIMIT_MS:g} ms late, at most {lags.max():.1f} ms"
    )
    return _unless_waves(data, Check(check="late_starts", ok=share <= LATE_RATIO, detail=detail))


def _status_mix(rows: Rows) -> Check:
    share = throughput.wrong_ratio(rows)
    if share is None:
        return Check(check="status_mix", ok=None, detail="no request was recorded")
    detail = f"{percent_text(share)} % of the answers are 401, 403, 404, 415, 422 or 429"
    return Check(check="status_mix", ok=share <= WRONG_RATIO, detail=detail)


def _latency_values(rows: Rows) -> Check:
    bad = int(rows.impossible.sum())
    detail = f"{bad} of {int(rows.sent.sum())} sent requests hold a duration that cannot be"
    return Check(check="latency_values", ok=bad == 0 if rows.sent.any() else None, detail=detail)


def _steady_state(steady: Steady) -> Check:
    return Check(check="steady_state", ok=steady.steady, detail=steady.detail)


def _clock(data: RunData) -> Check:
    offsets = data.manifest.clock_offset_us
    if not offsets:
        return Check(check="clock", ok=None, detail="no clock was compared")
    worst = max(offsets, key=lambda name: abs(offsets[name]))
    detail = f"largest offset {offsets[worst]:.0f} µs ({worst})"
    return Check(check="clock", ok=abs(offsets[worst]) <= CLOCK_LIMIT_US, detail=detail)


def _target_restart(data: RunData) -> Check:
    seen = {name: state for name, state in restarts(data).items() if state is not None}
    if "go" not in seen:
        return Check(check="target_restart", ok=None, detail="the Go process was not seen")
    again = [name for name, state in seen.items() if state]
    detail = f"restarted: {', '.join(again)}" if again else f"no restart of {', '.join(seen)}"
    return Check(check="target_restart", ok=not again, detail=detail)


def _sampler(data: RunData, name: str) -> Check:
    """Whether a sampler delivered at least 95 % of its ticks; without its own count, of the seconds of the window."""
    check, ticks = f"sampler_{name}", data.sample("ticks")
    own = None if ticks is None else ticks[_belongs(texts(ticks, "sampler"), name)]
    expected = 0.0 if own is None else float(np.nansum(floats(own, "expected_count")))
    if own is not None and expected > 0:
        share = float(np.min(floats(own, "delivered_count") / floats(own, "expected_count")))
        return Check(check=check, ok=share >= ALIVE_RATIO, detail=f"delivered {percent_text(share)} % of its ticks")
    if name == "generator":
        return _generator_alive(data)
    return Check(check=check, ok=None, detail="no record of its ticks")


def _belongs(names: Objects, name: str) -> Flags:
    """Return which names are a sampler's: `postgres` may report as several, `postgres_activity` and the like."""
    return np.array([str(one) == name or str(one).startswith(f"{name}_") for one in names], dtype=np.bool_)


def _generator_alive(data: RunData) -> Check:
    frame, window = data.during("generator"), data.window
    if frame is None or window is None:
        return Check(check="sampler_generator", ok=None, detail="the generator was not sampled")
    seconds = len(np.unique((frame["t_ns"].to_numpy(dtype=np.int64) - window.started_ns) // 1_000_000_000))
    share = min(1.0, seconds / max(1.0, np.floor(window.duration_s)))
    detail = f"sampled in {percent_text(share)} % of the seconds"
    return Check(check="sampler_generator", ok=share >= ALIVE_RATIO, detail=detail)

"""The validity gate recomputed: each check as one short rule of its own, True, False, or None without evidence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np

from fireai_analysis.verify import alive, asked, bounds, foreign, marked, stalls
from fireai_analysis.verify.evidence import Floats, Run, finite, numbers, words
from fireai_analysis.verify.generator import count_of, number_of, workers
from fireai_analysis.verify.requests import SLACK_US, Requests
from fireai_analysis.verify.resources import restarted
from fireai_analysis.verify.scale import peak_rps
from fireai_analysis.verify.traffic import LATE_NS

Answer = bool | None
WRONG = (401, 403, 404, 415, 422, 429)


def answers(run: Run, rows: Requests) -> dict[str, Answer]:
    """Return the answer of every check that is recomputed, by its name."""
    found = {name: rule(run, rows) for name, rule in RULES.items() if name in _rules_for(run)}
    if run.origin is not None:
        found |= foreign.answers(run, rows)
    return found | {f"sampler_{name}": alive.sampler(run, rows, name) for name in alive.SAMPLERS}


def _rules_for(run: Run) -> Iterable[str]:
    """Return the names of the rules that a run is held against; of another tool those that its files can answer."""
    if run.origin is None:
        return RULES
    return foreign.AS_OURS + (foreign.OF_DUE_TIMES if run.origin["intended_times"] else ())


def _run_length(run: Run, rows: Requests) -> Answer:
    return rows.duration_s >= 0.98 * float(run.scenario["duration_s"])


def _achieved_rate(run: Run, rows: Requests) -> Answer:
    return int(asked.sent_in_time(rows).sum()) >= 0.95 * len(rows)


def _users(run: Run, rows: Requests) -> Answer:
    planned, seen = run.scenario["users"], set(finite(numbers(rows.frame, "user")).tolist())
    if not seen or np.isnan(numbers(rows.frame, "user")).any():
        return None
    frame, told = run.during("generator"), workers(run) or []
    whole = frame is not None and all(one.get("state") == "done" for one in told)
    shown = _shown(frame["worker"].tolist(), numbers(frame, "users_count")) if whole and frame is not None else None
    right = 0.98 * min(planned, len(rows)) <= len(seen) <= planned and 0 <= min(seen) and max(seen) < planned
    return right and (shown is None or abs(shown - planned) <= 0.02 * planned)


def _shown(worker: list[int], counts: Floats) -> float | None:
    """Return the users that Locust showed: the median second of each process, added."""
    seen = [(one, count) for one, count in zip(worker, counts.tolist(), strict=True) if not math.isnan(count)]
    medians = [float(np.median([count for one, count in seen if one == own])) for own in {one for one, _ in seen}]
    return sum(medians) if medians else None


def _recorder_complete(run: Run, rows: Requests) -> Answer:
    noted = (count_of(place.get("intended_count")) for place in (run.facts, run.part("generator")))
    drawn = next((one for one in noted if one is not None), None)
    if drawn is None:
        seconds = finite(numbers(run.table("generator"), "intended_count"))
        drawn = int(seconds.sum()) if len(seconds) else None
    if drawn is None:
        return None
    names = [name for name in ("intended_ns", "sent_ns", "user", "door", "endpoint") if name in rows.frame]
    return drawn == len(rows) and bool(rows.inside.all()) and len(rows.frame[names].drop_duplicates()) == len(rows)


def _counts(source: str) -> Callable[[Run, Requests], Answer]:
    """Return the rule: another count equals ours; the server's lacks at most the requests that got no answer."""

    def answer(run: Run, rows: Requests) -> Answer:
        ours, theirs = _told_by(run, "rows"), _told_by(run, source)
        if not ours or not theirs or (source == "server" and any(restarted(run).values())):
            return None
        silent = rows.sent & ~rows.ok & ~rows.answered if source == "server" else rows.sent & False
        sent, unanswered = (
            Counter(kind for kind, counts in zip(asked.kinds(rows), which, strict=True) if counts)
            for which in (rows.sent, silent)
        )
        mute = {door for door, *_ in unanswered} & {door for door, *_ in ours} - {door for door, *_ in theirs}
        routes = {route for route in ours.keys() | theirs.keys() if route[0] not in mute}
        good = all(0 <= ours[route] - theirs[route] <= unanswered[route] for route in routes) and sent <= ours
        return None if good and mute else good

    return answer


def _told_by(run: Run, source: str) -> Counter[asked.Kind]:
    """Return how many requests to each door, method and endpoint one of the counters told."""
    frame, told = run.table("counts"), Counter[asked.Kind]()
    names = ("source", "door", "method", "endpoint")
    lines = [] if frame is None else zip(*(words(frame, name) for name in names), strict=True)
    for (who, door, method, endpoint), count in zip(lines, numbers(frame, "requests_count"), strict=True):
        if who == source:
            told[door, method, endpoint] += 0 if math.isnan(count) else int(count)
    return told


def _workers(run: Run, rows: Requests) -> Answer:
    told = workers(run)
    if told is None:
        return None
    names = [one.get("worker") for one in told]
    wrote = set(finite(numbers(rows.frame, "worker")).tolist())
    if len(set(names)) < len(names) or not wrote <= set(names):
        return False
    if np.isnan(numbers(rows.frame, "worker")).any():
        return None
    return all(one.get("state") == "done" for one in told)


def _calibration(run: Run, rows: Requests) -> Answer:
    told = run.part("calibration")
    bias, capacity = number_of(told.get("p95_bias_ratio")), number_of(told.get("capacity_rps"))
    if bias is None or capacity is None:
        return None
    share = peak_rps(run.scenario) / max(1, len(workers(run) or ()))
    return abs(bias) <= 0.03 and capacity >= 2 * share


def _seconds(column: str, limit: float, *, binds_waves: bool = True) -> Callable[[Run, Requests], Answer]:
    """Return the rule: not more than 5 % of the sampled seconds (or one) over a limit."""

    def answer(run: Run, rows: Requests) -> Answer:
        values = numbers(run.during("generator"), column)
        seen = values[~np.isnan(values)]
        if not len(seen):
            return None
        sick = int((seen > limit).sum()) > max(1.0, 0.05 * len(seen))
        if not sick and ((seen < 0).any() or len(seen) < 0.95 * len(values)):
            return None
        return not sick or (not binds_waves and run.full["arrivals"] == "waves")

    return answer


def _late_starts(run: Run, rows: Requests) -> Answer:
    sent = int(rows.sent.sum())
    if not sent:
        return None
    late = int((rows.lag_ns[rows.sent] > LATE_NS).sum())
    return late <= max(1.0, 0.01 * sent) or run.full["arrivals"] == "waves"


def _status_mix(run: Run, rows: Requests) -> Answer:
    wrong = np.isin(rows.statuses, WRONG) & ~marked.refused_as_designed(run, rows)
    return int(wrong.sum()) <= 0.01 * len(rows)


def _clock(run: Run, rows: Requests) -> Answer:
    offsets = [*(run.manifest.get("clock_offset_us") or {}).values(), *run.part("clock_offset_end_us").values()]
    noted = run.part("generator").get("clock_drift_us")
    drift = 0.0 if noted is None else number_of(noted)
    if not offsets or drift is None or any(number_of(one) is None for one in offsets):
        return None
    return abs(drift) <= 50_000 and max(map(abs, offsets)) <= 5_000


def _steady_state(run: Run, rows: Requests) -> Answer:
    kept = rows.counted(-math.inf)
    return bounds.settle(rows.at_s[kept], rows.response_us[kept], rows.duration_s)[1]


def _history_complete(run: Run, rows: Requests) -> Answer:
    scenario, frame = run.scenario, run.table("operations")
    if scenario["arrivals"] != "waves":
        return True
    if frame is None or np.isnan(numbers(frame, "wave")).any():
        return None
    planned = math.ceil(min(rows.duration_s, scenario["duration_s"]) / scenario["wave_period_s"])
    waves = set(finite(numbers(frame, "wave")).astype(int).tolist())
    return len(frame) == int(rows.sent.sum()) and set(range(planned)) <= waves


def _history_marks(run: Run, rows: Requests) -> Answer:
    frame = run.table("operations")
    if run.scenario["arrivals"] != "waves":
        return True
    if frame is None:
        return None
    applied = run.manifest["spec"]["target"]["crdt"]["conflict_409_applied"]
    pairs = list(zip(words(frame, "outcome"), numbers(frame, "status").tolist(), strict=True))
    told = [(outcome, status) for outcome, status in pairs if not math.isnan(status)]
    right = (200 <= status < 300 or (applied and status == 409) for _, status in told)
    good = all((outcome == "ok") == success for (outcome, _), success in zip(told, right, strict=True))
    if not good or not {outcome for outcome, _ in pairs} <= {"ok", "fail", "unknown"}:
        return False
    return None if any(outcome != "unknown" for outcome, status in pairs if math.isnan(status)) else True


def _latency_values(run: Run, rows: Requests) -> Answer:
    if not rows.sent.any():
        return None
    longest = np.fmax.reduce(rows.parts_us())
    shorter = rows.ok & (longest > numbers(rows.frame, "service_us") + SLACK_US)
    return not rows.impossible.any() and int(shorter.sum()) <= 0.01 * int(rows.ok.sum())


def _slow_errors(run: Run, rows: Requests) -> Answer:
    """Whether errors that took longer than the P95 would move it by more than 3 %, and out of its plain interval."""
    took = np.sort(rows.response_us[rows.counted(-math.inf)])
    if not len(took):
        return None
    p95 = took[bounds.place(len(took), 950) - 1]
    errors = rows.judged & rows.inside & rows.sent & ~rows.ok & ~rows.timed_out
    slow = int((errors & (rows.response_us > p95)).sum())
    entered = np.concatenate([took, np.full(slow, np.inf)])
    moved = entered[bounds.place(len(entered), 950) - 1]
    ranks = bounds.plain_ranks(len(took))
    return not slow or not (moved > 1.03 * p95 and moved > (np.inf if ranks is None else took[ranks[1] - 1]))


RULES: dict[str, Callable[[Run, Requests], Answer]] = {
    "run_state": lambda run, rows: run.manifest["state"] in ("recorded", "analyzed"),
    "run_length": _run_length,
    "load_model": lambda run, rows: not rows.closed,
    "achieved_rate": _achieved_rate,
    "users": _users,
    "mix": asked.mix,
    "arrivals": asked.arrivals,
    "idempotency_keys": asked.keys,
    "recorder_complete": _recorder_complete,
    "history_complete": _history_complete,
    "history_marks": _history_marks,
    "counts_locust": _counts("locust"),
    "counts_server": _counts("server"),
    "workers": _workers,
    "calibration": _calibration,
    "generator_cpu": _seconds("cpu_ratio", 0.80),
    "generator_lag": _seconds("loop_lag_p99_ms", 15.0, binds_waves=False),
    "generator_steal": _seconds("steal_ratio", 0.10),
    "generator_gap": stalls.generator_gap,
    "late_starts": _late_starts,
    "stall_effect": stalls.stall_effect,
    "status_mix": _status_mix,
    "status_marks": marked.status_marks,
    "latency_values": _latency_values,
    "slow_errors": _slow_errors,
    "memory_mark": alive.memory_mark,
    "steady_state": _steady_state,
    "clock": _clock,
    "target_restart": alive.target_restart,
}
"""One rule a check; the rules of the gate in `analyze/validity` are written a second time here on purpose."""

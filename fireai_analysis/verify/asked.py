"""Whether the run asked what its scenario says, a second time: the mix of requests, their arrivals, and their keys."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from fireai_analysis.routes import CRDT_WRITES, ROUTES
from fireai_analysis.verify.evidence import Flags, Floats, Run, numbers, words
from fireai_analysis.verify.requests import SLACK_US, Requests

CHANCE = 1e-6
"""How often a run that is right may be called wrong."""

REPEATED = ("replay", "duplicate", "altered")
Kind = tuple[str, str, str]


def sent_in_time(rows: Requests) -> Flags:
    """Return which requests were due and sent inside the window, none before it was due."""
    lag_ns = np.where(rows.sent, rows.lag_ns, 0)
    in_time: Flags = rows.due_ns + lag_ns <= rows.ended_ns - rows.started_ns
    return rows.sent & rows.inside & in_time & (lag_ns >= -SLACK_US * 1000)


def kinds(rows: Requests) -> list[Kind]:
    """Return door, method and endpoint of each row."""
    columns = [words(rows.frame, name) for name in ("door", "method", "endpoint")]
    return [(door, method, endpoint) for door, method, endpoint in zip(*columns, strict=True)]


def mix(run: Run, rows: Requests) -> bool:
    """Return whether each kind was asked as often as its weight says, and marked as judged as its entry says."""
    shares: dict[Kind, float] = {}
    marks: dict[Kind, set[bool]] = {}
    entries = run.scenario["mix"]
    for entry in entries:
        kind: Kind = (entry["door"], *ROUTES[entry["action"]])
        shares[kind] = shares.get(kind, 0.0) + entry["weight"] / sum(one["weight"] for one in entries)
        marks.setdefault(kind, set()).add(entry["judged"])
    seen = Counter(kinds(rows))
    if not seen.keys() <= shares.keys():
        return False
    level = CHANCE / len(shares)
    rare = any(stats.binomtest(seen[kind], len(rows), min(1.0, share)).pvalue < level for kind, share in shares.items())
    flags = numbers(rows.frame, "judged").tolist()
    told = zip(kinds(rows), flags, strict=True)
    return not rare and all(len(marks[kind]) > 1 or flag == float(min(marks[kind])) for kind, flag in told)


def keys(run: Run, rows: Requests) -> bool | None:
    """Return whether each write had a key of its own; None where keys were not counted."""
    told, history = run.part("generator"), run.table("operations")
    sent, distinct = (_whole(told.get(f"keys_{name}_count")) for name in ("sent", "distinct"))
    keyed = {ROUTES[action] for action in (*CRDT_WRITES, "evidence")}
    written = sum(
        sent_one and kind[1:] in keyed for sent_one, kind in zip(rows.sent.tolist(), kinds(rows), strict=True)
    )
    sent = None if sent == 0 and written else sent
    shared, repeated = False, 0
    if history is not None:
        pairs = list(zip(words(history, "kind"), words(history, "idempotency_key"), strict=True))
        own = [key for kind, key in pairs if kind not in REPEATED]
        shared, repeated = len(set(own)) < len(own), len(pairs) - len(own)
    if sent is None or distinct is None:
        return None if history is None else not shared
    return not shared and sent == distinct and written - repeated <= sent


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def arrivals(run: Run, rows: Requests) -> bool | None:
    """Return whether arrivals are as many and as regular as planned; None for a closed loop."""
    scenario, sent = run.scenario, sent_in_time(rows)
    planned = float(_until(scenario, np.array([rows.duration_s]))[0])
    if rows.closed or planned <= 0:
        return None
    chance = stats.norm.isf(CHANCE / 2) * math.sqrt(planned) if scenario["arrivals"] == "poisson" else 0.0
    if abs(len(rows) - planned) > max(0.02 * planned, chance, 1.0) or int(sent.sum()) < 0.98 * len(rows):
        return False
    return _regular(run, rows, sent)


def _regular(run: Run, rows: Requests, sent: Flags) -> bool:
    """Return whether the index of dispersion of the sent ones is that of the schedule."""
    scenario = run.scenario
    edges = _edges(scenario, rows.duration_s)
    if len(edges) < 6:
        return True
    lag_s = 0.0 if scenario["arrivals"] == "waves" else rows.lag_ns[sent] / 1e9
    seen = np.histogram(rows.at_s[sent] + lag_s, edges)[0].astype(float)
    wanted = np.diff(_until(scenario, edges))
    wanted = wanted * seen.sum() / wanted.sum()
    free = len(seen) - 1
    chi_squared = float(np.sum((seen - wanted) ** 2 / np.maximum(wanted, 1e-9)))
    if scenario["arrivals"] != "poisson":
        return chi_squared <= 0.5 * free
    return bool(stats.chi2.ppf(CHANCE / 2, free) <= chi_squared <= stats.chi2.ppf(1 - CHANCE / 2, free))


def _edges(scenario: dict[str, Any], duration_s: float) -> Floats:
    """Return edges of cells with ten planned arrivals at least: whole waves, or equal parts of the plan."""
    period_s = scenario.get("wave_period_s")
    if period_s is not None:
        return np.arange(math.floor(duration_s / period_s) + 1) * float(period_s)
    grid = np.linspace(0.0, duration_s, max(2, math.ceil(duration_s) * 4 + 1))
    planned = _until(scenario, grid)
    count = max(0, min(1800, math.floor(planned[-1] / 10), math.floor(duration_s)))
    return np.interp(np.linspace(0.0, planned[-1], count + 1), planned, grid)


def _until(scenario: dict[str, Any], at_s: Floats) -> Floats:
    """Return how many arrivals are planned until each instant."""
    period_s, spread_s, curve = (scenario.get(name) for name in ("wave_period_s", "wave_spread_s", "curve"))
    if period_s is not None and spread_s is not None:
        waves, into_s = np.divmod(at_s, period_s)
        planned: Floats = float(scenario["users"]) * (waves + np.minimum(into_s / spread_s, 1.0))
        return planned
    if not curve:
        return float(scenario["rate_rps"]) * at_s
    return np.array([_area(curve, float(one)) for one in at_s])


def _area(curve: list[dict[str, float]], until_s: float) -> float:
    """Return the area under the straight lines between the points of a curve, until an instant."""
    total = 0.0
    for one, after in pairwise(curve):
        length_s = min(until_s, after["t_s"]) - one["t_s"]
        if length_s > 0:
            slope = (after["rate_rps"] - one["rate_rps"]) / (after["t_s"] - one["t_s"])
            total += length_s * (one["rate_rps"] + slope * length_s / 2)
    return total

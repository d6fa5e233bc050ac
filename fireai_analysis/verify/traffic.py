"""Counts, rates, errors and latencies recomputed from the request rows; keys are those below a scenario's."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import stats

from fireai_analysis.verify import bounds, foreign
from fireai_analysis.verify.evidence import NS_PER_S, Flags, Floats, Run, numbers
from fireai_analysis.verify.requests import PARTS, Requests

Figures = dict[str, Any]
LATE_NS = 15_000_000
CONNECTION_WORDS = ("connect", "connection", "host unreachable", "network unreachable", "tls", "name not resolved")


def counts(rows: Requests) -> Figures:
    """Return how many requests were sent, failed, timed out or never sent, the rates, and the error ratio."""
    intended, bad, duration_s = len(rows), ~rows.ok, rows.duration_s
    ends_s = rows.at_s + numbers(rows.frame, "response_us") / 1e6
    return {
        "requests_count": intended,
        "sent_count": int(rows.sent.sum()),
        "failures_count": int((rows.sent & bad & ~rows.timed_out).sum()),
        "timeouts_count": int(rows.timed_out.sum()),
        "never_sent_count": intended - int(rows.sent.sum()),
        "error_ratio": int(bad.sum()) / intended,
        "error_interval": bounds.share_interval(rows.at_s, bad.astype(float), duration_s),
        "worst_minute_error_ratio": _worst_minute(rows.at_s, bad, duration_s),
        "statuses": {str(status): count for status, count in Counter(rows.statuses[rows.told_status].tolist()).items()},
        "errors": dict(Counter(error_words(rows))),
        "offered_rps": intended / duration_s,
        "achieved_rps": int((rows.answered & (ends_s <= duration_s)).sum()) / duration_s,
    }


def error_words(rows: Requests) -> list[str]:
    """Return the text of each request that was not answered rightly."""
    triples = zip(rows.ok.tolist(), rows.sent.tolist(), rows.errors, strict=True)
    return [(text or "not named") if sent else "never sent" for good, sent, text in triples if not good]


def connection_errors(rows: Requests) -> int:
    """Return how many requests failed because no connection came about."""
    return sum(text.startswith(CONNECTION_WORDS) for text in error_words(rows))


def _worst_minute(at_s: Floats, bad: Flags, duration_s: float) -> float:
    """Return the largest share of bad requests among those of any sixty whole seconds."""
    seconds = max(1, math.ceil(duration_s - 1e-9))
    second = np.clip(at_s.astype(np.int64), 0, seconds - 1)
    there = np.concatenate([[0], np.cumsum(np.bincount(second, minlength=seconds))])
    wrong = np.concatenate([[0], np.cumsum(np.bincount(second, weights=bad, minlength=seconds))])
    span = min(60, seconds)
    among = there[span:] - there[:-span]
    return float(np.max((wrong[span:] - wrong[:-span])[among > 0] / among[among > 0]))


def latency(run: Run, rows: Requests, limit_ms: float) -> Figures:
    """Return quantiles, the p95 with its intervals, and the share answered rightly within the limit."""
    whole = rows.counted(-math.inf)
    cut_s, _ = bounds.settle(rows.at_s[whole], rows.response_us[whole], rows.duration_s)
    kept = rows.counted(cut_s)
    no_answer_us = run.manifest["spec"]["target"]["request_timeout_s"] * 1e6
    series = bounds.Durations(rows.at_s[kept] - cut_s, rows.response_us[kept], rows.duration_s - cut_s, no_answer_us)
    response = bounds.quantiles_ms(series.values_us)
    service = bounds.quantiles_ms(rows.service_us[kept])
    p95_us = bounds.at_rank(np.sort(series.values_us), 950)
    judged, good = int(rows.judged.sum()), rows.judged & rows.ok & (rows.response_us <= limit_ms * 1000)
    shown = dict.fromkeys(response) if rows.closed else response
    return {
        "judged_count": int(kept.sum()),
        "within_limit_ratio": int(good.sum()) / judged if judged else None,
        "warm_up_s": cut_s,
        "response_ms": shown,
        "service_ms": service,
        "response_p95.value": bounds.ms(p95_us),
        "response_p95.infinite": p95_us is not None and math.isinf(p95_us),
        "response_p95.n_count": int(kept.sum()),
        "response_p95.interval": series.p95_interval() if series.carries_interval() else None,
        "response_p95.violation_interval": series.hull(),
        **_beside_limit(series, limit_ms * 1000),
        **_uncut(rows.response_us[whole] if cut_s > 0 else None, limit_ms * 1000),
        "layers_ms": dict(_layers(rows, rows.judged & (rows.ok | rows.unanswered) & (rows.at_s >= cut_s))),
        **(
            _delay(rows, shown, service, run.scenario["users"])
            if foreign.tells_due(run)
            else foreign.delay(_crowd(rows, 0))
        ),
    }


def _beside_limit(series: bounds.Durations, limit_us: float) -> Figures:
    """Return the interval of the share over the limit, and the stretches in which it is more than a twentieth."""
    over, duration_s = series.values_us > limit_us, series.duration_s
    cell_s = max(1.0, duration_s / 1800)
    count = max(1, math.ceil(duration_s / cell_s - 1e-9))
    cell = np.clip((series.at_s / cell_s).astype(np.int64), 0, count - 1)
    there, hits = (np.bincount(cell, weights=one, minlength=count) for one in (np.ones(len(over)), over.astype(float)))
    hot = [0, *(hits > there * 0.05).astype(int).tolist()]
    episodes = sum(now > before for before, now in pairwise(hot))
    interval = bounds.share_interval(series.at_s, over.astype(float), duration_s) if series.carries_interval() else None
    return {
        "response_p95.over_limit_ratio": int(over.sum()) / len(over) if len(over) else None,
        "response_p95.over_limit_interval": interval,
        "response_p95.episodes_count": episodes,
        "response_p95.episodes_most_count": float(stats.chi2.ppf(0.975, 2 * episodes + 2)) / 2,
    }


def _uncut(took_us: Floats | None, limit_us: float) -> Figures:
    """Return the p95 and the share over the limit of the whole window, where a warm-up was cut."""
    if took_us is None:
        return {"response_p95.uncut_value": None, "response_p95.uncut_over_limit_ratio": None}
    return {
        "response_p95.uncut_value": bounds.ms(bounds.at_rank(np.sort(took_us), 950)),
        "response_p95.uncut_over_limit_ratio": int((took_us > limit_us).sum()) / len(took_us),
    }


def endpoints(rows: Requests) -> list[Figures]:
    """Return the figures of each method, endpoint and door, in that order, over all rows."""
    keys = zip(*(rows.frame[name].astype(str) for name in ("method", "endpoint", "door")), strict=True)
    place: dict[tuple[str, ...], list[int]] = {}
    for number, key in enumerate(keys):
        place.setdefault(key, []).append(number)
    found = []
    for key in sorted(place):
        own = np.array(place[key])
        lasting = own[(rows.ok | rows.unanswered)[own]]
        response = bounds.quantiles_ms(rows.response_us[lasting])
        found.append(
            dict(zip(("method", "endpoint", "door"), key, strict=True))
            | {"requests_count": len(own), "failures_count": int((~rows.ok[own]).sum())}
            | {"response_ms": dict.fromkeys(response) if rows.closed else response}
            | {"service_ms": bounds.quantiles_ms(rows.service_us[lasting])}
        )
    return found


def _delay(rows: Requests, response: Figures, service: Figures, users: int) -> Figures:
    lags_ns = rows.lag_ns[rows.sent]
    late = int((lags_ns > LATE_NS).sum())
    found: Figures = {
        f"delay.{name}_ms": None if response[name] is None or service[name] is None else response[name] - service[name]
        for name in ("p95", "p99")
    }
    if not len(lags_ns):
        return found | dict.fromkeys(("delay.late_count", "delay.late_ratio", "delay.latest_ms"))
    found |= {"delay.late_count": late, "delay.late_ratio": late / len(lags_ns)}
    return found | {"delay.latest_ms": int(lags_ns.max()) / 1e6} | _crowd(rows, users)


def _crowd(rows: Requests, users: int) -> Figures:
    """Return the first moment at which most requests were under way: sent and not ended."""
    begins = (rows.due_ns + rows.lag_ns)[rows.sent]
    ends = (rows.due_ns + numbers(rows.frame, "response_us") * 1000)[rows.sent]
    moments = np.sort(begins)
    under_way = np.searchsorted(moments, moments, "right") - np.searchsorted(np.sort(ends), moments, "right")
    moment = moments[int(np.argmax(under_way))]
    there = (begins <= moment) & (ends > moment)
    count = int(there.sum())
    if not count:
        return {}
    return {
        "delay.worst_at_s": float(moment) / NS_PER_S,
        "delay.worst_in_flight_count": count,
        "delay.worst_waited_ms": float((ends - begins)[there].max()) / 1e6,
        "delay.hidden_count": max(0, count - users),
    }


def _layers(rows: Requests, judged: Flags) -> Iterator[tuple[str, Figures]]:
    """Yield each part's time in ms and its share of the requests between the p90 and the p99."""
    parts = rows.parts_us()
    known = rows.ok & ~rows.impossible & ~np.isnan(parts).all(axis=0)
    sums, counted = np.nansum(parts, axis=0), np.sum(parts > 0, axis=0)
    odd = known & ((sums > 500 * counted + 1.0005 * numbers(rows.frame, "service_us")) | (parts < 0).any(axis=0))
    told = judged & known & ~odd
    if not told.any() or int(odd.sum()) > 0.01 * int(known.sum()):
        return
    response, service = (numbers(rows.frame, f"{name}_us")[told] for name in ("response", "service"))
    times = dict(zip(PARTS, np.nan_to_num(parts[:, told]), strict=True))
    times = {name: values for name, values in times.items() if values.any()}
    times["client and network"] = np.clip(service - np.nansum(parts[:, told], axis=0), 0, None)
    times["generator wait"] = np.clip(response - service, 0, None)
    ordered = np.sort(response)
    low, high = float(ordered[bounds.place(len(ordered), 900) - 1]), bounds.at_rank(ordered, 990)
    band = (response >= low) & (response <= (math.inf if high is None else high))
    total = float(response[band].sum())
    for name, values in times.items():
        ranked = np.sort(values)
        yield (
            name,
            {
                "p50": bounds.ms(bounds.at_rank(ranked, 500)),
                "p95": bounds.ms(bounds.at_rank(ranked, 950)),
                "mean": math.fsum(values) / len(values) / 1000,
                "share_of_tail_ratio": float(values[band].sum()) / total if band.sum() >= 3 and total else None,
            },
        )

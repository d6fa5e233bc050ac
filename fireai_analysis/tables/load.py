"""Tables of what was asked and how it was answered: overview, validity, latency, errors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from fireai_analysis.narrative.delay import of_generator
from fireai_analysis.results import ScenarioResult
from fireai_analysis.tables.table import (
    Table,
    figures,
    interval_text,
    keyed,
    listing,
    mb_text,
    share_text,
    verdict_text,
)
from fireai_analysis.units import NOT_MEASURED, Limits, duration_text, ms_text, number_text, percent_text, utc_text

PERCENTILES = {"p50": "P50", "p90": "P90", "p95": "P95", "p99": "P99", "p999": "P99.9", "max": "Max", "mean": "Mean"}
OPEN_NOTE = "Response time counts from the intended start, service time from sending."
CLOSED_NOTE = "A closed loop has no intended start, so no response time: what a stall delayed is not seen."
ENDPOINTS_NOTE = "Response time unless it says service time. NOT MEASURED: too few requests, or some went unanswered."
CLOSED_ENDPOINTS_NOTE = "All are service times: no response time is known. NOT MEASURED: too few requests."
SHOWN = ("p50", "p95", "p99", "max")
UNKNOWN_NOTE = "The files tell no intended start, so no response time: what a stall delayed is not seen."
NOTES = {"open": OPEN_NOTE, "closed": CLOSED_NOTE, "unknown": UNKNOWN_NOTE}
LOAD_MODELS = {
    "open": "open: sent when due",
    "closed": "closed: each user waits for its answer",
    "unknown": f"{NOT_MEASURED}: the files tell no intended times",
}
Row = tuple[str, str, str]


def overview(result: ScenarioResult, limits: Limits) -> Table:
    """Return what ran, how much of the ticket it was, and what came of it."""
    scale, in_flight = result.scale, result.generator.in_flight_at_end_count
    resident = mb_text(result.memory_mib.peak, limits.get("go_memory"))
    rows = [
        ("Verdict", verdict_text(result.verdict), "verdict"),
        ("Reason", result.reason, "reason"),
        ("State of the run", result.state, "state"),
        ("Started", utc_text(result.started_ns), "started_ns"),
        ("Duration", _duration(result), "duration_s"),
        ("Users", f"{number_text(result.users_count, 0)}{_of_ticket(scale.users_ratio)}", "users_count"),
        ("Load model", LOAD_MODELS[result.load_model], "load_model"),
        *_asked(result),
        ("Requests failed", number_text(result.failures_count, 0), "failures_count"),
        ("Requests timed out", number_text(result.timeouts_count, 0), "timeouts_count"),
        ("Requests never sent", number_text(result.never_sent_count, 0), "never_sent_count"),
        ("In flight at the end", number_text(in_flight, 0), "generator.in_flight_at_end_count"),
        ("Error ratio", share_text(result.error_ratio, limits.get("error_rate")), "error_ratio"),
        *_reached(result, limits.get("p95_latency")),
        ("Resident set of the Go service, peak", resident, "memory_mib.peak"),
    ]
    return figures(result, "overview", title="Overview", rows=rows, note=" ".join(result.warnings))


def _asked(result: ScenarioResult) -> list[Row]:
    """Return the rate that was asked for, and what was sent of it; a closed loop has no schedule."""
    of_ticket = _of_ticket(result.scale.rate_ratio)
    peak = number_text(result.peak_rate_rps, 1, "rps")
    sent = ("Requests sent", number_text(result.sent_count, 0), "sent_count")
    if result.load_model == "unknown":
        return [("Rate seen", f"{_rate(result)}{of_ticket}", "rate_rps"), sent]
    if result.load_model == "closed":
        return [("Rate that users and think time allow", f"at most {peak}{of_ticket}", "peak_rate_rps"), sent]
    return [
        ("Rate asked for", f"{_rate(result)}{of_ticket}", "rate_rps"),
        ("Requests intended", number_text(result.requests_count, 0), "requests_count"),
        sent,
        ("Requests sent late", _late(result), "delay.late_count"),
    ]


def _reached(result: ScenarioResult, limit_ms: float | None) -> list[Row]:
    """Return the rate that was reached and the latency that was judged."""
    achieved = ("Rate achieved", number_text(result.achieved_rps, 2, "rps"), "achieved_rps")
    if result.service_only:
        return [achieved, ("Service time, P95", ms_text(result.service_ms.p95, limit_ms), "service_ms.p95")]
    return [
        ("Rate offered", number_text(result.offered_rps, 2, "rps"), "offered_rps"),
        achieved,
        ("Response time, P95", ms_text(result.response_ms.p95, limit_ms), "response_ms.p95"),
    ]


def percentiles(result: ScenarioResult, limits: Limits) -> Table:
    """Return response time against service time, percentile by percentile."""
    closed, limit_ms = result.service_only, limits.get("p95_latency")
    return Table(
        id=f"{result.scenario}-percentiles",
        title=f"Service time{_of_loop(result)}" if closed else "Response time and service time",
        columns=("Percentile", "Response time", "Service time"),
        rows=tuple(
            (name, _response_text(result, key, limit_ms), _service_text(result, key, limit_ms))
            for key, name in PERCENTILES.items()
        ),
        note=f"{number_text(result.judged_count, 0)} judged requests, nearest-rank percentiles, warm-up of "
        f"{duration_text(result.warm_up_s)} left out. {NOTES[result.load_model]} Answered rightly within "
        f"the limit: {share_text(result.within_limit_ratio)} of those {'sent' if closed else 'intended'}. "
        f"{of_generator(result)}".rstrip(),
        keys=tuple(f"scenarios.{result.scenario}.response_ms.{key}" for key in PERCENTILES),
    )


def _service_text(result: ScenarioResult, key: str, limit_ms: float | None) -> str:
    """Return a service time; where a tool tells it without requests, the range that it leaves open."""
    told = None if result.told is None else result.told.quantiles_ms.get(key)
    if told is None or told[0] == told[1]:
        return ms_text(getattr(result.service_ms, key), limit_ms)
    return f"{ms_text(told[0], limit_ms)} to {ms_text(told[1], limit_ms)}"


def _response_text(result: ScenarioResult, key: str, limit_ms: float | None) -> str:
    """Return a response time; the largest and the mean are null in a run with requests only where one is infinite."""
    value = getattr(result.response_ms, key)
    unbounded = value is None and key in ("max", "mean") and result.judged_count and result.load_model == "open"
    return "unbounded" if unbounded else ms_text(value, limit_ms)


def judged_latency(result: ScenarioResult, limits: Limits) -> Table:
    """Return what the latency criterion is judged on: P95 of the response time with its interval and companions."""
    p95, ms = result.response_p95, partial(ms_text, limit_ms=limits.get("p95_latency"))
    value = NOT_MEASURED if p95 is None else ("unbounded" if p95.infinite else ms(p95.value))
    what = f"service time{_of_loop(result)}" if result.service_only else "response time"
    rows = [
        (f"P95 of the {what}", value, "response_p95.value"),
        ("95 % interval", interval_text(p95.interval if p95 else None, ms), "response_p95.interval"),
        ("Requests judged", number_text(p95.n_count if p95 else None, 0), "response_p95.n_count"),
        ("P95 of the service time", ms(result.service_ms.p95), "service_ms.p95"),
        ("P99, response time less service time", ms_text(result.delay.p99_ms), "delay.p99_ms"),
        ("Most requests in flight", number_text(result.delay.worst_in_flight_count, 0), "delay.worst_in_flight_count"),
        ("The slowest of those took", ms_text(result.delay.worst_waited_ms), "delay.worst_waited_ms"),
        ("Answered rightly within the limit", share_text(result.within_limit_ratio), "within_limit_ratio"),
        ("Warm-up left out", duration_text(result.warm_up_s), "warm_up_s"),
    ]
    note = (p95.note if p95 else None) or ""
    return figures(result, "judged-latency", title="What the P95 criterion is judged on", rows=rows, note=note)


def latency_by_endpoint(result: ScenarioResult, limits: Limits) -> Table:
    """Return latency of each endpoint at each door; where no response time is known, service time."""
    known = result.load_model == "open"
    ms = partial(ms_text, limit_ms=limits.get("p95_latency"))
    rows = [
        (
            f"{entry.method} {entry.endpoint}",
            entry.door,
            number_text(entry.requests_count, 0),
            number_text(entry.failures_count, 0),
            *(ms(getattr(entry.response_ms if known else entry.service_ms, key)) for key in SHOWN),
            *((ms(entry.service_ms.p95),) if known else ()),
        )
        for entry in result.endpoints
    ]
    columns = ("Endpoint", "Door", "Requests", "Failed", *(PERCENTILES[key] for key in SHOWN))
    columns += ("P95 service time",) if known else ()
    note = ENDPOINTS_NOTE if known else CLOSED_ENDPOINTS_NOTE
    table = listing(result, "endpoints", title="Latency by endpoint", columns=columns, rows=rows, note=note)
    return keyed(table, result, "endpoints")


def errors(result: ScenarioResult, limits: Limits) -> Table:
    """Return answers by status, and errors by their text."""
    rows = [*_counted("status", result.statuses), *_counted("error", result.errors)]
    share = partial(share_text, limit=limits.get("error_rate"))
    interval = interval_text(result.error_interval, share)
    kind = f"requests{_of_loop(result)}" if result.service_only else "intended requests"
    note = (
        f"Error ratio {share(result.error_ratio)} of {number_text(result.requests_count, 0)} {kind}, "
        f"95 % interval {interval}; worst minute {share_text(result.worst_minute_error_ratio)}. Status 0: no answer."
    )
    if result.crdt.failed_count and not result.failures_count:
        note += " Refusals as designed, of another body under a used key, are no errors."
    columns = ("Kind", "Value", "Requests")
    return listing(result, "errors", title="Answers by status, errors by text", columns=columns, rows=rows, note=note)


def burst(result: ScenarioResult) -> Table:
    """Return what a burst did: requests dropped, worst minute, and the database's capacity where it was observed."""
    closed = result.service_only
    counted = ("Requests made", "sent_count") if closed else ("Requests intended", "requests_count")
    rows = [
        (counted[0], number_text(getattr(result, counted[1]), 0), counted[1]),
        ("Dropped: never sent", number_text(result.never_sent_count, 0), "never_sent_count"),
        ("Dropped: timed out", number_text(result.timeouts_count, 0), "timeouts_count"),
        ("Failed answers", number_text(result.failures_count, 0), "failures_count"),
        ("Error ratio of the worst minute", share_text(result.worst_minute_error_ratio), "worst_minute_error_ratio"),
    ]
    if not closed:
        rows.append(("Rate achieved over rate offered", share_text(result.efficiency_ratio), "achieved_rps"))
    capacity = result.capacity or {}
    rows += [(f"Capacity, {name}", str(value), f"capacity.{name}") for name, value in capacity.items()]
    note = "" if capacity else "Capacity (ACU): NOT MEASURED; plain PostgreSQL does not scale by itself."
    return figures(result, "burst", title="Dropped requests and capacity", rows=rows, note=note)


def _of_loop(result: ScenarioResult) -> str:
    return " (closed loop)" if result.load_model == "closed" else ""


def _rate(result: ScenarioResult) -> str:
    """Return the rate that was asked for, of a curve the mean with its range."""
    rate, peak = number_text(result.rate_rps, 1, "rps"), number_text(result.peak_rate_rps, 1, "rps")
    if result.peak_rate_rps is None or result.peak_rate_rps == result.rate_rps:
        return rate
    if result.lowest_rate_rps is None:
        return f"{rate} on average, {peak} at the peak"
    return f"{number_text(result.lowest_rate_rps, 1)} to {peak}, {rate} on average"


def _late(result: ScenarioResult) -> str:
    late = result.delay
    most = "" if late.latest_ms is None else f" (over 15 ms; the latest {ms_text(late.latest_ms)})"
    return f"{number_text(late.late_count, 0)}{most}"


def _duration(result: ScenarioResult) -> str:
    if result.duration_s is None:
        return NOT_MEASURED
    return f"{duration_text(result.duration_s)}{_of_ticket(result.scale.duration_ratio)}"


def _of_ticket(ratio: float | None) -> str:
    return "" if ratio is None or ratio >= 1 else f" ({percent_text(ratio)} % of the ticket's)"


def _counted(kind: str, counts: Mapping[str, int]) -> list[tuple[str, str, str]]:
    largest_first = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [(kind, value, number_text(count, 0)) for value, count in largest_first]

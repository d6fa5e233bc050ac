"""What each criterion is judged on: the figure, what is proven of it, what bounds it, what else speaks against it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fireai_analysis.analyze.validity.samplers import MARK_SLACK_BYTES, MARK_TOLERANCE
from fireai_analysis.doubts import EPISODES_ENOUGH, cut_over, leak_forecast, leak_unknown, other_leaks, share_over
from fireai_analysis.reasons import Doubt
from fireai_analysis.results import Crdt, Interval, Measured, ScenarioResult, Told
from fireai_analysis.spec import ASCII_SIGNS, Criterion
from fireai_analysis.units import criterion_text, mb, number_text, percent_text

FEWEST_CONFLICTS = 1000
ACKNOWLEDGED_RATIO, UNKNOWN_RATIO = 0.95, 0.01
CLOSED_DOUBT = "closed loop: service time only, stalls are hidden"


@dataclass(frozen=True)
class Reading:
    """What a criterion is judged on.

    Attributes
    ----------
    actual, interval
        The figure and its 95 % interval.
    missing : str or None
        Why there is no evidence; None where there is.
    proven_least : float or None
        The figure is proven to be at least this.
    covered_most : float or None
        The figure is at most this; None where nothing bounds it.
    requests_count : int or None
        Requests that the interval rests on.
    breach : str or None
        A proven breach beside the figure.
    doubts : tuple of str
        What else keeps it from passing.
    doubts_of_length : tuple of str
        What keeps it from passing and goes without saying where the run is too short.
    text : str
        The figure in words.
    evidence : str
        Where it comes from.
    """

    actual: float | None = None
    interval: Interval | None = None
    missing: Doubt | None = None
    proven_least: float | None = None
    covered_most: float | None = None
    requests_count: int | None = None
    breach: Doubt | None = None
    doubts: tuple[Doubt, ...] = ()
    doubts_of_length: tuple[Doubt, ...] = ()
    text: str = ""
    evidence: str = ""


def value_text(criterion: Criterion, value: float) -> str:
    """Return a figure in the unit of its criterion, with digits enough to see its side of the limit."""
    return criterion_text(value, criterion.limit, criterion.unit)


def limit_text(criterion: Criterion) -> str:
    """Return the limit of a criterion with its bound."""
    return f"{ASCII_SIGNS[criterion.bound]} {value_text(criterion, criterion.limit)}"


def _interval_text(criterion: Criterion, interval: Interval | None) -> str:
    if interval is None:
        return ""
    high = "infinity" if interval[1] is None else value_text(criterion, interval[1])
    return f" (95 % interval {value_text(criterion, interval[0])} to {high})"


def _read_p95(criterion: Criterion, result: ScenarioResult) -> Reading:
    p95 = result.response_p95
    if result.told is not None:
        return _read_told(criterion, result, result.told)
    if p95 is None or (p95.value is None and not p95.infinite):
        return Reading(missing=_absence(result, "too few judged requests for a p95"))
    closed = result.service_only
    said = any(one.check == "load_model" and one.ok is False for one in result.validity)
    steady = any(one.check == "steady_state" and one.ok for one in result.validity)
    proof = p95.interval if steady and p95.interval else p95.violation_interval
    shown = "infinite" if p95.value is None else value_text(criterion, p95.value)
    doubts = () if p95.interval else (Doubt("NO_INTERVAL", p95.note or "no interval could be computed"),)
    most = None if p95.interval is None else (math.inf if p95.interval[1] is None else p95.interval[1])
    return Reading(
        actual=p95.value,
        interval=p95.interval,
        proven_least=None if proof is None else proof[0],
        covered_most=most,
        requests_count=p95.n_count,
        doubts=(
            *((Doubt("CLOSED_LOOP", CLOSED_DOUBT),) if result.load_model == "closed" and not said else ()),
            *share_over(criterion, p95),
            *cut_over(p95, result.warm_up_s),
        ),
        doubts_of_length=doubts,
        text=f"{'service time ' if closed else ''}P95 {shown}{_interval_text(criterion, p95.interval)}",
        evidence=f"{result.scenario}: {'service' if closed else 'response'} time of {p95.n_count:,} judged requests, "
        "service time p95 "
        f"{'infinite' if p95.infinite else number_text(result.service_ms.p95, 1, 'ms')}, "
        f"{percent_text(result.within_limit_ratio)} % of {'sent' if closed else 'intended'} "
        f"requests answered rightly within the limit{_episodes_text(p95)}",
    )


def _read_told(criterion: Criterion, result: ScenarioResult, told: Told) -> Reading:
    """Return what totals tell of the P95: a range, which proves nothing."""
    found = told.quantiles_ms.get("p95")
    if found is None:
        return Reading(missing=Doubt("NO_ROWS", f"{told.source}: no P95 of all requests is told, and no request"))
    low, high = found
    shown = (
        value_text(criterion, low) if low == high else f"{value_text(criterion, low)} to {value_text(criterion, high)}"
    )
    doubts = [Doubt("NO_ROWS", "its files hold totals and no requests, so that nothing bounds their spread")]
    if criterion.within(low) and not criterion.within(high):
        doubts.insert(0, Doubt("ROUNDED", "the limit lies within what the tool's rounding leaves open"))
    return Reading(
        actual=(low + high) / 2,
        doubts=tuple(doubts),
        text=f"service time P95 {shown}",
        evidence=f"{result.scenario}: {told.source}, {number_text(result.requests_count, 0)} requests",
    )


def _episodes_text(p95: Measured) -> str:
    """Return in how many stretches requests were over the limit, where these are too few to be sure of their number."""
    if p95.episodes_count is None or p95.episodes_count >= EPISODES_ENOUGH:
        return ""
    most = number_text(p95.episodes_most_count, 1)
    return f", over the limit in {p95.episodes_count} separate stretches (a run like it may hold {most}, 97.5 % bound)"


def _read_errors(criterion: Criterion, result: ScenarioResult) -> Reading:
    ratio, interval = result.error_ratio, result.error_interval
    if ratio is None or interval is None:
        return Reading(missing=_absence(result, "no request was recorded"))
    bad = sum(count or 0 for count in (result.failures_count, result.timeouts_count, result.never_sent_count))
    minute = result.worst_minute_error_ratio
    return Reading(
        actual=ratio,
        interval=interval,
        proven_least=interval[0],
        covered_most=interval[1],
        requests_count=result.requests_count,
        text=f"{value_text(criterion, ratio)} errors{_interval_text(criterion, interval)}",
        evidence=f"{result.scenario}: {bad:,} of {result.requests_count or 0:,} "
        f"{_kind(result)} failed, timed out or were never sent"
        f"{'' if minute is None else f'; worst minute {percent_text(minute)} %'}",
    )


def _kind(result: ScenarioResult) -> str:
    return {"open": "intended requests", "closed": "requests of the closed loop", "unknown": "requests"}[
        result.load_model
    ]


def _read_lost(criterion: Criterion, result: ScenarioResult) -> Reading:
    crdt = result.crdt
    if not crdt.operations_count:
        return Reading(missing=_absence(result, "no CRDT write was recorded"))
    breach = _breach(crdt)
    if crdt.lost_count is None:
        missing = None if breach else _absence(result, "the final state of the sessions was not read")
        return Reading(missing=missing, breach=breach, evidence=f"{result.scenario}: reads of the sessions")
    bound = (
        ""
        if crdt.lost_ratio_bound is None
        else f" (95 % bound on the share lost: {percent_text(crdt.lost_ratio_bound)} %)"
    )
    return Reading(
        actual=float(crdt.lost_count),
        proven_least=float(crdt.lost_count),
        covered_most=float(crdt.lost_count),
        breach=breach,
        doubts=tuple(Doubt("HISTORY", text) for text in _history_doubts(result)),
        text=f"{_lost_text(crdt)}{bound}",
        evidence=f"{result.scenario}: {crdt.operations_count:,} operations, {number_text(crdt.conflicts_count, 0)} in "
        f"conflict, {number_text(crdt.unknown_count, 0)} unknown, final state read from the database",
    )


PROVEN = (
    ("lost_later_count", "write was seen by a read and is gone", "writes were seen by a read and are gone"),
    ("phantom_count", "value was written by nobody", "values were written by nobody"),
    ("resurrected_count", "write was refused and is visible", "writes were refused and are visible"),
    ("double_effect_count", "idempotency key took effect twice", "idempotency keys took effect twice"),
    (
        "swallowed_body_count",
        "write under a used key was acknowledged and is absent",
        "writes under a used key were acknowledged and are absent",
    ),
    (
        "illegal_winner_count",
        "register holds a value that had been overwritten",
        "registers hold values that had been overwritten",
    ),
    ("divergence_count", "session differs between places at rest", "sessions differ between places at rest"),
)
"""Counts of violations beside lost writes, with their words for one and for many."""


def violations(crdt: Crdt) -> list[str]:
    """Return in words which violations beside lost writes are proven.

    Each of them shows data that must not be there, or not there any more, so one is enough, whatever was not read.
    Stale reads and other answers to a replay lose nothing; an element twice without a second effect of its key may be
    how the document is laid out; and a clock that falls has lost no write yet (what it loses shows as lost or as an
    illegal winner). Those keep a run from passing and do not fail it.
    """
    found = ((getattr(crdt, name), one, many) for name, one, many in PROVEN)
    return [f"{count:,} {one if count == 1 else many}" for count, one, many in found if count]


def _lost_text(crdt: Crdt) -> str:
    """Return how many writes are lost; a write and its repetitions under one key are as many operations."""
    writes = "1 write" if crdt.lost_count == 1 else f"{crdt.lost_count or 0:,} writes"
    return f"{writes} lost of {crdt.acknowledged_count or 0:,} acknowledged operations"


def _breach(crdt: Crdt) -> Doubt | None:
    words = violations(crdt)
    if words and crdt.lost_count:
        words.insert(0, _lost_text(crdt))
    return Doubt("BREACH", "; ".join(words)) if words else None


def _history_doubts(result: ScenarioResult) -> Iterable[str]:
    crdt = result.crdt
    total = crdt.operations_count or 0
    yield from crdt.doubts
    if not crdt.final_state_read and not crdt.doubts:
        yield "the final state of some sessions was not read"
    yield from _odd_history(crdt)
    if (crdt.conflicts_count or 0) < FEWEST_CONFLICTS:
        conflicts = number_text(crdt.conflicts_count, 0)
        yield f"only {conflicts} operations were in conflict, {FEWEST_CONFLICTS:,} are asked for"
    if crdt.idempotency_violations_count is None:
        yield "idempotency could not be checked"
    elif crdt.idempotency_violations_count:
        yield f"{crdt.idempotency_violations_count:,} idempotency violations"
    if (crdt.acknowledged_count or 0) < ACKNOWLEDGED_RATIO * total:
        yield f"only {crdt.acknowledged_count:,} of {total:,} operations were acknowledged"
    if (crdt.unknown_count or 0) > UNKNOWN_RATIO * total:
        yield f"{crdt.unknown_count:,} operations are unknown, and each may hide a loss"


def _odd_history(crdt: Crdt) -> Iterable[str]:
    found = (
        (crdt.stale_count, "writes were missing from reads that began after they were acknowledged"),
        (crdt.duplicated_count, "writes stand more often than they were made"),
        (crdt.clock_regression_count, "clocks fell or held what was never sent"),
    )
    return (f"{count:,} {what}" for count, what in found if count)


def _read_memory(criterion: Criterion, result: ScenarioResult) -> Reading:
    go = result.go
    sampled = result.facts.get("go_sampled_peak_bytes")
    mark = go.high_water_end_bytes
    if go.restarted:
        seen = max((one for one in (mark, sampled) if one is not None), default=None)
        told = "the Go service restarted during the run, which fails the memory criterion"
        return Reading(actual=seen, breach=Doubt("RESTART", told))
    actual = mark if mark is not None else sampled
    if actual is None:
        return Reading(missing=_absence(result, "the memory of the Go service was not measured"))
    doubts = [] if mark is not None else [Doubt("OLD_MARK", "no high-water mark was read, and samples miss peaks")]
    own = _is_of_this_run(criterion, result)
    if mark is not None and not own:
        doubts.insert(
            0,
            Doubt(
                "OLD_MARK",
                "the mark may be older than the run, which reached "
                f"{number_text(None if sampled is None else mb(sampled), 1, 'MB')} at most in the samples",
            ),
        )
    doubts += _above_mark(criterion, result)
    proven = mark if mark is not None and own else sampled
    return Reading(
        actual=float(actual),
        proven_least=None if proven is None else float(proven),
        covered_most=float(actual),
        doubts=(*doubts, *leak_forecast(result), *other_leaks(result, criterion.limit - actual)),
        doubts_of_length=leak_unknown(result),
        text=f"peak resident set {value_text(criterion, actual)} ({go.high_water_source or 'largest sample'})",
        evidence=f"{result.scenario}: high-water mark of the Go process, {go.high_water_source or 'sampled'}"
        f"{_growth_text(result)}",
    )


def _is_of_this_run(criterion: Criterion, result: ScenarioResult) -> bool:
    """Whether a mark over the limit was made in this run; a mark within the limit bounds the run in any case."""
    go, facts = result.go, result.facts
    mark, start = go.high_water_end_bytes, go.high_water_start_bytes
    if mark is None or criterion.within(mark):
        return True
    began, sampled = facts.get("go_process_started_ns"), facts.get("go_sampled_peak_bytes")
    fresh = began is not None and result.started_ns is not None and began >= result.started_ns
    rose = start is not None and mark > start
    return fresh or rose or (sampled is not None and not criterion.within(sampled))


def _above_mark(criterion: Criterion, result: ScenarioResult) -> Iterable[Doubt]:
    """Yield that samples reached over the mark: over the limit, or by more than the kernel counts in batches.

    The check `memory_mark` holds the mark against the resident set alone; where that was not sampled the Go runtime's
    own sum speaks.
    """
    mark, sampled = result.go.high_water_end_bytes, result.facts.get("go_sampled_peak_bytes")
    said = any(one.check == "memory_mark" and one.ok is False for one in result.validity)
    if mark is None or sampled is None or sampled <= mark or said:
        return
    if not criterion.within(sampled) or sampled > MARK_TOLERANCE * mark + MARK_SLACK_BYTES:
        yield Doubt("OLD_MARK", f"samples reached {value_text(criterion, sampled)}, which is above the mark")


def _growth_text(result: ScenarioResult) -> str:
    """Return what became of the live heap and the smallest growth that the run would have shown, where it was told."""
    live = result.growth.live_heap
    if live.label is None:
        return ""
    least = number_text(live.detectable_mib_per_h, 2, "MiB/h")
    return f", growth of the live heap {live.label} (a steady one would have shown from {least} on)"


def _read_capacity(criterion: Criterion, result: ScenarioResult) -> Reading:
    if result.capacity is None:
        return Reading(missing=_absence(result, "no capacity was observed: plain PostgreSQL has no ACU to scale"))
    return Reading(
        doubts=(Doubt("NO_EVIDENCE", "capacity was recorded, but its course is not judged by this version"),),
        text="capacity",
    )


def qualifier(criterion: Criterion, results: Mapping[str, ScenarioResult]) -> str:
    """Return what the figure of a criterion is where it is not what the criterion asks for; else empty."""
    result = results.get(criterion.scenario)
    closed = result is not None and result.service_only
    return "service time" if closed and criterion.metric == "response_p95" else ""


def _absence(result: ScenarioResult, reason: str) -> Doubt:
    """Return why there is no figure: a run that left no request gives its own reason."""
    if result.requests_count is not None:
        return Doubt("NO_EVIDENCE", reason)
    if result.state == "missing":
        return Doubt("NOT_RUN", result.reason)
    return Doubt("RUN_BROKE", f"{result.state}: {result.reason}")


READERS = {
    "response_p95": _read_p95,
    "lost_writes": _read_lost,
    "capacity_reached_within_120_s": _read_capacity,
    "go_resident_set_high_water": _read_memory,
    "error_ratio": _read_errors,
}
"""What reads the figure of each criterion, by its metric."""

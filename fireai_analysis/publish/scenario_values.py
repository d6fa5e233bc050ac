"""Values of one scenario: load, latency, memory, CRDT writes."""

from __future__ import annotations

from functools import partial

from fireai_analysis.narrative.delay import of_generator
from fireai_analysis.plots.style import scale_text
from fireai_analysis.publish.skeleton import Value
from fireai_analysis.publish.source import Source
from fireai_analysis.results import ScenarioResult
from fireai_analysis.tables.table import mb_text, share_text
from fireai_analysis.units import NOT_MEASURED, Limits, duration_text, number_text

Values = dict[str, Value]
count = partial(number_text, digits=0)
events = partial(number_text, digits=0, unit="events")
ms = partial(number_text, digits=1, unit="ms")
rps = partial(number_text, digits=2, unit="rps")

CLOSED = "a closed loop offers no rate to hold it against"
UNKNOWN = "the files tell no rate that was asked for"
NO_ROWS = "no request was recorded"
NO_RSS = "the resident set of the Go service was not sampled"
NO_HISTORY = "no CRDT operations were recorded"


def common(source: Source, limits: Limits) -> Values:
    """Return the values that every scenario has, without the scenario's name in their keys."""
    near_mb = partial(mb_text, limit_bytes=limits.get("go_memory"))
    latency = {name: _latency(source, name, limits) for name in ("p50", "p95", "p99", "max")}
    memory = {
        f"memory_{name}": source.value(f"memory_mib.{name}", lambda size: _bare(near_mb(size)), NO_RSS)
        for name in ("initial", "peak", "final")
    }
    return {
        "verdict": _verdict(source),
        "ran": source.words(_ran, "scale", "it did not run"),
        "achieved": source.value("achieved_rps", rps, NO_ROWS),
        "efficiency": _efficiency_of(source),
        **latency,
        **memory,
        "memory_growth_mb": source.value("memory_mib.growth", lambda size: _bare(mb_text(size)), NO_RSS),
    }


def _bare(text: str) -> str:
    """Return a size without its unit, which the heading of its column says."""
    return text.removesuffix(" MB")


def _latency(source: Source, name: str, limits: Limits) -> Value:
    """Return a response time; of a run that knows no other its service time, which it is called.

    A mark tells that part of it may be the load generator's own.
    """
    near_ms = partial(ms, limit=limits.get("p95_latency"))
    mark = " †" if source.result is not None and of_generator(source.result) else ""
    if source.result is None or source.result.load_model == "open":
        return source.value(f"response_ms.{name}", lambda found: f"{near_ms(found)}{mark}", _why(source))
    return source.value(f"service_ms.{name}", lambda found: f"{near_ms(found)} (service time){mark}", _why(source))


def load(source: Source, limits: Limits) -> Values:
    """Return the values of a scenario that is judged by its requests."""
    return {
        "requests": source.value("requests_count", count, NO_ROWS),
        "success": source.words(partial(_success, limits.get("error_rate")), "error_ratio", NO_ROWS),
        "mean": _latency(source, "mean", limits),
    }


def memory_growth(source: Source) -> Value:
    """Return the growth of the resident set of the sustained scenario, with its unit."""
    return source.value("memory_mib.growth", mb_text, NO_RSS)


def stability(source: Source) -> Value:
    """Return STABLE or UNSTABLE, as the analysis judged the connections of the sustained scenario, over what time."""
    return source.words(_stable, "connections.stable", "the connections of PostgreSQL were not sampled")


def dropped(source: Source) -> Value:
    """Return requests that never got an answer, by kind."""
    return source.words(_dropped, "timeouts_count", NO_ROWS)


def scaling(source: Source) -> Value:
    """Return how fast capacity followed; plain PostgreSQL has none to follow."""
    return source.value("capacity.reached_after_s", partial(number_text, unit="s"), _why_no_capacity(source))


def crdt(source: Source) -> Values:
    """Return the values of the CRDT scenario."""
    unread = "the final state was not read from the database"
    return {
        "crdt_data_loss.events": source.value("crdt.lost_count", events, unread),
        "crdt.operations": source.value("crdt.operations_count", count, NO_HISTORY),
        "crdt.conflicts": source.value("crdt.conflicts_count", count, NO_HISTORY),
        "crdt.lost": source.value("crdt.lost_count", count, unread),
        "crdt.resolution": source.words(_resolution, "crdt.resolution_ms", "no conflicting write was acknowledged"),
        "crdt.idempotency": source.value("crdt.idempotency_violations_count", count, "no replay was recorded"),
    }


def _verdict(source: Source) -> Value:
    if source.result is None:
        return Value(NOT_MEASURED, f"scenarios.{source.name}.verdict", source.absent("").reason, "verdict")
    return Value(source.result.verdict, f"scenarios.{source.name}.verdict", kind="verdict")


def _why(source: Source) -> str:
    judged = source.at("judged_count")
    if judged is None:
        return NO_ROWS
    return f"too few judged requests for it (n = {number_text(judged, 0)}), or too many of them unanswered"


def _why_no_capacity(source: Source) -> str:
    if source.at("capacity") is None:
        return "the target is not Aurora; plain PostgreSQL has no capacity that scales"
    return "no step of the capacity was observed"


def _ran(result: ScenarioResult) -> str | None:
    return None if result.duration_s is None else scale_text(result)


def _efficiency_of(source: Source) -> Value:
    if source.is_service_only:
        return source.absent(CLOSED if source.is_closed else UNKNOWN)
    return source.words(_efficiency, "achieved_rps", NO_ROWS)


def _efficiency(result: ScenarioResult) -> str | None:
    if result.service_only or result.efficiency_ratio is None:
        return None
    return share_text(result.efficiency_ratio)


def _success(limit: float | None, result: ScenarioResult) -> str | None:
    least = None if limit is None else 1 - limit
    return None if result.success_ratio is None else share_text(result.success_ratio, least)


def _stable(result: ScenarioResult) -> str | None:
    stable, share = result.connections.stable, result.scale.duration_ratio
    if stable is None:
        return None
    over = f"{'STABLE' if stable else 'UNSTABLE'} over {duration_text(result.duration_s)}"
    if not stable or share is None or share >= 1:
        return over
    return f"{over} only ({share_text(share)} of the ticket's time: too short to judge)"


def _dropped(result: ScenarioResult) -> str | None:
    if result.timeouts_count is None or result.never_sent_count is None:
        return None
    total = result.timeouts_count + result.never_sent_count
    return f"{count(total)} ({count(result.timeouts_count)} timed out, {count(result.never_sent_count)} never sent)"


def _resolution(result: ScenarioResult) -> str | None:
    times = result.crdt.resolution_ms
    if times is None or times.p50 is None:
        return None
    return f"P50 {ms(times.p50)}, P95 {ms(times.p95)}"

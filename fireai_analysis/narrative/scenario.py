"""What each scenario showed: the report's detailed analyses."""

from __future__ import annotations

from functools import partial

from fireai_analysis.narrative import delay
from fireai_analysis.narrative.words import (
    PARTS,
    VIOLATIONS,
    capitalized,
    counted,
    few,
    missing,
    ran,
    scale_sentence,
    span_text,
)
from fireai_analysis.readings import violations
from fireai_analysis.results import Counterexample, Crdt, ScenarioResult
from fireai_analysis.units import BYTES_PER_MIB, Limits, bytes_text, duration_text, number_text, percent_text

TAIL_SHARE_WORTH_NAMING = 0.1
MOST_EXAMPLES = 3


def analysis(result: ScenarioResult, limits: Limits) -> tuple[str, ...]:
    """Return the paragraphs that say what a scenario showed.

    Parameters
    ----------
    result : ScenarioResult
        Figures of one run.
    limits : mapping of str to float
        Limits by criterion: a figure near one is told with digits enough to see its side.

    Returns
    -------
    tuple of str
        Plain text; one paragraph saying NOT MEASURED where the run left nothing.
    """
    if not ran(result):
        return (missing(result),)
    own = {"sustained": _sustained, "peak": _peak, "spike": _spike, "crdt_stress": _crdt}.get(result.scenario)
    paragraphs = [_load(result, limits), *(own(result, limits) if own else [_latency(result, limits)]), _doubts(result)]
    return tuple(text for text in paragraphs if text)


def _load(result: ScenarioResult, limits: Limits) -> str:
    text = f"{_asked(result)}achieved {number_text(result.achieved_rps, 2, 'rps')}. "
    text += f"{capitalized(delay.arrivals(result))} {_errors(result, limits.get('error_rate'))}"
    if result.state != "analyzed":
        text += f" The run is {result.state}: {result.reason}."
    return f"{text} {scale_sentence(result)}".strip()


def _asked(result: ScenarioResult) -> str:
    """Return what was intended, sent and offered; a closed loop intends and offers nothing beyond what it sends."""
    sent, lasted = number_text(result.sent_count, 0), duration_text(result.duration_s)
    if result.service_only:
        return f"{counted(result.sent_count or 0, 'request was', 'requests were')} sent in {lasted}; "
    return (
        f"{counted(result.requests_count or 0, 'request')} were intended in {lasted} and {sent} sent; "
        f"offered {number_text(result.offered_rps, 2, 'rps')}, "
    )


def _errors(result: ScenarioResult, limit: float | None) -> str:
    if result.error_ratio is None:
        return "The error ratio is NOT MEASURED."
    if result.error_ratio == 0:
        return "No request failed."
    parts = [
        counted(count, word, word)
        for count, word in (
            (result.failures_count, "failed"),
            (result.timeouts_count, "timed out"),
            (result.never_sent_count, "never sent"),
        )
        if count
    ]
    most = max(result.errors.items(), key=lambda entry: entry[1], default=None)
    named = f"; most often: {most[0]} ({number_text(most[1], 0)} times)" if most else ""
    return f"{percent_text(result.error_ratio, limit=limit)} % of them went wrong ({', '.join(parts)}){named}."


def _latency(result: ScenarioResult, limits: Limits) -> str:
    found, closed = result.latency_ms, result.service_only
    ms = partial(number_text, digits=1, unit="ms", limit=limits.get("p95_latency"))
    if found.p50 is None:
        return "Latency is NOT MEASURED: too few requests were answered."
    text = f"Half of the {number_text(result.judged_count, 0)} judged requests were answered within "
    text += ms(found.p50)
    text += "." if found.p95 is None else f", 95 % within {ms(found.p95)}"
    if found.p95 is not None:
        interval = result.response_p95.interval if result.response_p95 else None
        text += (
            f" (95 % interval {span_text(interval, 1, 'ms', limit=limits.get('p95_latency'))})." if interval else "."
        )
    if result.service_ms.p95 is not None and found.p95 is not None and not closed:
        text += f" Service time alone has its P95 at {ms(result.service_ms.p95)}."
    return " ".join(filter(None, (text, delay.explained(result), delay.of_generator(result))))


def _within(result: ScenarioResult) -> str:
    if result.within_limit_ratio is None or result.service_only:
        return ""
    return (
        f"{percent_text(result.within_limit_ratio)} % of the intended requests were answered rightly within the limit."
    )


def _tail(result: ScenarioResult) -> str:
    shares = {name: layer.share_of_tail_ratio or 0.0 for name, layer in result.layers_ms.items()}
    largest = sorted(shares.items(), key=lambda entry: -entry[1])[:3]
    named = [
        f"{PARTS.get(name, name)} {percent_text(share)} %"
        for name, share in largest
        if share >= TAIL_SHARE_WORTH_NAMING
    ]
    if not named:
        return "Where the slow tail spends its time is NOT MEASURED: no usable Server-Timing parts were recorded."
    return f"The slow tail spends most of its time in: {', '.join(named)} (exclusive times; associated, not proven)."


def _memory(result: ScenarioResult, limit_bytes: float | None) -> str:
    memory = result.memory_mib
    if memory.peak is None:
        return "The memory of the Go service is NOT MEASURED: its resident set was not sampled."
    initial, peak, final = (
        number_text(None, unit="MB") if value is None else bytes_text(value * BYTES_PER_MIB, limit_bytes)
        for value in (memory.initial, memory.peak, memory.final)
    )
    text = f"The resident set of the Go service began at {initial}, reached {peak} and ended at {final}."
    return f"{text} {_heap(result)}"


def _heap(result: ScenarioResult) -> str:
    heap = result.live_heap_mib
    if heap.slope_mib_per_h is None:
        return "The slope of its live heap is NOT MEASURED: too few collections in this run."
    text = f"The live heap moved by {number_text(heap.slope_mib_per_h, 2, 'MiB/h')}"
    if heap.slope_interval is None:
        return text + "."
    low, high = heap.slope_interval
    text += f" (95 % interval {span_text(heap.slope_interval, 2, 'MiB/h')})"
    still = low <= 0 and (high is None or high >= 0)
    text += "; an interval around zero shows no growth." if still else "."
    least = result.growth.live_heap.detectable_mib_per_h
    return text if least is None else f"{text} A growth of {number_text(least, 2, 'MiB/h')} or more would have shown."


def _connections(result: ScenarioResult) -> str:
    connections, pool = result.connections, result.pool
    if connections.peak_count is None:
        return "Database connections are NOT MEASURED."
    text = f"PostgreSQL held {connections.initial_count} client connections at first, {connections.peak_count} at most"
    text += f", {connections.final_count} at the end"
    if connections.errors_count is not None:
        text += f", with {counted(connections.errors_count, 'connection error')}"
    if pool.peak_acquired_count is not None:
        text += f"; the pool lent out {pool.peak_acquired_count} of {pool.max_count} at most"
    if pool.waited_acquires_count:
        text += f", and {counted(pool.waited_acquires_count, 'acquisition')} had to wait"
    return text + "."


def _sustained(result: ScenarioResult, limits: Limits) -> list[str]:
    return [_latency(result, limits), f"{_memory(result, limits.get('go_memory'))} {_connections(result)}"]


def _peak(result: ScenarioResult, limits: Limits) -> list[str]:
    return [f"{_latency(result, limits)} {_within(result)}".strip(), _tail(result)]


def _spike(result: ScenarioResult, limits: Limits) -> list[str]:
    capacity = (
        "Capacity steps are NOT MEASURED: the target is plain PostgreSQL, which does not scale by itself (ruling 8)."
        if result.capacity is None
        else "The steps of the capacity stand in summary.json under scenarios.spike.capacity."
    )
    return [_latency(result, limits), f"{_connections(result)} {capacity}"]


def _crdt(result: ScenarioResult, limits: Limits) -> list[str]:
    crdt = result.crdt
    if crdt.operations_count is None:
        return ["The CRDT history is NOT MEASURED: no operations were recorded."]
    counts = f"{counted(crdt.operations_count, 'operation')}: {number_text(crdt.acknowledged_count, 0)} acknowledged, "
    counts += f"{number_text(crdt.failed_count, 0)} refused, {number_text(crdt.unknown_count, 0)} without an answer; "
    counts += f"{number_text(crdt.conflicts_count, 0)} were in conflict, and "
    counts += f"{number_text(crdt.superseded_count, 0)} were legally superseded by a later or winning write."
    return [counts, _survival(result), _latency(result, limits)]


def _survival(result: ScenarioResult) -> str:
    crdt = result.crdt
    if not crdt.final_state_read or crdt.lost_count is None:
        return "Whether writes were lost is NOT MEASURED: the final state was not read from the database."
    sentences = [_lost(crdt) if crdt.lost_count else _kept(crdt)]
    if proven := violations(crdt):
        sentences.append(f"Proven {'as well' if crdt.lost_count else 'wrong'}: {'; '.join(proven)}.")
    if crdt.counterexample is not None:
        sentences.append(f"The timeline below shows the smallest counterexample: {_shown(crdt.counterexample)}.")
    broken = crdt.idempotency_violations_count
    if broken is None:
        return " ".join([*sentences, "Idempotency is NOT MEASURED."])
    replays = counted(crdt.replays_count or 0, "repetition under the same key", "repetitions under the same key")
    return " ".join([*sentences, f"{counted(broken, 'idempotency violation')} in {replays}."])


def _lost(crdt: Crdt) -> str:
    given = crdt.lost_examples if crdt.counterexample is None else ()
    examples = f" (for example {few(given, MOST_EXAMPLES, '; ')})" if given else ""
    return f"{counted(crdt.lost_count or 0, 'acknowledged write')} cannot be found in the final state{examples}."


def _kept(crdt: Crdt) -> str:
    text = "Every acknowledged write is in the final state read from the database, or was legally superseded"
    if crdt.lost_ratio_bound is None:
        return f"{text}."
    return f"{text}; with this many writes, a loss of up to {percent_text(crdt.lost_ratio_bound)} % could go unseen."


def _shown(example: Counterexample) -> str:
    return VIOLATIONS.get(example.kind, example.kind)


def _doubts(result: ScenarioResult) -> str:
    failed = [f"{check.check} ({check.detail})" for check in result.validity if check.ok is False]
    text = f"The validity gate does not hold: {'; '.join(failed)}." if failed else ""
    return f"{text} {' '.join(result.warnings)}".strip()

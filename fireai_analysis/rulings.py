"""The written rules of judging: rulings on the ticket, which check binds which criterion, and confidence."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fireai_analysis.reasons import OF_CHECK, Doubt
from fireai_analysis.results import Check, Confidence, CriterionResult, ScenarioResult
from fireai_analysis.scenarios import load_scenario
from fireai_analysis.spec import Criteria, Criterion
from fireai_analysis.units import BYTES_PER_MB, duration_text, mb, mib

LOAD = ("achieved_rate", "arrivals")
"""Signs that the load of the scenario went out: half of it fills half of the memory and meets half of the conflicts."""

GENERATOR = (*LOAD, "workers", "generator_cpu", "generator_lag", "late_starts")
"""Signs that the generator kept up. A sick one voids latency and errors both ways."""

WHERE_TOLD = ("generator_steal", "generator_gap", "counts_server", "rows_refused")
"""Signs that not every machine, target or file gives: no evidence is no obstacle here, a failure is."""

COUNTS = ("recorder_complete", "counts_locust")
SAME_RUN = ("status_mix", "status_marks", "users", "mix", "idempotency_keys")
"""Signs that the run measured what the scenario asks, and wrote down what it saw."""

NEEDED: dict[str, tuple[str, ...]] = {
    "p95_latency": (
        *("run_state", "run_length", "load_model", *GENERATOR, "calibration", *COUNTS, *SAME_RUN),
        *("stall_effect", "latency_values", "slow_errors", "steady_state", "clock", "target_restart"),
        "sampler_generator",
    ),
    "crdt_data_loss": (
        *("run_state", "run_length", *LOAD, "workers", *COUNTS, *SAME_RUN, "target_restart"),
        *("history_complete", "history_marks"),
    ),
    "aurora_scaling": (
        *("run_state", "run_length", "load_model", *GENERATOR, "calibration", *COUNTS, *SAME_RUN, "clock"),
    ),
    "go_memory": (
        *("run_state", "run_length", "load_model", *LOAD, *SAME_RUN),
        *("target_restart", "sampler_go", "sampler_processes"),
    ),
    "error_rate": (
        *("run_state", "run_length", "load_model", *GENERATOR, "calibration", *COUNTS, *SAME_RUN),
        *("latency_values", "target_restart", "sampler_generator"),
    ),
}
"""Checks that must hold, with evidence, before a criterion is PASSED.

A closed loop passes none of them. It sends only what the answers let it: a slow platform is asked less than the
scenario asks, no arrival can go unsent, and so neither the ratio of errors to intended requests (ruling 6) nor memory
and capacity are those of the scenario's load. The history of waves is never recorded by one.
"""

VOIDING: dict[str, tuple[str, ...]] = {
    "p95_latency": (*GENERATOR, *WHERE_TOLD, *COUNTS, *SAME_RUN, "stall_effect", "latency_values", "clock"),
    "aurora_scaling": (*GENERATOR, *WHERE_TOLD, *SAME_RUN),
    "error_rate": (*GENERATOR, *WHERE_TOLD, *COUNTS, *SAME_RUN),
    "crdt_data_loss": (),
    "go_memory": (),
}
"""Checks whose failure turns a FAILED into INCONCLUSIVE. One lost write or one mark over the limit stays proven.

Of another tool a P95 over the limit is proven by service times where its files hold every request: the response time
that the criterion asks for is no shorter. What its files show can void it as well (`analyze.validity.foreign`): a load
above the ticket's, paths that the platform does not have, statuses of a run that asked the wrong thing. Totals without
requests prove no latency, and prove an error ratio where the exact binomial interval lies over the limit.

A closed loop and a short run void nothing: what they show too slow is too slow. Nor does the calibration: it was made
before the run, it tells of a millisecond or two, and what the generator did in the run has signs of its own.
"""

NEEDED_WHERE_TOLD: dict[str, tuple[str, ...]] = {
    "p95_latency": WHERE_TOLD,
    "crdt_data_loss": ("counts_server", "rows_refused"),
    "aurora_scaling": WHERE_TOLD,
    "go_memory": ("counts_server", "memory_mark", "rows_refused"),
    "error_rate": WHERE_TOLD,
}
"""Checks that must not have failed, with or without evidence, before a criterion is PASSED."""


def voided_by(criterion_id: str, result: ScenarioResult) -> list[Check]:
    """Return the failed checks that void a violation."""
    return [one for one in result.validity if one.ok is False and one.check in VOIDING.get(criterion_id, ())]


OF_LENGTH = ("steady_state",)
"""Checks that have no evidence where a run is too short."""


def obstacles(criterion_id: str, result: ScenarioResult, *, but: tuple[str, ...] = ()) -> list[Doubt]:
    """Return in words which checks keep a criterion from passing: those that failed and those without evidence.

    `but` names checks that are left out.
    """
    checks = {one.check: one for one in result.validity}
    needed = tuple(name for name in NEEDED.get(criterion_id, ()) if name not in but)
    unseen = [name for name in needed if _state(checks, name) is None]
    told = tuple(name for name in NEEDED_WHERE_TOLD.get(criterion_id, ()) if name not in but)
    failed = [name for name in (*needed, *told) if _state(checks, name) is False]
    return [
        *(Doubt(OF_CHECK[name], f"{name} failed ({_short(checks[name])})") for name in failed),
        *_unseen(result, unseen, checks),
    ]


def _unseen(result: ScenarioResult, names: Sequence[str], checks: Mapping[str, Check]) -> list[Doubt]:
    """Return which checks have no evidence; of another tool's files in one sentence, as they tell few of them."""
    if result.origin is None or not names:
        return [Doubt("NO_EVIDENCE", f"no evidence for {name}{_why(checks.get(name))}") for name in names]
    model = [Doubt("FORMAT", checks["load_model"].detail)] if "load_model" in names else []
    others = len(names) - len(model)
    told = f"the files of {result.origin.tool} hold no evidence for {others} of the checks that it needs"
    return [*model, *([Doubt("NO_EVIDENCE", told)] if others else [])]


def _state(checks: Mapping[str, Check], name: str) -> bool | None:
    return checks[name].ok if name in checks else None


def _short(check: Check) -> str:
    """Return the detail of a check without the list of routes that counted differently, which has no end."""
    return check.detail.partition(": ")[0] if check.check.startswith("counts_") else check.detail


def _why(check: Check | None) -> str:
    return f" ({check.detail})" if check else ""


def shortfall(result: ScenarioResult) -> list[Doubt]:
    """Return how a run falls short of the ticket's scale, such as `ran 30 s of 1 h`; nothing at full scale."""
    if result.scale.is_full:
        return []
    full, parts, scale = load_scenario(result.scenario), list[Doubt](), result.scale
    if scale.duration_ratio is not None and scale.duration_ratio < 1:
        ran = f"ran {duration_text(result.duration_s or 0.0)} of {duration_text(full.duration_s)}"
        parts.append(Doubt("TOO_SHORT", ran))
    if scale.users_ratio is not None and scale.users_ratio < 1:
        parts.append(Doubt("SCALE", f"had {result.users_count} of {full.users} users"))
    if scale.rate_ratio is not None and scale.rate_ratio < 1:
        parts.append(Doubt("SCALE", f"ran at {result.rate_rps:g} of {full.rate_rps:g} rps"))
    shares = {"duration": scale.duration_ratio, "users": scale.users_ratio, "rate": scale.rate_ratio}
    if unknown := [name for name, ratio in shares.items() if ratio is None]:
        parts.append(Doubt("FORMAT", f"its files do not tell: {', '.join(unknown)}"))
    return parts


def _bounds(criteria: Mapping[str, Criterion]) -> str:
    """Return the limits and bounds that the criteria declare; a looser file says so by itself."""
    lost = criteria["crdt_data_loss"].limit
    told = (
        _bound(criteria["p95_latency"], "P95", 1.0, "ms"),
        _bound(criteria["go_memory"], "memory", BYTES_PER_MB, "MB"),
        _bound(criteria["error_rate"], "error ratio", 0.01, "%"),
        "no lost write" if lost == 0 else f"at most {lost:,.12g} lost writes",
    )
    return "; ".join(told)


def _bound(criterion: Criterion, name: str, one: float, unit: str) -> str:
    shown = f"{_exact(criterion.limit / one)} {unit}"
    return f"{name} strictly under {shown}" if criterion.bound == "strict" else f"{name} <= {shown} inclusive"


def _exact(value: float) -> str:
    """Return a limit with every digit that was declared.

    Examples
    --------
    >>> _exact(300.0), _exact(0.05 / 0.01), _exact(512_000_001 / 1_000_000)
    ('300', '5', '512.000001')
    """
    return f"{value:,.12g}"


def rulings(criteria: Criteria) -> tuple[str, ...]:
    """Return how contradictions of the ticket were decided, with the arithmetic (DESIGN.md section 5).

    Parameters
    ----------
    criteria : Criteria
        Their limits and bounds are told as they are declared.
    """
    sustained, spike = load_scenario("sustained"), load_scenario("spike")
    own = {one.id: one for one in criteria.criteria}
    latency, memory = own["p95_latency"], own["go_memory"]
    counted = sum(one.counted for one in criteria.criteria)
    return (
        "The rate governs over the request total: "
        f"{sustained.rate_rps:g} rps x {duration_text(sustained.duration_s)} = {sustained.intended_count:,} requests "
        f"(the template says 4,800); {spike.rate_rps:g} rps x {duration_text(spike.duration_s)} = "
        f"{spike.intended_count:,} (the template says 10,000, reached after {10_000 / spike.rate_rps:.0f} s).",
        f"Bounds: {_bounds(own)}.",
        f"{_exact(mb(memory.limit))} MB is {_exact(memory.limit)} bytes ({mib(memory.limit):,.1f} MiB), and memory is "
        "the peak resident set of the Go process over all scenarios: the kernel's high-water mark, never the heap "
        "alone, never the last sample. A mark older than the run decides nothing.",
        "P95 is judged on the peak scenario, on response time from the intended start, after warm-up, in steady state. "
        "Timed-out and never-sent requests count as infinitely slow; fast errors are left out and judged by the error "
        f"rate. The share of intended requests answered rightly within {_exact(latency.limit)} ms stands beside it.",
        f"Five criteria exist: the acceptance section's four (criteria met: X of {counted}) and the error rate, a "
        "critical metric. READY needs all five PASSED or WAIVED.",
        "Error ratio = (failed + timed out + never sent) / intended, the worst scenario decides. A 409 conflict "
        "answered as designed is no error. 401, 403, 404, 415, 422 and 429 are errors, and more than 1 % of them makes "
        "the run invalid.",
        "A write is lost when it was acknowledged, is absent from the final state and was not superseded by another "
        "write to the same path. A timed-out write is unknown and never counts as lost. Conflicts are counted in "
        "operations, not pairs. Sessions made by the run stay.",
        "Aurora scaling passes only on observed capacity (12-16 ACU within 120 s, unaided). On plain PostgreSQL it is "
        "NOT MEASURED. Serverless v2 has no target-CPU or cooldown setting.",
        "Before any criterion the run itself is checked. A generator that did not keep up, and a run that asked "
        "something else than its scenario, void latency and errors both ways, and never a lost write or a high-water "
        "mark over the limit. A closed loop measures service time alone and sends what the answers let it: it passes "
        "neither latency, errors, memory nor scaling, and can fail them. What a machine or target does not tell "
        "(steal, server time, its own count) is no obstacle; what it tells may be one.",
        'The template\'s own claims ("up to 3x faster", "20-30 %", "40-60 %") are expectations of the ticket, not '
        "results.",
    )


LEVELS: tuple[Confidence, ...] = ("LOW", "MEDIUM", "HIGH")
REPEATS_FOR_HIGH = 5
WIDE_MARGIN, NARROW_MARGIN = 3.0, 1.0


def confidence(
    criteria: Sequence[CriterionResult], results: Mapping[str, ScenarioResult], repeats_count: int
) -> tuple[Confidence, tuple[str, ...]]:
    """Return the confidence in the campaign's answer and the terms it comes from.

    A proven violation answers the question by itself: HIGH. Else the lowest of four terms: how much of the evidence
    exists, how far figures lie from their limits against the longer side of their intervals, the scale, and repeats.
    """
    failed = [one.id for one in criteria if one.verdict == "FAILED"]
    if failed:
        return "HIGH", (f"proven violation of {', '.join(failed)}: HIGH",)
    terms = (_evidence(criteria, results), _margin(criteria), _scale(results), _repeats(repeats_count))
    lowest = min((level for level, _ in terms), key=LEVELS.index)
    return lowest, tuple(f"{text}: {level}" for level, text in terms)


def _evidence(criteria: Sequence[CriterionResult], results: Mapping[str, ScenarioResult]) -> tuple[Confidence, str]:
    missing = sum(one.verdict == "NOT MEASURED" for one in criteria)
    failed = sum(check.ok is False for result in results.values() for check in result.validity)
    level: Confidence = "LOW" if missing > 1 or failed else ("MEDIUM" if missing else "HIGH")
    measured = len(criteria) - missing
    return level, f"evidence: {measured} of {len(criteria)} criteria measured, validity checks failed: {failed}"


def margin_half_widths(one: CriterionResult) -> float | None:
    """Return how many times the longer side of its interval a figure lies from its limit; None without one."""
    if one.interval is None or one.interval[1] is None or one.actual is None:
        return None
    half = max(one.interval[1] - one.actual, one.actual - one.interval[0])
    return math.inf if half == 0 else abs(one.limit - one.actual) / half


def _margin(criteria: Sequence[CriterionResult]) -> tuple[Confidence, str]:
    margins = {one.id: margin for one in criteria if (margin := margin_half_widths(one)) is not None}
    if not margins:
        return "LOW", "margin: no figure with an interval"
    nearest = min(margins, key=margins.__getitem__)
    margin = margins[nearest]
    level: Confidence = "HIGH" if margin >= WIDE_MARGIN else ("MEDIUM" if margin >= NARROW_MARGIN else "LOW")
    if math.isinf(margin):
        return level, f"margin: the interval of {nearest} has no width"
    times = math.floor(margin * 10) / 10
    return (
        level,
        f"margin: the distance of {nearest} to its limit is {times:,.1f} times the longer side of its interval",
    )


def _scale(results: Mapping[str, ScenarioResult]) -> tuple[Confidence, str]:
    full = sum(result.scale.is_full for result in results.values())
    return ("HIGH" if full == len(results) else "LOW"), f"scale: {full} of {len(results)} scenarios at full scale"


def _repeats(repeats_count: int) -> tuple[Confidence, str]:
    level: Confidence = "HIGH" if repeats_count >= REPEATS_FOR_HIGH else "MEDIUM"
    return level, f"repeats: {repeats_count} campaign (a general claim needs {REPEATS_FOR_HIGH})"

"""The verdicts a second time, by a short table: what proves a violation, what it takes to pass, and what voids."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from fireai_analysis.spec import Criteria, Criterion
from fireai_analysis.verify.checks import Answer
from fireai_analysis.verify.ledger import ABSENT, look

ORDER = ("FAILED", "INCONCLUSIVE", "NOT MEASURED", "WAIVED", "PASSED")
BREACHES = ("lost_later", "phantom", "resurrected", "double_effect", "swallowed_body", "illegal_winner", "divergence")
ODD = ("stale", "duplicated", "clock_regression", "idempotency_violations")
EPISODES = ("episodes_count", "episodes_most_count")
LEAK_DAYS, FEWEST_CONFLICTS, P95_LEAVES_OUT = 7.0, 1000, 0.05

_RAN = {"run_state", "run_length"}
_LOAD = {"achieved_rate", "arrivals"}
_KEPT_UP = _LOAD | {"workers", "generator_cpu", "generator_lag", "late_starts"}
_TOLD = {"generator_steal", "generator_gap", "counts_server", "rows_refused"}
_WRITTEN = {"recorder_complete", "counts_locust"}
_SAME = {"status_mix", "status_marks", "users", "mix", "idempotency_keys"}
_OPEN = _RAN | _KEPT_UP | _SAME | _WRITTEN | {"load_model", "calibration"}


@dataclass(frozen=True)
class Binding:
    """Which checks a criterion needs, which must not have failed, and which failed ones void a violation."""

    needed: set[str]
    not_failed: set[str]
    voiding: set[str]


BINDINGS = {
    "p95_latency": Binding(
        _OPEN | {"stall_effect", "latency_values", "slow_errors", "steady_state", "clock", "target_restart"}
        | {"sampler_generator"},
        _TOLD,
        _KEPT_UP | _TOLD | _WRITTEN | _SAME | {"stall_effect", "latency_values", "clock"},
    ),
    "crdt_data_loss": Binding(
        _RAN | _LOAD | _WRITTEN | _SAME | {"workers", "target_restart", "history_complete", "history_marks"},
        {"counts_server", "rows_refused"},
        set(),
    ),
    "aurora_scaling": Binding(_OPEN | {"clock"}, _TOLD, _KEPT_UP | _TOLD | _SAME),
    "go_memory": Binding(
        _RAN | _LOAD | _SAME | {"load_model", "target_restart", "sampler_go", "sampler_processes"},
        {"counts_server", "memory_mark", "rows_refused"},
        set(),
    ),
    "error_rate": Binding(
        _OPEN | {"latency_values", "target_restart", "sampler_generator"},
        _TOLD,
        _KEPT_UP | _TOLD | _WRITTEN | _SAME,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """What is known of a scenario: recomputed figures before reported ones, and the answers of its checks."""

    name: str
    reported: Mapping[str, Any]
    figures: Mapping[str, Any]
    answers: Mapping[str, Answer]

    def __call__(self, key: str) -> Any:
        """Return a figure; None where it was not measured."""
        for place in (self.figures, self.reported):
            found = look(place, key)
            if found is not ABSENT:
                return found
        return None

    @property
    def is_full(self) -> bool:
        """Whether it ran at the ticket's scale."""
        return all((self(f"scale.{name}_ratio") or 0) >= 1 for name in ("duration", "users", "rate"))


@dataclass(frozen=True)
class Seen:
    """What a criterion reads of a scenario.

    Attributes
    ----------
    there : bool
        Whether there is evidence.
    actual, interval
        The figure and its interval, as reported.
    least, most : float or None
        What the figure is proven to be at least, and at most.
    broken : bool
        Whether a breach beside the figure is proven.
    sound : bool
        Whether nothing else speaks against passing.
    """

    there: bool
    actual: float | None = None
    interval: Sequence[float | None] | None = None
    least: float | None = None
    most: float | None = None
    broken: bool = False
    sound: bool = True


def _p95(criterion: Criterion, known: Known) -> Seen:
    value, infinite = known("response_p95.value"), bool(known("response_p95.infinite"))
    if value is None and not infinite:
        return Seen(False)
    interval, hull = known("response_p95.interval"), known("response_p95.violation_interval")
    proof = interval if known.answers.get("steady_state") and interval else hull
    high = None if not interval else math.inf if interval[1] is None else interval[1]
    closed, share = known("load_model") != "open", known("response_p95.over_limit_interval")
    over = share is None or share[1] is None or share[1] > P95_LEAVES_OUT or _too_few_stalls(known)
    over = over or (known("response_p95.uncut_over_limit_ratio") or 0) > P95_LEAVES_OUT
    return Seen(
        there=True,
        actual=value,
        interval=interval,
        least=proof[0] if proof else None,
        most=high,
        sound=bool(interval) and not closed and not over,
    )


def _too_few_stalls(known: Known) -> bool:
    """Whether one to nine stretches over the limit leave open that a like run, with as many as may be, breaks it."""
    share, seen, most = (known(f"response_p95.{name}") for name in ("over_limit_ratio", *EPISODES))
    if share is None or seen is None:
        return True
    return bool(1 <= seen <= 9 and (most is None or share * most / seen > P95_LEAVES_OUT))


def _errors(criterion: Criterion, known: Known) -> Seen:
    ratio, interval = known("error_ratio"), known("error_interval")
    if ratio is None or interval is None:
        return Seen(False)
    return Seen(True, ratio, interval, least=interval[0], most=interval[1])


def _lost(criterion: Criterion, known: Known) -> Seen:
    def count(name: str) -> int:
        return known(f"crdt.{name}_count") or 0

    total, lost = count("operations"), known("crdt.lost_count")
    broken = any(count(name) for name in BREACHES)
    if not total or (lost is None and not broken):
        return Seen(False)
    if lost is None:
        return Seen(True, broken=True)
    sound = not known("crdt.doubts") and bool(known("crdt.final_state_read")) and not any(map(count, ODD))
    sound = sound and known("crdt.idempotency_violations_count") is not None
    sound = sound and count("conflicts") >= FEWEST_CONFLICTS
    sound = sound and count("acknowledged") >= 0.95 * total and count("unknown") <= 0.01 * total
    return Seen(True, float(lost), least=lost, most=lost, broken=broken, sound=sound)


def _memory(criterion: Criterion, known: Known) -> Seen:
    mark, sampled = known("go.high_water_end_bytes"), known("facts.go_sampled_peak_bytes")
    sizes = [size for size in (mark, sampled) if size is not None]
    if known("go.restarted"):
        return Seen(True, max(sizes, default=None), broken=True)
    if not sizes:
        return Seen(False)
    actual = float(sizes[0])
    own = _of_this_run(criterion, known, mark, sampled)
    proven = mark if mark is not None and own else sampled
    untold = known.name == "sustained" and known("facts.leak_label") is None
    sound = mark is not None and own and not untold and not _leaks(known, criterion.limit - actual)
    sound = sound and not _passed_over(criterion, mark, sampled)
    return Seen(True, actual, least=proven, most=actual, sound=sound)


def _passed_over(criterion: Criterion, mark: int | None, sampled: int | None) -> bool:
    """Whether samples stand over a mark: beyond the limit, or by more than 2 % and 4 MB."""
    if mark is None or sampled is None or sampled <= mark:
        return False
    return sampled > 1.02 * mark + 4e6 or not criterion.within(sampled)


def _leaks(known: Known, left_bytes: float) -> bool:
    """Whether heap or resident set may cross the limit within a week, or goroutines pile up."""
    days, interval = known("facts.leak_days_to_limit"), known("growth.resident_set.interval_mib_per_h")
    heap = known("facts.leak_label") == "DETECTED" and (days is None or days <= LEAK_DAYS)
    rises = known("growth.resident_set.label") == "DETECTED"
    crosses = interval is None or interval[1] * 1_048_576 * 24 * LEAK_DAYS >= left_bytes
    return heap or (rises and crosses) or known("growth.goroutines.label") == "DETECTED"


def _of_this_run(criterion: Criterion, known: Known, mark: int | None, sampled: int | None) -> bool:
    if mark is None or criterion.within(mark):
        return True
    began, started = known("facts.go_process_started_ns"), known("started_ns")
    start = known("go.high_water_start_bytes")
    fresh = began is not None and started is not None and began >= started
    return fresh or (start is not None and mark > start) or (sampled is not None and not criterion.within(sampled))


def _capacity(criterion: Criterion, known: Known) -> Seen:
    return Seen(known("capacity") is not None, sound=False)


READS: dict[str, Callable[[Criterion, Known], Seen]] = {
    "p95_latency": _p95,
    "crdt_data_loss": _lost,
    "aurora_scaling": _capacity,
    "go_memory": _memory,
    "error_rate": _errors,
}


def decide(criterion: Criterion, known: Known, seen: Seen) -> str:
    """Return the verdict on one criterion from one scenario."""
    if not seen.there:
        return "NOT MEASURED"
    bound, answers = BINDINGS[criterion.id], known.answers
    void = any(answers.get(name) is False for name in bound.voiding)
    if seen.broken or (seen.least is not None and not criterion.within(seen.least) and not void):
        return "FAILED"
    held = all(answers.get(name) for name in bound.needed)
    held = held and not any(answers.get(name) is False for name in bound.not_failed)
    within = seen.most is not None and criterion.within(seen.most)
    return "PASSED" if known.is_full and held and seen.sound and within else "INCONCLUSIVE"


def merge(verdicts: Iterable[str]) -> str:
    """Return the gravest verdict; WAIVED counts as PASSED, nothing at all as NOT MEASURED.

    Examples
    --------
    >>> merge(["PASSED", "INCONCLUSIVE"]), merge(["WAIVED"]), merge([])
    ('INCONCLUSIVE', 'PASSED', 'NOT MEASURED')
    """
    found = min(verdicts, key=ORDER.index, default="NOT MEASURED")
    return "PASSED" if found == "WAIVED" else found


def _waived(verdict: str, criterion: Criterion, criteria: Criteria, today: date) -> str:
    covered = any(one.criterion == criterion.id and today <= one.expires for one in criteria.waivers)
    return "WAIVED" if verdict == "NOT MEASURED" and covered else verdict


def of_scenario(known: Known, criteria: Criteria, today: date) -> str:
    """Return the verdict on a scenario: the gravest of the criteria that concern it."""
    return merge(
        _waived(decide(one, known, READS[one.id](one, known)), one, criteria, today)
        for one in criteria.criteria
        if one.scenario in ("all", known.name)
    )


def of_campaign(scenarios: Mapping[str, Known], criteria: Criteria, today: date, repeats_count: int) -> dict[str, Any]:
    """Return what the summary says of the campaign, by its keys: criteria, overall, readiness, how many were met."""
    found = [_criterion(one, scenarios, criteria, today) for one in criteria.criteria]
    verdicts = [one["verdict"] for one in found]
    counted = [one["verdict"] for one in found if one["counted"]]
    ready = bool(verdicts) and set(verdicts) <= {"PASSED", "WAIVED"}
    told = {f"criteria.{place}.{key}": value for place, one in enumerate(found) for key, value in one.items()}
    return told | {
        "confidence": _confidence(found, scenarios, repeats_count),
        "overall": merge(verdicts),
        "readiness": "READY" if ready else "NOT_READY",
        "criteria_met": counted.count("PASSED"),
        "criteria_total": len(counted),
    }


def _criterion(criterion: Criterion, scenarios: Mapping[str, Known], criteria: Criteria, today: date) -> dict[str, Any]:
    names = list(scenarios) if criterion.scenario == "all" else [criterion.scenario]
    seen = [READS[criterion.id](criterion, scenarios[name]) for name in names]
    verdict = merge(decide(criterion, scenarios[name], one) for name, one in zip(names, seen, strict=True))
    worst = max(seen, key=lambda one: -math.inf if one.actual is None else one.actual)
    named = criterion.model_dump(include={"id", "scenario", "limit", "unit", "bound", "counted"})
    return named | {
        "actual": worst.actual,
        "interval": worst.interval,
        "verdict": _waived(verdict, criterion, criteria, today),
    }


def _confidence(found: Sequence[Mapping[str, Any]], scenarios: Mapping[str, Known], repeats_count: int) -> str:
    """Return HIGH where a violation is proven; else the lowest of evidence, margin, scale and repeats."""
    verdicts = [one["verdict"] for one in found]
    if "FAILED" in verdicts:
        return "HIGH"
    missing = verdicts.count("NOT MEASURED")
    sick = any(answer is False for one in scenarios.values() for answer in one.answers.values())
    evidence = 0 if missing > 1 or sick else 1 if missing else 2
    margin = min((_half_widths(one) for one in found if _bounded(one)), default=0.0)
    scale = 2 if all(one.is_full for one in scenarios.values()) else 0
    return ("LOW", "MEDIUM", "HIGH")[min(evidence, (margin >= 1) + (margin >= 3), scale, 1 + (repeats_count >= 5))]


def _bounded(one: Mapping[str, Any]) -> bool:
    return one["interval"] is not None and one["interval"][1] is not None and one["actual"] is not None


def _half_widths(one: Mapping[str, Any]) -> float:
    low, high = one["interval"]
    half = max(high - one["actual"], one["actual"] - low)
    return math.inf if half == 0 else abs(one["limit"] - one["actual"]) / half

"""Criterion + measurement -> verdict. Every verdict says why, and where it is open, what would settle it.

A violation is FAILED where it is proven, at any scale. PASSED needs the whole interval within the limit, the ticket's
full scale, and every check that the criterion depends on, with evidence. Anything between is INCONCLUSIVE; where the
evidence does not exist, NOT MEASURED. Missing data never passes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fireai_analysis.analyze.missing import missing_result
from fireai_analysis.bundle import FileEntry
from fireai_analysis.diagnose.findings import findings
from fireai_analysis.readings import READERS, Reading, limit_text, qualifier, value_text
from fireai_analysis.reasons import Doubt, ReasonCode, codes
from fireai_analysis.results import (
    CriterionResult,
    FileRecord,
    Finding,
    Interval,
    Recommendation,
    ScenarioResult,
    Summary,
    Verdict,
)
from fireai_analysis.rulings import OF_LENGTH, confidence, obstacles, rulings, shortfall, voided_by
from fireai_analysis.scenarios import SCENARIO_NAMES
from fireai_analysis.spec import Criteria, Criterion, Waiver
from fireai_analysis.units import duration_text

PRECEDENCE: tuple[Verdict, ...] = ("FAILED", "INCONCLUSIVE", "NOT MEASURED", "WAIVED", "PASSED")
BROKEN_STATES = ("created", "recording", "aborted", "crashed", "salvaged")
EXIT_GOOD, EXIT_OPEN, EXIT_BROKEN, EXIT_FAILED = 0, 3, 4, 99


@dataclass(frozen=True)
class Judgement:
    """A verdict on one criterion in one scenario, or over all."""

    verdict: Verdict
    reason: str
    scenario: str
    actual: float | None = None
    interval: Interval | None = None
    evidence: str = ""
    reasons: tuple[ReasonCode, ...] = ()


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict that decides: FAILED over INCONCLUSIVE over NOT MEASURED over PASSED; none is NOT MEASURED.

    Examples
    --------
    >>> merged(["PASSED", "NOT MEASURED", "INCONCLUSIVE"]), merged(["PASSED", "WAIVED"]), merged([])
    ('INCONCLUSIVE', 'PASSED', 'NOT MEASURED')
    """
    found = set(verdicts)
    decided: Verdict = next((verdict for verdict in PRECEDENCE if verdict in found), "NOT MEASURED")
    return "PASSED" if decided == "WAIVED" else decided


def judge_one(criterion: Criterion, result: ScenarioResult) -> Judgement:
    """Return the verdict on a criterion from one scenario alone."""
    reading = READERS[criterion.metric](criterion, result)
    where = (result.scenario, reading.actual, reading.interval)
    if reading.missing:
        return Judgement("NOT MEASURED", reading.missing, *where, reasons=codes([reading.missing]))
    verdict, reason, reasons = _decided(criterion, result, reading)
    return Judgement(verdict, reason, *where, reading.evidence, reasons)


def _decided(
    criterion: Criterion, result: ScenarioResult, reading: Reading
) -> tuple[Verdict, str, tuple[ReasonCode, ...]]:
    beyond = reading.proven_least is not None and not criterion.within(reading.proven_least)
    voided = voided_by(criterion.id, result)
    if reading.breach:
        return "FAILED", reading.breach, codes([reading.breach])
    if beyond and not voided:
        return "FAILED", f"{reading.text}: over the limit of {limit_text(criterion)}", ("OVER_LIMIT",)
    doubts = _doubts(criterion, result, reading)
    if not doubts:
        return "PASSED", f"{reading.text}, within the limit of {limit_text(criterion)}, at full scale", ()
    side = f"over the limit, {'but void' if beyond else 'not proven'}:"
    if reading.actual is not None and criterion.within(reading.actual):
        reaches = _reaches_over(criterion, reading)
        side = "the figure is within the limit, its interval reaches over it:" if reaches else "within the limit, but"
    return "INCONCLUSIVE", f"{reading.text}: {side} {'; '.join(doubts)}", codes(doubts)


def _reaches_over(criterion: Criterion, reading: Reading) -> bool:
    return reading.covered_most is not None and not criterion.within(reading.covered_most)


def _doubts(criterion: Criterion, result: ScenarioResult, reading: Reading) -> list[Doubt]:
    """Return what keeps a criterion from passing; what only a longer run can tell is left to the scale, if short."""
    short = shortfall(result)
    if (result.scale.duration_ratio or 0.0) < 1:
        return [*_too_few(criterion, reading), *short, *obstacles(criterion.id, result, but=OF_LENGTH), *reading.doubts]
    told = [*obstacles(criterion.id, result), *reading.doubts, *reading.doubts_of_length]
    return [*short, *told, *_open_end(criterion, result, reading)]


def _too_few(criterion: Criterion, reading: Reading) -> list[Doubt]:
    """Return that an interval reaches over the limit that its figure keeps: a short run made too few requests."""
    within = reading.actual is not None and criterion.within(reading.actual)
    if not within or not reading.requests_count or not _reaches_over(criterion, reading):
        return []
    return [Doubt("INTERVAL_REACHES_LIMIT", f"{reading.requests_count:,} requests are too few to tell")]


def _open_end(criterion: Criterion, result: ScenarioResult, reading: Reading) -> list[Doubt]:
    """Return what is open about the upper bound of a figure, and how much longer a run would settle it."""
    most = reading.covered_most
    if most is None or not _reaches_over(criterion, reading):
        return []
    if reading.interval is None or reading.actual is None or not criterion.within(reading.actual):
        return [Doubt("NO_INTERVAL", "no bound holds it within the limit")]
    high = reading.interval[1]
    shown = f"its interval reaches {'infinity' if high is None else value_text(criterion, high)}"
    half, margin = (math.inf if high is None else high - reading.actual), criterion.limit - reading.actual
    if math.isinf(half) or margin <= 0 or not result.duration_s:
        return [Doubt("INTERVAL_REACHES_LIMIT", shown)]
    more_s = result.duration_s * ((half / margin) ** 2 - 1)
    more = f"about {duration_text(math.ceil(more_s / 60) * 60)} more at this rate would decide"
    return [Doubt("INTERVAL_REACHES_LIMIT", f"{shown}; {more}")]


def judge_all(criterion: Criterion, results: Mapping[str, ScenarioResult]) -> Judgement:
    """Return the verdict on a criterion over the scenarios that it concerns; the worst decides."""
    names = SCENARIO_NAMES if criterion.scenario == "all" else (criterion.scenario,)
    judgements = [judge_one(criterion, results[name]) for name in names]
    if len(judgements) == 1:
        return judgements[0]
    verdict = merged(one.verdict for one in judgements)
    highest = max(judgements, key=lambda one: -math.inf if one.actual is None else one.actual)
    deciding = [one for one in judgements if one.verdict == verdict]
    worst = max(deciding, key=lambda one: -math.inf if one.actual is None else one.actual)
    others = [one.scenario for one in deciding if one is not worst]
    also = f" ({verdict} too: {', '.join(others)})" if others else ""
    return Judgement(
        verdict, f"{worst.scenario}: {worst.reason}{also}", criterion.scenario, highest.actual, highest.interval,
        highest.evidence, worst.reasons,
    )  # fmt: skip


def waived(judgement: Judgement, criterion: Criterion, waivers: Iterable[Waiver], today: date) -> Judgement:
    """Return the judgement, WAIVED where it is NOT MEASURED and a waiver that has not expired covers it."""
    for waiver in waivers:
        if waiver.criterion == criterion.id and judgement.verdict == "NOT MEASURED" and today <= waiver.expires:
            words = f"waived by {waiver.approved_by} until {waiver.expires}: {waiver.reason}"
            reasons: tuple[ReasonCode, ...] = ("WAIVED", *judgement.reasons)
            return replace(judgement, verdict="WAIVED", reason=f"{words} ({judgement.reason})", reasons=reasons)
    return judgement


def judged(result: ScenarioResult, criteria: Criteria, today: date) -> ScenarioResult:
    """Return a scenario's result with findings, verdict and reason: the merge of the criteria that concern it.

    A run that left no request keeps its own reason.
    """
    if result.requests_count is None:
        return result.model_copy(update={"verdict": "NOT MEASURED"})
    found = [
        (one, waived(judge_one(one, result), one, criteria.waivers, today))
        for one in criteria.criteria
        if one.scenario in ("all", result.scenario)
    ]
    verdict = merged(judgement.verdict for _, judgement in found)
    deciding = [f"{one.title}: {judgement.reason}" for one, judgement in found if judgement.verdict == verdict]
    return result.model_copy(
        update={
            "verdict": verdict,
            "reason": deciding[0] if deciding else "every criterion that was not waived passed",
            "findings": findings(result, criteria),
        }
    )


def summarize(
    *,
    campaign: Mapping[str, Any],
    results: Mapping[str, ScenarioResult],
    criteria: Criteria,
    files: Sequence[FileEntry | FileRecord] = (),
    generated: str,
) -> Summary:
    """Return the judged campaign.

    Parameters
    ----------
    campaign : mapping
        Content of `campaign.json`.
    results : mapping of str to ScenarioResult
        Results by scenario; one that is absent is NOT MEASURED.
    criteria : Criteria
        Limits and waivers.
    files : sequence
        Files of the campaign with their hashes.
    generated : str
        Instant of judging, ISO 8601 UTC; its day decides whether a waiver has expired.
    """
    today = date.fromisoformat(generated[:10])
    everything = {name: results.get(name) or _absent(name, campaign) for name in SCENARIO_NAMES}
    scenarios = {name: judged(result, criteria, today) for name, result in everything.items()}
    verdicts = tuple(_criterion_result(one, scenarios, criteria, today) for one in criteria.criteria)
    level, terms = confidence(verdicts, scenarios, int(campaign.get("repeats_count") or 1))
    good = all(one.verdict in ("PASSED", "WAIVED") for one in verdicts)
    return Summary(
        campaign=str(campaign.get("campaign", "")),
        profile=str(campaign.get("profile", "")),
        generated=generated,
        overall=merged(one.verdict for one in verdicts),
        readiness="READY" if good and verdicts else "NOT_READY",
        confidence=level,
        confidence_terms=terms,
        criteria_met=sum(one.counted and one.verdict == "PASSED" for one in verdicts),
        criteria_total=sum(one.counted for one in verdicts),
        criteria=verdicts,
        rulings=rulings(criteria),
        recommendations=recommendations(verdicts, scenarios),
        environment={key: value for key, value in campaign.items() if key != "schema"},
        files=tuple(FileRecord(path=one.path, bytes=one.bytes, sha256=one.sha256) for one in files),
        scenarios=scenarios,
    )


def _absent(name: str, campaign: Mapping[str, Any]) -> ScenarioResult:
    if name in (campaign.get("scenarios") or ()):
        blank = missing_result(name, "the scenario left no result")
        return blank.model_copy(update={"facts": {"ordered": True}})
    return missing_result(name, "the scenario was not part of this campaign")


def _criterion_result(
    criterion: Criterion, results: Mapping[str, ScenarioResult], criteria: Criteria, today: date
) -> CriterionResult:
    judgement = waived(judge_all(criterion, results), criterion, criteria.waivers, today)
    named = criterion.model_dump(include={"id", "title", "scenario", "limit", "unit", "bound", "counted"})
    return CriterionResult(
        **named,
        actual=judgement.actual,
        qualifier=qualifier(criterion, results),
        interval=judgement.interval,
        verdict=judgement.verdict,
        reason=judgement.reason,
        reasons=judgement.reasons,
        evidence=judgement.evidence or "none",
    )


def recommendations(
    criteria: Sequence[CriterionResult], results: Mapping[str, ScenarioResult]
) -> tuple[Recommendation, ...]:
    """Return what to do, most urgent first: once for each finding, then what would settle open criteria."""
    seen: dict[str, list[tuple[str, Finding]]] = {}
    for name, result in results.items():
        for one in result.findings:
            if one.recommendation and one.priority:
                seen.setdefault(one.id, []).append((name, one))
    found = {key: _recommended(group) for key, group in seen.items()}
    if any(not result.scale.is_full for result in results.values()):
        text = "run all scenarios at the ticket's scale (fireai run --profile full): nothing shorter can pass"
        found["scale"] = Recommendation(priority="P1", text=text, finding="scale")
    for criterion in criteria:
        if criterion.verdict == "NOT MEASURED":
            text = f"measure {criterion.title}, or waive it in writing in params/criteria.yaml: {criterion.reason}"
            found[criterion.id] = Recommendation(priority="P1", text=text, finding=criterion.id)
    return tuple(sorted(found.values(), key=lambda one: one.priority))


def _recommended(group: Sequence[tuple[str, Finding]]) -> Recommendation:
    """Return what a finding recommends where it is most urgent, with what each scenario shows of it."""
    first = min((one for _, one in group), key=lambda one: one.priority or "")
    shown = "; ".join(f"{name}: {one.evidence[0]}" for name, one in group)
    return Recommendation(
        priority=first.priority or "P2", text=f"{first.recommendation} (seen in {shown})", finding=first.id
    )


def exit_code(summary: Summary) -> int:
    """Return the exit code of a judged campaign: 99 proven wrong, 4 a run broke, 3 something is open, 0 good."""
    verdicts = {one.verdict for one in summary.criteria}
    if "FAILED" in verdicts:
        return EXIT_FAILED
    broken = (
        result.state in BROKEN_STATES or (result.requests_count is None and result.facts.get("ordered") is True)
        for result in summary.scenarios.values()
    )
    if any(broken):
        return EXIT_BROKEN
    return EXIT_GOOD if verdicts <= {"PASSED", "WAIVED"} else EXIT_OPEN

"""The answer of the whole campaign in words."""

from __future__ import annotations

from fireai_analysis.narrative.words import asked_for, counted, listed, title
from fireai_analysis.results import CriterionResult, Summary
from fireai_analysis.units import duration_text, percent_text

MET = ("PASSED", "WAIVED")
STATES_TO_TELL = ("analyzed",)


def answer(summary: Summary) -> str:
    """Return the answer to the report's question in one sentence."""
    if summary.readiness == "READY":
        return "Yes. Every criterion is met on the evidence of this campaign."
    failed = [entry.title for entry in summary.criteria if entry.verdict == "FAILED"]
    if failed:
        return f"No. A violation is proven: {listed(failed)}."
    return "Not shown. Nothing is proven wrong, and the evidence does not reach far enough to say yes."


def run_warnings(summary: Summary) -> tuple[str, ...]:
    """Return what the reader must know before anything else: runs that broke or are missing, and reduced scale."""
    warnings = [
        f"{title(name)} is {result.state}: {result.reason}."
        for name, result in summary.scenarios.items()
        if result.state not in STATES_TO_TELL and asked_for(result)
    ]
    others = [title(name) for name, result in summary.scenarios.items() if not asked_for(result)]
    if others:
        warnings.append(f"Not part of this campaign: {listed(others)}. What rests on them is NOT MEASURED.")
    scaled = [
        f"{title(name)} {duration_text(result.duration_s)} ({percent_text(result.scale.duration_ratio)} % of its time)"
        for name, result in summary.scenarios.items()
        if not result.scale.is_full and result.duration_s is not None
    ]
    if scaled:
        warnings.append(
            f"Not at the ticket's scale (profile {summary.profile}): {', '.join(scaled)}. "
            "A reduced run can prove a violation, never readiness."
        )
    return tuple(warnings)


def criterion_analysis(criterion: CriterionResult) -> str:
    """Return why a criterion was judged as it was, and on what evidence."""
    return f"{criterion.reason.rstrip('.')}. Evidence: {criterion.evidence.rstrip('.') or 'none'}."


def conclusion(summary: Summary) -> tuple[str, ...]:
    """Return findings, readiness and next steps in paragraphs."""
    by_verdict: dict[str, list[str]] = {}
    for entry in summary.criteria:
        by_verdict.setdefault(entry.verdict, []).append(entry.title)
    judged = "; ".join(f"{verdict}: {listed(titles)}" for verdict, titles in by_verdict.items())
    ran = sum(result.duration_s is not None for result in summary.scenarios.values())
    findings = len({finding.id for result in summary.scenarios.values() for finding in result.findings})
    paragraphs = [
        f"Is the platform ready for 100,000 requests a day? {answer(summary)} Of the ticket's "
        f"{counted(summary.criteria_total, 'criterion', 'criteria')}, {summary.criteria_met} "
        f"{'is' if summary.criteria_met == 1 else 'are'} met. {judged}.",
        f"The campaign measured {duration_text(summary.measured_s)} of load in "
        f"{counted(ran, 'scenario')}; {counted(findings, 'finding')} {'follows' if findings == 1 else 'follow'} from "
        "it, each told once for all scenarios that show it. Each figure above can be traced to its rows.",
    ]
    return (*paragraphs, _next_steps(summary))


def _next_steps(summary: Summary) -> str:
    failed = [entry for entry in summary.criteria if entry.verdict == "FAILED"]
    unsettled = [entry for entry in summary.criteria if entry.verdict not in (*MET, "FAILED")]
    steps = []
    if failed:
        steps.append(f"repair what is proven wrong ({listed([entry.title for entry in failed])}) and run it again")
    if any(not result.scale.is_full for result in summary.scenarios.values()):
        steps.append(
            "run it at full scale (fireai run --profile full) against the platform that will carry production load"
        )
    missing = [entry.title for entry in unsettled if entry.verdict == "NOT MEASURED"]
    if missing:
        steps.append(f"provide the evidence that is missing for {listed(missing)}")
    if not steps:
        return "Next steps: keep the alerts of this report in place and repeat the campaign with each release."
    return f"Next steps before production: {'; '.join(steps)}."

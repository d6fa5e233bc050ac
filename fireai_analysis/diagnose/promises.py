"""Findings about broken promises: a violated history, failed requests, restarts, a sick generator."""

from __future__ import annotations

from fireai_analysis.diagnose import history
from fireai_analysis.results import Finding, ScenarioResult
from fireai_analysis.units import percent_text

ERROR_RATIO = 0.01
GENERATOR_CHECKS = ("achieved_rate", "generator_cpu", "generator_lag", "late_starts")
MOST_EXAMPLES = 3


def findings(result: ScenarioResult) -> list[Finding]:
    """Return what was broken, worst first."""
    found = (_restarted(result), _errors(result), _generator(result))
    return [*history.findings(result), *(one for one in found if one)]


def _restarted(result: ScenarioResult) -> Finding | None:
    check = next((one for one in result.validity if one.check == "target_restart"), None)
    if check is None or check.ok is not False:
        return None
    return Finding(
        id="target_restart",
        title="A service of the platform was restarted during the run",
        layer="infrastructure",
        confidence="HIGH",
        evidence=(check.detail,),
        recommendation="platform: find out from its log why the process ended",
        priority="P0",
    )


def _errors(result: ScenarioResult) -> Finding | None:
    ratio = result.error_ratio
    if ratio is None or ratio <= ERROR_RATIO:
        return None
    worst = sorted(result.endpoints, key=lambda one: -(one.failures_count or 0))[:1]
    causes = ", ".join(f"{name} ({count:,})" for name, count in list(result.errors.items())[:MOST_EXAMPLES])
    places = [f"most at {one.method} {one.endpoint} ({one.door}): {one.failures_count:,}" for one in worst]
    minute = result.worst_minute_error_ratio
    course = () if minute is None else (f"worst minute {percent_text(minute)} %",)
    return Finding(
        id="errors",
        title="Requests failed",
        layer="application",
        confidence="HIGH",
        evidence=(f"{percent_text(ratio)} % of intended requests: {causes}", *course, *places),
        recommendation="platform: the most frequent error first, at the endpoint that has most of it",
        priority="P0",
    )


def _generator(result: ScenarioResult) -> Finding | None:
    failed = [one for one in result.validity if one.check in GENERATOR_CHECKS and one.ok is False]
    if not failed:
        return None
    return Finding(
        id="generator_limit",
        title="The load generator could not keep up: its latencies are no evidence about the platform",
        layer="generator",
        confidence="HIGH",
        evidence=tuple(f"{one.check}: {one.detail}" for one in failed),
        recommendation="generator: run it on a machine of its own, or at a lower rate",
        priority="P1",
    )

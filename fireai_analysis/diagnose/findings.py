"""All findings of a run, ranked."""

from __future__ import annotations

from fireai_analysis.diagnose import growth, promises, saturation, tail
from fireai_analysis.results import Finding, ScenarioResult
from fireai_analysis.spec import Criteria


def findings(result: ScenarioResult, criteria: Criteria) -> tuple[Finding, ...]:
    """Return findings: broken promises, parts of the slow tail by share, what grows, saturated resources.

    None is made up to fill a place, and a shared moment is called `associated`, never a cause.
    """
    limits = {one.id: one.limit for one in criteria.criteria}
    infinite = float("inf")
    return (
        *promises.findings(result),
        *tail.findings(result, limits.get("p95_latency", infinite)),
        *growth.findings(result),
        *saturation.findings(result, limits.get("go_memory", infinite)),
    )

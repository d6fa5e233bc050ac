"""The result of a scenario that left nothing to measure."""

from __future__ import annotations

from fireai_analysis.results import ScenarioResult
from fireai_analysis.scenarios import load_scenario
from fireai_analysis.spec import RunSpec, Scale


def missing_result(spec: RunSpec | str, reason: str, state: str = "missing") -> ScenarioResult:
    """Return a result that holds no figure and says why.

    Parameters
    ----------
    spec : RunSpec or str
        What was to be run; a name alone is a scenario that nobody asked for, so that its absence broke nothing.
    reason : str
        Why there is no figure.
    state : str
        State of the run that is there; `missing` where there is none.
    """
    ordered = isinstance(spec, RunSpec)
    scenario = spec.scenario if isinstance(spec, RunSpec) else load_scenario(spec)
    return ScenarioResult(
        scenario=scenario.name,
        state=state,
        verdict="NOT MEASURED",
        reason=reason,
        scale=Scale(duration_ratio=0.0, users_ratio=0.0, rate_ratio=0.0),
        users_count=scenario.users,
        rate_rps=scenario.rate_rps,
        warnings=(reason,),
        facts={"ordered": ordered},
    )

"""The specification of a run that another tool made: what its files show stands where a plan would."""

from __future__ import annotations

from fireai_analysis.origin import Origin
from fireai_analysis.scenarios import load_scenario, suited
from fireai_analysis.spec import (
    Auth,
    CrdtMapping,
    LoadLimits,
    LoadModel,
    Profile,
    RunSpec,
    Target,
    TargetAuth,
    TargetData,
)

NOT_TOLD = "not told"
LEAST_WAIT_S = 0.001
"""How long a request that never got an answer waited at least: the files do not tell how long the tool waits."""

TARGET = Target(
    name=NOT_TOLD,
    kind="remote",
    doors={},
    auth=TargetAuth(public=Auth(kind="none"), internal=Auth(kind="none")),
    crdt=CrdtMapping(),
    data=TargetData(item_codes=(NOT_TOLD,), observed_conditions=(NOT_TOLD,), building_id=NOT_TOLD, user_id=NOT_TOLD),
    limits=LoadLimits(max_users=1, max_rate_rps=1, max_duration_s=1),
    request_timeout_s=LEAST_WAIT_S,
)
"""The system that another tool measured: nothing is told of it, and no load may go there."""

PROFILE = Profile(
    name="ingested",
    title="results of another tool",
    settle_s=0,
    profiled_s=0,
    sample_interval_s=1,
    scenarios={},
)


def foreign_spec(run_id: str, scenario: str, origin: Origin) -> RunSpec:
    """Return the specification of a run that another tool made.

    Parameters
    ----------
    run_id, scenario : str
        Name of the run and of its scenario.
    origin : Origin
        What the files show. Where they do not tell, the numbers of the ticket stand in the scenario, and the scale of
        the run is null there.
    """
    full = suited(load_scenario(scenario), TARGET)
    seen = full.model_copy(
        update={
            "duration_s": origin.duration_s or full.duration_s,
            "users": origin.users_count or full.users,
            "rate_rps": origin.rate_rps or full.rate_rps,
            "load_model": load_model(origin),
            "curve": None,
        }
    )
    return RunSpec(run_id=run_id, scenario=seen, full=full, profile=PROFILE, target=TARGET, seed=0, origin=origin)


def load_model(origin: Origin) -> LoadModel:
    """Return how arrivals are known to have come: open where each intended time is told, or somebody declared it."""
    return "open" if origin.intended_times or origin.open_model else "unknown"

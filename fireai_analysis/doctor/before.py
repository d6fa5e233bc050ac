"""The checks that `fireai run` makes before hour one, for a campaign of all scenarios that is not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from fireai_analysis.errors import UsageError
from fireai_analysis.preflight import access, examine, rate
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import PART, Occasion
from fireai_analysis.publish import estimate
from fireai_analysis.scenarios import SCENARIO_NAMES, run_spec
from fireai_analysis.spec import Target


def checks(target: Target, environment: Mapping[str, str], profile: str) -> Iterator[Check]:
    """Yield every check of a campaign of all four scenarios at a profile; nothing is sent without the secrets."""
    try:
        access.check_secrets(target, environment)
        specs = tuple(run_spec("doctor", name, profile, target, 0) for name in SCENARIO_NAMES)
    except UsageError as error:
        problem, _, remedy = str(error).partition("; ")
        yield Check(PART, "limits", "fail", problem, remedy)
        return
    takes = estimate.campaign(specs)
    yield from examine.checks(
        Occasion(
            specs=specs,
            target=target,
            environment=environment,
            directory=Path("runs"),
            lasts_s=takes.wall_s,
            needed_bytes=takes.disk_bytes,
            capacity_rps=rate.known_capacity_rps(),
        )
    )

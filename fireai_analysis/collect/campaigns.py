"""What a campaign directory says about how it was made: `campaign.json`. It holds no secret."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from fireai_analysis.collect import facts
from fireai_analysis.collect.database import database_address
from fireai_analysis.errors import ParamsError
from fireai_analysis.spec import RunSpec, Target
from fireai_analysis.units import utc_text

TOOLS = ("fireai-analysis", "locust", "papermill", "nbconvert", "pandas", "numpy", "scipy", "pyarrow", "psycopg")


def campaign_content(
    name: str,
    specs: Sequence[RunSpec],
    *,
    target: Target,
    versions: Mapping[str, str],
    environment: Mapping[str, str],
    created_ns: int,
) -> dict[str, Any]:
    """Return the content of `campaign.json`: who ran what against what, on which machine.

    Parameters
    ----------
    name : str
        Name of the campaign, that of its directory.
    specs : sequence of RunSpec
        The runs that are planned, at least one.
    target : Target
        The target with the addresses it really has.
    versions : mapping of str to str
        Versions of the target's parts, where they are known.
    environment : mapping of str to str
        Tells which secrets are set; of the database address host, port and name are kept.
    created_ns : int
        Now, UTC nanoseconds.
    """
    first = specs[0]
    return {
        "campaign": name,
        "created": utc_text(created_ns),
        "profile": first.profile.name,
        "profile_title": first.profile.title,
        "scenarios": [spec.scenario.name for spec in specs],
        "seed": first.seed,
        "generators": {spec.scenario.name: spec.fleet.model_dump(mode="json") for spec in specs},
        "target": target.model_dump(mode="json"),
        "versions": dict(versions) | {"python": platform.python_version()} | {tool: version(tool) for tool in TOOLS},
        "secrets": {variable: bool(environment.get(variable)) for variable in target.secret_names()},
        "database_url": _database_place(target, environment),
        "host": facts.host(),
    }


def _database_place(target: Target, environment: Mapping[str, str]) -> str | None:
    try:
        address = database_address(target, environment)
    except ParamsError:
        return None
    return None if address is None else f"postgresql://{address.place}"

"""The campaign that foreign results go into: a new one, or the one that an ingestion of the same files began."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from fireai_analysis.bundle import RunBundle
from fireai_analysis.campaign import Campaign, campaign_name
from fireai_analysis.collect.campaigns import campaign_content
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.ingest.bundling import Wishes, ingest_scenario
from fireai_analysis.ingest.folder import plan
from fireai_analysis.ingest.specs import PROFILE, TARGET, foreign_spec
from fireai_analysis.origin import Origin


def campaign_for(scenarios: Sequence[str], source: Path, output: Path | None) -> Campaign:
    """Return the campaign to fill.

    Parameters
    ----------
    scenarios : sequence of str
        Names of the scenarios that it will hold.
    source : pathlib.Path
        The file or folder that is read.
    output : pathlib.Path or None
        Campaign directory; `runs/<UTC time>-ingested` by default.

    Raises
    ------
    BundleError
        Where the directory holds something else than an ingestion of the same source that was cut off.
    """
    directory = (output or Path("runs") / campaign_name(PROFILE.name)).absolute()
    wanted = {"source": source.absolute().name, "scenarios": list(scenarios)}
    if (directory / "campaign.json").is_file():
        campaign = Campaign.open(directory)
        if campaign.content().get("ingested") != wanted:
            raise BundleError(directory, "is not empty", "choose another directory with -o")
        return campaign
    nothing = Origin(tool="", formats=(), population="totals", intended_times=False, files=())
    specs = [foreign_spec(directory.name, name, nothing) for name in scenarios]
    content = campaign_content(
        directory.name, specs, target=TARGET, versions={}, environment={}, created_ns=time.time_ns()
    )
    content["versions"].pop("locust")  # ours, which made none of it
    return Campaign.create(directory, content | {"generators": {}, "ingested": wanted})


def open_foreign(scenario: str, source: str | None, campaign_dir: str | None) -> RunBundle:
    """Return the run that results of another tool make: what the first cell of a notebook does in mode `ingest`.

    Parameters
    ----------
    scenario : str
        What the results are a run of.
    source : str or None
        A file, or a folder whose names say which of its files belong to the scenario.
    campaign_dir : str or None
        Campaign directory; a new one below `runs/` where there is none.

    Raises
    ------
    ParamsError
        Where there is no source, or nothing of the scenario in it.
    IngestError
        Where the results cannot be read.
    """
    if source is None:
        raise ParamsError("source", "None", "it is not said what to ingest", "give the path of a file or a folder")
    path = Path(source)
    found = plan(path, None if path.is_dir() else scenario)
    if scenario not in found.scenarios:
        there = ", ".join(found.scenarios)
        raise ParamsError("source", source, f"holds nothing of {scenario}", f"choose among {there}")
    campaign = campaign_for([scenario], path, None if campaign_dir is None else Path(campaign_dir))
    with campaign.lock():
        wishes = Wishes(lenient=path.is_dir())
        made = ingest_scenario(campaign.directory, scenario, found.scenarios[scenario], wishes, lambda count: None)
    return made.bundle

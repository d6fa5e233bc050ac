"""Results of other tools become a campaign: files -> bundles -> notebooks -> report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fireai_analysis.campaign import Campaign
from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import reading
from fireai_analysis.ingest.bundling import Wishes, ingest_scenario
from fireai_analysis.ingest.folder import Entry, Left, Plan
from fireai_analysis.ingest.opening import campaign_for
from fireai_analysis.ingest.reading import Content
from fireai_analysis.origin import OriginFile
from fireai_analysis.publish.analyst import Analyst, conclude
from fireai_analysis.publish.outcome import Outcome, Progress
from fireai_analysis.units import duration_text, size_text

SHOW_EVERY_S, FEWEST_S = 0.2, 2.0
"""How often the bar moves, and from when on the time that is left can be told."""
PHASE = "reading"


@dataclass
class Ingestion:
    """A campaign made of foreign results, and what became of each file.

    Attributes
    ----------
    outcome : Outcome
        How the campaign ended.
    taken : mapping of str to tuple of OriginFile
        Files by scenario.
    left : list of Left
        Files that were not read or not counted, and why.
    """

    outcome: Outcome
    taken: dict[str, tuple[OriginFile, ...]] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)


def ingest(plan: Plan, source: Path, wishes: Wishes, output: Path | None, progress: Progress) -> Ingestion:
    """Read foreign results into a campaign, run its notebooks, judge, and write the report.

    Parameters
    ----------
    plan : Plan
        Which files to read, as `folder.plan` found them.
    source : pathlib.Path
        The file or folder that was given.
    wishes : Wishes
        How to read them.
    output : pathlib.Path or None
        Campaign directory; where an ingestion of the same source was cut off in it, that goes on.
    progress : Progress
        Told how far it is.

    Raises
    ------
    IngestError
        Where a file cannot be read, or nothing can be taken of a scenario.
    BundleError
        Where the directory holds something else.
    """
    campaign = campaign_for(tuple(plan.scenarios), source, output)
    found = Ingestion(Outcome(campaign.directory), left=list(plan.left))
    with campaign.lock():
        advanced = _Bar(progress, plan.bytes_count).advanced
        shared = [one for entry in plan.shared if (one := _shared(campaign, entry, advanced, found)) is not None]
        analyst = Analyst(campaign, progress, found.outcome)
        bundles = []
        for name, entries in plan.scenarios.items():
            made = ingest_scenario(campaign.directory, name, entries, wishes, advanced, shared)
            origin = made.bundle.manifest.spec.origin
            found.taken[name] = origin.files if origin else ()
            found.left += made.left
            bundles.append(made.bundle)
        progress.end(PHASE, size_text(plan.bytes_count), ok=True)
        for bundle in bundles:
            analyst.analyse(bundle)
        conclude(campaign, progress, found.outcome)
    return found


def _shared(campaign: Campaign, entry: Entry, advanced: Callable[[int], None], found: Ingestion) -> Content | None:
    """Read samples of resources that belong to no scenario by name."""
    try:
        return reading.read(entry, campaign.path("shared.parquet"), 0, strict=False, advanced=advanced)
    except IngestError as error:
        found.left.append(Left(entry.name, error.problem))
        return None


class _Bar:
    """Tells how much was read of all, how fast, and how long the rest takes."""

    def __init__(self, progress: Progress, bytes_count: int) -> None:
        self._progress, self._total = progress, bytes_count
        self._done, self._began_s, self._shown_s = 0, time.monotonic(), 0.0

    def advanced(self, count: int) -> None:
        """Take so many bytes more."""
        self._done += count
        now_s = time.monotonic()
        if now_s - self._shown_s < SHOW_EVERY_S and self._done < self._total:
            return
        self._shown_s = now_s
        rate = self._done / max(now_s - self._began_s, 1e-9)
        text = f"{size_text(self._done)} of {size_text(self._total)}, {size_text(rate)}/s"
        if now_s - self._began_s > FEWEST_S and 0 < self._done < self._total:
            text += f", {duration_text(round((self._total - self._done) / rate))} left"
        self._progress.show(PHASE, "files", min(1.0, self._done / max(self._total, 1)), text)

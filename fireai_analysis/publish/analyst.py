"""From recorded runs to the report: each run through its notebook, then judged and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fireai_analysis.analyze.missing import missing_result
from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes, read_json
from fireai_analysis.campaign import Campaign
from fireai_analysis.collect import session
from fireai_analysis.errors import BundleError, FireAIAnalysisError, ReportError
from fireai_analysis.publish import batch, report
from fireai_analysis.publish.outcome import Outcome, Progress
from fireai_analysis.spec import RunSpec
from fireai_analysis.units import number_text

DERIVED = ("analysis/", "results.json", "notebook.ipynb", "notebook.log")
"""What a notebook writes again; everything else in a run bundle is evidence."""


class Analyst:
    """Runs the notebooks of recorded runs; a run that cannot be analysed leaves a result that says why."""

    def __init__(self, campaign: Campaign, progress: Progress, outcome: Outcome) -> None:
        self._campaign, self._progress, self._outcome = campaign, progress, outcome

    def analyse(self, bundle: RunBundle) -> None:
        """Run the notebook of a run that left rows; where that cannot be, keep a result that says so."""
        spec, state = bundle.manifest.spec, bundle.manifest.state
        unfinished = state in ("created", "recording", "crashed")
        if unfinished or not bundle.holds_requests:
            self.keep_missing(spec, _why(bundle), state)
        else:
            try:
                self._run_notebook(bundle)
            except ReportError as error:
                self._outcome.defect = True
                self._outcome.problems.append(str(error))
                self.keep_missing(spec, f"its notebook failed: {error}", state)
        RunBundle.open(bundle.directory).seal()

    def keep_missing(self, spec: RunSpec, reason: str, state: str = "missing") -> None:
        """Keep the result of a run that could not be measured, with the reason."""
        result = missing_result(spec, reason, state)
        place = self._campaign.directory / spec.scenario.name / "results.json"
        atomic_write(place, json_bytes(result.model_dump(mode="json")))
        self._progress.end(spec.scenario.name, reason, ok=False)

    def _run_notebook(self, bundle: RunBundle) -> None:
        name, spec = bundle.scenario, bundle.manifest.spec
        batch.run_notebook(
            name,
            {
                "scenario": name,
                "profile": spec.profile.name,
                "target": spec.target.name,
                "mode": "open",
                "campaign_dir": str(self._campaign.directory),
                "seed": spec.seed,
            },
            output_path=bundle.notebook_path,
            sentinel=bundle.sentinel_path,
            progress=lambda cell, count: self._progress.show(name, "analysing", cell / count, "notebook"),
        )
        result = read_json(bundle.results_path)
        counts = (
            f"{number_text(result['requests_count'], 0)} requests, {number_text(result['failures_count'], 0)} failed"
        )
        sound = bundle.manifest.state in ("recorded", "analyzed")
        self._progress.end(name, f"{counts}, {result['verdict'] if sound else bundle.manifest.state}", ok=sound)


def _why(bundle: RunBundle) -> str:
    """Return why a run that did not end in order cannot be measured, and what to do."""
    if bundle.manifest.spec.origin is not None:
        return f"{bundle.manifest.reason or 'its files were not read to the end'}; give the same command again"
    kept = any(bundle.journal_dir.glob("*"))
    default = "it did not end in order; its journal is kept" if kept else "no request was recorded"
    again = f"fireai run {bundle.scenario} --profile {bundle.manifest.spec.profile.name}"
    return f"{bundle.manifest.reason or default}; run it again: {again}"


def conclude(campaign: Campaign, progress: Progress, outcome: Outcome, formats: Sequence[str] = report.FORMATS) -> None:
    """Judge and write the report; a failure of ours is told, and the evidence stays."""
    progress.show("report", "judging", None, "")
    try:
        outcome.summary = report.write_summary(campaign.directory)
        progress.show("report", "writing", None, "HTML, PDF, Markdown")
        written = report.build(campaign.directory, formats)
    except FireAIAnalysisError as error:
        outcome.defect = True
        outcome.problems.append(str(error))
        progress.end("report", "failed", ok=False)
        return
    progress.end("report", ", ".join(path.name for path in written if path.stem == "report"), ok=True)


def rebuild(directory: Path, formats: Sequence[str], progress: Progress) -> Outcome:
    """Write the report of a campaign again, from its evidence: every run through its notebook, then judged anew.

    Parameters
    ----------
    directory : pathlib.Path
        Campaign directory.
    formats : sequence of str
        Of `report.FORMATS`.
    progress : Progress
        Told how far it is.

    Raises
    ------
    BundleError
        Where the directory is no campaign, or the evidence is not what was recorded; nothing was changed.
    """
    campaign = Campaign.open(directory.absolute())
    outcome = Outcome(campaign.directory)
    with campaign.lock():
        bundles = campaign.bundles()
        for bundle in bundles:
            _check_evidence(bundle)
        analyst = Analyst(campaign, progress, outcome)
        for bundle in bundles:
            analyst.analyse(_ended(bundle, progress))
        conclude(campaign, progress, outcome, formats)
    return outcome


def _ended(bundle: RunBundle, progress: Progress) -> RunBundle:
    """Return a run whose recording has ended: a collector that outlived its campaign is waited for."""
    if bundle.manifest.state not in ("created", "recording"):
        return bundle
    name = bundle.scenario
    session.follow(bundle, lambda told: progress.show(name, str(told["phase"]), told.get("ratio"), str(told["text"])))
    return RunBundle.open(bundle.directory)


def _check_evidence(bundle: RunBundle) -> None:
    """Refuse a run whose recorded files are not those that were hashed."""
    changed = [problem for problem in bundle.check() if not problem.startswith(DERIVED)]
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise BundleError(bundle.directory, changed[0] + more, "restore what was recorded, or run again")

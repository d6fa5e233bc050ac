"""The report of a campaign: judged, filled in, and written as HTML, PDF, Markdown, JUnit and alert rules.

`build` always executes the notebook `05_report` anew and exports what it shows, so that the file that is mailed and
what an engineer sees in JupyterLab are the same. The notebook's cells call `opened`, `Report.section` and
`Report.finish`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pandas as pd
from pydantic import ValidationError

from fireai_analysis import judge
from fireai_analysis.analyze.missing import missing_result
from fireai_analysis.bundle import RunBundle, json_bytes, read_json
from fireai_analysis.campaign import Campaign
from fireai_analysis.errors import BundleError, ParamsError
from fireai_analysis.publish import alerts, batch, document, exporters, junit, render_markdown
from fireai_analysis.publish.section import Section
from fireai_analysis.results import FileRecord, ScenarioResult, Summary
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria
from fireai_analysis.tables import Table, criteria

FORMATS = ("html", "pdf", "markdown")
EXTENSIONS = {"markdown": "md"}
NOTEBOOK = "05_report"
NOT_ASKED_FOR = "the scenario was not part of this campaign"


@dataclass(frozen=True)
class Report:
    """The judged campaign, ready to be shown section by section."""

    campaign: Campaign
    summary: Summary
    frames: Mapping[str, Mapping[str, pd.DataFrame]]

    def verdicts(self) -> Table:
        """Return the verdict of each criterion."""
        return criteria(self.summary.criteria)

    def section(self, name: str) -> Section:
        """Return a section of the report by its heading; `front` is what stands before the first one."""
        return Section(name, document.section(self.summary, self.frames, name))

    def markdown(self) -> str:
        """Return the whole report as Markdown."""
        parts = (document.section(self.summary, self.frames, name) for name in document.section_names())
        return render_markdown.render(block for part in parts for block in part)

    def finish(self) -> Table:
        """Write alert rules and JUnit verdicts; the last cell of the notebook, by which its end is known."""
        written = [
            self.campaign.write("alerts/fireai.rules.yml", alerts.write()),
            self.campaign.write("junit.xml", junit.write(self.summary)),
        ]
        rows = tuple(
            (path.relative_to(self.campaign.directory).as_posix(), str(path.stat().st_size)) for path in written
        )
        return Table("written", "Written", ("File", "Bytes"), rows, "")


def opened(campaign_dir: Path | str | None) -> Report:
    """Judge a campaign, write its `summary.json`, and return it ready to be shown.

    Parameters
    ----------
    campaign_dir : path or None
        The campaign directory; None is refused with the remedy.
    """
    if campaign_dir is None:
        remedy = "name the directory of a campaign, such as runs/20260101-120000-smoke"
        raise ParamsError(f"{NOTEBOOK}.ipynb", "campaign_dir", "is not set", remedy)
    return _report(Campaign.open(Path(campaign_dir)), write_summary(campaign_dir))


def write_summary(campaign_dir: Path | str) -> Summary:
    """Judge a campaign from the `results.json` of its scenarios, write `summary.json`, and return it.

    Parameters
    ----------
    campaign_dir : path
        The campaign directory. A scenario without results counts as NOT MEASURED, with the reason.

    Raises
    ------
    BundleError
        Where the directory is no campaign, or a `results.json` cannot be read.
    """
    campaign = Campaign.open(Path(campaign_dir))
    summary = summary_of(campaign, {}, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    campaign.write("summary.json", json_bytes(summary.model_dump(mode="json", by_alias=True)))
    return summary


def summary_of(campaign: Campaign, results: Mapping[str, ScenarioResult], generated: str) -> Summary:
    """Return the judged campaign.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    results : mapping of str to ScenarioResult
        Results by scenario; of those that are not given `results.json` is read.
    generated : str
        Instant of judging, ISO 8601 UTC.
    """
    content = campaign.content()
    ordered = content.get("scenarios", ())
    return judge.summarize(
        campaign=content,
        results={name: results.get(name) or _result(campaign, name, name in ordered) for name in SCENARIO_NAMES},
        criteria=load_criteria(),
        files=_files(campaign),
        generated=generated,
    )


def build(campaign_dir: Path | str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write the report of a campaign from its evidence and return the files, the HTML report last.

    Parameters
    ----------
    campaign_dir : path
        The campaign directory.
    formats : sequence of str
        Of `html`, `pdf`, `markdown`; `summary.json`, `junit.xml` and the alert rules are always written, and what of
        the others is there already, so that all forms tell the same.

    Raises
    ------
    ParamsError
        Where a format is unknown; nothing was written.
    ReportError
        Where the notebook or an exporter failed.
    """
    for name in formats:
        if name not in FORMATS:
            raise ParamsError("--to", name, "unknown format", f"known: {', '.join(FORMATS)}")
    campaign = Campaign.open(Path(campaign_dir).absolute())
    notebook = _executed(campaign)
    writers: dict[str, Callable[[], tuple[str, bytes]]] = {
        "markdown": lambda: ("report.md", _report(campaign, _judged(campaign)).markdown().encode()),
        "pdf": lambda: ("report.pdf", exporters.pdf_document(notebook)),
        "html": lambda: ("report.html", exporters.html(notebook)),
    }
    written = [campaign.path("summary.json"), campaign.path("junit.xml"), campaign.path("alerts/fireai.rules.yml")]
    there = [name for name in FORMATS if campaign.path(f"report.{EXTENSIONS.get(name, name)}").is_file()]
    return written + [campaign.write(*write()) for name, write in writers.items() if name in (*formats, *there)]


def _report(campaign: Campaign, summary: Summary) -> Report:
    return Report(campaign, summary, {bundle.scenario: bundle.analyses() for bundle in campaign.bundles()})


def _judged(campaign: Campaign) -> Summary:
    """Return the summary that the notebook has just written."""
    return Summary.model_validate(read_json(campaign.path("summary.json")))


def _executed(campaign: Campaign) -> nbformat.NotebookNode:
    place = campaign.path("report.ipynb")
    batch.run_notebook(
        NOTEBOOK,
        {"campaign_dir": str(campaign.directory)},
        output_path=place,
        sentinel=campaign.path("junit.xml"),
    )
    notebook: nbformat.NotebookNode = nbformat.read(place, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def _result(campaign: Campaign, name: str, ordered: bool) -> ScenarioResult:
    path = campaign.path(f"{name}/results.json")
    recorded = (path.parent / "manifest.json").is_file()
    if path.is_file():
        result = _read_result(path)
        if recorded or result.state == "missing":
            return result
        lost = missing_result(name, f"{path.name} without a run to trace it to: manifest.json is gone")
        return lost.model_copy(update={"facts": {"ordered": ordered}})
    if recorded:
        manifest = RunBundle.open(path.parent).manifest
        return missing_result(manifest.spec, manifest.reason or "its notebook has not run", manifest.state)
    if not ordered:
        return missing_result(name, NOT_ASKED_FOR)
    return missing_result(name, "ordered, but left no run").model_copy(update={"facts": {"ordered": True}})


def _read_result(path: Path) -> ScenarioResult:
    try:
        result = ScenarioResult.model_validate(read_json(path))
    except ValidationError as error:
        problem = f"is not a result ({str(error).splitlines()[0]})"
        raise BundleError(path, problem, "run the notebook of the scenario again") from None
    if result.scenario != path.parent.name:
        raise BundleError(path, f"holds a result of {result.scenario!r}", "run the notebook of the scenario again")
    return result


def _files(campaign: Campaign) -> list[FileRecord]:
    """Return every file that the runs' manifests hash, and `campaign.json`."""
    found = [FileRecord(**entry.model_dump()) for entry in campaign.file_entries(["campaign.json"])]
    for bundle in campaign.bundles():
        found += [
            FileRecord(path=f"{bundle.scenario}/{entry.path}", bytes=entry.bytes, sha256=entry.sha256)
            for entry in bundle.manifest.files
        ]
    return found

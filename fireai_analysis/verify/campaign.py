"""A whole campaign verified: files, scale, figures, verdicts, and what the report says of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from fireai_analysis.bundle import read_json
from fireai_analysis.campaign import Campaign
from fireai_analysis.errors import BundleError
from fireai_analysis.publish.report import Report
from fireai_analysis.scenarios import SCENARIO_NAMES, load_criteria, load_scenario
from fireai_analysis.schemas import SCHEMA_VERSION
from fireai_analysis.spec import Criteria
from fireai_analysis.verify import (
    again,
    checks,
    files,
    generator,
    growth,
    journals,
    judging,
    page,
    reports,
    resources,
    rowless,
    scale,
    traffic,
    verdicts,
    writes,
)
from fireai_analysis.verify.evidence import Run, quotient
from fireai_analysis.verify.ledger import ABSENT, Difference, Ledger, flat, is_figure, look
from fireai_analysis.verify.requests import Requests
from fireai_analysis.verify.standing import counts, patterns, unproven
from fireai_analysis.verify.traffic import Figures

SUMMARY = "summary.json"
UNCHECKED = ("report.pdf", "report.ipynb", *(f"{name}/notebook.ipynb" for name in SCENARIO_NAMES))


class Progress(Protocol):
    """Tells a person how far the check is."""

    def show(self, name: str, phase: str, ratio: float | None, text: str) -> None:
        """Tell how far a part is; `ratio` runs from 0 to 1, None where it is unknown."""

    def end(self, name: str, text: str, *, ok: bool) -> None:
        """Tell that a part has ended, and how."""


@dataclass(frozen=True)
class Verification:
    """What came of checking a campaign.

    Attributes
    ----------
    files_count : int
        Files that a hash was held against.
    figures_count, recomputed_count : int
        Figures of `summary.json` (numbers, truth values, nulls, verdicts), and how many of them were recomputed.
    printed_count : int or None
        Figures of `report.html` that were read; None where there is no such report.
    not_recomputed, patterns : tuple of str
        Keys of the figures that were not recomputed; and these without scenario and place, with the name of checks.
    unchecked : tuple of str
        Files whose content was held against nothing.
    notes : tuple of str
        What is no difference, and a reader should know, such as a waiver that has expired since.
    unproven : tuple of str
        Criteria whose verdicts stand on checks or figures that were not recomputed, with their names.
    """

    campaign: str
    files_count: int
    figures_count: int
    recomputed_count: int
    printed_count: int | None
    differences: tuple[Difference, ...]
    not_recomputed: tuple[str, ...]
    patterns: tuple[str, ...]
    unchecked: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()


def verify(directory: Path, progress: Progress) -> Verification:
    """Check a campaign against its own evidence.

    Parameters
    ----------
    directory : pathlib.Path
        Campaign directory.
    progress : Progress
        Told how far it is.

    Raises
    ------
    BundleError
        Where the directory holds no judged campaign.
    """
    summary = _object(directory / SUMMARY)
    ledger, criteria = Ledger(), load_criteria()
    runs = dict(_runs(directory, ledger))
    count = _files(directory, summary, runs, ledger, progress)
    instant = judging.instant(summary, runs, ledger)
    known = {name: _known(name, runs.get(name), summary, criteria, ledger, progress) for name in SCENARIO_NAMES}
    corrected = summary
    with ledger.guarded("criteria", SUMMARY):
        corrected = _corrected(summary, known, _judge(known, summary, criteria, instant.date(), ledger))
    with ledger.guarded("environment", "campaign.json"):
        _campaign(directory, summary, runs, ledger)
    printed_count = _page(directory, corrected, ledger, progress)
    notes = [*judging.expired(criteria, summary), *judging.other_versions(summary), *judging.apart(runs)]
    notes += _again(directory, summary, instant, ledger, progress)
    figures = [key for key, value in flat(summary, "") if counts(key, value)]
    left = tuple(key for key in figures if key not in ledger.compared)
    standing: tuple[str, ...] = ()
    with ledger.guarded("criteria", SUMMARY):
        standing = tuple(unproven(summary, left))
    return Verification(
        campaign=str(summary.get("campaign", "")),
        files_count=count,
        figures_count=len(figures),
        recomputed_count=len(figures) - len(left),
        printed_count=printed_count,
        differences=tuple(ledger.differences),
        not_recomputed=left,
        patterns=patterns(left, summary),
        unchecked=tuple(name for name in UNCHECKED if (directory / name).is_file()),
        notes=tuple(notes),
        unproven=standing,
    )


def _files(directory: Path, summary: dict[str, Any], runs: dict[str, Run], ledger: Ledger, progress: Progress) -> int:
    manifests = {name: run.manifest for name, run in runs.items()}
    count = files.check(directory, summary, manifests, ledger, lambda done: progress.show("files", "hashing", done, ""))
    progress.end("files", f"{count:,} hashed", ok=not ledger.differences)
    return count


def _again(
    directory: Path, summary: dict[str, Any], instant: datetime, ledger: Ledger, progress: Progress
) -> tuple[str, ...]:
    """Analyse and judge the campaign again, and hold all words, and every form of the report, against that."""
    progress.show("words", "analysing again", None, "")
    before, notes = len(ledger.differences), tuple[str, ...]()
    with ledger.guarded("words", SUMMARY):
        found = again.analyse(directory, instant.date(), ledger)
        judged = again.hold(directory, summary, found, str(summary.get("generated")), ledger)
        notes = reports.hold(directory, Report(Campaign.open(directory), judged, found.frames), ledger)
    progress.end("words", "held against the rows", ok=len(ledger.differences) == before)
    return notes


def _object(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict):
        raise BundleError(path, "holds no object", "restore the file, or write it again: fireai report DIR")
    return content


def _runs(directory: Path, ledger: Ledger) -> Iterator[tuple[str, Run]]:
    for name in SCENARIO_NAMES:
        if not (directory / name).is_dir():
            continue
        try:
            run = Run.read(directory / name)
        except BundleError as error:
            ledger.differ(f"{name}/manifest.json", f"{name}/manifest.json", "a manifest", error.problem)
            continue
        if not all(isinstance(run.manifest["spec"].get(part), dict) for part in ("scenario", "full", "profile")):
            ledger.differ(f"{name}/manifest.json", f"{name}/manifest.json", "a manifest", "a run's specification")
            continue
        if run.scenario.get("name") != name:
            ledger.differ("spec.scenario.name", f"{name}/manifest.json", run.scenario.get("name"), name)
        yield name, run


# -- one scenario


def _known(
    name: str, run: Run | None, summary: dict[str, Any], criteria: Criteria, ledger: Ledger, progress: Progress
) -> verdicts.Known:
    """Return what is known of a scenario; nothing where its files hold what does not belong there."""
    known = verdicts.Known(name, {}, {}, {})
    with ledger.guarded(f"scenarios.{name}", f"{name}/manifest.json"):
        known = _scenario(name, run, summary, criteria, ledger, progress)
    return known


def _scenario(
    name: str, run: Run | None, summary: dict[str, Any], criteria: Criteria, ledger: Ledger, progress: Progress
) -> verdicts.Known:
    """Recompute a scenario, hold the figures against what is reported, and return what is known of it."""
    reported = look(summary, f"scenarios.{name}")
    reported = reported if isinstance(reported, dict) else {}
    if run is None or run.scenario.get("name") != name or run.table_is_empty("requests"):
        return rowless.hold(run, reported, ledger) if rowless.holds(run) else _absent(name, run, reported, ledger)
    progress.show(name, "recomputing", None, "")
    before = len(ledger.differences)
    with ledger.guarded("journal", f"{name}/journal"):
        journals.hold(run, ledger)
    scale.hold(run, ledger)
    limits = {one.id: one.limit for one in criteria.criteria}
    figures = _figures(run, limits, ledger)
    figures["error_budget_used_ratio"] = quotient(figures.get("error_ratio"), limits["error_rate"])
    figures["endpoints"] = _in_order_of(reported.get("endpoints"), figures.get("endpoints", []))
    if not run.parts("operations"):
        figures |= _nothing_of(reported.get("crdt"))
    answers = _answers(run, reported, ledger)
    figures |= {
        f"validity.{place}.ok": answers[one["check"]]
        for place, one in enumerate(reported.get("validity", ()))
        if one["check"] in answers
    }
    files.hold_results(run, reported, ledger)
    ledger.compare(SUMMARY, f"scenarios.{name}.", reported, figures)
    said = {str(one["check"]): one["ok"] for one in reported.get("validity", ())}
    wrong = len(ledger.differences) - before
    progress.end(name, f"{wrong:,} differences" if wrong else "as reported", ok=not wrong)
    return verdicts.Known(name, reported, figures, said | answers)


def _groups(run: Run, limits: dict[str, float]) -> tuple[tuple[str, Callable[[Requests], Figures]], ...]:
    """Return what recomputes the figures, each with the table it cannot do without."""
    return (
        ("manifest.json", lambda rows: scale.identity(run)),
        ("manifest.json", lambda rows: {"state": scale.state(run)}),
        ("requests", lambda rows: traffic.counts(rows)),
        ("requests", lambda rows: traffic.latency(run, rows, limits["p95_latency"])),
        ("requests", lambda rows: {"endpoints": traffic.endpoints(rows)}),
        ("samples/processes.parquet", lambda rows: resources.memory(run)),
        ("samples/go.parquet", lambda rows: resources.runtime(run)),
        ("samples/go.parquet", lambda rows: _growth(run, limits["go_memory"])),
        ("samples/pool.parquet", lambda rows: resources.pool_and_host(run)),
        ("samples/postgres_database.parquet", lambda rows: resources.database(run, traffic.connection_errors(rows))),
        ("samples/generator.parquet", lambda rows: generator.audit(run, rows)),
        ("operations", lambda rows: writes.figures(run)),
        ("samples/aurora.parquet", lambda rows: {} if run.parts("aurora") else {"capacity": None}),
    )


def _figures(run: Run, limits: dict[str, float], ledger: Ledger) -> Figures:
    """Recompute what can be; what the files do not allow is a difference of its own."""
    figures: Figures = {}
    rows = None
    with ledger.guarded("requests", f"{run.name}/requests"):
        rows = Requests.of(run)
    if rows is None:
        return figures
    for table, group in _groups(run, limits):
        with ledger.guarded(f"figures of {table}", f"{run.name}/{table}"):
            figures |= group(rows)
    return figures


def _growth(run: Run, limit_bytes: float) -> Figures:
    told = resources.marks(run)
    high_water = told["go.high_water_end_bytes"] or told["facts.go_sampled_peak_bytes"]
    return growth.figures(run, limit_bytes, high_water)


def _answers(run: Run, reported: dict[str, Any], ledger: Ledger) -> dict[str, bool | None]:
    answers: dict[str, bool | None] = {}
    with ledger.guarded("validity", f"{run.name}/samples"):
        rows = Requests.of(run)
        answers = {} if rows is None else checks.answers(run, rows)
    return answers


def _nothing_of(reported: Any) -> Figures:
    """Return the figures of a history that was not recorded: all that is reported must be null, empty or false."""
    return {
        f"crdt.{key}": False if key == "final_state_read" else [] if isinstance(value, list) else None
        for key, value in (reported or {}).items()
    }


def _in_order_of(reported: Any, figures: list[Figures]) -> list[Figures]:
    """Return the endpoints in the order in which they are reported; those that are not stand last."""
    names = ("method", "endpoint", "door")
    places = {tuple(one.get(name) for name in names): place for place, one in enumerate(reported or ())}
    return sorted(figures, key=lambda one: places.get(tuple(one[name] for name in names), len(places)))


def _absent(name: str, run: Run | None, reported: dict[str, Any], ledger: Ledger) -> verdicts.Known:
    """Hold that a scenario without rows reports nothing but what it was to be."""
    scenario = load_scenario(name)
    kept = ("scale", "facts", "peak_rate_rps", "warnings", "findings", "validity", "started_ns", "duration_s")
    said = {key: value for key, value in reported.items() if key not in kept}
    figures: Figures = {
        key: None
        for key, value in flat(said, "")
        if is_figure(value) and value is not False and key not in ("users_count", "rate_rps")
    }
    if run is None:
        figures |= {"state": "missing", "users_count": scenario.users, "rate_rps": scenario.rate_rps}
        figures |= {f"scale.{one}_ratio": 0.0 for one in ("duration", "users", "rate")}
    ledger.compare(SUMMARY, f"scenarios.{name}.", reported, figures)
    return verdicts.Known(name, reported, figures, {})


# -- the campaign


def _judge(
    known: dict[str, verdicts.Known], summary: dict[str, Any], criteria: Criteria, today: date, ledger: Ledger
) -> Figures:
    """Hold every verdict against the short table, and return what that says of the campaign."""
    for name, one in known.items():
        verdict = {"verdict": verdicts.of_scenario(one, criteria, today)}
        ledger.compare(SUMMARY, f"scenarios.{name}.", one.reported, verdict)
    judged = verdicts.of_campaign(known, criteria, today, 1)
    ledger.compare(SUMMARY, "", summary, judged)
    return judged


def _campaign(directory: Path, summary: dict[str, Any], runs: dict[str, Run], ledger: Ledger) -> None:
    """Hold what the campaign says of itself: its own file, and that its runs belong together."""
    content = _object(directory / "campaign.json") if (directory / "campaign.json").is_file() else {}
    own = {key: value for key, value in content.items() if key != "schema"}
    ledger.compare(SUMMARY, "", summary, {"environment": own, "profile": own.get("profile", "")})
    ledger.compare(SUMMARY, "", summary, {"campaign": own.get("campaign", ""), "schema": SCHEMA_VERSION})
    if look(summary, "environment.repeats_count") not in (ABSENT, 1):
        ledger.differ("environment.repeats_count", "campaign.json", own.get("repeats_count"), "one campaign is here")
    for name, run in runs.items():
        for key, told in (
            ("seed", run.manifest["spec"].get("seed")),
            ("profile", look(run.manifest, "spec.profile.name")),
        ):
            if key in own and told != own[key]:
                ledger.differ(f"spec.{key}", f"{name}/manifest.json", told, f"{own[key]} in campaign.json")


def _corrected(summary: dict[str, Any], known: dict[str, verdicts.Known], judged: Figures) -> dict[str, Any]:
    """Return the summary with the recomputed figures in place of those it reports."""
    found = copy.deepcopy(summary)
    for name, one in known.items():
        _put(found, f"scenarios.{name}.", one.figures)
    _put(found, "", judged)
    return found


def _put(content: dict[str, Any], prefix: str, figures: Mapping[str, Any]) -> None:
    for key, value in figures.items():
        parent, _, last = f"{prefix}{key}".rpartition(".")
        holder = look(content, parent)
        if isinstance(holder, dict) and last in holder:
            holder[last] = value


def _page(directory: Path, summary: dict[str, Any], ledger: Ledger, progress: Progress) -> int | None:
    """Hold the figures of the page by their keys, and return how many were read."""
    progress.show("report", "reading", None, page.FILE)
    before, count = len(ledger.differences), None
    with ledger.guarded(page.FILE, page.FILE):
        text = reports.read_text(directory / page.FILE)
        count = None if text is None else page.hold(text, summary, ledger)
    progress.end("report", f"{count or 0:,} figures read", ok=len(ledger.differences) == before)
    return count

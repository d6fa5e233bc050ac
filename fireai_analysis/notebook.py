"""What the cells of notebooks 01 to 04 call: one call a cell, one table or figure out.

Order of presentation only; figures come from `analyze`, `diagnose` and `judge`, pictures from `tables` and `plots`.
Every call can be repeated: nothing changes on disk before `finish`, and `finish` writes the same again.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
from IPython import get_ipython

from fireai_analysis import plots, tables
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes
from fireai_analysis.collect import session
from fireai_analysis.errors import ParamsError
from fireai_analysis.ingest.opening import open_foreign
from fireai_analysis.judge import judge_one, judged, waived
from fireai_analysis.plots import Figure
from fireai_analysis.readings import qualifier
from fireai_analysis.results import CriterionResult, ScenarioResult
from fireai_analysis.scenarios import SCENARIO_NAMES, SELECTORS, load_criteria, suggestion
from fireai_analysis.spec import Criteria, Criterion
from fireai_analysis.tables import Table
from fireai_analysis.units import Limits, number_text

MODES = ("run", "open", "ingest")
INJECTED = "# Parameters\n"  # how papermill begins the cell that it puts in


@dataclass(frozen=True)
class RunAnalysis:
    """One analysed run: where it lies, what was found, and the derived tables."""

    bundle: RunBundle
    criteria: Criteria
    result: ScenarioResult
    tables: Mapping[str, pd.DataFrame]

    @property
    def limits(self) -> Limits:
        """Limits by criterion, each in its own unit."""
        return {criterion.id: criterion.limit for criterion in self.criteria.criteria}

    def limit(self, criterion_id: str) -> float | None:
        """Return the limit of a criterion where it binds this scenario, in the criterion's unit."""
        for criterion in self.criteria.criteria:
            if criterion.id == criterion_id and criterion.scenario in ("all", self.result.scenario):
                return criterion.limit
        return None


def open_run(**selectors: Any) -> RunBundle:
    """Return the run that the selectors name: recorded now (`run`), on disk (`open`), or of another tool (`ingest`).

    Parameters
    ----------
    **selectors
        The notebook's parameters: scenario, profile, target, mode, source, campaign_dir, seed.

    Raises
    ------
    ParamsError
        Where papermill put in a parameter that no notebook has, or a selector has a value that cannot be.
    """
    shell = get_ipython()
    check_injected(shell.user_ns.get("In", ()) if shell is not None else ())
    check_selectors(selectors)
    if selectors["mode"] == "ingest":
        return open_foreign(selectors["scenario"], selectors["source"], selectors["campaign_dir"])
    return session.open_run(**selectors)


def check_injected(sources: Iterable[str]) -> None:
    r"""Refuse a parameter that papermill put in although the notebook does not declare it (papermill only logs it).

    Parameters
    ----------
    sources : iterable of str
        Source of the cells that ran so far.

    Examples
    --------
    >>> check_injected(["# Parameters\nseed = 3\n"])
    """
    for source in sources:
        for name in _assigned(source) if source.startswith(INJECTED) else ():
            if name not in SELECTORS:
                raise ParamsError("papermill", name, "unknown parameter", suggestion(name, SELECTORS))


def check_selectors(selectors: Mapping[str, Any]) -> None:
    """Refuse selectors that are missing, unknown, or cannot be.

    Examples
    --------
    >>> check_selectors(dict(zip(SELECTORS, ("peak", "smoke", "embedded", "open", "x", None, 1), strict=True)))
    """
    for name in selectors:
        if name not in SELECTORS:
            raise ParamsError("notebook", name, "unknown parameter", suggestion(name, SELECTORS))
    for name in SELECTORS:
        if name not in selectors:
            raise ParamsError("notebook", name, "is missing", "run the parameters cell first")
    for name, known in (("scenario", SCENARIO_NAMES), ("mode", MODES)):
        if selectors[name] not in known:
            problem = f"unknown {name} {selectors[name]!r}"
            raise ParamsError("notebook", name, problem, suggestion(str(selectors[name]), known))
    seed = selectors["seed"]
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ParamsError("notebook", "seed", f"found {seed!r}", "give a whole number from 0 up")


def analyze(bundle: RunBundle) -> RunAnalysis:
    """Return the analysed run: every figure that its rows and samples give."""
    criteria = load_criteria()
    analysis = analyze_run(RunData.from_bundle(bundle), criteria)
    return RunAnalysis(bundle, criteria, judged(analysis.result, criteria, _today()), analysis.tables)


# -- tables


def overview(run: RunAnalysis) -> Table:
    """Show what ran, how much of the ticket it was, and what came of it."""
    return tables.overview(run.result, run.limits)


def origin(run: RunAnalysis) -> Table | None:
    """Show which files of another tool the run was read from; nothing for a run of our own."""
    return tables.origin(run.result)


def quality(run: RunAnalysis) -> Table:
    """Show whether the figures can be trusted: the checks of the validity gate."""
    return tables.validity(run.result)


def generator(run: RunAnalysis) -> Table:
    """Show whether the load generator kept up, and what it adds to the latencies by itself."""
    return tables.generator(run.result)


def percentiles(run: RunAnalysis) -> Table:
    """Show response time against service time."""
    return tables.percentiles(run.result, run.limits)


def latency_by_endpoint(run: RunAnalysis) -> Table:
    """Show latency of each endpoint at each door."""
    return tables.latency_by_endpoint(run.result, run.limits)


def errors(run: RunAnalysis) -> Table:
    """Show answers by status and errors by text."""
    return tables.errors(run.result, run.limits)


def memory(run: RunAnalysis) -> Table:
    """Show resident set and live heap of the Go service."""
    return tables.memory(run.result, run.limits)


def garbage_collection(run: RunAnalysis) -> Table:
    """Show garbage collection and goroutines of the Go service."""
    return tables.garbage_collection(run.result)


def pool(run: RunAnalysis) -> Table:
    """Show the connection pool of the Go service and the connections of the database."""
    return tables.pool(run.result)


def statements(run: RunAnalysis) -> Table:
    """Show the statements that took most of the database's time."""
    return tables.statements(run.result)


def waits(run: RunAnalysis) -> Table:
    """Show what sessions of the database waited for."""
    return tables.waits(run.result)


def stability(run: RunAnalysis) -> Table:
    """Show what tells whether the platform stays up."""
    return tables.stability(run.result)


def judged_latency(run: RunAnalysis) -> Table:
    """Show what the latency criterion is judged on."""
    return tables.judged_latency(run.result, run.limits)


def burst(run: RunAnalysis) -> Table:
    """Show what the burst did: dropped requests, and capacity where it was observed."""
    return tables.burst(run.result)


def crdt(run: RunAnalysis) -> Table:
    """Show acknowledged against surviving writes."""
    return tables.crdt(run.result)


def crdt_history(run: RunAnalysis) -> Table:
    """Show everything that the checker of the history counted."""
    return tables.crdt_history(run.result)


def crdt_counterexample(run: RunAnalysis) -> Table | None:
    """Show the events of the smallest history that proves the gravest violation; nothing where there is none."""
    return tables.crdt_counterexample(run.result)


def findings(run: RunAnalysis) -> Table:
    """Show what the evidence points at, and what to do."""
    return tables.findings(run.result)


# -- figures


def latency_over_time(run: RunAnalysis) -> Figure:
    """Draw p50, p95 and p99 of each window, with the limit where it binds this scenario."""
    return plots.latency_over_time(run.tables, run.result, limit_ms=run.limit("p95_latency"))


def latency_distribution(run: RunAnalysis) -> Figure:
    """Draw response time by percentile, down to the tail."""
    return plots.latency_distribution(run.tables, run.result, limit_ms=run.limit("p95_latency"))


def throughput(run: RunAnalysis) -> Figure:
    """Draw requests offered, achieved and failed."""
    return plots.throughput(run.tables, run.result)


def memory_growth(run: RunAnalysis) -> Figure:
    """Draw memory of the Go service, with its limit."""
    return plots.memory_growth(run.tables, run.result, limit_bytes=run.limit("go_memory"))


def bottleneck_breakdown(run: RunAnalysis) -> Figure:
    """Draw the shares of the slow tail by part of the platform."""
    return plots.bottleneck_breakdown(run.tables, run.result)


def pool_use(run: RunAnalysis) -> Figure:
    """Draw connections in use of the pool."""
    return plots.pool_use(run.tables, run.result)


def host_load(run: RunAnalysis) -> Figure:
    """Draw CPU and memory of the host."""
    return plots.host_load(run.tables, run.result)


def generator_audit(run: RunAnalysis) -> Figure:
    """Draw lags, CPU and requests in flight of the load generator."""
    return plots.generator_audit(run.tables, run.result)


def crdt_waves(run: RunAnalysis) -> Figure:
    """Draw what became of the writes of each wave."""
    return plots.crdt_waves(run.tables, run.result)


def crdt_timeline(run: RunAnalysis) -> Figure | None:
    """Draw the smallest history that proves the gravest violation; nothing where there is none."""
    return plots.crdt_counterexample(run.tables, run.result)


# -- the end


def verdict(run: RunAnalysis) -> Table:
    """Show the verdict of each criterion that binds this scenario, from this run alone."""
    bound = [one for one in run.criteria.criteria if one.scenario in ("all", run.result.scenario)]
    return tables.criteria([_judged_alone(run, one) for one in bound], table_id=f"{run.result.scenario}-verdict")


def _judged_alone(run: RunAnalysis, criterion: Criterion) -> CriterionResult:
    judgement = waived(judge_one(criterion, run.result), criterion, run.criteria.waivers, _today())
    named = criterion.model_dump(include={"id", "title", "limit", "unit", "bound", "counted"})
    return CriterionResult(
        **named,
        scenario=run.result.scenario,
        actual=judgement.actual,
        qualifier=qualifier(criterion, {run.result.scenario: run.result}),
        interval=judgement.interval,
        verdict=judgement.verdict,
        reason=judgement.reason,
        reasons=judgement.reasons,
        evidence=judgement.evidence or "none",
    )


def _today() -> date:
    return datetime.now(UTC).date()


def finish(run: RunAnalysis) -> Table:
    """Write the derived tables, `results.json`, the state, the hashes and the sentinel; return what was written.

    Only a recorded run becomes `analyzed`: one that was aborted or salvaged stays so, and can hold no PASSED.
    """
    bundle = run.bundle
    state = "analyzed" if bundle.manifest.state in ("recorded", "analyzed") else bundle.manifest.state
    result = run.result.model_copy(update={"state": state})
    for name, frame in run.tables.items():
        bundle.write_analysis(name, frame)
    atomic_write(bundle.results_path, json_bytes(result.model_dump(mode="json")))
    bundle.update(state=state)
    ended = {"scenario": result.scenario, "state": state, "verdict": result.verdict}
    atomic_write(bundle.sentinel_path, json_bytes(ended))
    bundle.seal()
    written = [(f"analysis/{name}.parquet", number_text(len(frame), 0)) for name, frame in run.tables.items()]
    return Table(
        id=f"{result.scenario}-written",
        title="Written",
        columns=("File", "Rows"),
        rows=(*written, (bundle.results_path.name, "–")),
        note=f"The run is {state}; its files are hashed in the manifest.",
    )


def _assigned(source: str) -> list[str]:
    names: list[str] = []
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        names += [target.id for target in targets if isinstance(target, ast.Name)]
    return names

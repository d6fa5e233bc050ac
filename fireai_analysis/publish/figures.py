"""Which figure and which table a directive of the skeleton stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from fireai_analysis import plots, tables
from fireai_analysis.narrative import words
from fireai_analysis.publish.source import limits
from fireai_analysis.results import ScenarioResult, Summary

Frames = Mapping[str, Mapping[str, pd.DataFrame]]
Draw = Callable[[Mapping[str, pd.DataFrame], ScenarioResult], plots.Figure]

TABLES: dict[str, Callable[[ScenarioResult], tables.Table | None]] = {
    "origin": tables.origin,
    "validity": tables.open_checks,
    "statements": tables.statements,
    "generator": lambda result: None if result.origin else tables.generator(result),
    "crdt_history": tables.crdt_history,
    "crdt_counterexample": tables.crdt_counterexample,
}
BY_ENDPOINT = "latency_by_endpoint"


def figure(summary: Summary, frames: Frames, name: str) -> plots.Figure | None:
    """Return the figure `<scenario>.<kind>`; where the run left nothing it says so.

    A counterexample is drawn only where there is one, else None; so is a scenario that was not part of the campaign.

    Parameters
    ----------
    summary : Summary
        Figures and limits for the words and lines.
    frames : mapping of str to mapping of str to frame
        Derived tables of each scenario, by scenario and table.
    name : str
        Such as `peak.latency_over_time`.
    """
    scenario, _, kind = name.partition(".")
    result = summary.scenarios.get(scenario)
    if result is not None and not words.asked_for(result):
        return None
    if kind == "crdt_counterexample":
        return None if result is None else plots.crdt_counterexample(frames.get(scenario, {}), result)
    if result is None or not words.ran(result):
        title = f"{words.title(scenario)}: {kind.replace('_', ' ')}"
        reason = "the scenario was not run" if result is None else result.reason
        return plots.not_measured(f"{scenario}-{kind.replace('_', '-')}", title, reason)
    return _drawing(summary, scenario, kind)(frames.get(scenario, {}), result)


def table(summary: Summary, name: str) -> tables.Table | None:
    """Return the table `<scenario>.<kind>`, or None where the scenario was left out or has no such table."""
    scenario, _, kind = name.partition(".")
    result = summary.scenarios.get(scenario)
    if result is None or not words.asked_for(result):
        return None
    return tables.latency_by_endpoint(result, limits(summary)) if kind == BY_ENDPOINT else TABLES[kind](result)


def _drawing(summary: Summary, scenario: str, kind: str) -> Draw:
    criteria = {entry.id: entry for entry in summary.criteria}
    latency, memory = criteria.get("p95_latency"), criteria.get("go_memory")
    limit_ms = latency.limit if latency is not None and latency.scenario == scenario else None
    drawings: dict[str, Draw] = {
        "latency_over_time": partial(plots.latency_over_time, limit_ms=limit_ms),
        "latency_distribution": partial(plots.latency_distribution, limit_ms=limit_ms),
        "throughput": plots.throughput,
        "memory_growth": partial(plots.memory_growth, limit_bytes=None if memory is None else memory.limit),
        "bottleneck_breakdown": plots.bottleneck_breakdown,
        "crdt_waves": plots.crdt_waves,
        "pool_use": plots.pool_use,
        "host_load": plots.host_load,
        "generator_audit": plots.generator_audit,
    }
    return drawings[kind]

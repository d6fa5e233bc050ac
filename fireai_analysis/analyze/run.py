"""One run, all figures: from recorded data to a result and its tables. Nothing is judged here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from fireai_analysis.analyze import (
    convergence,
    database,
    delay,
    foreign,
    generator,
    go_runtime,
    growth,
    latency,
    layers,
    memory,
    resources,
    throughput,
)
from fireai_analysis.analyze.columns import ratio
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.leak import Leak
from fireai_analysis.analyze.missing import missing_result
from fireai_analysis.analyze.population import Rows
from fireai_analysis.analyze.steady_state import Steady
from fireai_analysis.analyze.validity import gate
from fireai_analysis.analyze.validity.foreign import gate as foreign_gate
from fireai_analysis.rates import lowest_rps
from fireai_analysis.results import Check, GeneratorAudit, ScenarioResult
from fireai_analysis.spec import Criteria

NOT_JUDGED = "figures only; the verdict is made by the judge"


@dataclass(frozen=True)
class Analysis:
    """The figures of one run.

    Attributes
    ----------
    result : ScenarioResult
        What `results.json` holds.
    tables : dict of str to pandas.DataFrame
        Derived tables by name, units in the column names.
    """

    result: ScenarioResult
    tables: dict[str, pd.DataFrame]


def limit_of(criteria: Criteria, criterion_id: str) -> float:
    """Return the limit of a criterion, infinite where there is no such criterion."""
    return next((one.limit for one in criteria.criteria if one.id == criterion_id), float("inf"))


def analyze_run(data: RunData, criteria: Criteria) -> Analysis:
    """Return all figures of a run.

    Parameters
    ----------
    data : RunData
        What was recorded.
    criteria : Criteria
        Their limits enter two figures: the share answered within the latency limit, and the leak's forecast.

    Returns
    -------
    Analysis
        Its result carries no verdict yet: `judge.judged` adds findings and verdict.
    """
    window = data.window
    if window is None or data.requests.empty:
        return _of_totals(data, criteria) if foreign.tells(data) else _without_rows(data)
    spec = data.manifest.spec
    rows = Rows(data.requests, window, spec.scenario.load_model, foreign=spec.origin is not None)
    found = latency.measure(
        rows,
        limit_ms=limit_of(criteria, "p95_latency"),
        no_answer_ms=spec.target.request_timeout_s * 1000,
    )
    traffic, converged = throughput.measure(rows), convergence.measure(data)
    layers_found = layers.measure(rows, found.steady.cut_s)
    checks, endpoints = _checks(data, rows, found.steady), latency.endpoints(rows)
    result = ScenarioResult(
        **_identity(data),
        **_traffic_fields(traffic),
        error_budget_used_ratio=ratio(traffic.error_ratio, limit_of(criteria, "error_rate")),
        judged_count=found.judged_count,
        within_limit_ratio=found.within_limit_ratio,
        warm_up_s=found.steady.cut_s,
        response_ms=found.response,
        service_ms=found.service,
        response_p95=found.p95,
        delay=delay.measure(rows, found.response, found.service, _known_users(data)),
        endpoints=endpoints,
        **_resources(data, traffic.connection_errors_count, limit_of(criteria, "go_memory")),
        layers_ms=layers_found,
        crdt=converged.crdt,
        generator=GeneratorAudit() if _known_users(data) is None else generator.audit(data, rows),
        validity=checks,
        warnings=(*found.warnings, *converged.warnings, *_more_warnings(data, rows)),
    )
    tables = {
        "latency_windows": latency.windows(rows, spec.scenario.rate_rps),
        "latency_quantiles": latency.tail(rows, found.steady.cut_s),
        "throughput_windows": throughput.windows(rows, spec.scenario.rate_rps),
        "layers": layers.table(layers_found),
        "generator_curve": generator.curve(data),
        "crdt_waves": converged.waves,
    }
    return Analysis(result, tables | _tables(data, result))


def _of_totals(data: RunData, criteria: Criteria) -> Analysis:
    """Return the figures of a run of another tool that tells totals and not its requests."""
    origin = data.manifest.spec.origin
    told = {} if origin is None else foreign.fields(data, origin)
    resources_found = _resources(data, None, limit_of(criteria, "go_memory"))
    budget = ratio(told.get("error_ratio"), limit_of(criteria, "error_rate"))
    result = ScenarioResult(**_identity(data) | resources_found | told, error_budget_used_ratio=budget)
    return Analysis(result, _tables(data, result))


def _resources(data: RunData, connection_errors_count: int | None, limit_bytes: float) -> dict[str, Any]:
    """Return what samples tell of memory, runtime, pool, database and host, and the facts."""
    leak, mark = memory.leak(data), memory.high_water(data)
    return {
        "memory_mib": memory.resident_set(data),
        "live_heap_mib": memory.live_heap(data, leak),
        "growth": growth.measure(data, leak, limit_bytes=limit_bytes),
        "go": go_runtime.measure(data, mark),
        "processes_peak_mib": memory.peaks_mib(data),
        "hotspots": _hotspots(data),
        "connections": database.connections(data, connection_errors_count),
        "pool": resources.pool(data),
        "database": database.measure(data),
        "host": resources.host(data),
        "facts": _facts(data, mark, leak, limit_bytes),
    }


def _tables(data: RunData, result: ScenarioResult) -> dict[str, pd.DataFrame]:
    """Return the derived tables that need no rows."""
    return {
        "memory_curve": memory.curve(data),
        "endpoints": latency.endpoint_table(result.endpoints),
        "statements": database.statement_table(result.database),
        "waits": database.wait_table(result.database),
        "validity": validity_table(result.validity),
        "pool_curve": resources.pool_curve(data),
        "host_curve": resources.host_curve(data),
    }


def _identity(data: RunData) -> dict[str, Any]:
    """Return what a run is: the fields that exist whether or not a request was recorded."""
    scenario, window, state = data.manifest.spec.scenario, data.window, data.manifest.state
    origin = data.manifest.spec.origin
    return {
        "scenario": scenario.name,
        "state": "analyzed" if state == "recorded" else state,
        "verdict": "INCONCLUSIVE",
        "reason": NOT_JUDGED,
        "scale": data.scale,
        "started_ns": window.started_ns if window else None,
        "duration_s": origin.duration_s if origin else (window.duration_s if window else None),
        "users_count": scenario.users if origin is None else origin.users_count,
        "rate_rps": scenario.rate_rps if origin is None else origin.rate_rps,
        "peak_rate_rps": scenario.peak_rate_rps if origin is None else None,
        "lowest_rate_rps": None if origin else (lowest_rps(scenario.curve) if scenario.curve else scenario.rate_rps),
        "load_model": scenario.load_model,
        "origin": origin,
    }


def _checks(data: RunData, rows: Rows, steady: Steady) -> tuple[Check, ...]:
    origin = data.manifest.spec.origin
    return gate(data, rows, steady) if origin is None else foreign_gate(data, rows, steady, origin)


def _known_users(data: RunData) -> int | None:
    """Return the users of the scenario; None where another tool does not tell when requests were due."""
    spec = data.manifest.spec
    return None if spec.origin is not None and not spec.origin.intended_times else spec.scenario.users


def _traffic_fields(traffic: throughput.Traffic) -> dict[str, Any]:
    return {
        "requests_count": traffic.requests_count,
        "sent_count": traffic.sent_count,
        "failures_count": traffic.failures_count,
        "timeouts_count": traffic.timeouts_count,
        "never_sent_count": traffic.never_sent_count,
        "error_ratio": traffic.error_ratio,
        "error_interval": traffic.error_interval,
        "worst_minute_error_ratio": traffic.worst_minute_ratio,
        "statuses": traffic.statuses,
        "errors": traffic.errors,
        "offered_rps": traffic.offered_rps,
        "achieved_rps": traffic.achieved_rps,
    }


def _facts(data: RunData, mark: memory.HighWater, leak: Leak, limit_bytes: float) -> dict[str, Any]:
    """Return the manifest's facts with what the judge needs beside the figures."""
    high_water = mark.end_bytes or mark.sampled_bytes
    days = leak.days_to(limit_bytes, high_water) if high_water else None
    return data.manifest.facts | {
        "seed": data.manifest.spec.seed,
        "planned_duration_s": data.manifest.spec.scenario.duration_s,
        "full_duration_s": data.manifest.spec.full.duration_s,
        "full_users_count": data.manifest.spec.full.users,
        "full_rate_rps": data.manifest.spec.full.rate_rps,
        "go_sampled_peak_bytes": mark.sampled_bytes,
        "go_process_started_ns": mark.process_started_ns,
        "leak_label": leak.label,
        "leak_days_to_limit": days,
    }


def _hotspots(data: RunData) -> tuple[str, ...]:
    found = data.manifest.facts.get("hotspots")
    return tuple(str(one) for one in found) if isinstance(found, list | tuple) else ()


def _more_warnings(data: RunData, rows: Rows) -> list[str]:
    warnings = (
        [f"the run is {data.manifest.state}"] if data.manifest.state in ("aborted", "crashed", "salvaged") else []
    )
    warnings += _preflight_warnings(data)
    warnings += list(data.manifest.spec.origin.notes) if data.manifest.spec.origin else []
    if overrun := layers.overruns_count(rows):
        warnings.append(f"{overrun} answers tell more server time than passed")
    gaps = data.sample("gaps")
    if gaps is not None:
        names = sorted({str(name) for name in gaps["sampler"]})
        warnings.append(f"samplers lost their source for a while: {', '.join(names)}")
    return warnings


def _preflight_warnings(data: RunData) -> list[str]:
    """Return what was to be looked at before the run, and did not keep it from beginning."""
    found = data.manifest.facts.get("preflight")
    checks = [one for one in found if isinstance(one, dict)] if isinstance(found, list | tuple) else []
    return [
        f"before the run: {one.get('check')}: {one.get('detail')}" for one in checks if one.get("verdict") == "warn"
    ]


def validity_table(checks: tuple[Check, ...]) -> pd.DataFrame:
    """Return the validity gate as a table: check, ok (null where there is no evidence), detail."""
    frame = pd.DataFrame([one.model_dump() for one in checks], columns=["check", "ok", "detail"])
    return frame.astype({"ok": "boolean"})


def _without_rows(data: RunData) -> Analysis:
    """Return the result of a run that recorded no request: nothing is measured."""
    reason = data.manifest.reason or "no request was recorded"
    blank = missing_result(data.manifest.spec, reason)
    result = blank.model_copy(update=_identity(data) | {"verdict": "NOT MEASURED", "reason": blank.reason})
    return Analysis(result.model_copy(update={"facts": data.manifest.facts | blank.facts}), {})

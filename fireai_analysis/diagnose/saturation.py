"""Findings about resources that are used up."""

from __future__ import annotations

from fireai_analysis.results import Finding, ScenarioResult
from fireai_analysis.units import bytes_text, number_text, percent_text

CPU_RATIO = 0.80
WAITED_RATIO = 0.01
LOCK_SESSIONS = 0.2
GC_RATIO = 0.10
NEAR_LIMIT_RATIO = 0.8


def findings(result: ScenarioResult, memory_limit_bytes: float) -> list[Finding]:
    """Return what is saturated. A resource that was not sampled gives no finding, not a clean bill."""
    found = (_cpu(result), _pool(result), _locks(result), _collector(result))
    return [one for one in (*found, _memory(result, memory_limit_bytes)) if one]


def _cpu(result: ScenarioResult) -> Finding | None:
    mean = result.host.cpu_mean_ratio
    if mean is None or mean <= CPU_RATIO:
        return None
    steal = result.host.steal_mean_ratio
    return Finding(
        id="host_cpu",
        title="Slow answers associated with a host whose processors are used up",
        layer="infrastructure",
        confidence="MEDIUM",
        evidence=(
            f"CPU {percent_text(mean)} % on average, {percent_text(result.host.cpu_peak_ratio)} % at most",
            f"steal {percent_text(steal)} %" if steal is not None else "steal not measured",
        ),
        recommendation="host: give the platform processors of its own, apart from the load generator",
        priority="P1",
    )


def _pool(result: ScenarioResult) -> Finding | None:
    pool = result.pool
    waited, total, peak = pool.waited_acquires_count, pool.acquires_count, pool.peak_utilization_ratio
    if not waited or not total or peak is None or peak < 1 or waited / total < WAITED_RATIO:
        return None
    return Finding(
        id="pool_exhausted",
        title="Waits associated with an exhausted connection pool",
        layer="database",
        confidence="HIGH",
        evidence=(
            f"all {pool.max_count} connections were in use",
            f"{waited:,} of {total:,} acquisitions waited, mean wait {number_text(pool.mean_wait_ms, 2, 'ms')}",
        ),
        recommendation="Go service, pgxpool MaxConns: shorten the time a connection is held, then raise the size",
        priority="P1",
    )


def _locks(result: ScenarioResult) -> Finding | None:
    locks = [wait for wait in result.database.waits if wait.event.startswith("Lock:")]
    sessions = sum(wait.sessions_mean for wait in locks)
    if sessions < LOCK_SESSIONS:
        return None
    events = ", ".join(f"{wait.event} {wait.sessions_mean:.2f}" for wait in locks)
    return Finding(
        id="lock_waits",
        title="Waits associated with locks on the same rows",
        layer="database",
        confidence="MEDIUM",
        evidence=(
            f"{sessions:.2f} sessions waited for a lock on average ({events})",
            f"{number_text(result.database.lock_waits_count, 0)} waits seen",
        ),
        recommendation="PostgreSQL: shorten the transactions that update the same row, or write to rows of their own",
        priority="P2",
    )


def _collector(result: ScenarioResult) -> Finding | None:
    ratio = result.go.gc_cpu_ratio
    if ratio is None or ratio <= GC_RATIO:
        return None
    return Finding(
        id="gc_pressure",
        title="CPU of the Go service associated with garbage collection",
        layer="application",
        confidence="MEDIUM",
        evidence=(
            f"{percent_text(ratio)} % of its CPU, {number_text(result.go.gc_per_min, 1)} collections a minute",
            f"p99 of pauses {number_text(result.go.gc_pause_ms.p99, 2, 'ms')}",
        ),
        recommendation="Go service, GOGC or GOMEMLIMIT: allocate less a request, then raise the collection target",
        priority="P2",
    )


def _memory(result: ScenarioResult, limit_bytes: float) -> Finding | None:
    mark = result.go.high_water_end_bytes
    if mark is None or mark < NEAR_LIMIT_RATIO * limit_bytes:
        return None
    return Finding(
        id="go_memory_near_limit",
        title="Memory of the Go service near or over its limit",
        layer="application",
        confidence="HIGH",
        evidence=(
            f"high-water mark {bytes_text(mark, limit_bytes)} of {bytes_text(limit_bytes, limit_bytes)}",
            f"live heap at most {number_text(result.live_heap_mib.peak, 1, 'MiB')}",
        ),
        recommendation="Go service, GOMEMLIMIT: set it below the limit and take a heap profile at the peak",
        priority="P0" if mark >= limit_bytes else "P1",
    )

"""Findings about the slow tail: which part of a request it is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import shorten

from fireai_analysis.results import Confidence, Finding, ScenarioResult
from fireai_analysis.units import number_text, percent_text

SMALLEST_SHARE, MEDIUM_SHARE, HIGH_SHARE = 0.10, 0.30, 0.50
MANY_REQUESTS = 1_000
SLOW_RATIO = 0.5
MOST_TEXT = 160


@dataclass(frozen=True)
class Part:
    """A part of a request: its name, the layer it belongs to, what to do where it makes the tail too slow."""

    title: str
    layer: str
    advice: str


PARTS = {
    "db": Part(
        "database statements",
        "database",
        "PostgreSQL: look at the statement with the largest total time with EXPLAIN (ANALYZE, BUFFERS), and index or "
        "shorten it",
    ),
    "pool": Part(
        "waiting for a connection of the pool",
        "database",
        "Go service, pgxpool MaxConns: shorten the time a connection is held, then raise the size",
    ),
    "go": Part("the Go service's own work", "application", "Go service: take a CPU profile under this load (pprof)"),
    "app": Part("FastAPI's own work", "application", "FastAPI service: take a profile under this load; add workers"),
    "validation": Part(
        "schema validation", "application", "FastAPI service: compile the JSON Schema once, or validate less deeply"
    ),
    "crdt": Part("the CRDT merge", "application", "Go service, CRDT merge: make the document per session smaller"),
    "client and network": Part(
        "client and network", "infrastructure", "network: compare with a generator on the host of the service"
    ),
    "generator wait": Part(
        "waiting in the generator",
        "generator",
        "generator: give it a machine of its own; this share is no time of the platform, and tells nothing of the rest",
    ),
}


def findings(result: ScenarioResult, limit_ms: float) -> list[Finding]:
    """Return a finding for each part that takes a tenth or more of the slow tail, largest first.

    A recommendation is attached only where the p95 is over half its limit: a fast tail also has a largest part.
    """
    shares = {name: layer.share_of_tail_ratio for name, layer in result.layers_ms.items()}
    large = [(share, name) for name, share in shares.items() if share is not None and share >= SMALLEST_SHARE]
    slow = _is_slow(result, limit_ms)
    return [_finding(result, name, share, advise=slow) for share, name in sorted(large, reverse=True)]


def _is_slow(result: ScenarioResult, limit_ms: float) -> bool:
    p95 = result.response_p95
    return p95 is not None and (p95.infinite or (p95.value is not None and p95.value > SLOW_RATIO * limit_ms))


def _finding(result: ScenarioResult, name: str, share: float, *, advise: bool) -> Finding:
    part = PARTS.get(name, Part(name, "application", ""))
    layer = result.layers_ms[name]
    more = EVIDENCE.get(name, _nothing)(result)
    advise = advise and bool(part.advice) and share >= MEDIUM_SHARE
    return Finding(
        id=f"tail_{name.replace(' ', '_')}",
        title=f"Slow tail associated with {part.title}",
        layer=part.layer,
        share_of_tail_ratio=share,
        confidence=_confidence(result, share),
        evidence=(
            f"{percent_text(share)} % of the time of the requests between p90 and p99",
            f"mean {number_text(layer.mean, 1, 'ms')}, p95 {number_text(layer.p95, 1, 'ms')} a request",
            *more,
        ),
        recommendation=part.advice if advise else None,
        priority="P1" if advise else None,
    )


def _confidence(result: ScenarioResult, share: float) -> Confidence:
    if (result.judged_count or 0) < MANY_REQUESTS or share < MEDIUM_SHARE:
        return "LOW"
    return "HIGH" if share >= HIGH_SHARE else "MEDIUM"


def _nothing(result: ScenarioResult) -> list[str]:
    return []


def _database(result: ScenarioResult) -> list[str]:
    found = []
    for one in result.database.statements[:1]:
        words = f"{number_text(one.total_ms, 0, 'ms')} in {one.calls_count:,} calls"
        query = shorten(one.query, MOST_TEXT, placeholder="\N{HORIZONTAL ELLIPSIS}")
        found.append(f"largest statement, {words}: {query}")
    waits = [wait for wait in result.database.waits if wait.event != "CPU"]
    found += [f"largest wait {wait.event}: {wait.sessions_mean:.2f} sessions on average" for wait in waits[:1]]
    if result.database.cache_hit_ratio is not None:
        found.append(f"cache hits {percent_text(result.database.cache_hit_ratio)} %")
    return found


def _pool(result: ScenarioResult) -> list[str]:
    pool = result.pool
    if pool.acquires_count is None:
        return []
    return [
        f"{number_text(pool.waited_acquires_count, 0)} of {pool.acquires_count:,} acquisitions waited, "
        f"mean wait {number_text(pool.mean_wait_ms, 2, 'ms')}",
        f"at most {number_text(pool.peak_acquired_count, 0)} of {number_text(pool.max_count, 0)} connections in use",
    ]


def _go(result: ScenarioResult) -> list[str]:
    go = result.go
    found = (
        [] if go.gc_cpu_ratio is None else [f"garbage collection takes {percent_text(go.gc_cpu_ratio)} % of its CPU"]
    )
    if go.sched_latency_p99_ms is not None:
        found.append(f"p99 of scheduling latency {number_text(go.sched_latency_p99_ms, 2, 'ms')}")
    return found


def _generator(result: ScenarioResult) -> list[str]:
    return [f"{one.check}: {one.detail}" for one in result.validity if one.check in ("generator_cpu", "generator_lag")]


EVIDENCE: dict[str, Callable[[ScenarioResult], list[str]]] = {
    "db": _database,
    "pool": _pool,
    "go": _go,
    "generator wait": _generator,
}

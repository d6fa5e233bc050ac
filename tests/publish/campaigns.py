"""A made campaign: results and derived tables with known figures, and the notebook that shows its report."""

from typing import Any

import nbformat
import numpy as np
import pandas as pd

from fireai_analysis.publish import document
from fireai_analysis.publish.section import Section
from fireai_analysis.results import ScenarioResult, Summary

LOADS = {
    "sustained": (5, 1.2, 30.0, 14400.0, 36),
    "peak": (50, 35.0, 30.0, 3600.0, 1_042),
    "spike": (200, 166.0, 20.0, 300.0, 3_317),
    "crdt_stress": (1000, 50.0, 40.0, 600.0, 2_000),
}
PARTS = {"app": 0.31, "validation": 0.04, "go": 0.22, "pool": 0.05, "db": 0.36, "crdt": 0.02}


def result(name: str, **changes: Any) -> ScenarioResult:
    """A healthy smoke run of a scenario; `changes` replace top-level fields."""
    users, rate, duration, full, count = LOADS[name]
    content: dict[str, Any] = {
        "scenario": name,
        "state": "analyzed",
        "verdict": "INCONCLUSIVE",
        "reason": f"within all limits, but ran {duration:.0f} s of {full:.0f} s",
        "scale": {"duration_ratio": duration / full, "users_ratio": 1.0, "rate_ratio": 1.0},
        "started_ns": 1_790_000_000_000_000_000,
        "duration_s": duration,
        "users_count": users,
        "rate_rps": rate,
        "requests_count": count,
        "sent_count": count,
        "failures_count": 0,
        "timeouts_count": 0,
        "never_sent_count": 0,
        "error_ratio": 0.0,
        "error_interval": (0.0, 3 / count),
        "statuses": {"200": count},
        "offered_rps": count / duration,
        "achieved_rps": count / duration,
        "judged_count": count,
        "within_limit_ratio": 1.0,
        "warm_up_s": 1.0,
        "response_ms": {"p50": 6.2, "p90": 11.4, "p95": 14.8, "p99": None if count < 100 else 31.5, "max": 62.1}
        | {"mean": 7.3},
        "service_ms": {"p50": 5.9, "p90": 11.0, "p95": 14.1, "p99": 30.2, "max": 61.0, "mean": 6.9},
        "response_p95": {"value": 14.8, "interval": (13.2, 16.9), "n_count": count},
        "endpoints": [
            {
                "method": "POST",
                "endpoint": endpoint,
                "door": door,
                "requests_count": count // 4,
                "failures_count": 0,
                "response_ms": {"p50": 6.1, "p95": 14.0, "p99": 30.0, "max": 60.0},
                "service_ms": {"p50": 5.9, "p95": 13.6},
            }
            for endpoint, door in (
                ("/v1/classify", "fastapi"),
                ("/v1/evidence", "go"),
                ("/v1/tests/sessions/{session_id}/results", "go"),
            )
        ],
        "memory_mib": {"initial": 21.4, "peak": 33.9, "final": 30.2, "growth": 8.8},
        "live_heap_mib": {"initial": 3.1, "peak": 9.4, "final": 4.0, "growth": 0.9}
        | {"slope_mib_per_h": 12.5, "slope_interval": (-30.0, 55.0)},
        "go": {
            "gc_count": 41,
            "gc_per_min": 82.0,
            "gc_cpu_ratio": 0.0123,
            "gc_pause_ms": {"p50": 0.033, "p99": 0.262, "max": 0.524},
            "goroutines": {"initial": 12, "peak": 64, "final": 12},
            "live_to_total_ratio": 0.41,
            "high_water_end_bytes": 41_000_000,
            "high_water_source": "VmHWM",
            "restarted": False,
        },
        "processes_peak_mib": {"go": 33.9, "fastapi": 92.0, "postgres": 210.5},
        "hotspots": ["encoding/json.(*decodeState).literalStore 1.5 MB", "bytes.growSlice 0.9 MB"],
        "connections": {"initial_count": 7, "peak_count": 14, "final_count": 7, "errors_count": 0, "stable": True},
        "pool": {
            "max_count": 30,
            "peak_acquired_count": 8,
            "peak_utilization_ratio": 8 / 30,
            "mean_utilization_ratio": 0.021,
            "acquires_count": count,
            "waited_acquires_count": 0,
            "mean_wait_ms": 0.004,
            "new_connections_count": 3,
        },
        "database": {
            "statements": [
                {
                    "query": "SELECT rule_schema FROM as1851_rules WHERE rule_code = $1 AND is_active",
                    "calls_count": count // 2,
                    "total_ms": 212.0,
                    "mean_ms": 0.42,
                    "rows_count": count // 2,
                },
                {
                    "query": "INSERT INTO evidence (id, session_id) VALUES ($1, $2)",
                    "calls_count": count // 5,
                    "total_ms": 90.0,
                    "mean_ms": 0.31,
                    "rows_count": count // 5,
                },
            ],
            "waits": [{"event": "CPU", "sessions_mean": 0.12, "samples_count": 7}],
            "commits_count": count,
            "rollbacks_count": 0,
            "deadlocks_count": 0,
            "cache_hit_ratio": 0.9991,
            "lock_waits_count": 0,
            "samples_count": 60,
            "seq_scans": {"users": 2, "buildings": 1},
            "index_scans": {"as1851_rules": count, "test_sessions": 40},
            "unused_indexes": ["evidence_checksum_idx"],
        },
        "layers_ms": {
            part: {"p50": 1.1 * share, "p95": 12 * share, "mean": 4 * share, "share_of_tail_ratio": share}
            for part, share in PARTS.items()
        },
        "host": {
            "cpu_mean_ratio": 0.31,
            "cpu_peak_ratio": 0.72,
            "memory_peak_ratio": 0.18,
            "memory_peak_bytes": 1_400_000_000,
            "net_received_bytes_per_s": 410_000.0,
            "net_sent_bytes_per_s": 410_000.0,
            "disk_read_bytes_per_s": 0.0,
            "disk_written_bytes_per_s": 1_900_000.0,
        },
        "validity": [
            {"check": "achieved rate", "ok": True, "detail": "100.00 % of the drawn schedule"},
            {"check": "recorder complete", "ok": True, "detail": f"{count} rows = Locust = server"},
            {"check": "server count", "ok": None, "detail": "the FastAPI service has no count of its own"},
        ],
        "facts": {"locust_version": "2.47.0"},
    }
    if name == "peak":
        content["findings"] = [
            {
                "id": "database_time",
                "title": "The database takes the largest part of the slow tail",
                "layer": "database",
                "share_of_tail_ratio": 0.36,
                "confidence": "MEDIUM",
                "evidence": ["36.0 % of the slow tail is database time", "the pool was never full"],
                "recommendation": "Cache active rules in the Go service.",
                "priority": "P1",
            }
        ]
    if name == "crdt_stress":
        content["crdt"] = {
            "operations_count": 2_000,
            "acknowledged_count": 2_000,
            "failed_count": 0,
            "unknown_count": 0,
            "conflicts_count": 880,
            "lost_count": 0,
            "lost_ratio_bound": 0.0015,
            "superseded_count": 872,
            "idempotency_violations_count": 0,
            "replays_count": 80,
            "resolution_ms": {"p50": 210.0, "p95": 640.0},
            "final_state_read": True,
        }
    return ScenarioResult.model_validate(content | changes)


def missing(name: str, reason: str = "was not part of this campaign", *, ordered: bool = False) -> ScenarioResult:
    """A scenario that never ran."""
    users, rate, *_ = LOADS[name]
    return ScenarioResult.model_validate(
        {
            "scenario": name,
            "state": "missing",
            "verdict": "NOT MEASURED",
            "reason": reason,
            "scale": {"duration_ratio": 0.0, "users_ratio": 0.0, "rate_ratio": 0.0},
            "users_count": users,
            "rate_rps": rate,
            "facts": {"ordered": ordered},
        }
    )


def criteria() -> list[dict[str, Any]]:
    """The five criteria as a smoke run of a healthy platform is judged."""
    short = "within the limit, but ran 30 s of 1 h; the full profile would decide"
    common = {"bound": "inclusive", "counted": True, "verdict": "INCONCLUSIVE", "interval": None}
    return [
        common
        | {"id": "p95_latency", "title": "P95 Latency", "scenario": "peak", "limit": 300.0, "unit": "ms"}
        | {"actual": 14.8, "interval": (13.2, 16.9), "reason": short}
        | {"evidence": "1,042 judged requests of peak, response time"},
        common
        | {"id": "crdt_data_loss", "title": "CRDT Data Loss", "scenario": "crdt_stress", "limit": 0, "unit": "writes"}
        | {"actual": 0, "reason": "no write lost, but ran 40 s of 10 min"}
        | {"evidence": "2,000 acknowledged writes against the final state"},
        common
        | {
            "id": "aurora_scaling",
            "title": "Aurora Auto-scaling",
            "scenario": "spike",
            "limit": 12,
            "unit": "ACU",
            "bound": "at_least",
        }
        | {"actual": None, "verdict": "NOT MEASURED", "reason": "the target is plain PostgreSQL (ruling 8)"}
        | {"evidence": "none"},
        common
        | {"id": "go_memory", "title": "Memory Usage", "scenario": "all", "limit": 512_000_000, "unit": "bytes"}
        | {"bound": "strict", "actual": 41_000_000, "reason": "within the limit, but ran 30 s of 4 h"}
        | {"evidence": "high-water mark of the Go process (VmHWM)"},
        common
        | {"id": "error_rate", "title": "Error Rate", "scenario": "all", "limit": 0.05, "unit": "ratio"}
        | {"counted": False, "actual": 0.0, "interval": (0.0, 0.083), "reason": "within the limit, but scaled down"}
        | {"evidence": "worst scenario: sustained, 0 of 36"},
    ]


def summary(**changes: Any) -> Summary:
    """A smoke campaign of a healthy platform; `changes` replace top-level fields."""
    content: dict[str, Any] = {
        "schema": 1,
        "campaign": "20261124-020000-smoke",
        "profile": "smoke",
        "generated": "2026-11-24T02:05:00Z",
        "overall": "INCONCLUSIVE",
        "readiness": "NOT_READY",
        "confidence": "LOW",
        "confidence_terms": ["Evidence: 4 of 5 criteria have evidence", "Scale: 0.2 % of the ticket's time"],
        "criteria_met": 0,
        "criteria_total": 4,
        "criteria": criteria(),
        "rulings": [
            "Rate governs over the request total: 1.2 rps x 4 h = 17,280 (the ticket says 4,800).",
            "512 MB is 512,000,000 bytes of resident set.",
        ],
        "recommendations": [
            {"priority": "P1", "text": "Cache active rules in the Go service.", "finding": "database_time"}
        ],
        "environment": {
            "target": {
                "kind": "embedded",
                "doors": {
                    "fastapi": {"base_url": "http://127.0.0.1:8080"},
                    "go": {"base_url": "http://127.0.0.1:9091"},
                },
            },
            "secrets": {"INTERNAL_JWT_SECRET_KEY": "set", "DATABASE_URL": "set"},
            "database_url": "postgresql://127.0.0.1:5432/fireai",
            "versions": {"locust": "2.47.0", "postgresql": "18.1", "go": "1.27.3"},
        },
        "files": [
            {"path": f"{name}/{path}", "bytes": 100, "sha256": "0" * 64}
            for name in LOADS
            for path in (
                "raw/locust.log",
                "profiles/heap-before.pb.gz",
                "profiles/cpu-load.pb.gz",
                "samples/go.parquet",
                "samples/host.parquet",
                "requests/part-0.parquet",
            )
        ],
        "scenarios": {name: result(name) for name in LOADS},
    }
    return Summary.model_validate(content | changes)


def frames(name: str) -> dict[str, pd.DataFrame]:
    """Derived tables of a run, with some movement in them."""
    _, rate, duration, _, _ = LOADS[name]
    t_s = np.arange(0.0, duration, 1.0)
    wave = np.sin(t_s / 4)
    quantiles = 1 - np.logspace(0, -4, 60)
    return {
        "latency_windows": pd.DataFrame(
            {"t_s": t_s, "p50_ms": 6 + wave, "p95_ms": 15 + 3 * wave, "p99_ms": 30 + 9 * wave}
            | {"service_p95_ms": 14 + 3 * wave, "requests_count": int(rate), "failures_count": 0}
        ),
        "latency_quantiles": pd.DataFrame(
            {"quantile": quantiles, "response_ms": 4 / (1 - quantiles) ** 0.4}
            | {"service_ms": 3.8 / (1 - quantiles) ** 0.39}
        ),
        "throughput_windows": pd.DataFrame(
            {"t_s": t_s, "offered_rps": rate + wave, "achieved_rps": rate + 0.98 * wave, "failed_rps": 0.0}
        ),
        "memory_curve": pd.DataFrame(
            {"t_s": t_s, "go_rss_mb": 30 + wave, "go_live_heap_mb": 6 + wave, "go_total_mb": 40 + wave}
            | {"fastapi_rss_mb": 92.0, "postgres_rss_mb": 210.0, "goroutines_count": (30 + 9 * wave).astype(int)}
        ),
        "layers": pd.DataFrame(
            [
                {"part": part, "mean_ms": 4 * share, "p50_ms": share, "p95_ms": 12 * share}
                | {"share_of_tail_ratio": share}
                for part, share in PARTS.items()
            ]
        ),
        "pool_curve": pd.DataFrame({"t_s": t_s, "acquired_count": (3 + 2 * wave).astype(int), "max_count": 30}),
        "host_curve": pd.DataFrame({"t_s": t_s, "cpu_ratio": 0.4 + 0.2 * wave, "memory_ratio": 0.18}),
        "generator_curve": pd.DataFrame(
            {"t_s": t_s, "loop_lag_p99_ms": 2.0 + wave, "send_lag_p99_ms": 0.5, "cpu_ratio": 0.3, "in_flight_count": 4}
        ),
        "crdt_waves": pd.DataFrame(
            {"wave": [0, 1], "acknowledged_count": [1000, 1000], "unknown_count": [0, 0], "lost_count": [0, 0]}
            | {"drain_s": [1.4, 1.6]}
        ),
    }


def all_frames() -> dict[str, dict[str, pd.DataFrame]]:
    """Derived tables of every scenario."""
    return {name: frames(name) for name in LOADS}


def notebook(judged: Summary, tables: dict[str, dict[str, pd.DataFrame]]) -> nbformat.NotebookNode:
    """The notebook `05_report` as it is after execution: the same outputs, without a kernel."""
    made = nbformat.v4.new_notebook(metadata={"title": "FM-ENH-005: Performance Validation Report"})
    for name in document.section_names():
        section = Section(name, document.section(judged, tables, name))
        outputs = [nbformat.v4.new_output("display_data", data=bundle) for bundle in section.bundles()]
        made.cells.append(nbformat.v4.new_code_cell(f"campaign.section({name!r})", outputs=outputs))
    return made

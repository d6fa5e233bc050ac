"""`alerts/fireai.rules.yml`: Prometheus rules with the thresholds that the report names."""

from __future__ import annotations

from typing import Any

import yaml

from fireai_analysis.units import BYTES_PER_MB, S_PER_HOUR

HEAD = """\
# Prometheus rules with the thresholds of FM-ENH-005. Metric names follow the usual exporters (client_golang, pgx,
# PostgreSQL exporter, CloudWatch exporter); rename them to those of your deployment.
"""
P95_LIMIT_S = 0.3
ERROR_LIMIT_RATIO = 0.05
MEMORY_ALERT_BYTES = 400 * BYTES_PER_MB
CONNECTIONS_ALERT_COUNT = 25
SCALING_LIMIT_S = 120

_REQUESTS = "http_request_duration_seconds"
_FAILED = 'sum(rate(http_requests_total{status=~"5.."}[5m]))'


def write() -> bytes:
    """Return the rules as YAML."""
    groups = [{"name": "fireai", "rules": [*_service(), *_database(), *_aurora()]}]
    return (HEAD + yaml.safe_dump({"groups": groups}, sort_keys=False, width=120)).encode()


def _rule(name: str, expression: str, *, wait: str, severity: str, summary: str) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": wait,
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    }


def _service() -> list[dict[str, Any]]:
    p95 = f"histogram_quantile(0.95, sum by (le) (rate({_REQUESTS}_bucket[5m]))) > {P95_LIMIT_S}"
    errors = f"{_FAILED} / sum(rate(http_requests_total[5m])) > {ERROR_LIMIT_RATIO}"
    memory = f'process_resident_memory_bytes{{job="go-service"}} > {MEMORY_ALERT_BYTES}'
    return [
        _rule("FireAIP95Latency", p95, wait="5m", severity="page", summary="P95 latency is above 300 ms"),
        _rule("FireAIErrorRate", errors, wait="5m", severity="page", summary="Error rate is above 5 %"),
        _rule("FireAIGoMemory", memory, wait="5m", severity="ticket", summary="The Go service holds more than 400 MB"),
    ]


def _database() -> list[dict[str, Any]]:
    connections = f"sum(pgxpool_acquired_conns) > {CONNECTIONS_ALERT_COUNT}"
    conflicts = f"rate(crdt_conflicts_total[10m]) > 3 * rate(crdt_conflicts_total[10m] offset {S_PER_HOUR}s)"
    return [
        _rule(
            "FireAIDatabaseConnections",
            connections,
            wait="5m",
            severity="ticket",
            summary="More than 25 of 30 connections of the pool are in use",
        ),
        _rule(
            "FireAICrdtConflicts",
            conflicts,
            wait="10m",
            severity="ticket",
            summary="CRDT conflicts are three times what they were an hour ago",
        ),
    ]


def _aurora() -> list[dict[str, Any]]:
    waiting = "aws_rds_acuutilization_average >= 95"
    return [
        _rule(
            "FireAIAuroraScaling",
            waiting,
            wait=f"{SCALING_LIMIT_S}s",
            severity="ticket",
            summary="Aurora has stood at its capacity for 2 minutes without scaling further",
        )
    ]

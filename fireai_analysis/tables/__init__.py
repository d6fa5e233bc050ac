"""Tables for people, made from the figures of a run.

Presentation only: numbers are formatted by `units.py`, nothing is computed; what was not measured says so.
"""

from fireai_analysis.tables.checks import open_checks, validity
from fireai_analysis.tables.crdt import crdt_counterexample, crdt_history
from fireai_analysis.tables.generator import generator
from fireai_analysis.tables.load import (
    burst,
    errors,
    judged_latency,
    latency_by_endpoint,
    overview,
    percentiles,
)
from fireai_analysis.tables.origin import origin
from fireai_analysis.tables.resources import garbage_collection, layers, memory, pool, stability, statements, waits
from fireai_analysis.tables.table import Table, verdict_text
from fireai_analysis.tables.verdicts import crdt, criteria, findings

__all__ = [
    "Table",
    "burst",
    "crdt",
    "crdt_counterexample",
    "crdt_history",
    "criteria",
    "errors",
    "findings",
    "garbage_collection",
    "generator",
    "judged_latency",
    "latency_by_endpoint",
    "layers",
    "memory",
    "open_checks",
    "origin",
    "overview",
    "percentiles",
    "pool",
    "stability",
    "statements",
    "validity",
    "verdict_text",
    "waits",
]

"""Figures of a run, each drawn twice from the same frame: plotly for the screen, SVG for print.

Every function takes the derived tables of a run (name -> frame) and its ScenarioResult and returns a Figure; where the
table is missing or empty the Figure says NOT MEASURED and why.
"""

from fireai_analysis.plots.bottleneck import bottleneck_breakdown
from fireai_analysis.plots.crdt import crdt_counterexample, crdt_waves
from fireai_analysis.plots.draw import not_measured
from fireai_analysis.plots.figure import Figure
from fireai_analysis.plots.generator import generator_audit
from fireai_analysis.plots.latency import latency_distribution, latency_over_time
from fireai_analysis.plots.memory import memory_growth
from fireai_analysis.plots.resources import host_load, pool_use
from fireai_analysis.plots.throughput import throughput

__all__ = [
    "Figure",
    "bottleneck_breakdown",
    "crdt_counterexample",
    "crdt_waves",
    "generator_audit",
    "host_load",
    "latency_distribution",
    "latency_over_time",
    "memory_growth",
    "not_measured",
    "pool_use",
    "throughput",
]

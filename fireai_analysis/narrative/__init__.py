"""The words of the report, written from results: short, with numbers, saying what is missing and at what scale.

Text out, results in; nothing is computed here, and no sentence claims more than the evidence beside it.
"""

from fireai_analysis.narrative.advice import actions, advice, bottlenecks, hotspots, recommendations
from fireai_analysis.narrative.layers import goroutine_leaks, index_usage, lock_contention, query_performance
from fireai_analysis.narrative.outcome import answer, conclusion, criterion_analysis, run_warnings
from fireai_analysis.narrative.scenario import analysis

__all__ = [
    "actions",
    "advice",
    "analysis",
    "answer",
    "bottlenecks",
    "conclusion",
    "criterion_analysis",
    "goroutine_leaks",
    "hotspots",
    "index_usage",
    "lock_contention",
    "query_performance",
    "recommendations",
    "run_warnings",
]

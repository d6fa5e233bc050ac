"""How long the analysis of a full run takes: all figures, intervals, checks of the gate and verdicts.

The peak run has 126,000 requests whose latencies are log-normal and correlated; the sustained run 4 h of samples, on
which growth is looked for. Held against the limit is the processor time, for the analysis waits for nothing: on an idle
machine it is the time on the clock, which stands beside it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import date

import numpy as np

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.judge import judged
from fireai_analysis.scenarios import load_criteria
from tests import made
from tests.bench.lines import Line
from tests.calibrate.latencies import LENGTHS, MODELS

REPEATS = 5
LIMIT_S = 2.0


def peak() -> RunData:
    """Return a peak run with correlated latencies of its own for each request."""
    duration_s, rate_rps = LENGTHS["1 h"]
    at_s = np.arange(round(duration_s * rate_rps)) / rate_rps
    logs = MODELS["slow20"](at_s, duration_s, np.random.default_rng(1))
    return made.healthy("peak", latencies_ms=100 * np.exp(logs))


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return the median processor time and time on the clock of a work done several times."""
    spans = []
    for _ in range(REPEATS):
        began = time.process_time(), time.perf_counter()
        work()
        spans.append((time.process_time() - began[0], time.perf_counter() - began[1]))
    return statistics.median(cpu for cpu, _ in spans), statistics.median(wall for _, wall in spans)


def main() -> list[Line]:
    """Return the time of the analysis of both runs."""
    criteria, lines = load_criteria(), []
    for data in (peak(), made.healthy("sustained")):
        cpu_s, wall_s = seconds(
            lambda data=data: judged(analyze_run(data, criteria).result, criteria, date(2026, 10, 5))
        )
        name = data.manifest.spec.scenario.name
        lines.append(
            Line(
                f"analysing and judging a {name} run of {len(data.requests):,} requests, median of {REPEATS}",
                f"<= {LIMIT_S:.0f} s",
                f"{cpu_s:.2f} s of processor time ({wall_s:.2f} s on the clock)",
                cpu_s <= LIMIT_S,
            )
        )
    found = analyze_run(peak(), criteria).result.response_p95
    there = found is not None and None not in (found.interval, found.violation_interval, found.over_limit_interval)
    lines.append(Line("intervals of that p95", "all there", "all there" if there else str(found), there))
    return lines

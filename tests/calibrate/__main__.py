"""`python -m tests.calibrate [--runs N] [AREA ...]`: measures what the verdicts promise; exit code 1: a bar was missed.

Writes the table to `tests/calibrate/results.md` when every area was measured.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.calibrate import leaks, p95
from tests.calibrate.figures import Figure
from tests.calibrate.pool import SEED

RESULTS = Path(__file__).with_name("results.md")
AREAS = {"p95": p95.figures, "leaks": leaks.figures}
RUNS = 2000


def line_of(one: Figure) -> str:
    """Return a figure as a row of the table."""
    met = "yes" if one.met else "**NO**"
    value = f"{one.value:.1%} | {one.error:.2%} | {one.side} {one.reach:.0%}"
    return f"| {one.name} | {value} | {met} | {one.runs_count:,} | {one.note} |"


def table(figures: list[Figure], spent_s: float) -> str:
    """Return the committed table: date, versions, seed, and a row for each figure."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "pandas"))
    return "\n".join(
        [
            "# Calibration of the verdicts",
            "",
            "Made by `make calibrate` on simulated runs whose truth is known; the models are described in "
            "`latencies.py` and `heaps.py`. A bar is met when the figure is not beyond it by more than two Monte Carlo "
            "standard errors.",
            "",
            f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {libraries}, seed {SEED}, "
            f"{spent_s / 60:.0f} min; {sum(one.met for one in figures)} of {len(figures)} met.",
            "",
            "| figure | measured | standard error | to reach | met | runs | beside it |",
            "|---|---|---|---|---|---|---|",
            *map(line_of, figures),
            "",
        ]
    )


def main() -> int:
    """Measure, print, and keep the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}; all by default")
    parser.add_argument("--runs", type=int, default=RUNS)
    chosen = parser.parse_args()
    began, figures = time.monotonic(), []
    for name in chosen.areas or AREAS:
        for one in AREAS[name](chosen.runs):
            figures.append(one)
            print(line_of(one), flush=True)
    if not chosen.areas:
        RESULTS.write_text(table(figures, time.monotonic() - began), encoding="utf-8")
    return 0 if all(one.met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())

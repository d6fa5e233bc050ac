"""`python -m tests.calibrate [--runs N] [AREA ...]`: measures what the verdicts promise; exit code 1: a bar was missed.

Keeps the tables in `tests/calibrate/results.md`, each area in a section of its own.
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
HEAD = """# Calibration of the verdicts

Made by `make calibrate` on simulated runs whose truth is known; the models are described in `latencies.py` and
`heaps.py`. A bar is met when the figure is not beyond it by more than two Monte Carlo standard errors.
"""


def line_of(one: Figure) -> str:
    """Return a figure as a row of the table."""
    met = "yes" if one.met else "**NO**"
    value = f"{one.value:.1%} | {one.error:.2%} | {one.side} {one.reach:.0%}"
    return f"| {one.name} | {value} | {met} | {one.runs_count:,} | {one.note} |"


def section(name: str, figures: list[Figure], spent_s: float) -> str:
    """Return the table of an area: date, versions, seed, and a row for each figure."""
    libraries = ", ".join(f"{one} {version(one)}" for one in ("numpy", "scipy", "pandas"))
    return "\n".join(
        [
            f"## {name}",
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


def keep(name: str, text: str) -> None:
    """Write the section of an area in the place of the one that is there; the others stay."""
    found = RESULTS.read_text(encoding="utf-8").split("\n## ")[1:] if RESULTS.exists() else []
    sections = {one.partition("\n")[0]: f"## {one.rstrip()}\n" for one in found} | {name: text}
    RESULTS.write_text("\n".join([HEAD, *(sections[one] for one in AREAS if one in sections)]), encoding="utf-8")


def main() -> int:
    """Measure, print, and keep the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}; all by default")
    parser.add_argument("--runs", type=int, default=RUNS, help="with another number the table is printed, not kept")
    chosen, missed = parser.parse_args(), 0
    for name in chosen.areas or AREAS:
        began = time.monotonic()
        figures = AREAS[name](chosen.runs)
        text = section(name, figures, time.monotonic() - began)
        print(text, flush=True)
        if chosen.runs == RUNS:
            keep(name, text)
        missed += sum(not one.met for one in figures)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

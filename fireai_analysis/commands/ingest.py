"""`fireai ingest`: results of other tools, judged as far as their format allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from fireai_analysis.commands import choices, terminal, verdicts
from fireai_analysis.errors import ParamsError
from fireai_analysis.scenarios import SCENARIO_NAMES, suggestion
from fireai_analysis.units import number_text

if TYPE_CHECKING:
    from fireai_analysis.origin import OriginFile
    from fireai_analysis.publish.ingested import Ingestion

FEWEST_LETTERS = 10
EPILOG = """\b
Examples
  fireai ingest results/                    a folder: peak_20261123_101500/, ...
  fireai ingest peak.jtl                    one file; its name says which
  fireai ingest run7.csv --scenario spike
  fireai ingest out.json --scenario peak --open-model "k6 constant-arrival-rate"

\b
Read: Locust CSV and JSON, JMeter JTL, k6, Gatling, Artillery, vegeta, wrk and
wrk2, HdrHistogram. A latency without intended times is a service time, and its
criterion INCONCLUSIVE at best.

\b
Exit codes
  0 every criterion PASSED or WAIVED     99 something is proven wrong
  3 undecided or not measured             2 usage or unreadable input
  1 a defect of this tool
"""


def ingest(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="One file, or a folder of scenarios.")],
    scenario: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What it is a run of; default: what names say.", autocompletion=choices.scenarios
        ),
    ] = None,
    format_: Annotated[str, typer.Option("--format", metavar="NAME", help="Format of the file.")] = "auto",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a file with a row that cannot be taken.")] = False,
    open_model: Annotated[
        str | None,
        typer.Option("--open-model", metavar="REASON", help="Why no answer delayed an arrival, in writing."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Campaign directory; default: a new one in runs/."),
    ] = None,
) -> int:
    """Read results of other tools, judge them as far as they tell, and write the report."""
    _check(scenario, open_model)
    from fireai_analysis.ingest.bundling import Wishes
    from fireai_analysis.ingest.folder import plan
    from fireai_analysis.publish.ingested import ingest as carry_out

    found = plan(path, scenario, format_)
    wishes = Wishes(strict=strict, open_model=open_model, lenient=path.is_dir())
    with terminal.progress() as progress:
        done = carry_out(found, path, wishes, output, progress)
    _show(done)
    verdicts.show(done.outcome)
    return done.outcome.exit_code


def _check(scenario: str | None, open_model: str | None) -> None:
    if scenario is not None and scenario not in SCENARIO_NAMES:
        raise ParamsError("--scenario", scenario, "unknown scenario", suggestion(scenario, SCENARIO_NAMES))
    if open_model is not None and sum(map(str.isalnum, open_model)) < FEWEST_LETTERS:
        raise ParamsError("--open-model", open_model, "is no reason", "write why arrivals did not wait for answers")


def _show(done: Ingestion) -> None:
    """Print what was taken of each file, which rows were refused and why, and which files were left."""
    console = terminal.output()
    everything = [file for files in done.taken.values() for file in files]
    for title, lines in (
        *((name, map(_taken, files)) for name, files in done.taken.items()),
        ("Refused rows", _refused(everything)),
        ("Left out on purpose", _left_out(everything)),
        ("Files left", (f"{one.name}: {one.reason}" for one in done.left)),
    ):
        printed = list(lines)
        if printed:
            console.print(Text(title, "bold"))
            for line in printed:
                console.print(Padding(Text(line), (0, 0, 0, 2)))


def _taken(file: OriginFile) -> str:
    from fireai_analysis.tables.origin import taken_text

    return f"{file.name}: {taken_text(file)}  ({file.title}, {number_text(file.bytes, 0)} bytes)"


def _refused(files: Iterable[OriginFile]) -> Iterator[str]:
    for file in files:
        for reason, one in file.refused.items():
            place = file.name if one.line is None else f"{file.name}:{one.line}"
            yield f"{place}: {reason} ({number_text(one.count, 0)} rows)"


def _left_out(files: Iterable[OriginFile]) -> Iterator[str]:
    for file in files:
        for reason, count in file.left_out.items():
            yield f"{file.name}: {reason} ({number_text(count, 0)} rows)"

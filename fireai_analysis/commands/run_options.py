"""The options of `fireai run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fireai_analysis.commands import choices
from fireai_analysis.scenarios import SCENARIO_NAMES

Scenarios = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SCENARIO",
        help=f"{', '.join(SCENARIO_NAMES)}; default: all four.",
        autocompletion=choices.scenarios,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="How far to scale: smoke (default), rehearsal or full.", autocompletion=choices.profiles
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="NAME_OR_FILE",
        help="Name in params/targets/ or a file; default: embedded.",
        autocompletion=choices.targets,
    ),
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="Seed of schedules and contents; default: 1.")]
Params = Annotated[
    Path | None,
    typer.Option("--params", "-f", metavar="FILE", help="Selectors from a file, as papermill -f; options win over it."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="DIR", help="Campaign directory; default: a new one in runs/.")
]
ThinkS = Annotated[
    float | None,
    typer.Option(
        "--closed",
        metavar="THINK_S",
        help="Closed loop: each user waits for its answer, then thinks so many seconds. No latency criterion can "
        "pass: stalls are hidden.",
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would take; nothing is sent.")]
Processes = Annotated[
    int | None,
    typer.Option(metavar="N", help="Share the load out among N processes here."),
]
Master = Annotated[
    bool,
    typer.Option("--master", help="Share it out among workers on other machines."),
]
ExpectWorkers = Annotated[
    int | None,
    typer.Option(metavar="K", help="How many workers --master waits for; default: 1."),
]
Bind = Annotated[
    str | None,
    typer.Option(metavar="HOST:PORT", help="Where --master waits; default: 127.0.0.1:5557."),
]
Worker = Annotated[bool, typer.Option("--worker", help="Be a worker: take part in a master's runs.")]
MasterHost = Annotated[str | None, typer.Option(metavar="HOST", help="Where the master of --worker is.")]
MasterPort = Annotated[int | None, typer.Option(metavar="PORT", help="Its port; default: 5557.")]

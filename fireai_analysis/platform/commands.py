"""`fireai platform up | down | status`."""

from __future__ import annotations

from typing import Annotated

import typer

from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus

app = typer.Typer(help="The embedded reference platform, kept in the background.", no_args_is_help=True)


@app.command()
def up() -> None:
    """Start the platform in the background, or show the one that is up."""
    typer.echo(describe(control.up(lambda text: typer.echo(text, err=True))))


@app.command()
def down() -> None:
    """Stop the platform and remove its data."""
    typer.echo("stopped" if control.down() else "not running")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show ports, processes and the loopback address of the database."""
    found = control.status()
    if as_json:
        typer.echo(found.model_dump_json(indent=2) if found else '{"state": "down"}')
    else:
        typer.echo(describe(found) if found else "not running")


def describe(found: PlatformStatus) -> str:
    """Return a running platform as lines of text."""
    lines = [
        ("FastAPI", found.fastapi_url, "fastapi"),
        ("Go", found.go_url, "go"),
        ("pprof", found.pprof_url, "go"),
        ("PostgreSQL", found.database_url, "postgres"),
    ]
    text = [f"{title:<11} {address}  (process {found.pids[part]})" for title, address, part in lines]
    text += [f"{part} has ended with code {code}" for part, code in sorted(found.exited.items())]
    return "\n".join([*text, f"logs        {found.state_dir}"])

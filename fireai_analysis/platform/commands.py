"""`fireai platform up | down | status`."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlsplit

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
        typer.echo(json.dumps(facts(found), indent=2))
    else:
        typer.echo(describe(found) if found else "not running")


def facts(found: PlatformStatus | None) -> dict[str, object]:
    """Return a platform for machines: `state` is `up` or `down`."""
    if found is None:
        return {"state": "down"}
    addresses = {
        "fastapi": found.fastapi_url,
        "go": found.go_url,
        "pprof": found.pprof_url,
        "postgres": found.database_url,
    }
    ports = {name: urlsplit(address).port for name, address in addresses.items()}
    return {"state": "up", "ports": ports, **found.model_dump(mode="json")}


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

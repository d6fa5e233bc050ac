"""The `fireai` command: mounts the commands, and turns every error into one line and an exit code."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import traceback
from importlib.metadata import version
from types import FrameType
from typing import Annotated, NoReturn

import typer

from fireai_analysis.commands import doctor, ingest, report, rows, run, verify
from fireai_analysis.errors import FireAIAnalysisError
from fireai_analysis.platform.commands import app as platform_app
from fireai_analysis.redact import Redactor

EXIT_INTERRUPTED, EXIT_TERMINATED = 130, 143
SECRET_NAME = re.compile("KEY|SECRET|TOKEN|PASSWORD|DATABASE_URL", re.IGNORECASE)
HELP = """Is the Fire-AI compliance platform ready for 100,000 requests a day? Run, judge, report.

\b
Examples
  fireai doctor                             is this machine ready?
  fireai run                                all four scenarios, smoke profile
  fireai run peak --profile rehearsal       one scenario, longer
  fireai run --profile full --dry-run       what it would take, nothing is sent
  fireai ingest results/                    results of other tools, judged
  fireai report runs/20261123-101500-smoke  the report again, from the evidence
  fireai verify runs/20261123-101500-smoke  its figures recomputed from the rows

\b
Exit codes of run and report
  0  every criterion PASSED or WAIVED      99  something is proven wrong
  3  undecided or not measured              4  the run broke, nothing proven
  2  usage or unreadable input              1  a defect of this tool
"""

app = typer.Typer(
    help=HELP,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
app.command("run", epilog=run.EPILOG, short_help="Run scenarios, judge them, write the report.")(run.run)
app.command("ingest", epilog=ingest.EPILOG, short_help="Read results of other tools, judge them.")(ingest.ingest)
app.command("report", epilog=report.EPILOG, short_help="Write a report again, from its evidence.")(report.report)
app.command("verify", epilog=verify.EPILOG, short_help="Recompute a campaign from its rows.")(verify.verify)
app.command("rows", epilog=rows.EPILOG, short_help="Print the rows behind one figure.")(rows.rows)
app.command("doctor", epilog=doctor.EPILOG, short_help="Check this machine, and a target.")(doctor.doctor)
app.add_typer(platform_app, name="platform")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fireai-analysis {version('fireai-analysis')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code.

    Parameters
    ----------
    arguments : list of str, optional
        Arguments after the program name; those of the process by default.
    """
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(exit_code(arguments))


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)


def exit_code(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code; every error has become one line on standard error."""
    try:
        return int(app(arguments, prog_name="fireai", standalone_mode=False) or 0)
    except FireAIAnalysisError as error:
        _complain(str(error))
        _trace_if_wanted()
        return error.exit_code
    except typer.TyperException as error:
        _complain(f"{error.format_message()} ({_command(error)} --help shows what there is)")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except Exception as error:
        _complain(f"defect of this tool, please report it: {type(error).__name__}: {error} ({_keep_traceback()})")
        return 1


def _command(error: typer.TyperException) -> str:
    """Return the command that was typed wrong, as it is typed: its help tells what is right."""
    context = getattr(error, "ctx", None)
    return context.command_path if context is not None else "fireai"


def _complain(message: str) -> None:
    """Print one line on standard error, without secrets, whatever the message holds."""
    line = _redactor().text(" ".join(message.split()))
    sys.stderr.write(f"fireai: {''.join(letter if letter.isprintable() else '?' for letter in line)}\n")


def _redactor() -> Redactor:
    return Redactor(value for name, value in os.environ.items() if SECRET_NAME.search(name))


def _trace_if_wanted() -> bool:
    wanted = bool(os.environ.get("FIREAI_DEBUG"))
    if wanted:
        sys.stderr.write(_redactor().text(traceback.format_exc()))
    return wanted


def _keep_traceback() -> str:
    if _trace_if_wanted():
        return "traceback above"
    with tempfile.NamedTemporaryFile("w", prefix="fireai-traceback-", suffix=".txt", delete=False) as stream:
        stream.write(_redactor().text(traceback.format_exc()))
    return f"traceback in {stream.name}"


if __name__ == "__main__":
    main()

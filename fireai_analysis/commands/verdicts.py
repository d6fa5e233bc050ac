"""The end of a campaign on standard output: verdicts, readiness, what the exit code means, where the report is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fireai_analysis.commands import terminal
from fireai_analysis.tables.verdicts import value_text
from fireai_analysis.units import number_text, percent_text

if TYPE_CHECKING:
    from fireai_analysis.publish.campaign_run import Outcome
    from fireai_analysis.results import CriterionResult, ScenarioResult, Summary

COLOURS = {
    "PASSED": "green",
    "WAIVED": "green",
    "FAILED": "bold red",
    "INCONCLUSIVE": "yellow",
    "NOT MEASURED": "yellow",
}
MEANINGS = {
    0: "every criterion PASSED or WAIVED",
    1: "a defect of this tool: a notebook or the report failed",
    3: "nothing failed, but something is INCONCLUSIVE or NOT MEASURED",
    4: "the run itself broke, and nothing is proven",
    99: "something is proven wrong",
    130: "interrupted; the report holds what was recorded until then",
    143: "terminated; the report holds what was recorded until then",
}


def show(outcome: Outcome) -> None:
    """Print how a campaign ended; the last line is the report's place."""
    console = terminal.output()
    if outcome.summary is not None:
        show_summary(console, outcome.summary)
    for problem in outcome.problems:
        console.print(Text(f"! {problem}", "red"))
    if outcome.problems:
        console.print()
    code = outcome.exit_code
    console.print(f"Exit code {code}: {MEANINGS[code]}")
    report = outcome.directory / "report.html"
    place = report if report.is_file() else outcome.directory
    console.print(Text(f"{'Report' if place == report else 'Evidence'}: {place}"), soft_wrap=True)


def show_summary(console: Console, summary: Summary) -> None:
    """Print the verdict of each criterion and scenario, and the readiness."""
    console.print()
    console.print(_criteria(summary.criteria))
    console.print()
    console.print(_scenarios(summary.scenarios))
    console.print()
    colour = "green" if summary.readiness == "READY" else "yellow"
    console.print(
        Text.assemble(
            "Readiness: ",
            (summary.readiness.replace("_", " "), colour),
            f", {summary.criteria_met} of {summary.criteria_total} criteria met, confidence {summary.confidence}",
        )
    )


def _criteria(criteria: tuple[CriterionResult, ...]) -> Table:
    table = terminal.table("Criterion", "Limit", "Actual", "Verdict", "Why")
    for each in criteria:
        table.add_row(
            Text(each.title),
            f"{'<' if each.bound == 'strict' else '<='} {value_text(each.limit, each)}",
            "-" if each.actual is None else value_text(each.actual, each),
            Text(each.verdict, COLOURS[each.verdict]),
            Text(each.reason),
        )
    return table


def _scenarios(scenarios: dict[str, ScenarioResult]) -> Table:
    table = terminal.table("Scenario", "State", "Requests", "Errors", "P95", "Verdict")
    for name, each in scenarios.items():
        errors = percent_text(each.error_ratio)
        table.add_row(
            name,
            each.state,
            number_text(each.requests_count, 0) if each.requests_count is not None else "-",
            f"{errors} %" if each.error_ratio is not None else "-",
            number_text(each.response_ms.p95, 1, "ms") if each.response_ms.p95 is not None else "-",
            Text(each.verdict, COLOURS[each.verdict]),
        )
    return table

"""The end of a campaign on standard output: verdicts, readiness, what the exit code means, where the report is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from fireai_analysis.commands import terminal
from fireai_analysis.units import near_limit_text, number_text, percent_text

if TYPE_CHECKING:
    from fireai_analysis.publish.outcome import Outcome
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
    """Print the verdict of each criterion with its reason, each scenario that was run, and the readiness."""
    console.print()
    _criteria(console, summary.criteria)
    _scenarios(console, summary)
    colour = "green" if summary.readiness == "READY" else "yellow"
    beside = ", ".join(each.title for each in summary.criteria if not each.counted)
    beside = f" ({beside} is judged, not counted)" if beside else ""
    met = f"{summary.criteria_met} of {summary.criteria_total} criteria met{beside}"
    readiness = (summary.readiness.replace("_", " "), colour)
    console.print(Text.assemble("Readiness: ", readiness, f", {met}, confidence {summary.confidence}"))


def _criteria(console: Console, criteria: tuple[CriterionResult, ...]) -> None:
    """Print a line a criterion, and below it, indented, why."""
    from fireai_analysis.spec import ASCII_SIGNS
    from fireai_analysis.tables.verdicts import actual_text, value_text

    rows = [
        (
            each.title,
            f"{ASCII_SIGNS[each.bound]} {value_text(each.limit, each)}",
            "-" if each.actual is None else actual_text(each),
        )
        for each in criteria
    ]
    titles = ("Criterion", "Limit", "Actual")
    widths = [max(map(len, column)) + 2 for column in zip(titles, *rows, strict=True)]
    console.print(Text(_line(titles, widths) + "Verdict", "bold"))
    for each, row in zip(criteria, rows, strict=True):
        console.print(Text.assemble(_line(row, widths), (each.verdict, COLOURS[each.verdict])))
        coded = f"{each.reason} [{', '.join(each.reasons)}]" if each.reasons else each.reason
        console.print(Padding(Text(coded, "dim"), (0, 0, 0, 4), expand=False))
    console.print()


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))


def _p95(result: ScenarioResult, limit_ms: float) -> str:
    if result.latency_ms.p95 is None:
        return "-"
    kind = " (service time)" if result.service_only else ""
    return f"{near_limit_text(result.latency_ms.p95, limit_ms)} ms{kind}"


def _errors(result: ScenarioResult, limit_ratio: float) -> str:
    ratio = result.error_ratio
    if ratio is None:
        return "-"
    near = near_limit_text(ratio * 100, limit_ratio * 100, 2)
    return f"{near if float(near.replace(',', '')) else percent_text(ratio)} %"


def _scenarios(console: Console, summary: Summary) -> None:
    """Print a row a scenario, near a limit with digits enough; those that were no part of the campaign together."""
    from fireai_analysis.narrative.words import asked_for

    scenarios, limits = summary.scenarios, {each.id: each.limit for each in summary.criteria}
    table = terminal.table("Scenario", "State", "Requests", "Errors", "P95", "Verdict")
    ordered = {name: each for name, each in scenarios.items() if asked_for(each)}
    for name, each in ordered.items():
        table.add_row(
            name,
            each.state,
            "-" if each.requests_count is None else number_text(each.requests_count, 0),
            _errors(each, limits.get("error_rate", math.inf)),
            _p95(each, limits.get("p95_latency", math.inf)),
            Text(each.verdict, COLOURS[each.verdict]),
        )
    console.print(table)
    judged = [each.scenario for each in summary.criteria if each.id == "p95_latency"]
    if judged and any(name not in judged for name in ordered):
        console.print(Text(f"P95 is response time; the limit of P95 Latency holds for {judged[0]} alone.", "dim"))
    others = [name for name in scenarios if name not in ordered]
    if others:
        console.print(f"Not part of this campaign: {', '.join(others)}")
    console.print()

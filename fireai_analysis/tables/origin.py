"""Where results of another tool came from: its files, what was taken of each, refused, and left out on purpose."""

from __future__ import annotations

from fireai_analysis.origin import Origin, OriginFile
from fireai_analysis.results import ScenarioResult
from fireai_analysis.tables.table import Table, listing
from fireai_analysis.units import number_text

TAKEN = {
    "rows": "requests",
    "totals": "totals",
    "ranges": "histograms",
    "samples": "samples",
    "profiles": "profiles",
}
"""What a file may give, by its key in the record of the file."""
SERVICE_RULE = "Service times can prove a P95 over its limit, as response times are no shorter, never one within it."


def origin(result: ScenarioResult) -> Table | None:
    """Return the files of another tool; nothing for a run of our own."""
    told = result.origin
    if told is None:
        return None
    rows = [
        (file.name, _read_as(file), taken_text(file), refused_text(file), left_out_text(file)) for file in told.files
    ]
    columns = ("File", "Read as", "Taken", "Refused", "Left out on purpose")
    title, note = f"Results of {told.tool}", " ".join((*told.notes, *_rules(told)))
    return listing(result, "origin", title=title, columns=columns, rows=rows, note=note)


def _rules(told: Origin) -> tuple[str, ...]:
    """Return what such results can prove, by the rules of judging."""
    if told.population != "rows":
        return ("Totals without requests prove no latency; an error ratio they prove by its exact binomial interval.",)
    return () if told.intended_times else (SERVICE_RULE,)


def _read_as(file: OriginFile) -> str:
    return file.title if file.tool_version is None else f"{file.title} ({file.tool_version})"


def taken_text(file: OriginFile) -> str:
    """Return how much was taken of a file."""
    told = [f"{number_text(file.taken[key], 0)} {word}" for key, word in TAKEN.items() if key in file.taken]
    return ", ".join(told) or "no request"


def refused_text(file: OriginFile) -> str:
    """Return how many rows could not be taken, why, and where the first of them stands."""
    return "; ".join(
        f"{number_text(one.count, 0)} {reason}{'' if one.line is None else f' (first: line {one.line})'}"
        for reason, one in file.refused.items()
    )


def left_out_text(file: OriginFile) -> str:
    """Return how many rows were left out on purpose, and why."""
    return "; ".join(f"{number_text(count, 0)} {reason}" for reason, count in file.left_out.items())

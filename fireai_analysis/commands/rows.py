"""`fireai rows`: the rows behind one figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fireai_analysis.commands import choices, terminal
from fireai_analysis.errors import FireAIAnalysisError, ParamsError
from fireai_analysis.markup import spreadsheet_text
from fireai_analysis.units import number_text

if TYPE_CHECKING:
    from fireai_analysis.verify.behind import Shown

MARK = "\N{BLACK RIGHT-POINTING SMALL TRIANGLE}"
LONGEST, NARROWEST = 44, 10
EPILOG = """\b
Examples
  fireai rows runs/smoke-1 peak.response_ms.p95         rows around its rank
  fireai rows runs/smoke-1 spike.failures_count         the rows counted
  fireai rows runs/smoke-1 sustained.memory_mib.peak    the sample
  fireai rows runs/smoke-1 crdt_stress.crdt.lost_count  the operations
  fireai rows runs/smoke-1 go_memory                    a criterion's figure
  fireai rows runs/smoke-1 peak.error_ratio --csv errors.csv
"""


def _keys(context: typer.Context, incomplete: str) -> list[str]:
    """Return the figures of the campaign that was named; a broken one offers nothing."""
    from fireai_analysis.verify.behind import keys
    from fireai_analysis.verify.guard import readable

    directory = Path(context.params["directory"])
    try:
        with readable(directory):
            return keys(directory, incomplete)
    except FireAIAnalysisError:
        return []


def rows(
    directory: choices.Campaign,
    key: Annotated[
        str,
        typer.Argument(metavar="KEY", help="Key of a figure in summary.json, or a criterion.", autocompletion=_keys),
    ],
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="Most rows to print.")] = 21,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write all rows behind the figure there, every column.")
    ] = None,
) -> int:
    """Print what a figure is, and the rows that it comes from."""
    from fireai_analysis.verify.behind import behind
    from fireai_analysis.verify.guard import readable

    shown = behind(directory, key)
    console = terminal.output()
    with readable(directory):
        _show_definition(console, shown)
        if shown.rows is None:
            console.print("It stands on no rows of its own.")
        elif csv is None:
            _show_rows(console, shown, shown.rows, limit)
    if shown.rows is not None and csv is not None:
        _write(shown.rows, csv)
        console.print(Text(f"{len(shown.rows):,} rows: {csv}"), soft_wrap=True)
    return 0


def _show_definition(console: Console, shown: Shown) -> None:
    value = "null (not measured)" if shown.value is None else str(shown.value)
    console.print(Text.assemble((shown.key, "bold"), f" = {_printable(value)}"))
    what = shown.definition
    grid = Table.grid(padding=(0, 2))
    for name, text in (("file", what.file), ("rows", what.rows), ("formula", what.formula), *shown.notes.items()):
        grid.add_row("", Text(name), Text(text))
    console.print(grid)
    console.print()


def _show_rows(console: Console, shown: Shown, found: pd.DataFrame, limit: int) -> None:
    if found.empty:
        console.print("No row.")
        return
    part = _part(found, shown.marked, limit)
    cells = _fitting({str(name): [_cell(value) for value in part[name]] for name in part}, console.width - 2)
    table = terminal.table("", *cells)
    for place, label in enumerate(part.index):
        marked = shown.marked is not None and label == shown.marked
        line = [MARK if marked else "", *(texts[place] for texts in cells.values())]
        table.add_row(*(Text(text, "bold" if marked else "") for text in line))
    console.print(table)
    if len(part) < len(found):
        where = "around the marked one; " if shown.marked is not None else ""
        more = f"{where}{number_text(len(found) - len(part), 0)} more rows: --limit {len(found)}, or --csv FILE"
        console.print(Text(more, "dim"))


def _fitting(cells: dict[str, list[str]], room: int) -> dict[str, list[str]]:
    """Return the first columns that fit into a width; the last of them may be cut, but no number is."""
    kept: dict[str, list[str]] = {}
    for name, texts in cells.items():
        width = max(len(name), *map(len, texts))
        words = any(any(map(str.isalpha, text)) for text in texts)
        if width + 2 > room and words and room >= max(NARROWEST, len(name)) + 2:
            kept[name] = [_cut(text, room - 2) for text in texts]
        if width + 2 > room:
            break
        kept[name] = texts
        room -= width + 2
    return kept


def _part(found: pd.DataFrame, marked: Any, limit: int) -> pd.DataFrame:
    """Return as many rows as are wanted, the marked one in their middle."""
    place = found.index.tolist().index(marked) if marked is not None else 0
    first = min(max(0, place - limit // 2), max(0, len(found) - limit))
    return found.iloc[first : first + limit]


def _cell(value: Any) -> str:
    if _is_absent(value):
        return "-"
    return _cut(_printable(f"{value:.3f}" if isinstance(value, float) else str(value)), LONGEST)


def _is_absent(value: Any) -> bool:
    """Return whether a cell holds nothing; one may hold a list, such as the bounds of a histogram."""
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}\N{HORIZONTAL ELLIPSIS}"


def _write(found: pd.DataFrame, path: Path) -> None:
    """Write rows as CSV; texts cannot become formulas of a spreadsheet."""
    safe = found.copy()
    for name in safe:
        if not pd.api.types.is_numeric_dtype(safe[name]):
            safe[name] = [None if _is_absent(value) else spreadsheet_text(value) for value in safe[name]]
    try:
        safe.to_csv(path, index=False)
    except OSError as error:
        raise ParamsError(
            "rows", "--csv", f"{path}: {error.strerror or error}", "name a file that can be written"
        ) from error

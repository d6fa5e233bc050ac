"""A table for people: rows of already formatted text, shown as HTML, Markdown and plain text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat

from fireai_analysis.definitions import definition
from fireai_analysis.markup import html_text, markdown_text
from fireai_analysis.results import Interval, ScenarioResult
from fireai_analysis.units import BYTES_PER_MIB, NOT_MEASURED, bytes_text, percent_text

MARKS = {"PASSED": "✔", "FAILED": "✘", "INCONCLUSIVE": "–", NOT_MEASURED: "–", "WAIVED": "–"}
_NUMBER = re.compile(r"(?:[<>≤≥+-] ?)?[0-9][0-9,.]*(?: [^ 0-9]{1,6})?(?: to .+)?|unbounded|NOT MEASURED|–")
_WIDEST = 60


def verdict_text(verdict: str) -> str:
    """Return a verdict word with its mark (all marks are in DejaVu).

    Examples
    --------
    >>> verdict_text("PASSED"), verdict_text("NOT MEASURED")
    ('✔ PASSED', '– NOT MEASURED')
    """
    return f"{MARKS[verdict]} {verdict}"


@dataclass(frozen=True)
class Table:
    """One table, every cell already formatted text.

    Attributes
    ----------
    id : str
        Unique in a report.
    title : str
        What the table shows.
    columns : tuple of str
        Headings, with units.
    rows : tuple of tuple of str
        Cells; the first one of a row is its heading. No rows prints as NOT MEASURED with the note as the reason.
    note : str
        What the reader must know: population, sample count, source; may be empty.
    keys : tuple of str or None
        For each row the key of the figure in `summary.json`, where there is one.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str
    keys: tuple[str, ...] | None = None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self.html(in_notebook=True), "text/plain": self.text()}

    def html(self, *, in_notebook: bool = False) -> str:
        """Return the table as one HTML `<table>`, every value escaped.

        Parameters
        ----------
        in_notebook : bool
            JupyterLab sets every cell of a table flush right; words are then set left without a style sheet, which
            a Content-Security-Policy could refuse.
        """
        cell = partial(_cell, in_notebook=in_notebook)
        numeric = self._numeric()
        heads = "".join(map(cell, repeat('th scope="col"'), self.columns, numeric))
        keys = self.keys or ("",) * len(self.rows)
        body = "".join(_html_row(row, key, numeric, cell) for row, key in zip(self.rows, keys, strict=True))
        if not self.rows:
            whole_row = f'td colspan="{len(self.columns)}"'
            body = f"<tr>{cell(whole_row, NOT_MEASURED, False)}</tr>"
        note = f'<p class="fireai-note">{html_text(self.note)}</p>' if self.note else ""
        return (
            f'<div class="fireai-table" id="{html_text(self.id)}"><table><caption>{html_text(self.title)}</caption>'
            f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{note}</div>"
        )

    def markdown(self) -> str:
        """Return the table as GitHub Markdown, without its title; the note follows as a paragraph."""
        marks = ("---:" if is_number else "---" for is_number in self._numeric())
        rows = self.rows or ((NOT_MEASURED, *("",) * (len(self.columns) - 1)),)
        lines = [_markdown_row(self.columns), f"| {' | '.join(marks)} |", *map(_markdown_row, rows)]
        return "\n".join(lines) + "\n" + (f"\n{markdown_text(self.note)}\n" if self.note else "")

    def text(self) -> str:
        """Return the table as plain text in aligned columns."""
        rows = self.rows or ((NOT_MEASURED, *("",) * (len(self.columns) - 1)),)
        cells = [tuple(_one_line(cell) for cell in row) for row in (self.columns, *rows)]
        widths = [min(max(map(len, column)), _WIDEST) for column in zip(*cells, strict=True)]
        numeric = self._numeric()
        lines = ["  ".join(map(_padded, row, widths, numeric)).rstrip() for row in cells]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join([self.title, "", *lines, *([self.note] if self.note else [])])

    def _numeric(self) -> tuple[bool, ...]:
        if not self.rows:
            return (False,) * len(self.columns)
        return tuple(all(map(_NUMBER.fullmatch, column)) for column in zip(*self.rows, strict=True))


def _html_row(row: tuple[str, ...], key: str, numeric: tuple[bool, ...], cell: Callable[..., str]) -> str:
    tags = ['th scope="row"', *("td",) * (len(row) - 1)]
    cells = "".join(map(cell, tags, row, numeric))
    return f"<tr{key_attributes(key)}>{cells}</tr>"


def key_attributes(key: str) -> str:
    """Return the attributes of an element that shows a figure: its key, and file, rows and formula as its tooltip.

    Examples
    --------
    >>> key_attributes("scenarios.peak.sent_count")
    ' data-key="scenarios.peak.sent_count" title="requests/*.parquet: rows with sent_ns; number of rows"'
    >>> key_attributes("")
    ''
    """
    what = definition(key)
    tooltip = f' title="{html_text(what.text)}"' if what else ""
    return f' data-key="{html_text(key)}"{tooltip}' if key else ""


def _cell(tag: str, text: str, is_number: bool, *, in_notebook: bool) -> str:
    name = tag.split(" ", 1)[0]
    if is_number:
        return f'<{tag} class="num">{html_text(text)}</{name}>'
    words = f'<div align="left">{html_text(text)}</div>' if in_notebook else html_text(text)
    return f"<{tag}>{words}</{name}>"


def _markdown_row(row: tuple[str, ...]) -> str:
    return f"| {' | '.join(markdown_text(cell) for cell in row)} |"


def _one_line(cell: str) -> str:
    return " ".join(cell.split())


def _padded(cell: str, width: int, is_number: bool) -> str:
    return cell.rjust(width) if is_number else cell.ljust(width)


def figures(result: ScenarioResult, name: str, *, title: str, rows: Sequence[tuple[str, str, str]], note: str) -> Table:
    """Return a table of single figures: label, text, and key below the scenario's in `summary.json`."""
    keys = tuple(f"scenarios.{result.scenario}.{key}" for _, _, key in rows)
    pairs = tuple((label, text) for label, text, _ in rows)
    return Table(f"{result.scenario}-{name}", title, ("Figure", "Value"), pairs, note, keys)


def listing(
    result: ScenarioResult,
    name: str,
    *,
    title: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[str, ...]],
    note: str,
) -> Table:
    """Return a table with one row an entry."""
    return Table(f"{result.scenario}-{name}", title, columns, tuple(rows), note)


def keyed(table: Table, result: ScenarioResult, key: str) -> Table:
    """Return a table whose rows are the entries of a list of the scenario's in `summary.json`."""
    return replace(table, keys=tuple(f"scenarios.{result.scenario}.{key}.{place}" for place in range(len(table.rows))))


def interval_text(interval: Interval | None, form: Callable[[float], str]) -> str:
    """Return an interval in words; no upper bound reads `unbounded`.

    Examples
    --------
    >>> interval_text((1.0, None), "{:.1f}".format), interval_text(None, str)
    ('1.0 to unbounded', 'NOT MEASURED')
    """
    if interval is None:
        return NOT_MEASURED
    low, high = interval
    return f"{form(low)} to {'unbounded' if high is None else form(high)}"


def share_text(ratio: float | None, limit: float | None = None) -> str:
    """Return a ratio in percent with its sign, beside a limit with digits enough to see its side.

    Examples
    --------
    >>> share_text(0.25), share_text(0.05004, 0.05), share_text(None)
    ('25.00 %', '5.004 %', 'NOT MEASURED')
    """
    return NOT_MEASURED if ratio is None else f"{percent_text(ratio, limit=limit)} %"


def mb_text(size_mib: float | None, limit_bytes: float | None = None) -> str:
    """Return a size given in MiB as MB (10**6 bytes), beside a limit with digits enough to see its side.

    Examples
    --------
    >>> mb_text(100.0), mb_text(488.28125, 512e6), mb_text(488.28126, 512e6)
    ('104.9 MB', '512.0 MB', '512.00001 MB')
    """
    return bytes_text(None if size_mib is None else size_mib * BYTES_PER_MIB, limit_bytes)

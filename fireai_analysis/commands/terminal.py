"""How far a campaign is, on standard error: live bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from fireai_analysis.publish.outcome import Progress

REFRESH_PER_S = 4
LINE_EVERY_S = 5.0
BAR_WIDTH, WIDEST = 12, 100
DONE, BROKEN = "\N{HEAVY CHECK MARK}", "\N{HEAVY BALLOT X}"


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield what tells the progress: bars where standard error is a terminal, a line every 5 s where it is not."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines(lambda line: console.print(line, markup=False, soft_wrap=True))
        return
    bars = Bars(min(console.width, WIDEST) - 3)  # room for the echo of Ctrl-C
    with Live(get_renderable=bars.render, console=console, refresh_per_second=REFRESH_PER_S, transient=False):
        yield bars


def output() -> Console:
    """Return the console for results: standard output, 100 columns at most."""
    console = Console(highlight=False)
    return Console(highlight=False, width=min(console.width, WIDEST))


def table(*titles: str) -> Table:
    """Return an empty table with these column titles; only the last column wraps."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        made.add_column(title, no_wrap=title != titles[-1], overflow="fold")
    return made


class Lines:
    """Progress as plain lines: one at each new phase, then one every 5 s.

    Parameters
    ----------
    write : callable
        Takes a line.
    now_s : callable
        Seconds on a clock that never goes back.
    """

    def __init__(self, write: Callable[[str], None], now_s: Callable[[], float] = time.monotonic) -> None:
        self._write, self._now_s = write, now_s
        self._last: tuple[tuple[str, str], float] = (("", ""), 0.0)

    def show(self, name: str, phase: str, ratio: float | None, text: str) -> None:
        """Print a line where it is time for one."""
        key, now_s = (name, phase), self._now_s()
        if key == self._last[0] and now_s - self._last[1] < LINE_EVERY_S:
            return
        self._last = (key, now_s)
        share = "" if ratio is None else f" {ratio:4.0%}"
        self._write(f"{name:<11} {phase}{share}{'  ' + text if text else ''}")

    def end(self, name: str, text: str, *, ok: bool) -> None:
        """Print how a part ended."""
        head = f"{name:<11} {'done' if ok else 'BROKEN'}  "
        self._write(head + text.replace("\n", f"\n{' ' * len(head)}"))


@dataclass
class _Part:
    """One line of the live display."""

    phase: str = ""
    ratio: float | None = None
    text: str = ""
    ok: bool | None = None
    started_s: float = field(default_factory=time.monotonic)
    ended_s: float | None = None


class Bars:
    """Progress as one live line a part, at 80 columns."""

    def __init__(self, width: int = 77) -> None:
        self._width = width
        self._parts: dict[str, _Part] = {}
        self._spinner = Spinner("dots")

    def show(self, name: str, phase: str, ratio: float | None, text: str) -> None:
        """Keep what the next refresh draws."""
        part = self._parts.setdefault(name, _Part())
        part.phase, part.ratio, part.text = phase, ratio, text

    def end(self, name: str, text: str, *, ok: bool) -> None:
        """Keep how a part ended."""
        part = self._parts.setdefault(name, _Part())
        part.text, part.ok, part.ended_s = text, ok, time.monotonic()

    def render(self) -> Table:
        """Return the lines as they are now."""
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.width = self._width
        for width in (1, 11):
            grid.add_column(width=width, no_wrap=True)
        grid.add_column(ratio=1)
        grid.add_column(width=7, justify="right", no_wrap=True)
        for name, part in list(self._parts.items()):
            elapsed_s = (part.ended_s or time.monotonic()) - part.started_s
            grid.add_row(self._mark(part), name, _body(part), Text(_clock(elapsed_s), "dim"))
        return grid

    def _mark(self, part: _Part) -> Text | Spinner:
        if part.ok is None:
            return self._spinner
        return Text(DONE, "green") if part.ok else Text(BROKEN, "red")


def _body(part: _Part) -> Table | Text:
    if part.ok is not None:
        return Text(part.text)
    if part.ratio is None:
        return Text.assemble((f"{part.phase:<10}", "cyan"), part.text, overflow="ellipsis", no_wrap=True)
    grid = Table.grid(padding=(0, 1))
    for width in (len(part.phase), BAR_WIDTH):
        grid.add_column(min_width=width, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    bar = ProgressBar(total=1.0, completed=part.ratio, width=BAR_WIDTH)
    grid.add_row(Text(part.phase, "cyan"), bar, Text(f"{part.ratio:.0%}  {part.text}", overflow="ellipsis"))
    return grid


def _clock(duration_s: float) -> str:
    minutes, seconds = divmod(int(duration_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"

"""A section of the report as notebook cells show it: fragments of HTML and figures, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from IPython.display import display

from fireai_analysis.plots import Figure
from fireai_analysis.publish import render_html, render_markdown
from fireai_analysis.publish.document import Filled

Bundle = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """Blocks of one section; the last expression of a cell shows it."""

    name: str
    blocks: tuple[Filled, ...]

    def _ipython_display_(self) -> None:
        for bundle in self.bundles():
            display(bundle, raw=True)  # type: ignore[no-untyped-call]

    def bundles(self) -> Iterator[Bundle]:
        """Yield the MIME bundles of the section: one a figure, one a run of other blocks."""
        for is_figure, blocks in groupby(self.blocks, lambda block: isinstance(block, Figure)):
            if is_figure:
                for figure in blocks:
                    yield from _figure(figure)
            else:
                shown = list(blocks)
                yield {"text/html": render_html.render(shown), "text/plain": render_markdown.render(shown)}


def _figure(figure: Filled) -> Iterator[Bundle]:
    if isinstance(figure, Figure):
        yield figure._repr_mimebundle_()
        if figure.caption:
            yield {"text/html": render_html.caption(figure), "text/plain": figure.caption}

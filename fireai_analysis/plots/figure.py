"""A figure: the same data drawn for the screen (plotly) and for print (SVG), with its words.

A notebook shows it as one MIME bundle: JupyterLab draws the plotly JSON, the print export takes the SVG, and a reader
without pictures gets the alternative text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PLOTLY_MIME = "application/vnd.plotly.v1+json"
SVG_MIME = "image/svg+xml"


@dataclass(frozen=True)
class Figure:
    """One figure in all its forms.

    Attributes
    ----------
    id : str
        Unique in a report: `<scenario>-<kind>`, letters, digits, hyphens.
    title : str
        What is shown, as a statement.
    alt : str
        Alternative text with the key numbers.
    caption : str
        How to read it, scale of the scenario, windows, what was left out.
    plotly : dict
        Plotly JSON with `data`, `layout`, `config`; every text in it is free of markup.
    svg : str
        One `<svg>` element with a viewBox, `role="img"` and its alternative text; its bytes depend on the data alone.
    measured : bool
        False where there was nothing to draw; the figure then says NOT MEASURED and why.
    """

    id: str
    title: str
    alt: str
    caption: str
    plotly: dict[str, Any]
    svg: str
    measured: bool = True

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {PLOTLY_MIME: self.plotly, SVG_MIME: self.svg, "text/plain": sentences(self.title, self.alt)}


def sentences(title: str, text: str) -> str:
    """Return a title and what follows it as sentences.

    Examples
    --------
    >>> sentences("Memory", "It grew."), sentences("Did it grow?", "No.")
    ('Memory. It grew.', 'Did it grow? No.')
    """
    return f"{title}{'' if title.endswith('?') else '.'} {text}"

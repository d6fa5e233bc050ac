"""One HTML file that needs no network: everything inlined, and a policy that lets nothing else run.

The policy names the hashes of the two scripts and the one style sheet. Figures are JSON in data blocks, which no
browser runs, drawn by a constant bootstrap; without scripts, and on paper, their SVG is shown.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from fireai_analysis.markup import html_text
from fireai_analysis.publish.parts import Entry, Html, Part, contents

_STYLE_ID = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
"""How plotly.js looks for the style sheet of its maps before it adds it; the policy would refuse that, and says so."""

CAPTION = '<p class="fireai-caption">'
"""How the words below a figure begin; they come next after it."""

EMPTY_STYLE = ""
"""plotly adds an empty style element and fills it through the object model; its hash must be allowed."""


def screen(parts: Sequence[Part], title: str) -> str:
    """Return the page for the screen.

    Parameters
    ----------
    parts : sequence of Part
        Fragments and figures in order.
    title : str
        Title of the browser's window.
    """
    plotly, bootstrap, style = plotly_script(), _asset("bootstrap.js"), _asset("report.css")
    return Template(_asset("page.html")).substitute(
        policy=policy(scripts=(plotly, bootstrap), styles=(style, EMPTY_STYLE)),
        title=html_text(title),
        style=style,
        contents=_contents(contents(list(parts))),
        body="\n".join(_on_screen(part) for part in parts),
        guards="".join(f'<template id="{name}"></template>' for name in set(_STYLE_ID.findall(plotly))),
        plotly=plotly,
        bootstrap=bootstrap,
    )


def printed(parts: Sequence[Part], title: str, faces: str) -> str:
    """Return the page for the PDF engine: the same parts with SVGs, no script; `faces` are its @font-face rules."""
    body = "\n".join(_on_paper(parts))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html_text(title)}</title>'
        f"<style>{faces}\n{_asset('print.css')}</style></head><body>{body}</body></html>"
    )


def policy(*, scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return the Content-Security-Policy that allows exactly these scripts and styles, and pictures in the file.

    Examples
    --------
    >>> policy(scripts=(), styles=("",)).split("; ")[2]
    "style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
    """
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes(styles)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


@cache
def plotly_script() -> str:
    """Return plotly.js as it is put into the page, with nothing in it that could end its element."""
    script: str = get_plotlyjs()
    return script.replace("\r\n", "\n").replace("</script", "<\\/script")


def data_block(content: Mapping[str, Any]) -> str:
    r"""Return JSON that can stand in a script element: no `<` in it, so nothing can end the element.

    Examples
    --------
    >>> data_block({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"


def _asset(name: str) -> str:
    return (resources.files("fireai_analysis.publish") / "templates" / name).read_text(encoding="utf-8").strip()


def _contents(entries: Sequence[Entry]) -> str:
    lines = (
        f'<li class="level-{entry.level}"><a href="#{html_text(entry.anchor)}">{html_text(entry.text)}</a></li>'
        for entry in entries
    )
    return f"<ol>{''.join(lines)}</ol>"


def _on_screen(part: Part) -> str:
    if isinstance(part, Html):
        return part.text
    picture = base64.b64encode(part.svg.encode()).decode()
    static = f'<img class="static" alt="{html_text(part.alt)}" src="data:image/svg+xml;base64,{picture}">'
    if part.plotly is None:
        return f"<figure>{static}</figure>"
    return (
        f'<figure id="{html_text(part.name)}"><div class="plot" role="img" aria-label="{html_text(part.alt)}"></div>'
        f'{static}<script type="application/json" class="fireai-figure">{data_block(part.plotly)}</script></figure>'
    )


def _on_paper(parts: Sequence[Part]) -> Iterator[str]:
    """Yield the parts for paper; a figure and the words below it stand on one page."""
    figure = ""
    for part in parts:
        text = part.text if isinstance(part, Html) else f"<figure>{part.svg}</figure>"
        if figure and text.startswith(CAPTION):
            yield f'<div class="keep">{figure}{text}</div>'
            figure = ""
            continue
        yield figure
        figure = "" if isinstance(part, Html) else text
        yield text if isinstance(part, Html) else ""
    yield figure

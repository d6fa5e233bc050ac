"""One line that tells how far a run is, kept up to date: in a notebook's output, else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

BAR_WIDTH = 24
LINE_WIDTH = 79


def shown_here() -> Callable[[Mapping[str, Any]], None]:
    """Return what shows progress where we are: in a kernel one output that is replaced, else a line on a terminal."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and hasattr(shell, "kernel"):
        return _in_notebook()
    return _on_stderr


def line(told: Mapping[str, Any]) -> str:
    """Return progress in one line of plain text.

    Examples
    --------
    >>> line({"scenario": "peak", "phase": "judged", "ratio": 0.5, "text": "15 s of 30 s", "sent_count": 500})
    'peak judged   [############------------] 15 s of 30 s, 500 sent'
    """
    head = f"{told.get('scenario') or ''} {told.get('phase', '')!s:<8}".lstrip()
    ratio, text = told.get("ratio"), str(told.get("text") or "")
    filled = round(BAR_WIDTH * min(1.0, max(0.0, float(ratio)))) if ratio is not None else 0
    bar = f" [{'#' * filled}{'-' * (BAR_WIDTH - filled)}]" if ratio is not None else ""
    return f"{head}{bar} {', '.join(part for part in (text, *_counts(told)) if part)}".rstrip()


def _counts(told: Mapping[str, Any]) -> list[str]:
    sent, failed, p95_ms = (told.get(key) for key in ("sent_count", "failed_count", "p95_ms"))
    parts = [f"{sent:,} sent"] if sent else []
    parts += [f"{failed:,} failed"] if failed else []
    return [*parts, *([f"p95 {p95_ms:,.0f} ms"] if p95_ms is not None else [])]


def _in_notebook() -> Callable[[Mapping[str, Any]], None]:
    from IPython.display import display

    handle = display({"text/plain": ""}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def show(told: Mapping[str, Any]) -> None:
        handle.update({"text/plain": line(told)}, raw=True)

    return show


def _on_stderr(told: Mapping[str, Any]) -> None:
    is_last = told.get("phase") in ("recorded", "aborted")
    text = line(told)
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text[:LINE_WIDTH]:<{LINE_WIDTH}}" + ("\n" if is_last else ""))
    elif is_last:
        sys.stderr.write(f"{text}\n")
    sys.stderr.flush()

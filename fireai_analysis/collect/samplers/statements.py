"""SQL text fit to be kept: no comments, no literals, no line breaks, no statement that sets a password."""

from __future__ import annotations

import re

LONGEST_TEXT = 500

_TOKEN = re.compile(
    r"""(?P<literal>[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?$)|'(?:[^']|'')*(?:'|$)|\$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|$))"""
    r"""|(?P<name>"(?:[^"]|"")*(?:"|$))"""
    r"""|(?P<comment>--[^\n]*|/\*.*?(?:\*/|$))""",
    re.DOTALL,
)
_SECRET = re.compile(r"\b(?:password|passwd)\b", re.IGNORECASE)
_PLANNABLE = ("select", "insert", "update", "delete", "merge", "with", "values", "table")


def normalised(query: str) -> str | None:
    r"""Return a statement's text as it may be stored, at most 500 characters; None where it must not be kept.

    Examples
    --------
    >>> normalised("SELECT /* who */ * FROM t -- x\n WHERE a = $1 AND b = 'it''s'")
    'SELECT * FROM t WHERE a = $1 AND b = ?'
    >>> normalised("ALTER ROLE app PASSWORD 'x'") is None
    True
    """
    text = " ".join(_TOKEN.sub(_replacement, query).split())
    first = text[:10].lower().lstrip("( ")
    if _SECRET.search(text) and not first.startswith(_PLANNABLE):
        return None
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _replacement(found: re.Match[str]) -> str:
    if found["literal"] is not None:
        return "?"
    return " " if found["comment"] is not None else found[0]

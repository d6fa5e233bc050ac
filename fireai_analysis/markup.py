"""The one place where text from outside is made safe for a medium: HTML, Markdown, plotly, spreadsheets.

Everything from outside (endpoint names, error texts, SQL, stack names, file names) is text and stays text: no value
can become markup, a link, a formula, or turn the direction in which its neighbours are read.
"""

from __future__ import annotations

import html
import re
import unicodedata

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKDOWN_SPECIAL = re.compile(r"[\\`*_\[\]|~$]")
_MARKDOWN_LINK = re.compile(r"(?i)(://|\bwww\.)")
_MARKDOWN_START = re.compile(r"^(\s*)([#+\-=:]|\d+[.)])(?=\s|$|[-=#])")
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\0")


def html_text(value: object) -> str:
    """Return a value as text for HTML, in an element or in a quoted attribute.

    Parameters
    ----------
    value : object
        Anything; its `str` is taken. Control characters, direction marks and lone surrogates are shown as escapes.

    Examples
    --------
    >>> html_text('</script><b a="1">')
    '&lt;/script&gt;&lt;b a=&quot;1&quot;&gt;'
    """
    return html.escape(_visible(str(value)), quote=True)


def markdown_text(value: object) -> str:
    r"""Return a value as text for GitHub Markdown, in a paragraph or a table cell, on one line.

    Examples
    --------
    >>> markdown_text("[a](javascript:x) | <b>")
    '\\[a\\](javascript:x) \\| &lt;b&gt;'
    >>> markdown_text("# one\ntwo")
    '\\# one two'
    """
    text = " ".join(_visible(str(value)).split())
    text = _MARKDOWN_SPECIAL.sub(lambda found: "\\" + found.group(), text)
    text = html.escape(text, quote=False)
    text = _MARKDOWN_LINK.sub(lambda found: found.group().replace("://", "\\://").replace(".", "\\."), text)
    return _MARKDOWN_START.sub(_escaped_start, text)


def plotly_text(value: object) -> str:
    """Return a value as text for plotly, which reads a subset of HTML, and TeX between dollar signs.

    Examples
    --------
    >>> plotly_text("<b>$x$</b>")
    '&lt;b&gt;&#36;x&#36;&lt;/b&gt;'
    """
    return html.escape(_visible(str(value)), quote=False).replace("$", "&#36;").replace("%{", "&#37;{")


def spreadsheet_text(value: object) -> str:
    """Return a value as text for a spreadsheet cell: what would start a formula gets an apostrophe before it.

    Examples
    --------
    >>> spreadsheet_text("=1+1"), spreadsheet_text("a=1")
    ("'=1+1", 'a=1')
    """
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA_START) else text


def _escaped_start(found: re.Match[str]) -> str:
    space, mark = found.groups()
    return f"{space}{mark[:-1]}\\{mark[-1]}"


def _visible(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

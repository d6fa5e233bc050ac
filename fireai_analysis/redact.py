"""Keeps secrets out of text that is written anywhere, and out of the environment of child processes."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import TextIO
from urllib.parse import quote, quote_plus, unquote

REDACTED = "[redacted]"
SHORTEST_SECRET = 4
"""Shorter values are not searched for: they would cut ordinary words to pieces."""

ALLOWED_NAMES = frozenset(
    """PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR VIRTUAL_ENV CONDA_PREFIX LD_LIBRARY_PATH DYLD_LIBRARY_PATH
    XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR XDG_STATE_HOME PYTHONPATH PYTHONHASHSEED PYTHONUTF8
    FIREAI_PARAMS_DIR FIREAI_LOCUSTFILES_DIR FIREAI_STATE_DIR FIREAI_CACHE_DIR
    FASTAPI_BASE_URL GO_SERVICE_URL GO_PPROF_URL OMP_NUM_THREADS OPENBLAS_NUM_THREADS""".split()
)
"""Environment variables that every child process may see; none of them holds a secret."""

_KEY = r"(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)"
_SHAPES = (
    (re.compile(r"eyJ[\w-]{4,}\.[\w-]{2,}\.[\w-]*"), REDACTED),  # JSON web tokens
    (re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"), rf"\1{REDACTED}"),
    (
        re.compile(r"(\b[a-zA-Z][\w+.-]*://)[^\s/?#\"'<>]*:[^\s\"'<>]*@"),
        rf"\1{REDACTED}@",
    ),  # user:password@ of an address
    (re.compile(rf"(?i)(\b[\w-]*{_KEY}[\"']?\s*[=:]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s&,;\"')}}]+)"), rf"\1{REDACTED}"),
)


class Redactor:
    """Takes secrets out of texts: the given values in every usual spelling, and what looks like a token or a DSN.

    Parameters
    ----------
    secrets : iterable of str
        Values; empty and very short ones are passed over. Of a DSN its password is searched for by itself too.

    Examples
    --------
    >>> Redactor(["hunter2+x"]).text("key hunter2+x, hunter2%2Bx")
    'key [redacted], [redacted]'
    >>> Redactor([]).text("postgresql://u:p@db/x?sslmode=require token=abc")
    'postgresql://[redacted]@db/x?sslmode=require token=[redacted]'
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        spellings = {spelling for secret in secrets for part in _parts(secret) for spelling in _spellings(part)}
        longest_first = sorted(spellings, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return the text without secrets; redacting twice changes nothing more."""
        if self._values is not None:
            text = self._values.sub(REDACTED, text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text


class RedactedStream:
    """A text stream that redacts every line before it is written; put it in the place of `sys.stderr`.

    Parameters
    ----------
    stream : typing.TextIO
        Where the lines go.
    redactor : Redactor
        Takes the secrets out.
    """

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream, self._redactor, self._started = stream, redactor, ""

    def write(self, text: str) -> int:
        """Take text in; whole lines are written."""
        *lines, self._started = (self._started + text).split("\n")
        for line in lines:
            self._stream.write(self._redactor.text(line) + "\n")
        return len(text)

    def flush(self) -> None:
        """Write what is there, a line that has only begun too."""
        self._stream.write(self._redactor.text(self._started))
        self._started = ""
        self._stream.flush()


def allowed_environment(names: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a child process may see of an environment: a fixed list, and the variables named.

    Parameters
    ----------
    names : iterable of str
        Further variables, such as those of the secrets that this child needs.
    environment : mapping of str to str, optional
        Where values come from; our own by default.

    Examples
    --------
    >>> "AWS_SECRET_ACCESS_KEY" in allowed_environment()
    False
    """
    wanted = ALLOWED_NAMES | set(names)
    given = os.environ if environment is None else environment
    return {name: value for name, value in given.items() if name in wanted or name.startswith("LC_")}


def _parts(secret: str) -> list[str]:
    """Return the secret, and the password where the secret is a DSN."""
    found = re.match(r"[\w+.-]+://[^/?#@]*?:(.*)@", secret) or re.search(r"\bpassword\s*=\s*'?([^'\s]+)", secret)
    parts = [secret, *([found[1], unquote(found[1])] if found else [])]
    return [part for part in parts if len(part) >= SHORTEST_SECRET]


def _spellings(secret: str) -> set[str]:
    data = secret.encode("utf-8", "surrogateescape")
    return {
        secret,
        quote(data, safe=""),
        quote(data),
        quote_plus(data),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        base64.b64encode(data).decode().rstrip("="),
    }

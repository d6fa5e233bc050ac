"""One question before a run and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One question and its answer.

    Attributes
    ----------
    part : str
        What was looked at: `machine`, `target`, `database` or `before a run`.
    name : str
        The question in a few words.
    verdict : {'ok', 'warn', 'fail'}
        `fail`: a campaign would break or measure the wrong thing; `warn`: it can go on, but look at it.
    detail : str
        What was found.
    remedy : str
        What to do; empty where all is well.
    key : str
        Where it is to be corrected: a key of the target file, or a variable; empty where there is no such place.
    """

    part: str
    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""
    key: str = ""


def ok(part: str, name: str, detail: str) -> Check:
    """Return an answer that needs no remedy."""
    return Check(part, name, "ok", detail)

"""What each place showed of a session, and when: the final states and the reads of the run."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.verify.evidence import Floats, Run, words
from fireai_analysis.verify.fates import NOWHERE, Clock, at, clock_of, document_of

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, eq=False)
class State:
    """One document that was read; infinite times decide nothing."""

    source: str
    begin_ns: float
    end_ns: float
    document: Any
    clock: Clock

    @cached_property
    def times(self) -> Counter[str]:
        """How often each text stands: as a value, or as a key where that is more often."""
        values, keys, waiting = Counter[str](), Counter[str](), [self.document]
        while waiting:
            one = waiting.pop()
            if isinstance(one, str):
                values[one] += 1
            elif isinstance(one, dict):
                keys.update(one.keys())
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
        return values | keys


def states(run: Run, table: str) -> dict[str, list[State]]:
    """Return the documents of `final_states` (the last of each place) or `reads` by session, in order of their begin.

    What holds no document is left out, and of the final states it hides what was read before at its place.
    """
    frame, found, known = run.table(table), defaultdict[str, list[State]](list), dict[str, Any]()
    if frame is None:
        return found
    begins, ends = _instants(frame, "begin_ns", -np.inf), _instants(frame, "read_ns", np.inf)
    texts = [words(frame, name) for name in ("session_id", "source", "document", "vector_clock")]
    lines = list(zip(*texts, begins.tolist(), ends.tolist(), strict=True))
    lines.sort(key=lambda line: line[5] if np.isfinite(line[5]) else 0)
    if table == "final_states":
        lines = list({line[:2]: line for line in lines}.values())
    for session, source, text, clock, begin, end in sorted(lines, key=lambda line: line[4]):
        document = known.setdefault(text, document_of(text) if text not in known else None)
        if document is not NOWHERE:
            found[session].append(State(source or "sql", begin, end, document, clock_of(clock)))
    return found


def _instants(frame: pd.DataFrame, column: str, unknown: float) -> Floats:
    if column not in frame:
        return np.full(len(frame), unknown)
    values = pd.to_numeric(frame[column], errors="coerce").astype("Float64")
    found: Floats = np.asarray(values.where(values > 0).fillna(unknown), dtype=np.float64)
    return found


def form_of(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """Return what the tokens of a run look like: UUIDs, else what they all begin with, and more letters and digits.

    Examples
    --------
    >>> form = form_of(["token-1", "token-25"])
    >>> bool(form.fullmatch("token-7")), bool(form.fullmatch("other"))
    (True, False)
    """
    known = [token for token in tokens if token]
    if not known or all(map(UUID.fullmatch, known)):
        return UUID if known else None
    letters = takewhile(lambda column: len(set(column)) == 1, zip(*known, strict=False))
    return re.compile(re.escape("".join(one[0] for one in letters).rstrip("0123456789")) + "[0-9A-Za-z-]+")


def claims(document: Any, containers: Iterable[str]) -> set[str]:
    """Return the keys of the containers that stand in a document, and the texts directly in them.

    Examples
    --------
    >>> sorted(claims({"hot": {"0": "x", "1": 5}, "log": ["y"]}, ["/hot", "/log"]))
    ['0', '1', 'x']
    """
    places = [at(document, path) for path in containers if path]
    inner = [one for one in places if isinstance(one, dict)]
    return {text for one in inner for text in (*one, *(value for value in one.values() if isinstance(value, str)))}

"""What was read of each session, where and when, beside what was written to it: the input of every check."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

import pandas as pd

from fireai_analysis.analyze.document import Document, at
from fireai_analysis.analyze.history import Clock, Write, cells, clock_of, instant_or, text_of

SQL = "sql"
"""The arbiter: what the database holds decides what became of a write."""

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, eq=False)
class State:
    """One read of one session at one place.

    Attributes
    ----------
    begin_ns, end_ns : float
        When the read was sent and answered; -inf and inf where that is not known, so that nothing follows from it.
    since_ns : float
        Begin of the first of the equal reads that ended with this one; infinite where not known.
    settled : bool or None
        Whether two reads in a row were equal; None where not known.
    document : Document or None
        None where the read failed or what was read is no JSON.
    clock : dict
        Empty where none was read.
    """

    session_id: str
    source: str
    begin_ns: float
    end_ns: float
    since_ns: float
    settled: bool | None
    document: Document | None
    clock: Clock
    final: bool

    def shown(self, tokens: set[str], containers: Iterable[str]) -> set[str]:
        """Return which of the tokens stand in the document; quick where they stand as keys of the containers."""
        if self.document is None:
            return set()
        found: set[str] = set()
        for held in (at(self.document.content, place) for place in containers):
            if isinstance(held, dict):
                found |= tokens & held.keys()
        return found if len(found) == len(tokens) else found | (tokens & self.document.texts)


@dataclass(frozen=True, eq=False)
class Session:
    """All writes to one session and all reads of it.

    Attributes
    ----------
    finals : dict
        The last state read at each place after quiesce, by source.
    reads : list of State
        The states read while the load ran, in order of their begin.
    """

    session_id: str
    writes: list[Write]
    finals: dict[str, State] = field(default_factory=dict)
    reads: list[State] = field(default_factory=list)

    @property
    def final(self) -> State | None:
        """What the database held at the end; None where it was not read, is no JSON, or still changed."""
        state = self.finals.get(SQL)
        return None if state is None or state.document is None or state.settled is False else state

    @cached_property
    def paths(self) -> dict[str, list[Write]]:
        """The writes to each path."""
        groups: dict[str, list[Write]] = defaultdict(list)
        for one in self.writes:
            groups[one.path].append(one)
        return groups

    @cached_property
    def tokens(self) -> set[str]:
        """Every token that anyone tried to write to this session."""
        return {one.token for one in self.writes}

    @cached_property
    def containers(self) -> set[str]:
        """The places that hold elements and registers: all but the last step of their paths."""
        return {path.rpartition("/")[0] for path, group in self.paths.items() if group[0].kind != "counter"}

    @property
    def states(self) -> list[State]:
        """Every state that was read, the final one of the database first."""
        return [*sorted(self.finals.values(), key=lambda one: one.source != SQL), *self.reads]


def sessions(found: Iterable[Write], finals: pd.DataFrame | None, reads: pd.DataFrame | None) -> list[Session]:
    """Return the sessions that were written to, each with what was read of it.

    Parameters
    ----------
    found : iterable of Write
        The distinct writes.
    finals, reads : DataFrame or None
        Sample tables `final_states` and `reads` (schema STATES); None where they were not recorded.
    """
    groups: dict[str, list[Write]] = defaultdict(list)
    for one in found:
        groups[one.session_id].append(one)
    documents: dict[Any, Document | None] = {}
    clocks: dict[str, Clock] = {}
    made = {session: Session(session, group) for session, group in groups.items()}
    for state in _states(finals, documents, clocks, final=True):
        if state.session_id in made:
            made[state.session_id].finals[state.source] = state
    for state in _states(reads, documents, clocks, final=False):
        if state.session_id in made:
            made[state.session_id].reads.append(state)
    for session in made.values():
        session.reads.sort(key=lambda one: one.begin_ns)
    return list(made.values())


def _states(
    frame: pd.DataFrame | None, documents: dict[Any, Document | None], clocks: dict[str, Clock], *, final: bool
) -> list[State]:
    """Return the rows of a table of states in order of their ends; equal texts are parsed once."""
    if frame is None:
        return []
    names = ("session_id", "source", "vector_clock", "document")
    texts: Mapping[str, list[Any]] = {name: cells(frame, name, text_of) for name in names}
    times = {
        "begin_ns": cells(frame, "begin_ns", instant_or(-math.inf)),
        "end_ns": cells(frame, "read_ns", instant_or(math.inf)),
        "since_ns": cells(frame, "since_ns", instant_or(math.inf)),
    }
    settled = cells(frame, "settled", _truth)
    found = []
    for place, text in enumerate(texts["document"]):
        if text not in documents:
            documents[text] = Document.parse(text)
        found.append(
            State(
                session_id=texts["session_id"][place],
                source=texts["source"][place] or SQL,
                **{name: column[place] for name, column in times.items()},
                settled=settled[place],
                document=documents[text],
                clock=clock_of(texts["vector_clock"][place], clocks),
                final=final,
            )
        )
    return sorted(found, key=lambda one: one.end_ns if math.isfinite(one.end_ns) else 0)


def _truth(value: Any) -> bool | None:
    return None if value is None or value is pd.NA or value != value else bool(value)


def form_of(tokens: Iterable[str]) -> re.Pattern[str] | None:
    """Return what the tokens of a run look like, so that content of others is not taken for a write of the run.

    UUIDs where all are; else the beginning that all share, followed by letters, digits and hyphens.

    Examples
    --------
    >>> form = form_of(["token-1", "token-25"])
    >>> bool(form.fullmatch("token-7")), bool(form.fullmatch("building 7"))
    (True, False)
    """
    known = [token for token in tokens if token]
    if not known:
        return None
    if all(map(_UUID.fullmatch, known)):
        return _UUID
    first, last = min(known), max(known)
    shared = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
    shared = shared.rstrip("0123456789")
    return re.compile(re.escape(shared) + r"[0-9A-Za-z-]+")

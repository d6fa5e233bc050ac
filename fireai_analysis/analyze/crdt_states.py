"""What was read of each session, where and when, beside what was written to it: the input of every check."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from typing import Any

import pandas as pd

from fireai_analysis.analyze.crdt_layout import Layout, ToldLayout, container_of, recognised, stands
from fireai_analysis.analyze.document import ABSENT, Document, at, carries, unescaped
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


@dataclass(frozen=True, eq=False)
class Session:
    """All writes to one session and all reads of it.

    Attributes
    ----------
    finals : dict
        The last state read at each place after quiesce, by source.
    layouts : mapping
        Layout of each container (`crdt_layout`), the same for all sessions.
    reads : list of State
        The states read while the load ran, in order of their begin.
    """

    session_id: str
    writes: list[Write]
    finals: dict[str, State] = field(default_factory=dict)
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    reads: list[State] = field(default_factory=list)

    @property
    def final(self) -> State | None:
        """What the database held at the end; None where it was not read at rest."""
        return self.at_rest(SQL)

    def at_rest(self, source: str) -> State | None:
        """Return the final state of a place; None where it was not read, is no JSON, still changed, or came too early.

        Too early is a read that began before the last answer of the session, or at an unknown time: what it lacks may
        have been written after it.
        """
        state = self.finals.get(source)
        if state is None or state.document is None or state.settled is False or self.early(state):
            return None
        return state

    def early(self, state: State) -> bool:
        """Return whether a final state was read before the last answer of the session, or at an unknown time."""
        return not state.begin_ns > self.answered_ns

    @cached_property
    def answered_ns(self) -> float:
        """The last answer that acknowledged a write; -inf where there is none whose time is known."""
        ends = (one.end_ns for write in self.writes for one in write.operations if one.outcome == "ok")
        return max((end for end in ends if math.isfinite(end)), default=-math.inf)

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
        return {container_of(path) for path, group in self.paths.items() if group[0].kind != "counter"}

    @cached_property
    def _elements(self) -> dict[str, list[tuple[str, Write]]]:
        """The elements by container, each with the last step of its path."""
        groups: dict[str, list[tuple[str, Write]]] = defaultdict(list)
        for one in self.writes:
            if one.kind == "unique":
                place = container_of(one.path)
                groups[place].append((unescaped(one.path[len(place) + 1 :]), one))
        return groups

    def holds(self, state: State, write: Write) -> bool:
        """Return whether an element or register stands in a state where the layout puts it."""
        document, layout = state.document, self.layouts.get(container_of(write.path), "by_path")
        return document is not None and stands(document, layout, write.path, write.token)

    def shown(self, state: State, tokens: Collection[str]) -> set[str]:
        """Return which of the tokens of elements stand in a state; quick where a container is one by path."""
        found: set[str] = set()
        for place, elements in self._elements.items():
            held = at(state.document.content, place) if state.document is not None else ABSENT
            by_path = self.layouts.get(place, "by_path") == "by_path"
            if by_path and isinstance(held, dict):
                values = [(held.get(step), one.token) for step, one in elements if one.token in tokens]
                found.update(token for value, token in values if value is not None and carries(value, token))
            else:
                found.update(one.token for _, one in elements if one.token in tokens and self.holds(state, one))
        return found

    @property
    def states(self) -> list[State]:
        """Every state that was read, the final one of the database first."""
        return [*sorted(self.finals.values(), key=lambda one: one.source != SQL), *self.reads]


def sessions(
    found: Iterable[Write], finals: pd.DataFrame | None, reads: pd.DataFrame | None, told: ToldLayout
) -> tuple[list[Session], tuple[str, ...]]:
    """Return the sessions that were written to, each with what was read of it, and doubts about their layout.

    Parameters
    ----------
    found : iterable of Write
        The distinct writes.
    finals, reads : DataFrame or None
        Sample tables `final_states` and `reads` (schema STATES); None where they were not recorded.
    told : {'auto', 'by_path', 'by_keys'}
        Layout as the target file tells it.
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
    last = [(one.writes, final.document) for one in made.values() if (final := one.final) and final.document]
    layouts = recognised(last, told)
    return [replace(one, layouts=layouts.of) for one in made.values()], layouts.doubts


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

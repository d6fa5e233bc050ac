"""Counters: each value that was read must be one that some legal order of the increments gives.

After Jepsen's `counter` and Maelstrom's `pn-counter`: at the end between the sum of the acknowledged amounts and that
sum with the unknown ones, each distinct write once; in between with those that were acknowledged before the read began
as the least, and all that were sent before it ended as the most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fireai_analysis.analyze.crdt_layout import container_of
from fireai_analysis.analyze.crdt_reads import Absences, stale_writes
from fireai_analysis.analyze.crdt_states import Session, State
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.document import ABSENT, Document, at
from fireai_analysis.analyze.history import FIRST_KINDS, Write


@dataclass(frozen=True)
class Counter:
    """One counter of a session with its final value.

    Attributes
    ----------
    writes : list of Write
        The distinct increments; bodies under the key of another write are not among them.
    repeats_count : int
        Requests beyond the first of each increment: replays, duplicates, altered bodies.
    value : int or None
        What the final state holds; None where it holds no whole number there, or an increment does not say its amount.
    """

    path: str
    writes: list[Write]
    repeats_count: int
    value: int | None

    @property
    def bounds(self) -> tuple[int, int]:
        """Least and greatest legal value at the end."""
        return _bounds(self.writes, (one for one in self.writes if one.acknowledged))

    @property
    def lacking_count(self) -> int:
        """How many acknowledged increments are missing: the fewest that explain it, exact where all amounts are 1."""
        if self.value is None:
            return 0
        return fewest(_amounts(one for one in self.writes if one.acknowledged), self.bounds[0] - self.value)

    @property
    def excess_count(self) -> int:
        """How many increments too many the value holds: the fewest that explain it."""
        return 0 if self.value is None else fewest(_amounts(self.writes), self.value - self.bounds[1])

    @property
    def recovered_count(self) -> int:
        """How many increments of unknown outcome the value holds."""
        if self.value is None:
            return 0
        unknown = _amounts(one for one in self.writes if one.possible and not one.acknowledged)
        return min(len(unknown), fewest(unknown, self.value - self.bounds[0]))


def _bounds(possible: Iterable[Write], certain: Iterable[Write]) -> tuple[int, int]:
    known = list(certain)
    taken = {id(one) for one in known}
    open_amounts = _amounts(one for one in possible if one.possible and id(one) not in taken)
    total = sum(_amounts(known))
    return total + sum(min(0, one) for one in open_amounts), total + sum(max(0, one) for one in open_amounts)


def _amounts(increments: Iterable[Write]) -> list[int]:
    """Return what increments add; one that does not say keeps its counter from having a value at all."""
    return [one.amount for one in increments if one.amount is not None]


def fewest(amounts: Iterable[int], total: int) -> int:
    """Return the smallest number of amounts that together reach a total; 0 where there is none to reach.

    Where they do not reach it together, each of the largest counts once more.

    Examples
    --------
    >>> fewest([1, 1, 1], 2), fewest([5, 1], 4), fewest([1], 0), fewest([1], 3)
    (2, 1, 0, 3)
    """
    if total <= 0:
        return 0
    count = 0
    ordered = sorted((one for one in amounts if one > 0), reverse=True)
    for amount in ordered:
        count += 1
        total -= amount
        if total <= 0:
            return count
    return count + (-(-total // ordered[0]) if ordered else 1)


def counters(session: Session, final: State) -> list[Counter]:
    """Return the counters of a session as the final state holds them.

    An absent counter is zero, but unknown where documents keep the change objects themselves.
    """
    found = []
    for path, group in session.paths.items():
        if group[0].kind != "counter":
            continue
        increments = [one for one in group if not one.altered]
        repeats = sum(one.kind not in FIRST_KINDS for write in group for one in write.operations)
        absent = 0 if session.layouts.get(container_of(path), "by_path") == "by_path" else None
        value = value_at(final.document or Document(None), path, absent=absent)
        told = all(one.amount is not None for one in increments)
        found.append(Counter(path, increments, repeats, value if told else None))
    return found


def value_at(document: Document, path: str, *, absent: int | None) -> int | None:
    """Return the value of a counter: `absent` where none stands there, None where it is no whole number.

    Examples
    --------
    >>> document = Document.parse('{"counters": {"0": 3, "1": "x"}}')
    >>> [value_at(document, f"/counters/{name}", absent=0) for name in "012"]
    [3, None, 0]
    """
    held = at(document.content, path)
    if held is ABSENT:
        return absent
    if isinstance(held, bool) or not isinstance(held, int | float) or held % 1:
        return None
    return int(held)


def violations(session: Session, final: State, counter: Counter) -> Iterator[Violation]:
    """Yield lost increments (below the least legal value) and increments too many (above the greatest) at the end.

    An excess is a duplicated write; as far as repetitions were sent it is a second effect too (`crdt_idempotency`).
    """
    low, high = counter.bounds
    shown = ((final, f"holds {counter.value} at {counter.path}"),)
    operations = tuple(one.operations[0] for one in counter.writes)
    bounds = f"{low}" if low == high else f"{low} to {high}"
    text = f"{counter.path} holds {counter.value}, where {bounds} is legal"
    if counter.lacking_count:
        acknowledged = tuple(one.operations[0] for one in counter.writes if one.acknowledged)
        yield Violation("lost", session.session_id, counter.path, text, acknowledged, shown, counter.lacking_count)
    if counter.excess_count:
        yield Violation("duplicated", session.session_id, counter.path, text, operations, shown, counter.excess_count)
    yield from _seen_and_gone(session, final, counter)


def _seen_and_gone(session: Session, final: State, counter: Counter) -> Iterator[Violation]:
    """Yield the increments that a read had counted and the final state has not; unknown where amounts are negative."""
    values = _read_values(session, counter)
    if counter.value is None or not values or min(_amounts(counter.writes), default=0) < 0:
        return
    read, seen = max(values, key=lambda one: one[1])
    gone = fewest(_amounts(counter.writes), min(seen, counter.bounds[1]) - counter.value)
    if gone:
        text = f"a read of {read.source} showed {seen} at {counter.path}, and the final state holds {counter.value}"
        states = ((read, f"shows {seen} at {counter.path}"), (final, f"holds {counter.value} at {counter.path}"))
        operations = tuple(one.operations[0] for one in counter.writes)
        yield Violation("lost_later", session.session_id, counter.path, text, operations, states, gone)


def _read_values(session: Session, counter: Counter) -> list[tuple[State, int]]:
    values = [
        (read, value_at(read.document, counter.path, absent=None))
        for read in session.reads
        if read.document is not None
    ]
    return [(read, value) for read, value in values if value is not None]


def during(session: Session, final: State, counter: Counter) -> tuple[list[tuple[Violation, float]], list[Violation]]:
    """Return what the reads of a run show of a counter: stale increments with their latency, and increments too many.

    A read is stale by as many increments as it lacks of those acknowledged before it began, beyond those that are lost
    for good; which ones cannot be told, so the latest acknowledged are taken. An excess that the final state has too
    counts there. A counter whose final value is not known tells nothing.
    """
    absences: Absences = {}
    over: list[tuple[State, int, int]] = []
    if counter.value is None:
        return [], []
    for place, read in enumerate(session.reads):
        if read.document is None:
            continue
        known = [one for one in counter.writes if one.acknowledged_ns < read.begin_ns]
        sent = [one for one in counter.writes if one.begin_ns <= read.end_ns]
        low, high = _bounds(sent, known)
        value = value_at(read.document, counter.path, absent=0)
        if value is None:
            continue
        lacking = fewest(_amounts(known), low - value) - counter.lacking_count
        latest = sorted(known, key=lambda one: one.acknowledged_ns)[-lacking:] if lacking > 0 else []
        absences |= {id(one): (one, place) for one in latest}
        over.append((read, value, fewest(_amounts(counter.writes), value - high)))
    return list(stale_writes(session, final, absences)), _over(session, counter, over)


def _over(session: Session, counter: Counter, over: list[tuple[State, int, int]]) -> list[Violation]:
    read, value, most = max(over, key=lambda one: one[2], default=(None, 0, 0))
    if read is None or most <= counter.excess_count:
        return []
    text = f"a read of {read.source} showed {value} at {counter.path}, more than had been sent"
    operations = tuple(one.operations[0] for one in counter.writes if one.begin_ns <= read.end_ns)
    shown = ((read, f"shows {value} at {counter.path}"),)
    more = most - counter.excess_count
    return [Violation("duplicated", session.session_id, counter.path, text, operations, shown, more)]

"""Findings about the CRDT history: each kind of violation with its count, and the smallest history that proves one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from fireai_analysis.results import Crdt, Finding, ScenarioResult
from fireai_analysis.units import number_text

MOST_EXAMPLES = 3
MOST_EVENTS = 4


@dataclass(frozen=True)
class Kind:
    """A kind of violation: the finding it becomes, and what to do.

    Attributes
    ----------
    kinds : tuple of str
        Kinds of counterexample that prove it.
    count : callable
        How much of it the history shows; None where not measured.
    evidence : callable
        What the figures say of it.
    """

    id: str
    title: str
    kinds: tuple[str, ...]
    count: Callable[[Crdt], int | None]
    evidence: Callable[[Crdt], list[str]]
    recommendation: str
    priority: Literal["P0", "P1", "P2"] = "P0"


def findings(result: ScenarioResult) -> list[Finding]:
    """Return a finding for each kind of violation in the history, gravest first."""
    return [_finding(kind, result.crdt) for kind in KINDS if kind.count(result.crdt)]


def _finding(kind: Kind, crdt: Crdt) -> Finding:
    return Finding(
        id=kind.id,
        title=kind.title,
        layer="application",
        confidence="HIGH",
        evidence=(*kind.evidence(crdt), *_proof(kind, crdt)),
        recommendation=kind.recommendation,
        priority=kind.priority,
    )


def _proof(kind: Kind, crdt: Crdt) -> Iterator[str]:
    """Yield the counterexample in words, where it is of this kind."""
    shown = crdt.counterexample
    if shown is None or shown.kind not in kind.kinds:
        return
    yield f"counterexample: {shown.text}"
    yield from (f"{event.lane}: {event.text}" for event in shown.events[:MOST_EVENTS])


def _lost(crdt: Crdt) -> list[str]:
    writes = "1 write" if crdt.lost_count == 1 else f"{number_text(crdt.lost_count, 0)} writes"
    words = f"{writes} lost of {number_text(crdt.acknowledged_count, 0)} acknowledged operations"
    return [words, *crdt.lost_examples[:MOST_EXAMPLES]]


def _repeated(crdt: Crdt) -> list[str]:
    parts = (
        (crdt.double_effect_count, "key with a second effect", "keys with a second effect"),
        (crdt.other_answer_count, "repetition with another answer", "repetitions with another answer"),
        (crdt.swallowed_body_count, "acknowledged body that is absent", "acknowledged bodies that are absent"),
    )
    violations = _of(crdt.idempotency_violations_count or 0, "violation", "violations")
    total = f"{violations} in {_of(crdt.replays_count or 0, 'replay', 'replays')}"
    return [total, *(_of(count, one, many) for count, one, many in parts if count)]


def _stale(crdt: Crdt) -> list[str]:
    times = crdt.stale_ms
    span = None if times is None else times.p95 if times.p95 is not None else times.max
    missing = _of(
        crdt.stale_count or 0,
        "write missing from reads that began after its answer; it is not lost",
        "writes missing from reads that began after their answer; none of these is lost",
    )
    return [missing, f"every read shows what was written {number_text(span, 0, 'ms')} after that"]


def _of(count: int, one: str, many: str) -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> _of(1, "write", "writes"), _of(1200, "write", "writes")
    ('1 write', '1,200 writes')
    """
    return f"{count:,} {one if count == 1 else many}"


def _counted(name: str, one: str, many: str) -> Callable[[Crdt], list[str]]:
    return lambda crdt: [_of(getattr(crdt, name), one, many)]


KINDS = (
    Kind(
        "crdt_lost_later",
        "Writes were seen by a read and are gone from the final state",
        ("lost_later",),
        lambda crdt: crdt.lost_later_count,
        _counted("lost_later_count", "write seen and gone", "writes seen and gone"),
        "Go service, results: show and acknowledge a write only after the commit of the transaction that holds it",
    ),
    Kind(
        "crdt_lost_writes",
        "Acknowledged writes are absent from the final state",
        ("lost",),
        lambda crdt: crdt.lost_count,
        _lost,
        "Go service, CRDT merge: merge inside one transaction that locks the session's row, and answer after its "
        "commit",
    ),
    Kind(
        "idempotency_violations",
        "Repeated keys had a second effect, another answer, or swallowed a body",
        ("double_effect", "swallowed_body", "other_answer"),
        lambda crdt: crdt.idempotency_violations_count,
        _repeated,
        "Go service, idempotency_keys: insert the key in the transaction of its effect, unique by key, with a hash of "
        "the body; refuse the key with another body",
    ),
    Kind(
        "crdt_phantom",
        "Sessions hold writes that nobody made",
        ("phantom",),
        lambda crdt: crdt.phantom_count,
        _counted(
            "phantom_count",
            "write that nobody sent to the session that shows it",
            "writes that nobody sent to the session that shows them",
        ),
        "Go service, CRDT merge: write only under the session id of the request; look for buffers that requests share",
    ),
    Kind(
        "crdt_resurrected",
        "Refused writes are visible",
        ("resurrected",),
        lambda crdt: crdt.resurrected_count,
        _counted(
            "resurrected_count",
            "write that was refused and stands in a state that was read",
            "writes that were refused and stand in a state that was read",
        ),
        "Go service, results: check a write before its first statement, and roll back what is refused",
    ),
    Kind(
        "crdt_divergence",
        "Places differ after quiesce",
        ("divergence",),
        lambda crdt: crdt.divergence_count,
        _counted(
            "divergence_count",
            "session that differs between the database and a door",
            "sessions that differ between the database and a door",
        ),
        "FastAPI and Go services: read sessions from the database, or invalidate what is cached at each write",
    ),
    Kind(
        "crdt_illegal_winner",
        "Registers hold writes that had been overwritten knowingly",
        ("illegal_winner",),
        lambda crdt: crdt.illegal_winner_count,
        _counted(
            "illegal_winner_count",
            "register won by a write whose clock another one had passed",
            "registers won by a write whose clock another one had passed",
        ),
        "Go service, CRDT merge: order writes by their vector clocks, never by the time of a machine",
    ),
    Kind(
        "crdt_clock_regression",
        "Vector clocks fell, or hold what was never sent",
        ("clock_regression",),
        lambda crdt: crdt.clock_regression_count,
        _counted(
            "clock_regression_count",
            "read or answer with a clock that cannot be",
            "reads and answers with a clock that cannot be",
        ),
        "Go service, CRDT merge: store the entry-wise maximum of the clocks in the transaction of the write",
        "P1",
    ),
    Kind(
        "crdt_duplicated",
        "Writes stand more often than they were made",
        ("duplicated",),
        lambda crdt: crdt.duplicated_count,
        _counted(
            "duplicated_count",
            "element that stands more than once, or increment too many",
            "elements that stand more than once, or increments too many",
        ),
        "Go service, CRDT merge: add an element by its key and count an increment by its idempotency key",
        "P1",
    ),
    Kind(
        "crdt_stale_reads",
        "Reads lag behind acknowledged writes",
        ("stale",),
        lambda crdt: crdt.stale_count,
        _stale,
        "platform: read sessions from the primary, or tell readers how old the answer may be",
        "P2",
    ),
    Kind(
        "idempotency_stored_answer",
        "Other bodies under a used key were answered as if they were the first one",
        (),
        lambda crdt: crdt.stored_answer_count,
        _counted(
            "stored_answer_count",
            "other body answered with the stored answer, and nowhere to be found",
            "other bodies answered with the stored answer, and nowhere to be found",
        ),
        "Go service, idempotency_keys: refuse a key that comes with another body (422), so that its client knows",
        "P2",
    ),
)
"""Kinds of findings, gravest first."""

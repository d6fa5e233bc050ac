"""What a check of the CRDT history found: how much of what, and the operations and reads that prove it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fireai_analysis.analyze.crdt_states import State
from fireai_analysis.analyze.history import Operation

GRAVITY = (
    "lost_later",
    "lost",
    "double_effect",
    "phantom",
    "resurrected",
    "divergence",
    "swallowed_body",
    "illegal_winner",
    "clock_regression",
    "duplicated",
    "other_answer",
    "stale",
)
"""Kinds of violation, gravest first."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation with its proof.

    Attributes
    ----------
    kind : str
        One of `GRAVITY`.
    text : str
        What is wrong, in one sentence.
    operations : tuple of Operation
        The requests that prove it.
    states : tuple of (State, str)
        The reads that prove it, each with what it showed.
    count : int
        How many operations (or distinct writes) it stands for.
    """

    kind: str
    session_id: str
    path: str
    text: str
    operations: tuple[Operation, ...] = ()
    states: tuple[tuple[State, str], ...] = ()
    count: int = 1


def total(found: Iterable[Violation], kind: str) -> int:
    """Return how many operations or distinct writes the violations of a kind stand for."""
    return sum(one.count for one in found if one.kind == kind)

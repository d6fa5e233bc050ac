"""What of a CRDT history could be looked at, and in words what could not: missing evidence never passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fireai_analysis.analyze.crdt_counters import Counter
from fireai_analysis.analyze.crdt_states import SQL, Session

NO_READS = "no session was read while the load ran"


@dataclass(frozen=True)
class Evidence:
    """What was read, over all sessions of a run.

    Attributes
    ----------
    unread_count, moving_count, unsure_count, early_count : int
        Sessions with promised writes whose final state in the database was not read; still changed; was read without
        knowing whether it stood still; was read before their last answer.
    unread_places : dict of str to int
        Sessions that were not read at rest, for each door that the target offers or that was read somewhere.
    places : tuple of str
        Places at which every session was read at rest.
    uncounted_count : int
        Counters that hold no whole number.
    reads_offered, reads, clocks, clocks_sent : bool
        Whether the target file tells where sessions are read; whether they were while the load ran; whether any state
        told its clock; whether writes carried any.
    keys_read, answers_compared : bool
        Whether the rows of the keys were read; whether each repeated answer could be compared.
    """

    sessions_count: int
    unread_count: int
    moving_count: int
    unsure_count: int
    early_count: int
    unread_places: Mapping[str, int]
    places: tuple[str, ...]
    uncounted_count: int
    reads_offered: bool
    reads: bool
    clocks: bool
    clocks_sent: bool
    keys_read: bool
    answers_compared: bool

    @property
    def final(self) -> bool:
        """Whether the final state of every session was read from the database and did not change any more."""
        return bool(self.sessions_count) and not (self.unread_count or self.moving_count or self.early_count)

    @property
    def counters(self) -> bool:
        """Whether every counter could be read."""
        return not self.uncounted_count

    @property
    def compared(self) -> bool:
        """Whether every session was read at more than one place, at all that there are."""
        return bool(self.unread_places) and not any(self.unread_places.values()) and SQL in self.places


def evidence(
    read: Sequence[Session],
    counted: Mapping[str, list[Counter]],
    *,
    doors: Sequence[str],
    keys_read: bool,
    answers_compared: bool,
) -> Evidence:
    """Return what could be looked at.

    Parameters
    ----------
    read : sequence of Session
        What was written to each session and read of it.
    counted : mapping
        The counters of each session that was read.
    doors : sequence of str
        Doors at which the target offers to read a session.
    """
    promised = [session for session in read if any(one.acknowledged and not one.altered for one in session.writes)]
    promised = promised or [session for session in read if session.finals]
    finals = [session.finals.get(SQL) for session in promised]
    at_rest = [one for one in finals if one is not None and one.document is not None]
    others = sorted({*doors, *(source for session in read for source in session.finals)} - {SQL})
    unread = {place: sum(session.at_rest(place) is None for session in promised) for place in (SQL, *others)}
    return Evidence(
        sessions_count=len(promised),
        unread_count=len(promised) - len(at_rest),
        moving_count=sum(one.settled is False for one in at_rest),
        unsure_count=sum(one.settled is None for one in at_rest),
        early_count=sum(
            session.early(final)
            for session, final in zip(promised, finals, strict=True)
            if final is not None and final.document is not None
        ),
        unread_places={place: count for place, count in unread.items() if place != SQL},
        places=tuple(place for place, count in unread.items() if promised and not count),
        uncounted_count=sum(counter.value is None for found in counted.values() for counter in found),
        reads_offered=bool(doors),
        reads=any(state.document is not None for session in read for state in session.reads),
        clocks=any(state.clock for session in read for state in session.states),
        clocks_sent=any(one.clock for session in read for one in session.writes),
        keys_read=keys_read,
        answers_compared=answers_compared,
    )


def doubts(known: Evidence, *, stored_count: int, doubled: int) -> Iterator[str]:
    """Yield in words what keeps a history without violations from being a proof.

    Parameters
    ----------
    known : Evidence
        What could be looked at.
    stored_count : int
        Altered bodies that got the stored answer of the original: allowed by the contract, but the client was told
        that a body was taken which is nowhere.
    doubled : int
        How often elements stand where they belong.
    """
    told = (
        (known.unread_count, "the final state of", "sessions was not read"),
        (known.moving_count, "the final state of", "sessions still changed when it was read"),
        (known.early_count, "the final state of", "sessions was read before their last answer, or at an unknown time"),
        (known.unsure_count, "whether the final state of", "sessions stood still is not known"),
        *((count, "", f"sessions were not read at rest at {place}") for place, count in known.unread_places.items()),
        (known.uncounted_count, "", "counters hold no whole number"),
        (stored_count, "", "altered bodies were acknowledged with the stored answer of another body"),
    )
    for count, before, after in told:
        if count:
            yield f"{before} {count:,} {after}".strip()
    if known.clocks_sent and not known.clocks:
        yield "no vector clock was read from any session"
    if doubled > 1:
        yield f"elements stand {doubled} times each: whether by the layout or by a second effect cannot be told"
    if known.reads_offered and not known.reads:
        yield f"{NO_READS}, although the target offers it"


def notes(known: Evidence) -> Iterator[str]:
    """Yield in words what was not measured and does not keep a run from passing."""
    if not known.reads and not known.reads_offered:
        yield f"{NO_READS}: stale reads and writes lost after they were seen are unknown"

"""What of a CRDT history could be looked at, and in words what could not: missing evidence never passes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fireai_analysis.analyze.crdt_check import Checked
from fireai_analysis.analyze.crdt_counters import Counter
from fireai_analysis.analyze.crdt_states import SQL, Session

UNWATCHED = "not read while the load ran"


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
    unwatched_count : int
        Sessions that no place was asked for between the first answer and the final read; all, where reads have no time.
    unwatched_places : dict of str to int
        The same for each door at which the target offers to read a session.
    clocks, clocks_sent : bool
        Whether any state told its clock; whether writes carried any.
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
    unwatched_count: int
    unwatched_places: Mapping[str, int]
    clocks: bool
    clocks_sent: bool
    keys_read: bool
    answers_compared: bool

    @property
    def final(self) -> bool:
        """Whether the final state of every session was read from the database and did not change any more."""
        return bool(self.sessions_count) and not (self.unread_count or self.moving_count or self.early_count)

    @property
    def reads(self) -> bool:
        """Whether every session was read while the load ran."""
        return bool(self.sessions_count) and not self.unwatched_count

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
        unwatched_count=sum(not _watched(session) for session in promised),
        unwatched_places={door: sum(door not in _watched(session) for session in promised) for door in doors},
        clocks=any(state.clock for session in read for state in session.states),
        clocks_sent=any(one.clock for session in read for one in session.writes),
        keys_read=keys_read,
        answers_compared=answers_compared,
    )


def _watched(session: Session) -> set[str]:
    """Return the places at which a session was read after its first answer and before it was read for the last time."""
    final = session.final
    answers = [one.acknowledged_ns for one in session.writes if math.isfinite(one.acknowledged_ns)]
    acknowledged_ns = min(answers, default=-math.inf)
    latest_ns = math.inf if final is None else final.begin_ns
    return {
        read.source
        for read in session.reads
        if read.document is not None and acknowledged_ns < read.begin_ns < latest_ns
    }


def doubts(known: Evidence, checked: Checked) -> Iterator[str]:
    """Yield in words what keeps a history without violations from being a proof.

    An altered body that got the stored answer of the original is allowed by the contract, but the client was told that
    a body was taken which is nowhere.
    """
    told = (
        (known.unread_count, "the final state of", "sessions was not read"),
        (known.moving_count, "the final state of", "sessions still changed when it was read"),
        (known.early_count, "the final state of", "sessions was read before their last answer, or at an unknown time"),
        (known.unsure_count, "whether the final state of", "sessions stood still is not known"),
        *((count, "", f"sessions were not read at rest at {place}") for place, count in known.unread_places.items()),
        *((count, "", f"sessions were {UNWATCHED} at {place}") for place, count in known.unwatched_places.items()),
        (known.uncounted_count, "", "counters hold no whole number"),
        (checked.strange_count, "", "elements stand in another form than the others: they may be marked as removed"),
        (checked.stored_count, "", "altered bodies were acknowledged with the stored answer of another body"),
    )
    for count, before, after in told:
        if count:
            yield f"{before} {count:,} {after}".strip()
    if known.clocks_sent and not known.clocks:
        yield "no vector clock was read from any session"
    if checked.doubled > 1:
        yield f"elements stand {checked.doubled} times each: whether by the layout or by a second effect cannot be told"


def notes(known: Evidence) -> Iterator[str]:
    """Yield in words what was not measured and does not keep a run from passing."""
    if not known.reads:
        count = f"{known.unwatched_count:,} sessions were {UNWATCHED}"
        yield f"{count}: stale reads and writes lost after they were seen are unknown"

"""Runs every check over every session of a run and keeps what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fireai_analysis.analyze import crdt_counters, crdt_presence, crdt_reads
from fireai_analysis.analyze.crdt_clocks import regressions
from fireai_analysis.analyze.crdt_counters import Counter
from fireai_analysis.analyze.crdt_divergence import divergences
from fireai_analysis.analyze.crdt_idempotency import double_effects, swallowed
from fireai_analysis.analyze.crdt_presence import Fates
from fireai_analysis.analyze.crdt_states import Session, State, form_of
from fireai_analysis.analyze.crdt_violation import Violation, total


@dataclass
class Checked:
    """What the checks of all sessions found.

    Attributes
    ----------
    fates : dict of str to Fates
        What became of elements and registers, for each session whose final state was read.
    counters : dict of str to list of Counter
        The counters of those sessions.
    latencies_ns : list of float
        Stable latency of each stale write; infinite where not known.
    stored_count : int
        Altered bodies that were acknowledged with the stored answer of the original.
    doubled : int
        How often elements stand where they belong; 1 is right.
    strange_count : int
        Elements that stand in another form than most.
    """

    violations: list[Violation] = field(default_factory=list)
    fates: dict[str, Fates] = field(default_factory=dict)
    counters: dict[str, list[Counter]] = field(default_factory=dict)
    latencies_ns: list[float] = field(default_factory=list)
    stored_count: int = 0
    doubled: int = 1
    strange_count: int = 0

    def count(self, kind: str, *, known: bool) -> int | None:
        """Return how much was found of a kind; None where nothing was and not everything was looked at."""
        found = total(self.violations, kind)
        return found if found or known else None

    @property
    def superseded_count(self) -> int:
        """Acknowledged writes for which another one legally stands."""
        return sum(len(one.superseded) for one in self.fates.values())

    @property
    def recovered_count(self) -> int:
        """Writes of unknown outcome that are there."""
        counted = sum(one.recovered_count for found in self.counters.values() for one in found)
        return counted + sum(len(one.recovered) for one in self.fates.values())


def check(read: list[Session], rows: Mapping[str, int]) -> Checked:
    """Return what all checks found in the sessions of a run.

    Parameters
    ----------
    read : list of Session
        What was written to each session and read of it.
    rows : mapping
        Keys with more than one row in the database, with the number of rows.
    """
    checked = Checked()
    form = form_of({token for session in read for token in session.tokens})
    keeps_clocks = any(state.clock for session in read for state in session.states)
    finals = [(session, final) for session in read if (final := session.final) is not None]
    for session, final in finals:
        checked.fates[session.session_id] = crdt_presence.fates(session, final)
    usual = crdt_presence.usual_times((final, checked.fates[session.session_id]) for session, final in finals)
    checked.strange_count = crdt_presence.strange(finals, checked.fates)
    checked.doubled = crdt_presence.doubled(finals, checked.fates) if usual > 1 else 1
    for session, final in finals:
        checked.counters[session.session_id] = crdt_counters.counters(session, final)
        _effects(session, final, checked, usual, rows)
        _over_time(session, final, checked)
    containers = {place for session in read for place in session.containers}
    for session in read:
        checked.violations.extend(crdt_reads.foreign(session, form, containers))
        checked.violations.extend(divergences(session))
        checked.violations.extend(regressions(session, keeps_clocks=keeps_clocks))
    return checked


def _effects(session: Session, final: State, checked: Checked, usual: int, rows: Mapping[str, int]) -> None:
    """Check what the final state holds."""
    fate, counted = checked.fates[session.session_id], checked.counters[session.session_id]
    twice = list(crdt_presence.duplicated(session, final, fate, usual))
    bodies, stored = swallowed(session, final, fate, counted)
    tokens = {one.operations[0].token for one in twice}
    checked.stored_count += stored
    checked.violations += [
        *crdt_presence.lost(session, final, fate),
        *crdt_presence.illegal_winners(session, final, fate),
        *(violation for counter in counted for violation in crdt_counters.violations(session, final, counter)),
        *twice,
        *bodies,
        *double_effects(session, final, fate, counted, tokens, rows),
    ]


def _over_time(session: Session, final: State, checked: Checked) -> None:
    """Check what the reads of the run show beside the final state."""
    fate = checked.fates[session.session_id]
    lagging = list(crdt_reads.stale(session, final, fate))
    checked.violations.extend(crdt_reads.lost_later(session, final, fate))
    for counter in checked.counters[session.session_id]:
        late, over = crdt_counters.during(session, final, counter)
        lagging += late
        checked.violations.extend(over)
    checked.violations.extend(violation for violation, _ in lagging)
    checked.latencies_ns.extend(latency for _, latency in lagging)

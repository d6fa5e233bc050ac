"""Which writes the final state holds: lost, superseded, recovered, standing twice, won by the wrong one.

After Jepsen's `set-full` and `set` checkers: lost is what was acknowledged and is absent from the final read; recovered
is what may have happened and is there. Unlike `set-full` (jepsen at c4c7473d, which looks for multiplicities below one)
an element that stands twice is reported.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from fireai_analysis.analyze.crdt_layout import container_of
from fireai_analysis.analyze.crdt_states import Session, State
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.document import Document, at, unescaped
from fireai_analysis.analyze.history import OTHER, Operation, Write, dominates, supersedes

FEWEST_FOR_LAYOUT = 20


@dataclass(frozen=True)
class Fates:
    """What the final state of a session tells of its elements and registers.

    Attributes
    ----------
    present : list of Write
        Those that stand there.
    gone : list of Write
        Those that may have happened, are absent, and for which no other write legally stands.
    superseded : list of Write
        Acknowledged ones for which another write legally stands.
    """

    present: list[Write] = field(default_factory=list)
    gone: list[Write] = field(default_factory=list)
    superseded: list[Write] = field(default_factory=list)

    @property
    def lost(self) -> list[Write]:
        """Acknowledged writes that are absent and were not legally superseded (DESIGN.md section 5, ruling 7)."""
        return [one for one in self.gone if one.acknowledged]

    @property
    def recovered(self) -> list[Write]:
        """Writes of unknown outcome that are there, which is legal."""
        return [one for one in self.present if one.possible and not one.acknowledged and not one.altered]


def fates(session: Session, final: State) -> Fates:
    """Return what became of the writes of elements and registers of a session.

    A body under the key of another write promises nothing and is never lost; it may stand where it should not.
    """
    shown = session.shown(final, {one.token for one in session.writes if one.kind == "unique"})
    found = Fates()
    for group in session.paths.values():
        if group[0].kind == "counter":
            continue
        present = [
            one
            for one in group
            if one.kind != OTHER and (one.token in shown if one.kind == "unique" else session.holds(final, one))
        ]
        found.present.extend(present)
        if len(present) < len(group):
            _sort_out(group, present, found)
    return found


def _sort_out(group: list[Write], present: list[Write], found: Fates) -> None:
    standing = {id(one) for one in present}
    for one in group:
        if id(one) in standing or one.altered or one.kind == OTHER or not one.possible:
            continue
        if not any(supersedes(winner, one) for winner in present):
            found.gone.append(one)
        elif one.acknowledged:
            found.superseded.append(one)


def lost(session: Session, final: State, fate: Fates) -> Iterator[Violation]:
    """Yield each lost write: acknowledged, absent from the final state, not legally superseded.

    A register's loser is shown beside the write that stands in its place.
    """
    for one in fate.lost:
        rivals = [other for other in fate.present if other.path == one.path][:1]
        stands = f"holds {rivals[0].token} at {one.path}" if rivals else f"does not hold {one.token}"
        yield Violation(
            "lost",
            session.session_id,
            one.path,
            f"{one.token} was acknowledged and is absent from the final state of {session.session_id}",
            (_acknowledging(one), *(rival.operations[0] for rival in rivals)),
            ((final, stands),),
        )


def _acknowledging(write: Write) -> Operation:
    return next((one for one in write.operations if one.outcome == "ok"), write.operations[0])


def illegal_winners(session: Session, final: State, fate: Fates) -> Iterator[Violation]:
    """Yield each register that holds a write whose clock another acknowledged write to it had seen and passed.

    One for each path; the write that should have won is lost besides. After the last-writer-wins register of Shapiro et
    al., "A comprehensive study of Convergent and Commutative Replicated Data Types" (2011), with vector clocks.
    """
    for winner in fate.present:
        if winner.kind != "contended" or not winner.clock:
            continue
        for one in session.paths[winner.path]:
            beaten = one.acknowledged and not one.altered and one.kind == "contended" and one is not winner
            if beaten and dominates(one.clock, winner.clock) and one not in fate.present:
                yield Violation(
                    "illegal_winner",
                    session.session_id,
                    winner.path,
                    f"{winner.path} holds {winner.token}, although the clock of {one.token} had passed it",
                    (winner.operations[0], _acknowledging(one)),
                    ((final, f"holds {winner.token} at {winner.path}"),),
                )
                break


def usual_times(finals: Iterable[tuple[State, Fates]]) -> int:
    """Return how often the layout of the documents shows an element that stands once (a log beside it shows it again).

    The commonest number over all elements of a run; 1 where there are fewer than 20.
    """
    counted: Counter[int] = Counter()
    for final, fate in finals:
        document = final.document or Document(None)
        counted.update(document.times(one.token) for one in fate.present if one.kind == "unique")
    return counted.most_common(1)[0][0] if counted.total() >= FEWEST_FOR_LAYOUT else 1


def doubled(finals: Iterable[tuple[Session, State]], fates: Mapping[str, Fates]) -> int:
    """Return how often elements stand where they belong, the commonest number over a run; 1 is right.

    More may be the layout, or every write done twice: which cannot be told.
    """
    counted: Counter[int] = Counter()
    for session, final in finals:
        content = None if final.document is None else final.document.content
        held: dict[str, Document] = {}
        for one in fates[session.session_id].present:
            place = container_of(one.path)
            if one.kind == "unique":
                own = at(content, place) if session.layouts.get(place) == "by_path" else content
                counted[held.setdefault(place, Document(own)).times(one.token)] += 1
    return counted.most_common(1)[0][0] if counted else 1


def strange(finals: Iterable[tuple[Session, State]], fates: Mapping[str, Fates]) -> int:
    """Return how many elements stand in another form than most of their container: with other fields, or none.

    A tombstone may look so; whether it is one cannot be told.
    """
    forms: dict[str, Counter[object]] = defaultdict(Counter)
    for session, final in finals:
        content = None if final.document is None else final.document.content
        steps: dict[str, list[str]] = defaultdict(list)
        for one in fates[session.session_id].present:
            if one.kind == "unique":
                place, _, step = one.path.rpartition("/")
                steps[place].append(unescaped(step))
        for place, names in steps.items():
            held = at(content, place) if session.layouts.get(place) == "by_path" else None
            if isinstance(held, dict):
                values = [held.get(name) for name in names]
                forms[place].update(frozenset(one) if isinstance(one, dict) else type(one) for one in values)
    return sum(counted.total() - counted.most_common(1)[0][1] for counted in forms.values())


def duplicated(session: Session, final: State, fate: Fates, usual: int) -> Iterator[Violation]:
    """Yield each element that stands more than once in the final state (multiplicity over one).

    Where a repetition of its request was sent this is a second effect besides (`crdt_idempotency`).
    """
    document = final.document or Document(None)
    for one in fate.present:
        if one.kind != "unique" or one.altered:
            continue
        times = document.times(one.token)
        if times > usual:
            yield Violation(
                "duplicated",
                session.session_id,
                one.path,
                f"{one.token} stands {times} times in the final state of {session.session_id}",
                one.operations,
                ((final, f"holds {one.token} {times} times"),),
            )

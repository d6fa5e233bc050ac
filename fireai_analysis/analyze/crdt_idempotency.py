"""What the platform made of a key that came again: a second effect, another answer, a body that vanished.

By the platform's contract a replayed key gives the stored answer and changes nothing; the IETF draft "The
Idempotency-Key HTTP Header Field" (07) has the same key with another body refused. Counted in operations, except that a
second effect counts once for each key.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.crdt_counters import Counter
from fireai_analysis.analyze.crdt_presence import Fates
from fireai_analysis.analyze.crdt_states import Session, State
from fireai_analysis.analyze.crdt_violation import Violation
from fireai_analysis.analyze.history import ALTERED, FIRST_KINDS, Operation, Write, supersedes

REFUSED_WHILE_OPEN = (409, 425)
Keys = Mapping[tuple[str, str], list[Operation]]


def repeated_keys(operations: Sequence[Operation]) -> Keys:
    """Return the operations of each key that more than one request of the same session carried."""
    used = Tally([one.key for one in operations])
    groups: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    for one in operations:
        if one.key and used[one.key] > 1:
            groups[one.session_id, one.key].append(one)
    return {names: group for names, group in groups.items() if len(group) > 1}


def other_answers(keys: Keys) -> Iterator[Violation]:
    """Yield each repetition that was answered otherwise than the first answer to its key.

    A refusal is another answer where the first one had been given before the repetition was sent; 409 and 425 say that
    the first is still open. An altered body may and should be refused, so it is not looked at here.
    """
    for group in keys.values():
        same = [one for one in group if one.kind != ALTERED]
        answered = sorted((one for one in same if one.outcome == "ok"), key=lambda one: one.end_ns)
        if len(same) < 2 or not answered:
            continue
        first = answered[0]
        wrong = [one for one in answered[1:] if one.answer and first.answer and one.answer != first.answer]
        wrong += [
            one
            for one in same
            if one.outcome == "fail" and one.status not in REFUSED_WHILE_OPEN and one.invoke_ns > first.end_ns
        ]
        for one in wrong:
            text = f"the repetition of {first.token} was answered otherwise than the original"
            yield Violation("other_answer", one.session_id, one.path, text, (first, one))


def all_compared(keys: Keys) -> bool:
    """Return whether each answer that had to be compared with another one left a hash."""
    for group in keys.values():
        answered = [one for one in group if one.kind != ALTERED and one.outcome == "ok"]
        if len(answered) > 1 and not all(one.answer for one in answered):
            return False
    return True


def swallowed(session: Session, final: State, fate: Fates, counted: list[Counter]) -> tuple[list[Violation], int]:
    """Return the altered bodies that were acknowledged as if done and are absent, and how many got the stored answer.

    An altered body must be refused, or answered with the stored answer of the original while it leaves no trace: the
    client can then tell, by the clock and the time in it, that its own body was not meant. Any other acknowledgement of
    a body that is absent swallows it.
    """
    found, stored = [], 0
    standing = {id(one) for one in fate.present}
    excess = {one.path for one in counted if one.excess_count or one.value is None}
    for write in session.writes:
        if not write.altered or not write.acknowledged or id(write) in standing or write.path in excess:
            continue
        if any(other.path == write.path and supersedes(other, write) for other in fate.present):
            continue
        one = next(each for each in write.operations if each.outcome == "ok")
        original = _original(session, one)
        if original is not None and one.answer and one.answer == original.answer:
            stored += 1
            continue
        text = f"{write.token} was sent under the key of another write and acknowledged, and is absent"
        shown = ((final, f"does not hold {write.token}"),)
        operations = (one,) if original is None else (original, one)
        found.append(Violation("swallowed_body", session.session_id, write.path, text, operations, shown))
    return found, stored


def _original(session: Session, altered: Operation) -> Operation | None:
    """Return the operation whose key an altered one carries: the acknowledged one where there are several."""
    same = [
        one for write in session.writes for one in write.operations if one.key == altered.key and one.kind != ALTERED
    ]
    return next((one for one in same if one.outcome == "ok"), same[0] if same else None)


def double_effects(
    session: Session, final: State, fate: Fates, counted: list[Counter], twice: set[str], rows: Mapping[str, int]
) -> Iterator[Violation]:
    """Yield each key that had a second effect.

    That is: its element stands twice, whoever repeated it; its altered body stands beside the original's effect; or the
    database holds more than one row for it. An excess of a counter is a second effect as far as repetitions of its
    increments were sent; whose it is cannot be told, so keys of that counter found by their rows are taken off it.

    Parameters
    ----------
    twice : set of str
        Tokens that stand more than once.
    rows : mapping
        Rows of `idempotency_keys` of each key that has more than one.
    """
    found: dict[str, Violation] = {}
    standing = {id(one) for one in fate.present}
    for write in session.writes:
        reason = _second_effect(session, write, twice, rows, standing=id(write) in standing)
        if reason:
            key = write.operations[0].key
            operations, shown = write.operations[:2], ((final, f"of {write.token}: {reason}"),)
            if write.altered and (original := _original(session, write.operations[0])) is not None:
                operations = (original, write.operations[0])
            text = f"the key of {write.token} had a second effect: {reason}"
            found.setdefault(key, Violation("double_effect", session.session_id, write.path, text, operations, shown))
    yield from found.values()
    for counter in counted:
        known = sum(one.path == counter.path for one in found.values())
        more = min(counter.excess_count, counter.repeats_count) - known
        if more > 0:
            repeats = _repeats(session, counter)
            text = f"{counter.path} holds {counter.value}, more than each increment once; repetitions were sent"
            shown = ((final, f"holds {counter.value} at {counter.path}"),)
            yield Violation("double_effect", session.session_id, counter.path, text, repeats, shown, more)


def _second_effect(
    session: Session, write: Write, twice: set[str], rows: Mapping[str, int], *, standing: bool
) -> str | None:
    one = write.operations[0]
    if one.key in rows:
        return f"{rows[one.key]} rows in idempotency_keys"
    if write.token in twice:
        return "it stands more than once"
    if write.altered and standing and write.possible:
        original = _original(session, one)
        if original is not None and original.outcome != "fail":
            return "the altered body stands beside the original"
    return None


def _repeats(session: Session, counter: Counter) -> tuple[Operation, ...]:
    writes = session.paths[counter.path]
    return tuple(
        one
        for write in writes
        if any(each.kind not in FIRST_KINDS for each in write.operations)
        for one in write.operations
    )


def digest_of(key: str) -> str:
    """Return the SHA-256 under which the platform keeps a key, in hexadecimal digits.

    Examples
    --------
    >>> digest_of("abc")[:8]
    'ba7816bf'
    """
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def rows_of(frame: pd.DataFrame | None, operations: Iterable[Operation]) -> dict[str, int]:
    """Return the keys with more than one row in the database, with the number of rows.

    Parameters
    ----------
    frame : DataFrame or None
        Sample table `idempotency`: SHA-256 of each key and its rows.
    operations : iterable of Operation
        The operations that used the keys.
    """
    if frame is None:
        return {}
    counts: Tally[str] = Tally()
    for digest, count in zip(texts(frame, "key_sha256"), floats(frame, "rows_count"), strict=True):
        counts[str(digest)] += int(count) if 0 < count < math.inf else 0
    many = {digest: count for digest, count in counts.items() if count > 1}
    if not many:
        return {}
    found = {}
    for key in {one.key for one in operations}:
        digest = key if key in many else digest_of(key)
        if digest in many:
            found[key] = many[digest]
    return found

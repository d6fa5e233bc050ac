"""A simulated platform that merges rightly, and mutators that each plant one known violation in what it recorded.

Nothing here uses the checker: the simulator keeps its own model of a session (elements, registers ordered by the sum of
the clock, counters), commits each write at a moment between its invocation and its answer, and lets reads see what was
committed at a moment between their begin and their end. A mutator changes the model of some reads or the answer of some
operations, and adds what must be found to `expected`. What one mutator touched no other one touches.
"""

from __future__ import annotations

import copy
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

STARTED_NS = 1_790_000_000_000_000_000
MS = 1_000_000
SOURCES = ("sql", "go", "fastapi")
Row = dict[str, Any]


@dataclass
class Model:
    """One state of one session: elements with how often each stands, registers, counters, clock."""

    elements: dict[str, int] = field(default_factory=dict)
    hot: dict[str, str] = field(default_factory=dict)
    stamps: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)
    clock: dict[str, int] = field(default_factory=dict)

    def merge(self, row: Row, clock: dict[str, int]) -> None:
        """Merge one write, rightly."""
        for node, count in clock.items():
            self.clock[node] = max(self.clock.get(node, 0), count)
        if row["amount"] is not None:
            self.counters[row["path"]] = self.counters.get(row["path"], 0) + row["amount"]
        elif row["path"].startswith("/hot/"):
            stamp = (sum(clock.values()), max(clock), row["token"])
            if stamp > self.stamps.get(row["path"], (0, "", "")):
                self.stamps[row["path"]], self.hot[row["path"]] = stamp, row["token"]
        else:
            self.elements[row["token"]] = 1

    def text(self, layout: str) -> str:
        """Return the document as JSON: changes at their paths, or the change objects themselves."""
        if layout == "keys":
            changes: list[Row] = [{"op": "set", "path": path, "value": token} for path, token in self.hot.items()]
            for token, times in self.elements.items():
                change = {
                    "op": "add",
                    "path": f"/elements/{token}",
                    "value": {"token": token, "user": str(uuid.UUID(int=7))},
                }
                changes += [change] * times
            return json.dumps({"changes": changes})
        elements: Row = {}
        for token, times in self.elements.items():
            elements[token] = {"token": token, "outcome": "pass"}
            elements |= {f"copy {one} of {token}": {"token": token} for one in range(1, times)}
        hot = {path.rpartition("/")[2]: token for path, token in self.hot.items()}
        counters = {path.rpartition("/")[2]: value for path, value in self.counters.items()}
        return json.dumps({"elements": elements, "hot": hot, "counters": counters, "building": str(uuid.UUID(int=9))})


@dataclass
class Read:
    """One read of one session at one place."""

    session_id: str
    source: str
    begin_ns: int
    end_ns: int
    model: Model
    final: bool = False
    since_ns: int | None = None
    settled: bool | None = None


@dataclass
class Recorded:
    """What was recorded of a run, and what must be found in it."""

    rows: list[Row]
    reads: list[Read]
    keys: Counter[str]
    layout: str
    expected: Counter[str] = field(default_factory=Counter)
    touched: set[Any] = field(default_factory=set)

    def free(self, *names: Any) -> bool:
        """Whether nothing has touched these yet; from now on something has."""
        if self.touched.intersection(names):
            return False
        self.touched.update(names)
        return True

    def of(self, session: str, *, final: bool | None = None) -> list[Read]:
        """Return the reads of a session, in order of their begin."""
        found = [read for read in self.reads if read.session_id == session and final in (None, read.final)]
        return sorted(found, key=lambda read: read.begin_ns)

    def firsts(self, kind: str, outcome: str = "ok") -> list[Row]:
        """Return operations that carry a write first, of a kind and outcome."""
        return [row for row in self.rows if (row["kind"], row["outcome"]) == (kind, outcome)]

    def repeats(self, row: Row, *kinds: str) -> list[Row]:
        """Return the operations that repeat another one."""
        return [one for one in self._again.get(row["op_id"], ()) if one["kind"] in kinds]

    @cached_property
    def _again(self) -> dict[str, list[Row]]:
        again: dict[str, list[Row]] = {}
        for row in self.rows:
            again.setdefault(row["original_op_id"] or "", []).append(row)
        return again

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables of a bundle: operations, reads, final_states, idempotency."""
        operations = pd.DataFrame(self.rows).astype(
            {
                "invoke_ns": "Int64",
                "end_ns": "Int64",
                "wave": "Int32",
                "status": "Int16",
                "amount": "Int64",
                "clock_returned": "category",
            }
        )
        states = {
            final: pd.DataFrame([self._state(one) for one in self.reads if one.final is final])
            for final in (True, False)
        }
        idempotency = pd.DataFrame(
            [{"key_sha256": key, "rows_count": count, "status_code": 200} for key, count in self.keys.items()]
        )
        return {
            "operations": operations,
            "final_states": states[True],
            "reads": states[False],
            "idempotency": idempotency,
        }

    def _state(self, read: Read) -> Row:
        return {
            "session_id": read.session_id,
            "source": read.source,
            "begin_ns": read.begin_ns,
            "read_ns": read.end_ns,
            "since_ns": read.since_ns,
            "settled": read.settled,
            "document": read.model.text(self.layout),
            "vector_clock": json.dumps(read.model.clock),
        }


class Platform:
    """Simulates one run.

    Parameters
    ----------
    seed : int
        Decides everything.
    sessions, users, writes : int
        Sessions, users of each, operations of each session that are no repetition.
    reads : int
        Reads of each session at each place while the load runs.
    unknown, refused : float
        Share of operations without an answer (done or not), and that were refused.
    layout : str
        path or keys.
    batch : int
        Writes of one transaction, which share the clock that they are answered with.
    """

    def __init__(
        self, seed: int, *, sessions: int = 2, users: int = 8, writes: int = 40, reads: int = 4, unknown: float = 0.08,
        refused: float = 0.05, layout: str = "path", batch: int = 1,
    ) -> None:  # fmt: skip
        self.random = random.Random(seed)
        self.sessions, self.users, self.writes, self.reads = sessions, users, writes, reads
        self.unknown, self.refused, self.layout, self.batch = unknown, refused, layout, batch
        self.number = 0

    def run(self) -> Recorded:
        """Return everything that was recorded."""
        rows, reads, keys = [], [], Counter[str]()
        for wave in range(self.sessions):
            session = str(uuid.UUID(int=self.random.getrandbits(128)))
            commits = list(self._session(session, wave))
            rows += [row for row, _ in commits]
            reads += self._reads(session, [(at, row) for row, at in commits if at is not None], wave)
            keys.update({row["idempotency_key"] for row, at in commits if at is not None})
        return Recorded(rows, reads, keys, self.layout)

    def _session(self, session: str, wave: int) -> Iterator[tuple[Row, int | None]]:
        begin = STARTED_NS + wave * 20_000 * MS
        counts: Counter[int] = Counter()
        deck: list[int] = []
        made: list[tuple[Row, int | None]] = []
        for at in sorted(self.random.randrange(1_000 * MS) for _ in range(self.writes)):
            deck = deck or self.random.sample(range(self.users), self.users)
            user = deck.pop()
            counts[user] += 1
            made.append(self._first(session, wave, user, counts[user], begin + at))
        for row, commit in list(made):
            if row["outcome"] == "ok" and self.random.random() < 0.35:
                made.append(self._again(row, commit))
        self._answer([row for row, at in sorted(made, key=lambda one: one[1] or 0) if at and not row["original_op_id"]])
        yield from made

    def _answer(self, commits: list[Row]) -> None:
        """Give each committed write the clock of its transaction."""
        merged = Model()
        for first in range(0, len(commits), self.batch):
            together = commits[first : first + self.batch]
            for row in together:
                merged.merge(row, json.loads(row["clock_sent"]))
            whole = json.dumps(merged.clock)
            for row in together:
                node = f"user-{row['user']:04d}"
                told = whole if row["user"] % 2 or self.batch > 1 else json.dumps({node: merged.clock[node]})
                row["clock_returned"] = told if row["outcome"] == "ok" else None

    def _first(self, session: str, wave: int, user: int, count: int, invoke: int) -> tuple[Row, int | None]:
        kind = self.random.choice(["unique", "unique", "contended"] + (["counter"] if self.layout == "path" else []))
        token, took = str(uuid.UUID(int=self.random.getrandbits(128))), self.random.randrange(5 * MS, 300 * MS)
        places = {"unique": f"/elements/{token}", "contended": f"/hot/{self.random.randrange(3)}"}
        draw = self.random.random()
        outcome = "unknown" if draw < self.unknown else "fail" if draw < self.unknown + self.refused else "ok"
        done = outcome == "ok" or (outcome == "unknown" and self.random.random() < 0.5)
        self.number += 1
        row = {
            "op_id": f"op-{self.number}", "kind": kind, "original_op_id": None, "wave": wave, "session_id": session,
            "user": user, "worker": 0, "door": "go", "path": places.get(kind, f"/counters/{self.random.randrange(3)}"),
            "token": token, "amount": 1 if kind == "counter" else None, "idempotency_key": f"key-{self.number}",
            "body_sha256": f"body-{self.number}", "clock_sent": json.dumps({f"user-{user:04d}": count}),
            "invoke_ns": invoke, "end_ns": None if outcome == "unknown" else invoke + took, "outcome": outcome,
            "status": {"ok": 200, "fail": 422, "unknown": 0}[outcome], "clock_returned": None,
            "answer_sha256": f"answer-{self.number}" if outcome == "ok" else None,
        }  # fmt: skip
        return row, invoke + self.random.randrange(1, took) if done else None

    def _again(self, row: Row, commit: int | None) -> tuple[Row, int | None]:
        """Return a repetition: a replay after the answer, a duplicate beside it, or an altered body, refused."""
        kind = self.random.choice(["replay", "duplicate", "altered"])
        self.number += 1
        end, took = row["end_ns"], self.random.randrange(5 * MS, 100 * MS)
        invoke = row["invoke_ns"] + 1 if kind == "duplicate" else end + self.random.randrange(1, 500 * MS)
        again = row | {"op_id": f"op-{self.number}", "kind": kind, "original_op_id": row["op_id"]}
        again |= {"invoke_ns": invoke, "end_ns": max(invoke, end) + took, "clock_returned": None}
        if kind == "altered":
            token = str(uuid.UUID(int=self.random.getrandbits(128)))
            again |= {
                "token": token,
                "path": f"/elements/{token}",
                "amount": None,
                "body_sha256": f"body-{self.number}",
            }
            again |= {"outcome": "fail", "status": self.random.choice((409, 422)), "answer_sha256": None}
        elif kind == "duplicate" and self.random.random() < 0.3:
            again |= {"outcome": "fail", "status": 409, "answer_sha256": None}
        elif self.random.random() < self.unknown:
            again |= {"outcome": "unknown", "status": 0, "end_ns": None, "answer_sha256": None}
        return again, None if kind == "altered" else commit

    def _reads(self, session: str, commits: list[tuple[int, Row]], wave: int) -> Iterator[Read]:
        commits = sorted(commits, key=lambda one: one[0])
        begin = STARTED_NS + wave * 20_000 * MS
        for source in SOURCES:
            for place in range(self.reads):
                sent = begin + place * 900 * MS + self.random.randrange(500 * MS)
                took = self.random.randrange(2 * MS, 200 * MS)
                yield Read(session, source, sent, sent + took, self._at(commits, sent + self.random.randrange(took)))
            rest = begin + 15_000 * MS + self.random.randrange(1_000 * MS)
            final = Read(session, source, rest + 400 * MS, rest + 450 * MS, self._at(commits, rest), final=True)
            final.since_ns, final.settled = rest, True
            yield final

    @staticmethod
    def _at(commits: list[tuple[int, Row]], instant_ns: int) -> Model:
        model = Model()
        for at, row in commits:
            if at <= instant_ns and row["original_op_id"] is None:
                model.merge(row, json.loads(row["clock_sent"]))
        return model


# -- mutators: each returns whether it found something to plant itself in


def _pick(run: Recorded, rng: random.Random, rows: list[Row]) -> Row | None:
    """Return a row of a write that nothing has touched; from now on it is."""
    rng.shuffle(rows)
    return next((row for row in rows if run.free(row["token"], row["idempotency_key"])), None)


def lost(run: Recorded, rng: random.Random) -> bool:
    row = _pick(run, rng, run.firsts("unique"))
    if row is None:
        return False
    for read in run.of(row["session_id"]):
        read.model.elements.pop(row["token"], None)
    run.expected["lost"] += 1
    return True


def lost_later(run: Recorded, rng: random.Random) -> bool:
    """An acknowledged or unknown element that one read shows and none after it."""
    rows = [
        row
        for row in run.firsts("unique") + run.firsts("unique", "unknown")
        if any(row["token"] in read.model.elements for read in run.of(row["session_id"], final=False))
    ]
    row = _pick(run, rng, rows)
    if row is None:
        return False
    showing = [read for read in run.of(row["session_id"]) if row["token"] in read.model.elements]
    for read in showing[1:]:
        del read.model.elements[row["token"]]
    run.expected["lost_later"] += 1
    run.expected["lost"] += row["outcome"] == "ok"
    return True


def stale(run: Recorded, rng: random.Random) -> bool:
    row = _pick(run, rng, run.firsts("unique"))
    if row is None:
        return False
    known = min(one["end_ns"] for one in [row, *run.repeats(row, "replay", "duplicate")] if one["outcome"] == "ok")
    late = [read for read in run.of(row["session_id"], final=False) if read.begin_ns > known]
    for read in late[: rng.randint(1, 3)]:
        del read.model.elements[row["token"]]
    run.expected["stale"] += bool(late)
    return bool(late)


def phantom(run: Recorded, rng: random.Random) -> bool:
    """A token that nobody wrote shows in one read, or in all final ones of a session."""
    read, token = rng.choice(run.reads), str(uuid.UUID(int=rng.getrandbits(128)))
    run.touched.add(token)  # nobody wrote it, so nobody compares it between places
    for one in run.of(read.session_id, final=True) if read.final else [read]:
        one.model.elements[token] = 1
    run.expected["phantom"] += 1
    return True


def phantom_register(run: Recorded, rng: random.Random) -> bool:
    """A register that nobody wrote to holds a token that nobody wrote."""
    read = rng.choice(run.reads)
    path = f"/hot/{rng.randint(100, 10**6)}"
    read.model.hot[path] = str(uuid.UUID(int=rng.getrandbits(128)))
    run.expected["phantom"] += 1
    return True


def resurrected(run: Recorded, rng: random.Random) -> bool:
    """A refused element, or a refused altered body, shows in one read or in all final ones."""
    rows = run.firsts("unique", "fail") + run.firsts("altered", "fail")
    rng.shuffle(rows)
    row = next((row for row in rows if run.free(row["token"])), None)
    if row is None:
        return False
    reads = run.of(row["session_id"], final=True)
    for read in reads if rng.random() < 0.5 else [rng.choice(run.of(row["session_id"], final=False))]:
        read.model.elements[row["token"]] = 1
    run.expected["resurrected"] += 1
    return True


def twice(run: Recorded, rng: random.Random) -> bool:
    row = _pick(run, rng, run.firsts("unique"))
    if row is None:
        return False
    for read in run.of(row["session_id"], final=True):
        read.model.elements[row["token"]] = 2
    run.expected += Counter(duplicated=1, double_effect=1)
    return True


def _counter(run: Recorded, rng: random.Random, fits: Callable[[list[Row], int], bool]) -> tuple[str, str] | None:
    """Return session and path of an untouched counter without unknown increments that fits (rows, repetitions)."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in run.rows:
        if row["kind"] == "counter":
            groups.setdefault((row["session_id"], row["path"]), []).append(row)
    places = list(groups)
    rng.shuffle(places)
    for place in places:
        firsts = groups[place]
        again = sum(len(run.repeats(row, "replay", "duplicate")) for row in firsts)
        known = all(row["outcome"] != "unknown" for row in firsts)
        if known and any(row["outcome"] == "ok" for row in firsts) and fits(firsts, again) and run.free(place):
            return place
    return None


def _ok(rows: list[Row]) -> int:
    return sum(row["outcome"] == "ok" for row in rows)


def counter_lost(run: Recorded, rng: random.Random) -> bool:
    """Increments that no read ever counted."""
    place = _counter(run, rng, lambda rows, again: True)
    if place is None:
        return False
    session, path = place
    total = run.of(session, final=True)[0].model.counters[path]
    short = rng.randint(1, total)
    for read in run.of(session):
        read.model.counters[path] = min(read.model.counters.get(path, 0), total - short)
    run.expected["lost"] += short
    return True


def counter_lost_later(run: Recorded, rng: random.Random) -> bool:
    """Increments that the last read had counted and the final states have not."""
    place = _counter(run, rng, lambda rows, again: True)
    if place is None:
        return False
    session, path = place
    total = run.of(session, final=True)[0].model.counters[path]
    if max((read.model.counters.get(path, 0) for read in run.of(session, final=False)), default=0) < total:
        return False
    short = rng.randint(1, total)
    for read in run.of(session, final=True):
        read.model.counters[path] = total - short
    run.expected += Counter(lost=short, lost_later=short)
    return True


def counter_twice(run: Recorded, rng: random.Random) -> bool:
    """More than each increment once, where repetitions were sent."""
    place = _counter(run, rng, lambda rows, again: again > 0)
    if place is None:
        return False
    session, path = place
    rows = [row for row in run.rows if (row["session_id"], row["path"]) == place]
    again = sum(row["kind"] in ("replay", "duplicate") for row in rows)
    more = rng.randint(1, again + 1)
    for read in run.of(session, final=True):
        read.model.counters[path] += more
    run.expected += Counter(duplicated=more, double_effect=min(more, again))
    return True


def counter_over(run: Recorded, rng: random.Random) -> bool:
    """More than each increment once, and nobody repeated any."""
    place = _counter(run, rng, lambda rows, again: again == 0)
    if place is None:
        return False
    more = rng.randint(1, 3)
    for read in run.of(place[0], final=True):
        read.model.counters[place[1]] += more
    run.expected["duplicated"] += more
    return True


def _late_reads(run: Recorded, place: tuple[str, str]) -> list[Read]:
    """Return the reads that began after every increment of a counter was answered."""
    ends = [row["end_ns"] for row in run.rows if (row["session_id"], row["path"]) == place and row["end_ns"]]
    return [read for read in run.of(place[0], final=False) if read.begin_ns > max(ends)]


def counter_stale(run: Recorded, rng: random.Random) -> bool:
    place = _counter(run, rng, lambda rows, again: bool(_late_reads(run, (rows[0]["session_id"], rows[0]["path"]))))
    late = [] if place is None else _late_reads(run, place)
    if place is None or not late:
        return False
    read = rng.choice(late)
    short = rng.randint(1, read.model.counters[place[1]])
    read.model.counters[place[1]] -= short
    run.expected["stale"] += short
    return True


def counter_over_for_a_while(run: Recorded, rng: random.Random) -> bool:
    place = _counter(run, rng, lambda rows, again: bool(_late_reads(run, (rows[0]["session_id"], rows[0]["path"]))))
    late = [] if place is None else _late_reads(run, place)
    if place is None or not late:
        return False
    more = rng.randint(1, 3)
    rng.choice(late).model.counters[place[1]] += more
    run.expected["duplicated"] += more
    return True


def two_rows(run: Recorded, rng: random.Random) -> bool:
    row = _pick(run, rng, run.firsts("unique") + run.firsts("contended"))
    if row is None:
        return False
    run.keys[row["idempotency_key"]] = rng.randint(2, 3)
    run.expected["double_effect"] += 1
    return True


def other_answer(run: Recorded, rng: random.Random) -> bool:
    """A replay with another answer, or refused although the first answer had been given."""
    rows = [row for row in run.rows if row["kind"] == "replay" and row["outcome"] == "ok"]
    rng.shuffle(rows)
    row = next((row for row in rows if run.free(row["op_id"], row["idempotency_key"])), None)
    if row is None:
        return False
    row.update(rng.choice(({"answer_sha256": "another"}, {"outcome": "fail", "status": 422, "answer_sha256": None})))
    run.expected["other_answer"] += 1
    return True


def _altered(run: Recorded, rng: random.Random) -> Row | None:
    return _pick(run, rng, run.firsts("altered", "fail"))


def swallowed(run: Recorded, rng: random.Random) -> bool:
    row = _altered(run, rng)
    if row is None:
        return False
    row.update({"outcome": "ok", "status": 200, "answer_sha256": "done"})
    run.expected["swallowed_body"] += 1
    return True


def stored_answer(run: Recorded, rng: random.Random) -> bool:
    """The original's stored answer and no trace: legal, and told apart."""
    row = _altered(run, rng)
    if row is None:
        return False
    original = next(one for one in run.rows if one["op_id"] == row["original_op_id"])
    row.update({"outcome": "ok", "status": 200, "answer_sha256": original["answer_sha256"]})
    run.expected["stored_answer"] += 1
    return True


def altered_done(run: Recorded, rng: random.Random) -> bool:
    """An altered body that was taken, or may have been, and stands beside the original."""
    row = _altered(run, rng)
    if row is None:
        return False
    row.update(
        rng.choice(({"outcome": "ok", "status": 200, "answer_sha256": "done"}, {"outcome": "unknown", "end_ns": None}))
    )
    for read in run.of(row["session_id"], final=True):
        read.model.elements[row["token"]] = 1
    run.expected["double_effect"] += 1
    return True


def illegal_winner(run: Recorded, rng: random.Random) -> bool:
    """A register ends with a write that its own user had overwritten knowingly; every read shows it from then on."""
    users: dict[tuple[Any, ...], list[Row]] = {}
    for row in run.firsts("contended"):
        users.setdefault((row["session_id"], row["path"], row["user"]), []).append(row)
    overwritten = [old for rows in users.values() for old in rows if any(_count(old) < _count(new) for new in rows)]
    rng.shuffle(overwritten)
    for old in overwritten:
        if run.free((old["session_id"], old["path"])):
            _let_win(run, old)
            return True
    return False


def _let_win(run: Recorded, old: Row) -> None:
    for read in run.of(old["session_id"]):
        if read.final or read.begin_ns > old["invoke_ns"]:
            read.model.hot[old["path"]] = old["token"]
    beaten = {
        row["token"]: row
        for row in run.rows
        if (row["session_id"], row["path"], row["user"]) == (old["session_id"], old["path"], old["user"])
        and row["kind"] == "contended" and row["outcome"] != "fail" and _count(row) > _count(old)
    }  # fmt: skip
    shown = {read.model.hot.get(old["path"]) for read in run.of(old["session_id"], final=False)}
    run.expected["illegal_winner"] += 1
    run.expected["lost"] += sum(row["outcome"] == "ok" for row in beaten.values())
    run.expected["lost_later"] += len(shown & beaten.keys())


def _count(row: Row) -> int:
    return sum(json.loads(row["clock_sent"]).values())


def _free_state(run: Recorded, rng: random.Random, reads: list[Read]) -> Read | None:
    rng.shuffle(reads)
    return next((read for read in reads if run.free(("clock", id(read)))), None)


def clock_lacks(run: Recorded, rng: random.Random) -> bool:
    """The clock of a final state lacks an acknowledged write."""
    read = _free_state(run, rng, [read for read in run.reads if read.final])
    if read is None:
        return False
    known = [
        row
        for row in run.rows
        if row["session_id"] == read.session_id and row["outcome"] == "ok" and row["kind"] != "altered"
    ]
    node, count = next(iter(json.loads(max(known, key=_count)["clock_sent"]).items()))
    read.model.clock[node] = count - 1
    run.expected["clock_regression"] += 1
    return True


def clock_falls(run: Recorded, rng: random.Random) -> bool:
    """Between two reads at one place a component falls, and is back afterwards."""
    candidates = []
    for read in run.reads:
        before = [
            one
            for one in run.of(read.session_id, final=False)
            if one.source == read.source and one.end_ns <= read.begin_ns
        ]
        if not read.final and before and before[-1].model.clock:
            candidates.append((read, before[-1]))
    rng.shuffle(candidates)
    for read, before in candidates:
        if ("clock", id(before)) not in run.touched and run.free(("clock", id(read))):
            run.touched.add(("clock", id(before)))
            node = rng.choice(sorted(before.model.clock))
            read.model.clock[node] = before.model.clock[node] - 1
            run.expected["clock_regression"] += 1
            return True
    return False


def clock_above(run: Recorded, rng: random.Random) -> bool:
    read = _free_state(run, rng, [read for read in run.reads if read.final and read.model.clock])
    if read is None:
        return False
    node = rng.choice(sorted(read.model.clock))
    read.model.clock[node] = 10_000
    run.expected["clock_regression"] += 1
    return True


def answer_lacks(run: Recorded, rng: random.Random) -> bool:
    """An answer's clock is below the one its request carried."""
    rows = [row for row in run.rows if row["clock_returned"] and row["outcome"] == "ok"]
    rng.shuffle(rows)
    row = next((row for row in rows if run.free(("answer", row["session_id"], row["user"]))), None)
    if row is None:
        return False
    node = f"user-{row['user']:04d}"
    row["clock_returned"] = json.dumps(json.loads(row["clock_returned"]) | {node: _count(row) - 1})
    run.expected["clock_regression"] += 1
    return True


def diverged(run: Recorded, rng: random.Random) -> bool:
    """After quiesce one door shows something else than the database."""
    doors = [read for read in run.reads if read.final and read.source != "sql"]
    rng.shuffle(doors)
    for read in doors:
        model = read.model
        parts: list[tuple[dict[str, Any], str]] = [(model.elements, token) for token in model.elements]
        parts += [(part, path) for part in (model.hot, model.counters) for path in part]
        rng.shuffle(parts)
        fits = [one for one in parts if not run.touched & {one[1], (read.session_id, one[1])}]
        if not fits or not run.free(("diverged", read.session_id)):
            continue
        part, name = fits[0]
        run.touched |= {name, (read.session_id, name)}
        if part is model.elements:
            del part[name]
        else:
            part[name] = "something else" if part is model.hot else part[name] + 1_000
        run.expected["divergence"] += 1
        return True
    return False


MUTATORS: dict[str, Callable[[Recorded, random.Random], bool]] = {
    one.__name__: one
    for one in (
        lost, lost_later, stale, phantom, phantom_register, resurrected, twice, counter_lost, counter_lost_later,
        counter_twice, counter_over, counter_stale, counter_over_for_a_while, two_rows, other_answer, swallowed,
        stored_answer, altered_done, illegal_winner, clock_lacks, clock_falls, clock_above, answer_lacks, diverged,
    )
}  # fmt: skip


def mutated(run: Recorded, names: list[str], seed: int) -> tuple[Recorded, Counter[str]]:
    """Return a copy of a run with violations planted, and how often each mutator found a place."""
    changed, planted = copy.deepcopy(run), Counter[str]()
    rng = random.Random(f"mutations {seed}")  # never the stream that the platform draws its tokens from
    for name in names:
        planted[name] += MUTATORS[name](changed, rng)
    return changed, planted

"""How long the checker takes for the history of a full run, and whether it finds what was planted in it.

30 sessions of 1,000 operations, each session read at three places while the load runs and after it; parsing the
documents counts. Beside it a yardstick of the same moment, so that a slow machine shows.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.crdt_violation import GRAVITY
from fireai_analysis.analyze.data import RunData
from tests import made
from tests.analyze.histories import MUTATORS, Platform, Recorded, mutated
from tests.bench.lines import Line

REPEATS = 5
FEW_USERS = 60  # users that overwrite their own writes, so that there are illegal winners to plant
LIMIT_S = 1.0
SESSIONS, WRITES, READS, BATCH = 30, 770, 4, 3  # with repetitions about 1,000 operations a session


def full_run(users: int = WRITES) -> Recorded:
    """Return the history of a full run: each user writes once a session, and a quarter of the operations repeat."""
    platform = Platform(
        1, sessions=SESSIONS, users=users, writes=WRITES, reads=READS, unknown=0.004, refused=0.0, batch=BATCH
    )
    return platform.run()


def data_of(run: Recorded) -> RunData:
    """Return a run as the analysis gets it."""
    tables = run.frames()
    operations = tables.pop("operations")
    return replace(made.healthy("peak", "smoke"), operations=operations, samples=tables)


def yardstick() -> None:
    """Do known work: parse 2 MB of JSON ten times, sort a million numbers."""
    text = json.dumps({f"{number:036d}": {"token": f"{number:036d}", "user": number} for number in range(20_000)})
    for _ in range(10):
        json.loads(text)
    np.sort(np.random.default_rng(1).random(1_000_000))


def seconds(work: Callable[[], Any]) -> float:
    """Return the median time of a work done several times."""
    spans = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        spans.append(time.perf_counter() - began)
    return statistics.median(spans)


def found_in(data: RunData) -> Counter[str]:
    """Return what the checker counts."""
    crdt = measure(data).crdt
    counts = {kind: getattr(crdt, f"{kind}_count") or 0 for kind in GRAVITY}
    return +Counter(counts | {"stored_answer": crdt.stored_answer_count or 0})


def main() -> list[Line]:
    """Return the time of a check, and what it finds in a right and in a broken history of that size."""
    run = full_run()
    data = data_of(run)
    states = sum(len(read.model.text("path")) for read in run.reads)
    spent, unit = seconds(lambda: measure(data)), seconds(yardstick)
    broken, planted = mutated(full_run(FEW_USERS), random.Random(2).choices(sorted(MUTATORS), k=200), 3)
    found = found_in(data_of(broken))
    return [
        Line(
            f"checking {len(run.rows):,} operations and {len(run.reads)} reads of {states / 1e6:.1f} MB, "
            f"median of {REPEATS}",
            f"< {LIMIT_S:.0f} s",
            f"{spent:.2f} s, {spent / unit:.2f} of the yardstick ({unit:.2f} s)",
            spent < LIMIT_S,
        ),
        Line("violations found in it", "none", str(dict(found_in(data))), not found_in(data)),
        Line(
            f"violations found where {sum(planted.values())} mutations of {len(+planted)} kinds were planted",
            str(dict(sorted((+broken.expected).items()))),
            str(dict(sorted(found.items()))),
            found == +broken.expected,
        ),
    ]

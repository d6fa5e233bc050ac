"""Both paths count the histories of a simulated platform alike, whatever violations were planted in them."""

import random
from collections import Counter
from pathlib import Path

from fireai_analysis.verify import writes
from fireai_analysis.verify.evidence import Run
from tests import made
from tests.analyze.histories import MUTATORS, Platform, mutated
from tests.analyze.test_crdt_mutations import checked

HISTORIES = 60
CLOCKS = ("clock_lacks", "clock_falls", "clock_above", "answer_lacks")


def platform(rng: random.Random) -> Platform:
    return Platform(
        seed=rng.randrange(2**32),
        sessions=rng.choice([1, 2, 3]),
        users=rng.choice([1, 4, 10]),
        writes=rng.choice([10, 40, 90]),
        reads=rng.choice([2, 4]),
        unknown=rng.choice([0.0, 0.05, 0.3]),
        refused=rng.choice([0.0, 0.05]),
        layout="path",
    )


def test_both_paths_count_planted_violations_alike() -> None:
    manifest = made.manifest("crdt_stress", "smoke").model_dump(mode="json")
    seen: Counter[str] = Counter()
    for seed in range(HISTORIES):
        rng = random.Random(seed)
        names = [*rng.sample(sorted(MUTATORS), rng.choice([0, 2, 6])), *rng.sample(CLOCKS, rng.choice([0, 1, 3]))]
        run, _ = mutated(platform(rng).run(), names, seed)
        tables = {name: None if frame.empty else frame for name, frame in run.frames().items()}
        recomputed = writes.figures(Run("crdt_stress", Path("nowhere"), manifest, tables))
        reported = checked(run).model_dump()
        counts = {key: value for key, value in recomputed.items() if key.endswith("_count")}
        assert counts == {key: reported[key.removeprefix("crdt.")] for key in counts}, (seed, names)
        seen.update(key for key, value in counts.items() if value)
    assert seen["crdt.clock_regression_count"] > HISTORIES / 4
    kinds = ("lost", "phantom", "stale", "lost_later", "double_effect", "duplicated", "illegal_winner", "divergence")
    assert min(seen[f"crdt.{kind}_count"] for kind in kinds) > 0, seen

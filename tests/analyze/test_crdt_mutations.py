"""The checker against histories of a simulated platform: silent on right ones, exact on every planted violation."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.crdt_violation import GRAVITY
from fireai_analysis.results import Crdt
from tests import made
from tests.analyze.histories import MUTATORS, Platform, Recorded, mutated

BASE = made.healthy("peak", "smoke")
EXAMPLES = 800
FEWEST_PLANTED = 40


def checked(run: Recorded, *, told: bool = False) -> Crdt:
    """The checker's figures, the layout told by the target file or left to be recognised."""
    tables = run.frames()
    operations = tables.pop("operations")
    document = f"by_{run.layout}" if told else "auto"
    return measure(replace(made.with_crdt(BASE, document=document), operations=operations, samples=tables)).crdt


def found(crdt: Crdt) -> Counter[str]:
    counts = Counter({kind: getattr(crdt, f"{kind}_count") for kind in GRAVITY})
    return +(counts + Counter(stored_answer=crdt.stored_answer_count))


PLATFORMS = st.builds(
    Platform,
    seed=st.integers(0, 2**32),
    sessions=st.integers(1, 3),
    users=st.integers(1, 10),
    writes=st.sampled_from([10, 20, 40, 60]),
    reads=st.integers(2, 5),
    unknown=st.sampled_from([0.0, 0.05, 0.3]),
    refused=st.sampled_from([0.0, 0.05]),
    layout=st.sampled_from(["path", "path", "path", "keys"]),
)


def test_every_planted_violation_is_found_with_its_exact_count() -> None:
    planted: Counter[str] = Counter()
    mixed: Counter[int] = Counter()

    @given(
        PLATFORMS,
        st.lists(st.sampled_from(sorted(MUTATORS)), min_size=1, max_size=8),
        st.integers(0, 2**32),
        st.booleans(),
    )
    @settings(max_examples=EXAMPLES, deadline=None, database=None, derandomize=True)
    def mutations(platform: Platform, names: list[str], seed: int, told: bool) -> None:
        run, there = mutated(platform.run(), names, seed)
        planted.update(there)
        mixed[len(+there)] += 1
        crdt = checked(run, told=told)
        assert found(crdt) == +run.expected
        grave = [kind for kind in GRAVITY if run.expected[kind]]
        assert (crdt.counterexample.kind if crdt.counterexample else None) == (grave[0] if grave else None)

    mutations()
    assert {name: planted[name] for name in MUTATORS if planted[name] < FEWEST_PLANTED} == {}
    assert sum(mixed.values()) >= EXAMPLES
    assert sum(count for kinds, count in mixed.items() if kinds >= 3) > EXAMPLES // 4


@given(PLATFORMS)
@settings(max_examples=100, deadline=None, database=None, derandomize=True)
def test_nothing_is_found_in_right_histories(platform: Platform) -> None:
    run = platform.run()
    crdt = checked(run)
    assert found(crdt) == Counter()
    assert crdt.counterexample is None
    assert crdt.final_state_read
    assert crdt.doors == ("sql", "fastapi", "go")
    assert None not in [getattr(crdt, f"{kind}_count") for kind in GRAVITY]
    assert crdt.doubts == ()


@given(PLATFORMS)
@settings(max_examples=50, deadline=None, database=None, derandomize=True)
def test_nothing_is_found_where_every_outcome_is_unknown(platform: Platform) -> None:
    platform.unknown, platform.refused = 1.0, 0.0
    run = platform.run()
    crdt = checked(run)
    assert found(crdt) == Counter()
    assert crdt.unknown_count == crdt.operations_count == len(run.rows)
    assert crdt.acknowledged_count == 0

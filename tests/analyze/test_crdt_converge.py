"""How long after the last answer the slowest place stood still, by the reads of the run and those after it."""

import math

import pytest

from fireai_analysis.analyze.crdt_divergence import converge_ns
from fireai_analysis.analyze.crdt_states import Session, State
from fireai_analysis.analyze.document import Document
from fireai_analysis.analyze.history import history, writes
from tests.made import history as rows_of
from tests.made import operation

S = 10**9
DONE, PART = '{"elements": {"t": {}}}', '{"elements": {}}'


def state(source: str, begin_s: float, text: str | None, *, final: bool = False) -> State:
    document = None if text is None else Document.parse(text)
    since_ns = begin_s * S if final else math.inf
    return State("s", source, begin_s * S, begin_s * S + 1, since_ns, True if final else None, document, {}, final)


def session(*reads: State) -> Session:
    row = operation(0, session_id="s", token="t", path="/elements/t", invoke_ns=1 * S, end_ns=2 * S)
    made = Session("s", writes(history(rows_of([row])).operations))
    made.finals.update({source: state(source, 60, DONE, final=True) for source in ("sql", "go")})
    made.reads.extend(sorted(reads, key=lambda one: one.begin_ns))
    return made


@pytest.mark.parametrize(
    ("reads", "converged_s"),
    [
        ([], 58),
        ([state("sql", 3, DONE), state("go", 4, DONE)], 2),
        ([state("sql", 3, DONE), state("go", 4, PART), state("go", 9, DONE)], 7),
        ([state("sql", 1.5, DONE), state("go", 1.6, DONE)], 0),
        ([state("sql", 3, DONE), state("go", 3, DONE), state("go", 8, None)], 58),
        ([state("sql", 3, DONE), state("go", 3, DONE), state("go", 5, PART), state("go", 8, DONE)], 6),
    ],
    ids=["only final ones", "the slower place", "a part first", "before the answer", "a failed read", "gone and back"],
)
def test_the_reads_of_the_run_tell_since_when(reads: list[State], converged_s: float) -> None:
    found = converge_ns(session(*reads))
    assert found is not None
    assert found / S == pytest.approx(converged_s)

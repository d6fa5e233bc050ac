"""Answers come back from the journal whole, however often and however torn."""

import hashlib
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect import answers, journal
from fireai_analysis.collect.answers import Packer
from fireai_analysis.collect.journal import Answer, Writer, pack_answer


@given(st.lists(st.binary(max_size=40)), st.integers(1, 5))
def test_every_body_comes_back_with_its_digest(bodies: list[bytes], most_remembered: int) -> None:
    before, answers.MOST_REMEMBERED = answers.MOST_REMEMBERED, most_remembered
    try:
        packer = Packer()
        journaled = [Answer(arrival, packer.packed(body)) for arrival, body in enumerate(bodies)]
    finally:
        answers.MOST_REMEMBERED = before
    digests = [hashlib.sha256(body).hexdigest() for body in bodies]
    assert [answers.digest(answer) for answer in journaled] == digests
    found = list(answers.bodies(journaled))
    assert len(found) == len(set(bodies))
    assert dict(found) == dict(zip(digests, bodies, strict=True))


def test_a_wave_of_clocks_takes_a_tenth_of_its_bytes(tmp_path: Path) -> None:
    clocks = [{f"user-{node:04d}": 1 for node in range(0, 1000, 1000 // size)} for size in range(50, 1000, 50)]
    bodies = [json.dumps({"status": "merged", "vector_clock": clock}).encode() for clock in clocks]
    packer, writer = Packer(), Writer(tmp_path / "journal")
    for arrival in range(400):
        writer.append(pack_answer(Answer(arrival, packer.packed(bodies[arrival % len(bodies)]))))
    writer.close()
    whole = sum(len(bodies[arrival % len(bodies)]) for arrival in range(400))
    assert (tmp_path / "journal").stat().st_size < whole / 10
    read = journal.read(tmp_path / "journal").of(journal.ANSWER)
    found = dict(answers.bodies(read))
    assert [found[answers.digest(one)] for one in read] == [bodies[place % len(bodies)] for place in range(400)]


def test_a_body_that_the_journal_lost_is_not_invented() -> None:
    packer = Packer()
    first, second = packer.packed(b"body"), packer.packed(b"body")
    assert len(first) > len(second)
    torn = Answer(1, second)
    assert list(answers.bodies([torn])) == []
    assert answers.digest(torn) == hashlib.sha256(b"body").hexdigest()

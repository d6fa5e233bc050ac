"""Idempotency keys: distinct ones, colliding ones, and those that repeat on purpose."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.collect import keys
from fireai_analysis.collect.workload import Request, Workload
from fireai_analysis.scenarios import load_target


def request(key: str | None, action: str = "unique") -> Request:
    return Request(action, "fastapi", "/", {}, b"", {}, key)


@given(sent=st.lists(st.text(max_size=40), max_size=50))
def test_as_many_distinct_digests_as_distinct_keys(sent: list[str]) -> None:
    found = keys.counts(keys.digest(request(key)) for key in sent)
    assert found == {"keys_sent_count": len(sent), "keys_distinct_count": len(set(sent))}


@pytest.mark.parametrize("action", ["replay", "duplicate", "altered"])
def test_a_repetition_on_purpose_is_no_collision(action: str) -> None:
    sent = [request("k"), request("k", action), request(None, "classify")]
    assert keys.counts(map(keys.digest, sent)) == {"keys_sent_count": 1, "keys_distinct_count": 1}


def test_every_write_of_the_mix_has_the_key_that_it_sends() -> None:
    workload = Workload(load_target("embedded").data, 1)
    evidence, results = workload.evidence("fastapi", "s"), workload.results("go", 1, "s")
    assert evidence.key == evidence.headers["Idempotency-Key"]
    assert results.body is not None
    assert f'"idempotency_key":"{results.key}"'.encode() in results.body
    assert workload.classify("go").key is None
    assert keys.counts(map(keys.digest, (evidence, results, evidence)))["keys_distinct_count"] == 2


def test_workers_agree_on_a_digest() -> None:
    program = (
        "from fireai_analysis.collect import keys; from fireai_analysis.collect.workload import Request;"
        "import sys; sys.stdout.write(str(keys.digest(Request('unique', 'go', '/', {}, None, {}, 'some key'))))"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(other.stdout) == keys.digest(request("some key"))

"""A history with clean counts does not pass where its evidence is missing, too early, or was not exercised."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.data import RunData
from fireai_analysis.scenarios import load_scenario
from tests import made


@cache
def whole() -> RunData:
    return made.healthy("crdt_stress", "smoke")


def history(**columns: object) -> RunData:
    assert whole().operations is not None
    return replace(whole(), operations=whole().operations.assign(**columns))


def sample(name: str, **columns: object) -> RunData:
    return made.with_sample(whole(), name, **columns)


def without(kind: str) -> RunData:
    operations, manifest = whole().operations, whole().manifest
    assert operations is not None
    mixed = manifest.spec.scenario.model_copy(update={"mix": load_scenario("crdt_stress").mix})
    spec = manifest.spec.model_copy(update={"scenario": mixed})
    told = manifest.model_copy(update={"spec": spec})
    return replace(whole(), manifest=told, operations=operations[operations["kind"] != kind])


def moved() -> RunData:
    """All elements taken away, their tokens only told in a list beside the rest."""
    finals = whole().samples["final_states"]
    documents = [json.loads(text) for text in finals["document"]]
    texts = [json.dumps(one | {"elements": {}, "audit": list(one["elements"])}) for one in documents]
    return sample("final_states", document=texts)


LIES: dict[str, tuple[Callable[[], RunData], str]] = {
    "read early": (lambda: sample("final_states", begin_ns=made.STARTED_NS - 9 * made.S), "before their last answer"),
    "read at no time": (lambda: sample("final_states", begin_ns=None), "at an unknown time"),
    "moved": (moved, "do not stand at their own path"),
    "keys absent": (lambda: sample("idempotency", rows_count=0), "keys of acknowledged writes were not found"),
    "keys unknown": (lambda: sample("idempotency", rows_count=float("nan")), "were not found"),
    "nothing repeated": (lambda: without("replay"), "idempotency was not exercised"),
    "unknown kind": (lambda: history(kind="weird"), "of no known kind"),
    "no token": (lambda: history(token=None), "carry no token"),
    "no amount": (lambda: history(kind="counter", amount=None), "do not say what they add"),
    "no path": (lambda: replace(whole(), operations=history().operations.drop(columns="path")), "no column path"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_doubted(name: str) -> None:
    make, words = LIES[name]
    assert any(words in doubt for doubt in measure(make()).crdt.doubts), measure(make()).crdt.doubts


def test_a_whole_history_is_not_doubted() -> None:
    assert measure(whole()).crdt.doubts == ()

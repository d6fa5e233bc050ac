"""A history with clean counts does not pass where its evidence is missing, too early, or was not exercised."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from fireai_analysis.analyze.convergence import measure
from fireai_analysis.analyze.data import RunData
from fireai_analysis.scenarios import load_scenario
from tests import made

LATE_NS = made.STARTED_NS + 899 * made.S


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


def final(change: Callable[[dict[str, Any]], dict[str, Any]], told: str = "auto") -> RunData:
    """The final documents changed, the layout left to be recognised unless told."""
    documents = [json.loads(text) for text in whole().samples["final_states"]["document"]]
    return made.with_crdt(
        sample("final_states", document=[json.dumps(change(one)) for one in documents]), document=told
    )


def moved(document: dict[str, Any]) -> dict[str, Any]:
    """All elements taken away, their tokens only told in a list beside the rest."""
    return document | {"elements": {}, "audit": list(document["elements"])}


def mixed(document: dict[str, Any]) -> dict[str, Any]:
    """Elements kept as change objects, registers at their paths."""
    kept = [{"path": f"/elements/{token}", "value": held} for token, held in document["elements"].items()]
    return {"hot": document["hot"], "log": kept}


def doubled(document: dict[str, Any]) -> dict[str, Any]:
    """Each element once more where the elements stand."""
    copies = {f"copy of {token}": held for token, held in document["elements"].items()}
    return document | {"elements": document["elements"] | copies}


def buried(document: dict[str, Any]) -> dict[str, Any]:
    """One element marked as removed, its token still told."""
    token, held = next(iter(document["elements"].items()))
    buried = token == "token-0"  # of one session
    return document | {"elements": document["elements"] | ({token: held | {"deleted": True}} if buried else {})}


def first_of(name: str) -> RunData:
    """A table of states that holds one session only."""
    frame = whole().samples[name]
    return replace(whole(), samples={**whole().samples, name: frame[frame["session_id"] == "session-0"]})


LIES: dict[str, tuple[Callable[[], RunData], str]] = {
    "read early": (lambda: sample("final_states", begin_ns=made.STARTED_NS - 9 * made.S), "before their last answer"),
    "finally read at no time": (lambda: sample("final_states", begin_ns=None), "at an unknown time"),
    "moved": (lambda: final(moved), "stand neither at their paths nor as change objects"),
    "mixed": (lambda: final(mixed), "are kept as change objects, others at their paths"),
    "doubled": (lambda: final(doubled), "elements stand 2 times each"),
    "never read": (lambda: made.cut(whole(), "reads"), "2 sessions were not read while the load ran at go"),
    "read at no time": (lambda: sample("reads", begin_ns=None), "not read while the load ran at fastapi"),
    "read before": (lambda: sample("reads", begin_ns=made.STARTED_NS), "not read while the load ran at fastapi"),
    "read after": (lambda: sample("reads", begin_ns=LATE_NS + made.S), "not read while the load ran at fastapi"),
    "one session read": (lambda: first_of("reads"), "1 sessions were not read while the load ran at go"),
    "tombstone": (lambda: final(buried), "1 elements stand in another form than the others"),
    "other keys": (lambda: sample("idempotency", key_sha256="0" * 64), "keys of acknowledged writes were not found"),
    "some read at no time": (lambda: sample("final_states", begin_ns=[None] + [LATE_NS] * 5), "at an unknown time"),
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


def test_elements_that_do_not_stand_where_they_are_told_to_are_lost() -> None:
    crdt = measure(final(moved, "by_path")).crdt
    assert crdt.lost_count == sum(
        one == "unique"
        for one in history().operations["kind"]  # type: ignore[index]
    )
    assert measure(final(mixed, "by_keys")).crdt.lost_count  # the registers
    assert measure(final(moved)).crdt.lost_count == 0


def test_a_final_state_that_was_read_early_proves_no_loss() -> None:
    early = sample("final_states", begin_ns=made.STARTED_NS - 9 * made.S, document="{}")
    crdt = measure(early).crdt
    assert (crdt.lost_count, crdt.final_state_read, crdt.divergence_count) == (None, False, None)


@pytest.mark.parametrize("columns", [{"kind": "weird"}, {"token": None, "kind": "unique"}])
def test_what_cannot_be_looked_up_is_not_lost(columns: dict[str, object]) -> None:
    crdt = measure(history(**columns)).crdt
    assert (crdt.lost_count, crdt.phantom_count) == (0, 0)
    assert crdt.doubts

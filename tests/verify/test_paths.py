"""Both paths give the same figures for runs of every kind, at full length: that of the analysis, and the checker's."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.scenarios import load_criteria
from fireai_analysis.schemas import SAMPLES, SERVER_PARTS
from fireai_analysis.verify import bounds, campaign
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.ledger import Difference, Ledger
from tests import made

LIMITS = {one.id: one.limit for one in load_criteria().criteria}


def in_memory(data: RunData) -> Run:
    """The same run as the checker reads it, without files."""
    tables = {name: None for name in SAMPLES} | dict(data.samples)
    tables |= {"requests": data.requests, "operations": data.operations}
    kept = {name: None if frame is None or frame.empty else frame for name, frame in tables.items()}
    return Run(data.manifest.spec.scenario.name, Path("nowhere"), data.manifest.model_dump(mode="json"), kept)


def differences(data: RunData) -> list[Difference]:
    """Where the two paths differ."""
    ledger, run = Ledger(), in_memory(data)
    reported = analyze_run(data, load_criteria()).result.model_dump(mode="json")
    figures = campaign._figures(run, LIMITS, ledger)
    figures["endpoints"] = campaign._in_order_of(reported["endpoints"], figures["endpoints"])
    answers = campaign._answers(run, reported, ledger)
    figures |= {
        f"validity.{place}.{check['check']}": answers[check["check"]]
        for place, check in enumerate(reported["validity"])
        if check["check"] in answers
    }
    told = reported | {"validity": [{check["check"]: check["ok"]} for check in reported["validity"]]}
    ledger.compare("summary.json", "", told, figures)
    return ledger.differences


def slow_start(data: RunData) -> RunData:
    """A minute in which everything takes three times as long."""
    frame = data.requests.copy()
    slow = (np.arange(len(frame)) < 2_100) & (np.arange(len(frame)) % 2 == 0)
    for name in ("service_us", "response_us", *(f"{part}_us" for part in SERVER_PARTS)):
        frame.loc[slow, name] = frame.loc[slow, name] * 3
    return made.with_requests(data, frame)


def wandering(data: RunData) -> RunData:
    """Latencies of a random walk by the minute: slow requests come in clusters too long for an interval."""
    steps = np.random.default_rng(3).normal(0, 0.1, 1 + len(data.requests) // 2_000)
    return scaled(data, np.exp(np.cumsum(steps)), 2_000)


def noisy(data: RunData) -> RunData:
    """Latencies that are another every 10 s, so that neighbours resemble each other."""
    return scaled(data, np.exp(np.random.default_rng(3).normal(0, 0.3, 1 + len(data.requests) // 350)), 350)


def scaled(data: RunData, factors: np.ndarray, each_count: int) -> RunData:
    """Random latencies, each stretch of so many requests by its factor."""
    frame = data.requests.copy()
    factor = factors[np.arange(len(frame)) // each_count]
    taken = (factor * np.random.default_rng(4).gamma(2, 30_000, len(frame))).astype(np.int64) + 1_000
    wait = frame["response_us"] - frame["service_us"]
    for part in SERVER_PARTS:
        frame[f"{part}_us"] = (frame[f"{part}_us"] / frame["service_us"] * taken).astype("int64")
    frame["service_us"] = taken
    frame["response_us"] = taken + wait
    return made.with_requests(data, frame)


def late(data: RunData) -> RunData:
    """Every fiftieth request is sent 20 ms late."""
    frame = data.requests.copy()
    held = np.arange(len(frame)) % 50 == 0
    frame.loc[held, "sent_ns"] += 20_000_000
    frame.loc[held, "response_us"] += 20_000
    return made.with_requests(data, frame)


def failing(error: str, every: int) -> Callable[[RunData], RunData]:
    return lambda data: made.with_requests(data, made.failing(data.requests, every, error=error))


PEAKS: dict[str, Callable[[RunData], RunData]] = {
    "healthy": lambda data: data,
    "slow start": slow_start,
    "noisy": noisy,
    "wandering": wandering,
    "late": late,
    "errors": failing("status 500", 30),
    "timeouts": failing("timeout", 12),
    "never sent": failing("never sent", 40),
    "no samples": lambda data: replace(data, samples={}),
    "no generator": lambda data: made.cut(data, "generator"),
}


@pytest.mark.parametrize("name", PEAKS)
def test_both_paths_agree_on_an_hour(name: str) -> None:
    assert differences(PEAKS[name](made.healthy("peak"))) == []


@pytest.mark.parametrize("growth_mib_per_h", [0.0, 8.0, 200.0])
def test_both_paths_agree_on_four_hours_of_memory(growth_mib_per_h: float) -> None:
    assert differences(made.healthy("sustained", growth_mib_per_h=growth_mib_per_h)) == []


def test_both_paths_agree_on_a_step_of_memory() -> None:
    data = made.healthy("sustained")
    frame = data.samples["go"].copy()
    late_half = np.arange(len(frame)) > len(frame) // 2
    frame.loc[late_half, ["live_heap_bytes", "goroutines_count"]] += 10_000_000
    assert differences(replace(data, samples={**data.samples, "go": frame})) == []


@pytest.mark.parametrize("gone", [(), ("token-0", "token-2")])
def test_both_paths_agree_on_a_history(gone: tuple[str, ...]) -> None:
    data = made.healthy("crdt_stress", "smoke")
    assert data.operations is not None
    finals = made.final_states(data.operations.to_dict("records"), gone=gone)
    assert differences(made.with_sample(data, "final_states", document=finals["document"].to_numpy())) == []


def test_both_paths_agree_on_a_write_that_only_a_log_still_tells() -> None:
    data = made.healthy("crdt_stress", "smoke")
    assert data.operations is not None
    finals = made.final_states(data.operations.to_dict("records"), gone=("token-0",))
    told = [json.dumps(json.loads(text) | {"log": ["token-0"]}) for text in finals["document"]]
    changed = made.with_sample(data, "final_states", document=np.array(told, dtype=object))
    assert differences(changed) == []
    assert made.result(changed).crdt.lost_count == 1


def test_a_wrong_formula_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "T_975", 1.96)
    keys = {one.key for one in differences(noisy(made.healthy("peak")))}
    assert {"response_p95.interval.0", "response_p95.interval.1"} & keys

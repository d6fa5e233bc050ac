"""A false check or count of a whole history, forged with its hashes mended, is told by name; honest ones are equal."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fireai_analysis import cli
from fireai_analysis.analyze.data import RunData
from fireai_analysis.scenarios import closed
from fireai_analysis.verify import checks, standing, verdicts, writes
from fireai_analysis.verify.evidence import Run
from fireai_analysis.verify.requests import Requests
from tests import made
from tests.verify.small import add_run, campaign, mend, put, read

SUMMARY = "summary.json"
Change = Callable[[RunData], RunData]


def alone(directory: Path, name: str, data: RunData) -> Path:
    """A campaign of one run."""
    return campaign(directory / "run", profile="smoke", names=(name,), **{name: data})


def forged(directory: Path, name: str, lies: dict[str, Any]) -> None:
    """Write lies into the summary and the results of a run, and mend the hashes."""
    for key, lie in lies.items():
        put(directory / SUMMARY, f"scenarios.{name}.{key}", lie)
        put(directory / name / "results.json", key, lie)
    mend(directory)


def told(directory: Path, capsys: pytest.CaptureFixture) -> dict[str, Any]:
    """The differences by key, of a campaign that differs."""
    capsys.readouterr()
    assert cli.exit_code(["verify", str(directory), "--json"]) == 99
    return {one["key"]: one for one in json.loads(capsys.readouterr().out)["differences"] if one["file"] == SUMMARY}


# -- checks


def half_the_ticks(sampler: str) -> Change:
    def change(data: RunData) -> RunData:
        ticks = data.samples["ticks"].copy()
        own = ticks["sampler"] == sampler
        ticks.loc[own, "delivered_count"] = ticks.loc[own, "expected_count"] // 2
        return replace(data, samples={**data.samples, "ticks": ticks})

    return change


def wrong_status(data: RunData) -> RunData:
    frame = data.requests.copy()
    frame.loc[frame.index[::50], "status"] = 500
    return made.with_requests(data, frame)


def stalled(data: RunData) -> RunData:
    """A tenth of the requests, one after the other, were sent a second late."""
    frame = data.requests.copy()
    late = frame.index[len(frame) // 2 : len(frame) * 6 // 10]
    frame.loc[late, "sent_ns"] += made.S
    frame.loc[late, "response_us"] += 1_000_000
    return made.with_requests(data, frame)


def slow_errors(data: RunData) -> RunData:
    frame = made.failing(data.requests, 4)
    bad = ~frame["ok"].astype(bool)
    frame.loc[bad, ["response_us", "service_us"]] += 5_000_000
    return made.with_requests(data, frame)


def other_start(data: RunData) -> RunData:
    """The Go process of the second half is another one."""
    frame = data.samples["processes"].copy()
    middle = frame["t_ns"] > frame["t_ns"].median()
    frame.loc[middle & (frame["process"] == "go"), "pid"] = 999
    return replace(data, samples={**data.samples, "processes": frame})


CHECKS: dict[str, Change] = {
    "status_marks": wrong_status,
    "sampler_go": half_the_ticks("go"),
    "sampler_processes": half_the_ticks("processes"),
    "stall_effect": stalled,
    "generator_gap": lambda data: made.with_sample(data, "generator", gap_p95_ms=80.0),
    "memory_mark": lambda data: made.with_sample(
        replace(data, manifest=data.manifest.model_copy(update={"facts": _small_mark(data)})),
        "processes",
        high_water_bytes=made.MIB,
    ),
    "slow_errors": slow_errors,
    "target_restart": other_start,
}


def _small_mark(data: RunData) -> dict[str, Any]:
    return {**data.manifest.facts, "go_high_water_end_bytes": made.MIB}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_is_falsely_called_good_is_told(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    directory = alone(tmp_path, "peak", CHECKS[name](made.healthy("peak", "smoke")))
    validity = read(directory / SUMMARY)["scenarios"]["peak"]["validity"]
    place = [one["check"] for one in validity].index(name)
    assert validity[place]["ok"] is False
    forged(directory, "peak", {f"validity.{place}.ok": True})
    found = told(directory, capsys)[f"scenarios.peak.validity.{place}.ok"]
    assert (found["reported"], found["recomputed"]) == (True, False)


def frozen(data: RunData) -> RunData:
    return made.with_sample(data, "go", alloc_bytes_total=5)


def other_process(data: RunData) -> RunData:
    return made.with_sample(data, "go", pid=7, start_ns=made.STARTED_NS - 3600 * made.S)


def gone(name: str) -> Change:
    """One process is seen no more after the middle."""

    def change(data: RunData) -> RunData:
        frame = data.samples["processes"]
        kept = frame[(frame["process"] != name) | (frame["t_ns"] < frame["t_ns"].median())]
        return replace(data, samples={**data.samples, "processes": kept})

    return change


def empty_answers(data: RunData) -> RunData:
    return made.with_requests(data, data.requests.assign(response_bytes=pd.array([0] * len(data.requests), "Int64")))


def idle_door(data: RunData) -> RunData:
    rows = data.requests.assign(door="go")
    own = data.samples["processes"].assign(cpu_s=1.0)
    return replace(data, requests=rows, samples={**data.samples, "processes": own})


HARD: dict[str, Change] = {
    "healthy": lambda data: data,
    "frozen": frozen,
    "other process": other_process,
    "go ended": gone("go"),
    "database ended": gone("postgres"),
    "no processes": lambda data: made.cut(data, "processes"),
    "no processes, no Go": lambda data: made.cut(made.cut(data, "processes"), "go"),
    "no ticks": lambda data: made.cut(data, "ticks"),
    "no pool, wide gaps": lambda data: made.with_sample(made.cut(data, "pool"), "generator", gap_p95_ms=80.0),
    "no host, wide gaps": lambda data: made.with_sample(made.cut(data, "host"), "generator", gap_p95_ms=80.0),
    "busy, wide gaps": lambda data: made.with_sample(
        made.with_sample(data, "generator", gap_p95_ms=80.0), "host", cpu_ratio=0.9
    ),
    "negative gaps": lambda data: made.with_sample(data, "generator", gap_p95_ms=-20.0),
    "empty answers": empty_answers,
    "no status": lambda data: made.with_requests(data, data.requests.assign(status=pd.array([None], "Int16")[0])),
    "idle door": idle_door,
    "timeouts": lambda data: made.with_requests(data, made.failing(data.requests, 9, error="timeout")),
    "never sent": lambda data: made.with_requests(data, made.failing(data.requests, 9, error="never sent")),
    **CHECKS,
}


@pytest.mark.parametrize("name", HARD)
def test_both_paths_answer_every_check_alike(name: str, tmp_path: Path) -> None:
    add_run(tmp_path, HARD[name](made.healthy("peak", "smoke")))
    run = Run.read(tmp_path / "peak")
    rows = Requests.of(run)
    assert rows is not None
    reported = {one["check"]: one["ok"] for one in read(tmp_path / "peak" / "results.json")["validity"]}
    assert checks.answers(run, rows) == reported


# -- counts of a history


def rows_of_history() -> list[dict[str, Any]]:
    """Elements, a register with two writers, a counter with a repetition, a refused write, a body under a used key."""
    rows = [made.operation(number) for number in range(30)]
    rows += [made.contended(40, at_ms=50_000), made.contended(41, at_ms=60_000, clock_sent='{"user-40": 1, "b": 1}')]
    rows += [made.operation(number, kind="counter", path="/counters/0", amount=1) for number in (50, 51)]
    rows += [made.replay(rows[-1], 52), made.operation(60, outcome="fail", status=400)]
    altered = {"op_id": "op-70", "kind": "altered", "token": "token-70", "path": "/elements/token-70"}
    return [*rows, {**rows[0], **altered, "answer_sha256": "answer-0", "invoke_ns": made.STARTED_NS + 70 * made.S}]


def history(change: Callable[[dict[str, Any]], None] | None = None, *, early: dict[str, Any] | None = None) -> RunData:
    """A run with that history, whose final document is changed; `early` is laid over what a read of the run shows."""
    rows = rows_of_history()
    for row in rows:
        row["end_ns"] = row["invoke_ns"] + made.S // 100
    finals = made.final_states([row for row in rows if row["kind"] not in ("altered", "counter")])
    document = json.loads(finals["document"].iloc[0])
    document["counters"] = {"0": 2}
    seen = json.dumps({name: {**held, **(early or {}).get(name, {})} for name, held in document.items()})
    if change is not None:
        change(document)
    finals = finals.assign(document=json.dumps(document))
    reads = finals.assign(
        begin_ns=made.STARTED_NS + 800 * made.S, read_ns=made.STARTED_NS + 801 * made.S, document=seen
    )
    data = made.healthy("crdt_stress", "smoke")
    tables = {"final_states": finals, "reads": reads, "idempotency": made.idempotency(rows)}
    return replace(data, operations=made.history(rows), samples={**data.samples, **tables})


def without(*path: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document[path[0]].pop(path[1])

    return change


def laid(place: str, name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        document.setdefault(place, {})[name] = value

    return change


def two_rows() -> RunData:
    data = history()
    keys = data.samples["idempotency"].copy()
    keys.loc[3, "rows_count"] = 2
    return replace(data, samples={**data.samples, "idempotency": keys})


def swallowed() -> RunData:
    data = history()
    assert data.operations is not None
    rows = data.operations.copy()
    rows.loc[rows["kind"] == "altered", "answer_sha256"] = "answer-70"
    return replace(data, operations=rows)


def answered_otherwise() -> RunData:
    data = history()
    assert data.operations is not None
    rows = data.operations.copy()
    rows.loc[rows["kind"] == "replay", "answer_sha256"] = "answer-52"
    return replace(data, operations=rows)


def clock_behind() -> RunData:
    data = history()
    return made.with_sample(data, "final_states", vector_clock='{"user-0": 1, "server": 9}')


COUNTS: dict[str, Callable[[], RunData]] = {
    "phantom": lambda: history(laid("elements", "token-999", {})),
    "resurrected": lambda: history(laid("elements", "token-60", {"token": "token-60"})),
    "double_effect": two_rows,
    "duplicated": lambda: history(laid("log", "twice", ["token-3", "token-3"])),
    "lost_later": lambda: history(without("elements", "token-5")),
    "stale": lambda: history(early={"elements": {"token-5": None}}),
    "swallowed_body": swallowed,
    "other_answer": answered_otherwise,
    "illegal_winner": lambda: history(laid("hot", "0", "token-40")),
    "clock_regression": clock_behind,
}
MORE: dict[str, Callable[[], RunData]] = {
    "as it was": history,
    "counter too high": lambda: history(laid("counters", "0", 3)),
    "counter far too high": lambda: history(laid("counters", "0", 9)),
    "counter too low": lambda: history(laid("counters", "0", 1)),
    "counter behind in a read": lambda: history(early={"counters": {"0": 1}}),
    "counter ahead in a read": lambda: history(early={"counters": {"0": 5}}),
    "counter no number": lambda: history(laid("counters", "0", "x")),
    "altered body stands": lambda: history(laid("elements", "token-70", {"token": "token-70"})),
    "phantom in a register": lambda: history(laid("hot", "0", "token-998")),
}


def paths(data: RunData, directory: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The counts that the second path gives, and those that are reported."""
    add_run(directory, data)
    recomputed = {
        key.removeprefix("crdt."): value for key, value in writes.figures(Run.read(directory / "crdt_stress")).items()
    }
    crdt = read(directory / "crdt_stress" / "results.json")["crdt"]
    return recomputed, {key: crdt[key] for key in recomputed if key.endswith("_count")}


@pytest.mark.parametrize("name", [*COUNTS, *MORE])
def test_both_paths_count_a_history_alike(name: str, tmp_path: Path) -> None:
    recomputed, reported = paths({**COUNTS, **MORE}[name](), tmp_path)
    assert {key: recomputed[key] for key in reported} == reported
    assert "phantom_count" in reported


@pytest.mark.parametrize("name", COUNTS)
def test_a_breach_that_is_falsely_reported_as_none_is_told(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    directory = alone(tmp_path, "crdt_stress", COUNTS[name]())
    assert read(directory / SUMMARY)["scenarios"]["crdt_stress"]["crdt"][f"{name}_count"] >= 1
    forged(directory, "crdt_stress", {f"crdt.{name}_count": 0})
    assert told(directory, capsys)[f"scenarios.crdt_stress.crdt.{name}_count"]["recomputed"] >= 1


def test_documents_that_keep_change_objects_are_not_recounted(tmp_path: Path) -> None:
    data = made.with_crdt(history(), document="by_keys")
    assert "phantom_count" not in paths(data, tmp_path)[0]


def test_final_states_read_before_the_last_answer_prove_nothing(tmp_path: Path) -> None:
    data = history()
    early = data.samples["final_states"].assign(begin_ns=made.STARTED_NS + made.S)
    recomputed, reported = paths(replace(data, samples={**data.samples, "final_states": early}), tmp_path)
    assert recomputed["lost_count"] is reported["lost_count"] is None
    assert not recomputed["final_state_read"]


# -- verdicts that stand on what was not recomputed


def test_every_check_that_a_verdict_turns_on_is_recomputed(tmp_path: Path) -> None:
    add_run(tmp_path, made.healthy("peak", "smoke"))
    run = Run.read(tmp_path / "peak")
    rows = Requests.of(run)
    assert rows is not None
    bound = verdicts.BINDINGS.values()
    of_files = {"rows_refused"}  # of runs that were read from files of other tools alone
    turned = set().union(*(one.needed | one.not_failed | one.voiding for one in bound))
    assert turned - of_files <= set(checks.answers(run, rows))


def test_verdicts_on_counts_that_were_not_recomputed_are_named() -> None:
    summary = {"criteria": [{"id": "crdt_data_loss", "scenario": "crdt_stress", "verdict": "PASSED"}]}
    left = ["scenarios.crdt_stress.crdt.phantom_count", "scenarios.crdt_stress.crdt.converge_ms.p50"]
    assert list(standing.unproven(summary, left)) == ["crdt_data_loss (crdt_stress: crdt.phantom_count)"]
    summary["criteria"][0]["verdict"] = "NOT MEASURED"
    assert not list(standing.unproven(summary, left))


def kept_as_changes(document: dict[str, Any]) -> None:
    written = [(row["path"], row["token"]) for row in rows_of_history() if row["outcome"] == "ok"]
    del document["elements"], document["hot"]
    document["changes"] = [{"path": path, "value": token} for path, token in written[:32]]


def test_the_command_names_verdicts_on_counts_that_were_not_recomputed(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    directory = alone(tmp_path, "crdt_stress", made.with_crdt(history(kept_as_changes), document="by_keys"))
    assert cli.exit_code(["verify", str(directory)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "verdicts that stand on checks which were not recomputed: crdt_data_loss (crdt_stress:" in said
    assert "crdt.phantom_count" in said


# -- a closed loop


def test_a_closed_campaign_is_as_reported(tmp_path: Path) -> None:
    data = made.healthy("peak", "smoke")
    manifest = data.manifest.model_copy(update={"spec": closed(data.manifest.spec, 1.0)})
    directory = alone(tmp_path, "peak", replace(data, manifest=manifest))
    assert np.isfinite(read(directory / SUMMARY)["scenarios"]["peak"]["achieved_rps"])
    assert "closed loop" in (directory / "report.html").read_text()
    assert cli.exit_code(["verify", str(directory)]) == 0

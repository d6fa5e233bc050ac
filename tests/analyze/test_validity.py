"""The validity gate: all good on a healthy run, each planted defect fails its own check, no evidence is no pass."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze.data import RunData
from tests import made
from tests.made import S

UNKNOWN_ON_SHORT_RUNS = {"steady_state"}


def checks(data: RunData) -> dict[str, bool | None]:
    return {one.check: one.ok for one in made.result(data).validity}


@pytest.fixture(scope="module")
def healthy() -> RunData:
    return made.healthy("peak", "smoke")


def changed(data: RunData, **changes: object) -> RunData:
    return replace(data, manifest=data.manifest.model_copy(update=changes))


def unsent(data: RunData) -> RunData:
    return made.with_requests(data, made.failing(data.requests, 10, error="never sent"))


def late(data: RunData) -> RunData:
    frame = data.requests.copy()
    frame.loc[:20, "sent_ns"] = frame.loc[:20, "sent_ns"] + S // 50
    return made.with_requests(data, frame)


def counted_less(source: str, by: int = 1) -> Callable[[RunData], RunData]:
    def change(data: RunData) -> RunData:
        counts = data.samples["counts"].copy()
        counts.loc[counts["source"] == source, "requests_count"] -= by
        return replace(data, samples={**data.samples, "counts": counts})

    return change


def sampler_died(name: str) -> Callable[[RunData], RunData]:
    def change(data: RunData) -> RunData:
        ticks = data.samples["ticks"].copy()
        ticks.loc[ticks["sampler"] == name, "delivered_count"] = 3
        return replace(data, samples={**data.samples, "ticks": ticks})

    return change


def second_pid(data: RunData) -> RunData:
    return made.with_sample(data, "go", pid=[200] * 3 + [999] * 4)


DEFECTS: list[tuple[str, Callable[[RunData], RunData]]] = [
    ("run_state", lambda data: changed(data, state="aborted", reason="breaker")),
    ("run_state", lambda data: changed(data, state="salvaged")),
    ("achieved_rate", unsent),
    ("recorder_complete", lambda data: made.with_requests(data, data.requests.iloc[1:])),
    ("counts_locust", counted_less("locust")),
    ("counts_server", counted_less("server")),
    ("counts_server", counted_less("server", -1)),
    ("counts_locust", counted_less("locust", -1)),
    ("counts_locust", counted_less("rows")),
    ("generator_cpu", lambda data: made.with_sample(data, "generator", cpu_ratio=0.95)),
    ("generator_lag", lambda data: made.with_sample(data, "generator", loop_lag_p99_ms=90.0)),
    ("late_starts", late),
    ("status_mix", lambda data: made.with_requests(data, made.failing(data.requests, 50, status=422))),
    ("latency_values", lambda data: made.with_requests(data, data.requests.assign(service_us=-1))),
    ("clock", lambda data: changed(data, clock_offset_us={"go": -90_000.0})),
    ("target_restart", second_pid),
    ("sampler_go", sampler_died("go")),
    ("sampler_processes", sampler_died("processes")),
    ("sampler_generator", lambda data: made.cut_generator(data, 0.5)),
]


def test_all_checks_hold_on_a_healthy_run(healthy: RunData) -> None:
    found = checks(healthy)
    assert {name for name, ok in found.items() if ok is None} == UNKNOWN_ON_SHORT_RUNS
    assert False not in found.values()


@pytest.mark.parametrize(
    ("check", "plant"), DEFECTS, ids=[f"{index}-{name}" for index, (name, _) in enumerate(DEFECTS)]
)
def test_each_defect_fails_its_check(healthy: RunData, check: str, plant: Callable[[RunData], RunData]) -> None:
    assert checks(healthy)[check] is not False
    assert checks(plant(healthy))[check] is False


@pytest.mark.parametrize(
    ("table", "unknown"),
    [
        ("counts", {"counts_locust", "counts_server"}),
        ("generator", {"generator_cpu", "generator_lag", "sampler_generator"}),
        ("ticks", {"sampler_go", "sampler_processes", "sampler_pool", "sampler_host", "sampler_postgres"}),
    ],
)
def test_no_evidence_is_unknown(healthy: RunData, table: str, unknown: set[str]) -> None:
    found = checks(made.cut(healthy, table))
    assert {name for name, ok in found.items() if ok is None} == unknown | UNKNOWN_ON_SHORT_RUNS


def test_no_clock_and_no_count_of_arrivals_are_unknown(healthy: RunData) -> None:
    bare = changed(healthy, clock_offset_us={}, facts={})
    found = checks(made.cut(bare, "generator"))
    assert (found["clock"], found["recorder_complete"]) == (None, None)


def test_lateness_does_not_bind_waves() -> None:
    waves = made.with_sample(made.healthy("crdt_stress", "smoke"), "generator", loop_lag_p99_ms=90.0)
    found = {one.check: one for one in made.result(late(waves)).validity}
    assert found["generator_lag"].ok is True
    assert "does not bind" in found["generator_lag"].detail
    assert found["late_starts"].ok is True
    assert checks(made.with_sample(waves, "generator", cpu_ratio=0.95))["generator_cpu"] is False


def test_a_slow_server_is_no_fault_of_the_generator(healthy: RunData) -> None:
    slow = healthy.requests.assign(response_us=healthy.requests["response_us"] + 20_000_000)
    found = checks(made.with_requests(healthy, slow))
    assert found["achieved_rate"] is True


def test_restart_resets_the_servers_count(healthy: RunData) -> None:
    assert checks(counted_less("server")(second_pid(healthy)))["counts_server"] is None


def test_rows_outside_the_window_are_not_complete(healthy: RunData) -> None:
    frame = healthy.requests.copy()
    frame.loc[0, "intended_ns"] = (healthy.manifest.started_ns or 0) - S
    assert checks(made.with_requests(healthy, frame))["recorder_complete"] is False


def test_a_run_without_rows_has_no_figures(healthy: RunData) -> None:
    result = made.result(made.cut(healthy, "requests"))
    assert (result.verdict, result.requests_count, result.validity) == ("NOT MEASURED", None, ())


def test_generator_seconds_are_counted_once_for_all_workers(healthy: RunData) -> None:
    frame = healthy.samples["generator"]
    both = pd.concat([frame, frame.assign(worker=1)])
    assert checks(replace(healthy, samples={**healthy.samples, "generator": both}))["sampler_generator"] is True
    assert np.unique(both["worker"]).size == 2

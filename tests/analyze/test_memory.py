"""Memory, leaks, restarts and the Go runtime on made samples."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze import memory
from fireai_analysis.analyze.leak import Leak, detect
from tests import made
from tests.made import MIB, S

HOURS = 4.0


def heap(growth_mib_per_h: float = 0.0, seed: int = 1, noise_mib: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Live heap of 60 MiB every 5 s over 4 h, AR(1) noise with a correlation time of 2 min."""
    at_s = np.arange(0, HOURS * 3600, 5.0)
    rng, phi = np.random.default_rng(seed), math.exp(-5 / 120)
    noise = np.zeros(len(at_s))
    for place in range(1, len(at_s)):
        noise[place] = phi * noise[place - 1] + math.sqrt(1 - phi**2) * rng.standard_normal()
    return at_s, (60 + growth_mib_per_h * at_s / 3600 + noise_mib * noise) * MIB


def leak_of(at_s: np.ndarray, live: np.ndarray) -> Leak:
    return detect(at_s, live, (at_s, 2 * live))


def test_clean_heaps_raise_no_alarm() -> None:
    assert sum(leak_of(*heap(seed=seed)).label == "DETECTED" for seed in range(30)) <= 1


def test_a_leak_is_seen_with_its_slope() -> None:
    found = [leak_of(*heap(8.0, seed)) for seed in range(20)]
    assert sum(one.label == "DETECTED" for one in found) >= 18
    assert np.median([one.slope_mib_per_h or 0 for one in found]) == pytest.approx(8.0, abs=0.6)
    assert (
        sum((one.interval_mib_per_h or (9, 0))[0] <= 8 <= ((one.interval_mib_per_h or (9, 0))[1] or 0) for one in found)
        >= 17
    )


def test_a_step_is_no_leak() -> None:
    found = [
        leak_of(at_s, live + np.where(at_s > 7200, 10 * MIB, 0))
        for at_s, live in (heap(seed=seed) for seed in range(10))
    ]
    assert sum(one.label == "DETECTED" for one in found) <= 1


def test_a_heap_that_fills_and_holds_is_no_leak() -> None:
    found = []
    for seed in range(10):
        at_s, live = heap(seed=seed)
        found.append(leak_of(at_s, live + 40 * MIB * (1 - np.exp(-at_s / 2400))).label)
    assert found.count("DETECTED") <= 1
    assert found.count("RAMPING") >= 1


def test_short_runs_tell_nothing() -> None:
    at_s, live = heap(100.0)
    short = at_s < 600
    assert leak_of(at_s[short], live[short]) == Leak(None)


def test_forecast_is_the_fastest_slope_of_the_resident_set() -> None:
    leak = Leak("DETECTED", rss_interval_bytes_per_h=(1e6, 2e6))
    assert leak.days_to(512e6, 416e6) == pytest.approx(2.0)
    assert Leak("NONE", rss_interval_bytes_per_h=(1e6, 2e6)).days_to(512e6, 416e6) is None


def test_figures_of_a_healthy_run() -> None:
    result = made.result(made.healthy("peak", "smoke"))
    assert (result.memory_mib.initial, result.memory_mib.peak) == (60.0, 62.0)
    assert result.memory_mib.growth == pytest.approx((result.memory_mib.final or 0) - 60.0)
    assert result.go.high_water_end_bytes == 80 * MIB
    assert (result.go.restarted, result.go.gc_pause_ms.p50, result.go.gc_pause_ms.max) == (False, 0.1, 1.0)
    assert result.go.goroutines.peak == 40
    assert result.live_heap_mib.slope_mib_per_h is None


def test_the_larger_of_fact_and_sample_is_the_mark() -> None:
    data = made.healthy("peak", "smoke")
    grown = made.with_sample(data, "processes", high_water_bytes=90 * MIB)
    assert memory.high_water(grown).end_bytes == 90 * MIB
    assert memory.high_water(made.cut(data, "processes")).end_bytes == 80 * MIB


def test_without_any_source_there_is_no_mark() -> None:
    data = made.healthy("peak", "smoke")
    bare = replace(data, manifest=data.manifest.model_copy(update={"facts": {}}))
    assert memory.high_water(made.cut(bare, "processes")) == memory.HighWater(None, None, 45 * MIB, None, None)
    assert memory.high_water(made.cut(made.cut(bare, "processes"), "go")).sampled_bytes is None


@pytest.mark.parametrize("column", ["pid", "start_ns"])
def test_a_new_process_is_a_restart(column: str) -> None:
    data = made.healthy("peak", "smoke")
    frame = data.samples["go"].copy()
    frame.loc[frame.index[3:], column] = frame[column].iloc[0] + 5
    assert memory.restarts(replace(data, samples={**data.samples, "go": frame}))["go"] is True


def test_falling_counters_are_a_restart() -> None:
    data = made.healthy("peak", "smoke")
    fallen = np.arange(len(data.samples["go"]))
    fallen[3:] = 0
    assert memory.restarts(made.with_sample(data, "go", gc_count=fallen))["go"] is True
    assert memory.restarts(data) == {"go": False, "fastapi": False, "postgres": False}


def test_unseen_processes_are_unknown() -> None:
    data = made.cut(made.cut(made.healthy("peak", "smoke"), "go"), "processes")
    assert memory.restarts(data) == {"go": None, "fastapi": None, "postgres": None}


def test_curve_joins_samplers_by_time() -> None:
    data = made.healthy("peak", "smoke")
    table = memory.curve(data)
    assert table["t_s"].tolist() == [0, 5, 10, 15, 20, 25, 30]
    assert table["go_rss_mb"].iloc[0] == pytest.approx(60 * MIB / 1e6)
    assert table.notna().all(axis=None)


def test_samples_after_the_load_do_not_enter_the_span() -> None:
    data = made.healthy("peak", "smoke")
    frame = data.samples["processes"].copy()
    late = frame.iloc[[0]].assign(t_ns=data.manifest.ended_ns + 60 * S, rss_bytes=900 * MIB)
    assert late["process"].iloc[0] == "go"
    longer = replace(data, samples={**data.samples, "processes": pd.concat([frame, late])})
    assert memory.resident_set(longer).peak == 62.0

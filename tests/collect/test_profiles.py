"""Profiles are kept as they came; what cannot be had is told and ends nothing."""

import gzip
from pathlib import Path

import pytest

from fireai_analysis import pprof
from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.profiles import Order, Profiler, cpu, hotspots, instant
from fireai_analysis.platform.state import PlatformStatus
from tests.collect.http_stub import http, says, serving
from tests.collect.stub import run_bundle, target_at
from tests.test_pprof import profile

PATIENCE_S = 120


@pytest.fixture
def bundle(tmp_path: Path) -> RunBundle:
    return run_bundle(tmp_path, target_at("http://127.0.0.1:1"), "sustained")


def test_a_profile_is_kept_byte_by_byte(bundle: RunBundle) -> None:
    data, asked = profile([([1], [1, 2])]), []
    with serving(lambda c, path: (asked.append(path), c.sendall(http(data)))[1]) as stub:
        profiler = Profiler(bundle, f"{stub.url}/debug/pprof")
        profiler.take(*instant("before"), cpu("load", 3.9))
        assert profiler.wait(PATIENCE_S)
    assert profiler.taken == ["heap-before", "goroutine-before", "cpu-load"]
    assert profiler.lost == []
    assert bundle.profile_path("heap-before").read_bytes() == data
    assert asked == ["/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/profile?seconds=3"]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"<html>busy</html>", 200, "no pprof profile"),
        (profile([([1], [1, 2])])[:-10], 200, "no pprof profile"),
        (b"", 404, "answered 404"),
        (b"already in use", 500, "answered 500"),
    ],
)
def test_a_lost_profile_is_told_and_the_next_is_taken(bundle: RunBundle, body: bytes, status: int, why: str) -> None:
    with serving(says(body, status)) as stub:
        profiler = Profiler(bundle, stub.url)
        profiler.take(Order("heap", "before"))
        assert profiler.wait(PATIENCE_S)
        stub.answer = says(profile([]))
        profiler.take(Order("heap", "after"))
        assert profiler.wait(PATIENCE_S)
    assert profiler.taken == ["heap-after"]
    assert len(profiler.lost) == 1
    assert profiler.lost[0].startswith("profile heap-before lost: ")
    assert why in profiler.lost[0]
    assert not bundle.profile_path("heap-before").exists()


def test_a_busy_profiler_is_asked_once_more(bundle: RunBundle) -> None:
    answers = [http(b"busy", 500), http(profile([]))]
    with serving(lambda c, p: c.sendall(answers.pop(0))) as stub:
        profiler = Profiler(bundle, stub.url)
        profiler.take(Order("heap", "before"))
        assert profiler.wait(PATIENCE_S)
    assert profiler.taken == ["heap-before"]


def test_a_target_without_pprof_has_no_profiles(bundle: RunBundle) -> None:
    profiler = Profiler(bundle, None)
    profiler.take(*instant("before"))
    assert profiler.wait(0)
    assert (profiler.taken, profiler.lost, hotspots(bundle)) == ([], [], [])


def test_hotspots_tell_size_and_growth(bundle: RunBundle) -> None:
    bundle.profile_path("heap-before").write_bytes(profile([([1], [0, 1_000]), ([2], [0, 600_000])]))
    bundle.profile_path("heap-after").write_bytes(profile([([1], [0, 1_500_000]), ([2], [0, 350_000])]))
    assert hotspots(bundle) == [
        "heap: main.leak holds 1.50 MB, +1.50 MB since before the load",
        "heap: main.work holds 0.35 MB, -0.25 MB since before the load",
    ]


@pytest.mark.real
def test_the_embedded_service_gives_all_kinds(bundle: RunBundle, platform: PlatformStatus) -> None:
    profiler = Profiler(bundle, platform.pprof_url)
    profiler.take(*instant("before", "heap", "goroutine", "allocs"), cpu("before", 1))
    assert profiler.wait(PATIENCE_S)
    assert profiler.lost == []
    heap, goroutines = (bundle.profile_path(f"{kind}-before").read_bytes() for kind in ("heap", "goroutine"))
    assert gzip.decompress(heap)
    assert pprof.top(heap, "inuse_space", 3)
    assert sum(count for _, count in pprof.top(goroutines, "goroutine", 1000)) > 3
    assert pprof.sites(bundle.profile_path("cpu-before").read_bytes(), "cpu") is not None

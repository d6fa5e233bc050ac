"""Profiles: known answers from a profile written here, refusal of everything that is none."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis import pprof
from fireai_analysis.errors import AnalysisError


def profile(samples: list[tuple[list[int], list[int]]]) -> bytes:
    """Two functions (main.leak at location 1, main.work at 2), location 3 without lines, and the samples given."""
    message = pprof._message_class()()
    message.string_table.extend(["", "alloc_space", "inuse_space", "bytes", "main.leak", "main.work", "/bin/app"])
    for kind in (1, 2):
        message.sample_type.add(type=kind, unit=3)
    message.mapping.add(id=1, filename=6)
    for number, name in ((7, 4), (9, 5)):
        message.function.add(id=number, name=name)
    message.location.add(id=1).line.add(function_id=7, line=12)
    message.location.add(id=2).line.add(function_id=9, line=99)
    message.location.add(id=3, mapping_id=1, address=255)
    for places, values in samples:
        message.sample.add(location_id=places, value=values)
    return gzip.compress(message.SerializeToString())


def test_the_leaf_is_charged_and_the_value_is_chosen_by_name() -> None:
    data = profile([([1, 2], [100, 10]), ([2], [5, 40]), ([1], [1, 2]), ([3, 2], [9, 3])])
    assert pprof.top(data, "inuse_space") == [("main.work", 40), ("main.leak", 12), ("/bin/app@0xff", 3)]
    assert pprof.top(data, "alloc_space", 1) == [("main.leak", 101)]


def test_plain_protobuf_is_read_too() -> None:
    data = profile([([1], [1, 2])])
    assert pprof.top(gzip.decompress(data), "inuse_space") == pprof.top(data, "inuse_space") == [("main.leak", 2)]


def test_no_samples_are_no_error() -> None:
    assert pprof.top(profile([]), "inuse_space") == []


def test_an_unknown_value_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AnalysisError, match="alloc_space, inuse_space"):
        pprof.top(profile([]), "goroutine")


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>busy</html>", b"--- contentionz 1 ---", profile([([1], [1, 2])])[:-12], gzip.compress(b"\xff" * 99)],
    ids=["empty", "html", "legacy", "cut", "garbage"],
)
def test_what_is_no_profile_is_refused(data: bytes) -> None:
    with pytest.raises(AnalysisError, match="pprof profile"):
        pprof.top(data, "inuse_space")


@pytest.mark.parametrize("sample", [([77], [1, 2]), ([1], [1])])
def test_references_into_nothing_are_refused(sample: tuple[list[int], list[int]]) -> None:
    with pytest.raises(AnalysisError, match="does not hold"):
        pprof.top(profile([sample]), "inuse_space")


def test_a_bomb_is_refused() -> None:
    with pytest.raises(AnalysisError, match="larger than"):
        pprof.top(gzip.compress(bytes(pprof.LARGEST_BYTES + 1), 9), "inuse_space")


@given(st.binary(max_size=200))
def test_no_bytes_bring_another_error(data: bytes) -> None:
    for packed in (data, gzip.compress(data)):
        try:
            pprof.top(packed, "inuse_space")
        except AnalysisError:
            continue


@given(st.lists(st.tuples(st.lists(st.sampled_from([1, 2, 3]), min_size=1), st.integers(0, 2**40)), max_size=20))
def test_values_add_up(samples: list[tuple[list[int], int]]) -> None:
    found = pprof.sites(profile([(places, [0, value]) for places, value in samples]), "inuse_space")
    assert sum(found.values()) == sum(value for _, value in samples)

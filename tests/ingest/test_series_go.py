"""Memory of a Go service from outside: polls, heap texts and profiles become samples; what they do not tell is null."""

import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest import series_go, series_pprof
from fireai_analysis.ingest.found import Profile, Refused, Series, Told
from fireai_analysis.ingest.sampled import BY_CLOCK, BY_NAME, moment_ns, taken_ns
from fireai_analysis.ingest.source import Source
from tests.ingest.fuzz import assert_reads_or_refuses, fuzzed, mutations, sample_files, seeds
from tests.ingest.reading import items, of, only, sample, written

LINES, CSV, HEAP = series_go.FORMATS
PPROF = series_pprof.FORMAT

POLL = {
    **{"alloc_mb": 1.5, "total_alloc_mb": 20.25, "sys_mb": 24.0, "num_gc": 7, "gc_cpu_fraction": 0.01},
    **{"heap_alloc_mb": 1.5, "heap_sys_mb": 16, "heap_idle_mb": 12, "heap_inuse_mb": 4, "num_goroutines": 12},
    "timestamp": "2026-11-23T10:15:00Z",
}
T_NS = 1_795_428_900 * 10**9
TABLE = ",".join(POLL) + "\n" + ",".join(str(value) for value in POLL.values()) + "\n"
TEXT = """\
heap profile: 4: 2097152 [9: 4194304] @ heap/1048576
1: 1048576 [1: 1048576] @ 0x1 0x2

# runtime.MemStats
# Alloc = 1572864
# TotalAlloc = 21233664
# Sys = 25165824
# Mallocs = 900
# HeapAlloc = 1572864
# HeapReleased = 2097152
# Stack = 524288 / 524288
# PauseNs = [1 2 3]
# NumGC = 7
# MaxRSS = 39845888
"""


def go(found: list) -> dict:
    (table,) = [one.table for one in of(found, Series) if one.name == "go"]
    (row,) = table.to_pylist()
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.parametrize("format_", [LINES, CSV], ids=["json", "csv"])
def test_a_poll_is_a_sample(tmp_path: Path, format_) -> None:
    found = items(format_, written(tmp_path, json.dumps(POLL) + "\n" if format_ is LINES else TABLE))
    assert go(found) == {
        **{"t_ns": T_NS, "heap_objects_bytes": 1_572_864, "total_bytes": 25_165_824},
        **{"alloc_bytes_total": 21_233_664, "gc_count": 7, "goroutines_count": 12},
    }
    assert only(found, Told).notes == (series_go.POLL_NOTE,)


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"timestamp": "noon"}, "time is not a time"), ({"heap_alloc_mb": "much"}, "heap_alloc_mb is not a number")],
)
def test_bad_polls_are_refused_by_reason(tmp_path: Path, change: dict, reason: str) -> None:
    lines = [json.dumps(POLL), json.dumps(POLL | change), "{", "[]", '{"heap']
    found = items(LINES, written(tmp_path, "\n".join(lines)))
    assert of(found, Refused) == [
        Refused(reason, 2),
        Refused("not JSON", 3),
        Refused("not an object", 4),
        Refused("truncated last line", 5),
    ]
    with pytest.raises(IngestError, match=f"file:1: holds no sample that can be read: {reason}"):
        items(LINES, written(tmp_path, json.dumps(POLL | change) + "\n"))


def test_a_line_of_a_csv_with_another_number_of_columns_is_refused(tmp_path: Path) -> None:
    assert only(items(CSV, written(tmp_path, TABLE + "1,2\n")), Refused).line == 3


def test_a_heap_text_tells_the_runtime_and_the_mark_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "heap-20261123_101500.txt"
    path.write_text(TEXT)
    found = items(HEAP, Source(path))
    assert go(found) == {
        **{"t_ns": T_NS, "heap_objects_bytes": 1_572_864, "total_bytes": 25_165_824, "released_bytes": 2_097_152},
        "stack_bytes": 524_288,
    }
    (process,) = next(one.table for one in of(found, Series) if one.name == "processes").to_pylist()
    assert (process["process"], process["high_water_bytes"], process["rss_bytes"]) == ("go", 39_845_888, None)
    assert only(found, Told).notes == (BY_NAME,)


def test_a_file_without_a_time_takes_that_of_its_last_change(tmp_path: Path) -> None:
    path = tmp_path / "heap.txt"
    path.write_text(TEXT)
    os.utime(path, ns=(T_NS, T_NS))
    assert taken_ns(path) == (T_NS, BY_CLOCK)
    path.write_text("heap profile: 0: 0 [0: 0] @ heap/1048576\n")
    with pytest.raises(IngestError, match="holds no sample"):
        items(HEAP, Source(path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (1_795_428_900, T_NS),
        (1_795_428_900.5, T_NS + 500_000_000),
        ("1795428900000", T_NS),
        (T_NS // 1000, T_NS),
        ("2026-11-23 10:15:00", T_NS),
        ("2026-11-23T12:15:00+02:00", T_NS),
        ("1999-01-01T00:00:00Z", None),
        ("", None),
    ],
)
def test_times_of_samples(text: object, expected: int | None) -> None:
    assert moment_ns(text) == expected


def varint(number: int) -> bytes:
    return bytes([number & 0x7F | 0x80]) + varint(number >> 7) if number >= 0x80 else bytes([number])


def profile(*names: str, values: tuple[int, ...] = (3, 4), default: int = 0) -> bytes:
    """Return a profile that samples these things."""
    out = b"".join(b"\n\x04\x08" + bytes([place]) + b"\x10\x00" for place, _ in enumerate(names, 1))
    out += b"".join(
        b"\x12" + bytes([2 + len(varint(value))]) + b"\x12" + varint(len(varint(value))) + varint(value)
        for value in values
    )
    out += b"\x32\x00" + b"".join(b"2" + bytes([len(name)]) + name.encode() for name in names)
    return out + b"\x48" + varint(T_NS) + b"\x70" + varint(default)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (profile("goroutine"), "goroutine"),
        (profile("alloc_objects", "alloc_space", "inuse_objects", "inuse_space"), "heap"),
        (profile("alloc_objects", "alloc_space", "inuse_objects", "inuse_space", default=2), "allocs"),
        (profile("samples", "cpu"), "cpu"),
        (profile("other"), "other"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_profiles_are_kept_as_they_are(tmp_path: Path, data: bytes, kind: str, pack) -> None:
    found = items(PPROF, written(tmp_path, pack(data)))
    assert only(found, Profile) == Profile(kind, T_NS)
    assert [go(found)["goroutines_count"]] == [7] if kind == "goroutine" else of(found, Series) == []


def test_what_only_begins_like_a_profile_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path, profile("goroutine")[:-14] + b"\xff")
    with pytest.raises(IngestError, match="is no pprof profile"):
        list(PPROF.read(source))


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("cpu.pprof", Profile("cpu", 1_619_321_948_265_140_000)),
        ("nodejs-heap.pb.gz", Profile("heap", 1_652_179_630_814_000_128)),
    ],
)
def test_sample_profiles(ending: str, expected: Profile) -> None:
    assert only(items(PPROF, sample("pprof", ending)), Profile) == expected


def test_no_format_takes_the_file_of_another(tmp_path: Path) -> None:
    formats = (*series_go.FORMATS, PPROF)
    for index, data in enumerate((json.dumps(POLL), TABLE, TEXT, profile("cpu"))):
        head = written(tmp_path, data).head()
        assert [one.recognises(head) for one in formats] == [place == index for place in range(4)]


OWN = [json.dumps(POLL).encode(), TABLE.encode(), TEXT.encode(), profile("goroutine")]
SEEDS = seeds(sample_files("pprof"), OWN)


@fuzzed
@given(st.sampled_from(SEEDS).flatmap(mutations), st.sampled_from([*series_go.FORMATS, PPROF]))
def test_damaged_files(tmp_path: Path, data: bytes, format_) -> None:
    assert_reads_or_refuses(format_, data, tmp_path)

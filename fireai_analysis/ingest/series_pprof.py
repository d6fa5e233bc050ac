"""pprof profiles (`profile.proto`), kept as they are; one of goroutines also tells how many there were."""

from __future__ import annotations

from collections.abc import Iterator

from fireai_analysis.errors import AnalysisError
from fireai_analysis.ingest.batches import END_NS, FIRST_NS
from fireai_analysis.ingest.found import Format, Item, Profile, Told
from fireai_analysis.ingest.sampled import Sample, gathered
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.pprof import parsed

KINDS = {"inuse_space": "heap", "alloc_space": "allocs", "goroutine": "goroutine", "cpu": "cpu", "contentions": "mutex"}
"""By what a profile shows first (heap and allocs sample the same), else the first of these among what it samples."""
LONGEST_VARINT, LARGEST_FIELD = 10, 20
VARINT, LENGTH = 0, 2
SAMPLE_TYPE, TIME, DEFAULT = 1, 9, 14
LEAST_FIELDS = 3


def recognises(head: Head) -> bool:
    """Whether the bytes are fields of `profile.proto` from the first on, with what it samples among them."""
    seen = 0
    for field, _, data in _fields(head.data[:4096]):
        seen += 1
        if field == SAMPLE_TYPE and not (len(data) in range(2, 9) and data[0] == 0x08):
            return False
        if seen >= LEAST_FIELDS and field not in (SAMPLE_TYPE, TIME):
            break
    return seen >= LEAST_FIELDS and any(field == SAMPLE_TYPE for field, _, _ in _fields(head.data[:256]))


def read(source: Source) -> Iterator[Item]:
    """Yield what the profile is, and when it was taken."""
    data = source.whole()
    try:
        content = parsed(data)
        kinds = [content.string_table[kind.type] for kind in content.sample_type]
    except (AnalysisError, IndexError):
        raise source.refusal("is no pprof profile", remedy="take it again from /debug/pprof") from None
    told = {field: number for field, number, _ in _fields(data) if field in (TIME, DEFAULT)}
    taken_ns = told[TIME] if TIME in told and FIRST_NS <= told[TIME] < END_NS else None
    by_default = content.string_table[told.get(DEFAULT, 0) % len(content.string_table)]
    kind = KINDS.get(by_default) or next((KINDS[name] for name in KINDS if name in kinds), "other")
    yield Profile(kind, taken_ns)
    goroutines = sum(sample.value[0] for sample in content.sample if sample.value)
    if kind == "goroutine" and taken_ns is not None and 0 < goroutines < 2**31:
        sample: Sample = ("go", {"t_ns": taken_ns, "goroutines_count": goroutines})
        yield from gathered(source, [sample])
    yield Told()


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, value and bytes of each field of a message, as far as they are whole."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        field, kind = tag >> 3, tag & 7
        if kind not in (VARINT, LENGTH) or not 1 <= field <= LARGEST_FIELD:
            return
        value, place = _varint(data, place)
        end = place + value if kind == LENGTH else place
        if value < 0 or end > len(data):
            return
        yield field, value, data[place:end]
        place = end


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """Return a number and where the next begins; -1 where it breaks off."""
    value = 0
    for shift, byte in enumerate(data[place : place + LONGEST_VARINT]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, place + shift + 1
    return -1, len(data)


FORMAT = Format("pprof", "pprof profile", "pprof", "series", recognises, read)

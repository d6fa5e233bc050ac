"""Damaged files: what a reader may answer to any bytes whatsoever, and how bytes are damaged.

`FIREAI_FUZZ_EXAMPLES` asks for more examples than a test run has; each then has 5 seconds of processor time.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest.found import (
    ROWS,
    Bounds,
    Format,
    Histogram,
    LeftOut,
    Profile,
    Refused,
    Rows,
    Series,
    Told,
    Totals,
)
from fireai_analysis.ingest.source import Source
from fireai_analysis.schemas import SAMPLES

ASKED = os.environ.get("FIREAI_FUZZ_EXAMPLES")
EXAMPLES = int(ASKED) if ASKED else 200
MOST_CPU_S = 5.0
FIRST_NS, LAST_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
"""2000-01-01 and 2100-01-01: a time outside is impossible."""

SAMPLES_DIR = Path(__file__).resolve().parents[3] / "shared" / "samples"
"""Files of others, where they are: never a part of this project."""

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
"""For `@fuzzed`, above `@given`."""

_SPLICED = st.sampled_from(
    [
        *(
            b"\0",
            b"\0" * 300,
            b"\n",
            b"\r",
            b"\r\n",
            b"\t",
            b",",
            b";",
            b'"',
            b"'",
            b"<",
            b">",
            b"&",
            b"\\",
            b"{",
            b"}",
        ),
        *(
            b"-1",
            b"0",
            b"9" * 25,
            b"1e999",
            b"-9223372036854775809",
            b"2147483648",
            b"NaN",
            b"Infinity",
            b"null",
            b"N/A",
        ),
        *(b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3\x28", b"\xed\xa0\x80", "漢\u202e\u0000".encode(), b"\x1f\x8b"),
        *(b"[" * 3000, b'{"a":' * 3000, b"<s>" * 3000, b"<!DOCTYPE a [<!ENTITY b 'c'>]>&b;", b"%s%n", b"true", b"1.5"),
    ]
)


def sample_files(folder: str) -> list[Path]:
    """Return the sample files of a tool where they are there; else none."""
    return sorted((SAMPLES_DIR / folder).glob("*"))


def seeds(paths: list[Path], own: list[bytes], most_bytes: int = 20_000) -> list[bytes]:
    """Return files to begin with: our own, and the beginnings of those of others."""
    return own + [path.read_bytes()[:most_bytes] for path in paths]


def mutations(seed: bytes) -> st.SearchStrategy[bytes]:
    """Return damaged copies of a file: bytes changed, cut, doubled, moved, lines dropped, odd things put between."""
    return st.lists(_damage(), min_size=1, max_size=4).map(lambda damages: _applied(seed, damages))


def _damage() -> st.SearchStrategy[tuple[str, float, float, bytes]]:
    kinds = st.sampled_from(["flip", "cut", "double", "splice", "replace", "end", "start", "line", "swap", "field"])
    place = st.floats(0, 1, exclude_max=True)
    return st.tuples(kinds, place, place, st.one_of(_SPLICED, st.binary(min_size=1, max_size=8)))


def _applied(data: bytes, damages: list[tuple[str, float, float, bytes]]) -> bytes:
    for kind, first, second, piece in damages:
        data = _damaged(data, kind, first, second, piece)
    return data


def _damaged(data: bytes, kind: str, first: float, second: float, piece: bytes) -> bytes:
    at = int(len(data) * first)
    stop = min(len(data), at + 1 + int(second * second * 200))
    if kind == "flip" and data:
        return data[:at] + bytes([data[at] ^ (1 << int(second * 8))]) + data[at + 1 :]
    if kind in ("line", "swap"):
        lines = data.splitlines(keepends=True) or [b""]
        one, other = int(len(lines) * first), int(len(lines) * second)
        if kind == "swap":
            lines[one], lines[other] = lines[other], lines[one]
        return b"".join(lines[:one] + lines[one + (kind == "line") :])
    if kind == "field":  # a whole value between two separators becomes something else
        begin = max(data.rfind(mark, 0, at) for mark in (b",", b"\t", b":", b'"', b"\n")) + 1
        ends = [place for mark in (b",", b"\t", b'"', b"\n", b"}") if (place := data.find(mark, begin)) >= 0]
        return data[:begin] + piece + data[min(ends, default=len(data)) :]
    return {
        "cut": data[:at] + data[stop:],
        "double": data[:stop] + data[at:],
        "splice": data[:at] + piece + data[at:],
        "replace": data[:at] + piece + data[at + len(piece) :],
        "end": data[:at],
        "start": data[at:],
    }.get(kind, data)


def assert_reads_or_refuses(format_: Format, data: bytes, tmp_path: Path) -> None:
    """Hold that a reader answers any bytes with items that keep the contract, or with `IngestError`."""
    path = tmp_path / "fuzzed"
    path.write_bytes(data)
    source = Source(path)
    with bounded_cpu():
        refusal = _read(format_, source)
    if refusal:
        assert refusal.path == path
        assert refusal.problem
        assert refusal.remedy
        assert "\n" not in str(refusal)


def _read(format_: Format, source: Source) -> IngestError | None:
    """Read a file to its end; return what refused it."""
    try:
        assert format_.recognises(source.head()) in (True, False)
        for item in format_.read(source):
            assert_keeps_contract(item)
    except IngestError as error:
        return error
    return None


@contextmanager
def bounded_cpu() -> Iterator[None]:
    """Fail what computes for more than 5 seconds, where many examples were asked for."""
    if not ASKED:
        yield
        return

    def hang(signum: int, frame: object) -> None:
        raise AssertionError(f"more than {MOST_CPU_S} s of processor time")

    before = signal.signal(signal.SIGVTALRM, hang)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def assert_keeps_contract(item: object) -> None:
    """Hold that what a reader yields is what `found.py` promises."""
    match item:
        case Rows(table):
            _assert_rows(table)
        case Refused(reason, line, count):
            assert reason
            assert count > 0
            assert line is None or line > 0
        case LeftOut(reason, count):
            assert reason
            assert count > 0
        case Totals():
            _assert_totals(item)
        case Histogram():
            _assert_histogram(item)
        case Series(name, table):
            table.cast(SAMPLES[name])
        case Profile() | Told():
            _assert_told(item)
        case _:
            raise AssertionError(f"{item!r} is nothing that a reader may yield")


def _assert_told(item: Profile | Told) -> None:
    if isinstance(item, Profile):
        times, notes = [item.taken_ns], (item.kind,)
    else:
        times, notes = [item.started_ns, item.ended_ns], item.notes
        assert item.users_count is None or 0 <= item.users_count < 2**31
    assert all(one is None or FIRST_NS <= one < LAST_NS for one in times)
    assert all(note and "\n" not in note for note in notes)


def _assert_rows(table: pa.Table) -> None:
    assert table.schema.equals(ROWS)
    assert 0 < len(table) <= 1_000_000
    table.validate(full=True)
    for name in ("sent_ns", "ok"):
        assert table[name].null_count == 0
    for name in ("sent_ns", "intended_ns"):
        _assert_within(table, name, FIRST_NS, LAST_NS - 1)
    _assert_within(table, "service_us", 0, 2**31 - 1)
    _assert_within(table, "status", 0, 2**15 - 1)
    _assert_within(table, "response_bytes", 0, 2**63 - 1)
    _assert_within(table, "user", 0, 2**31 - 1)
    assert not pc.any(pc.and_(table["ok"], pc.is_valid(table["error"]))).as_py()


def _assert_within(table: pa.Table, name: str, low: int, high: int) -> None:
    ends = pc.min_max(table[name]).as_py()
    assert ends["min"] is None or low <= ends["min"] <= ends["max"] <= high, (name, ends)


def _assert_totals(totals: Totals) -> None:
    for count in (totals.requests_count, totals.failures_count, *totals.statuses.values(), *totals.errors.values()):
        assert count is None or 0 <= count < 2**63
    assert all(0 <= probability <= 1 for probability in totals.quantiles_ms)
    for bounds in (*totals.quantiles_ms.values(), totals.mean_ms, totals.min_ms, totals.max_ms):
        assert bounds is None or isinstance(bounds, Bounds)
        assert bounds is None or 0 <= bounds.low <= bounds.high < float("inf")


def _assert_histogram(histogram: Histogram) -> None:
    low, high, counts = histogram.low_us, histogram.high_us, histogram.counts
    assert low.dtype == high.dtype == counts.dtype == np.int64
    assert len(low) == len(high) == len(counts)
    assert (low >= 0).all()
    assert (low <= high).all()
    assert (high[:-1] < low[1:]).all()
    assert (counts >= 0).all()
    assert histogram.failures_count is None or histogram.failures_count >= 0

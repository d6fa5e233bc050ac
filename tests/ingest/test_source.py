"""Bytes and lines of a foreign file: compressed, marked, damaged, a bomb, larger than allowed."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireai_analysis.errors import IngestError
from fireai_analysis.ingest.source import HEAD_BYTES, Source

TEXT = "a,b\n1,ä\n2,漢\n"


def made(tmp_path: Path, data: bytes) -> Source:
    path = tmp_path / "file"
    path.write_bytes(data)
    return Source(path)


@pytest.mark.parametrize("encode", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_encoding_and_compression_give_the_same_lines(tmp_path: Path, encode, encoding: str) -> None:
    source = made(tmp_path, encode(TEXT.encode(encoding)))
    assert list(source.lines()) == list(enumerate(TEXT.encode().splitlines(keepends=True), 1))
    assert source.head().text == TEXT
    assert source.head().whole
    assert source.whole() == TEXT.encode()


def test_bytes_that_are_not_utf_8_are_kept_as_escapes(tmp_path: Path) -> None:
    assert made(tmp_path, b"GET,/\xb5\xc7").head().text == r"GET,/\xb5\xc7"


@given(st.text(min_size=1), st.integers(1, 7))
def test_utf_16_reads_whole_in_pieces_of_any_size(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int
) -> None:
    clean = text.encode("utf-16-le", "replace").decode("utf-16-le", "replace")
    source = made(tmp_path_factory.mktemp("pieces"), b"\xff\xfe" + clean.encode("utf-16-le"))
    with source.open() as stream:
        pieces = iter(lambda: stream.read(size), b"")
        assert b"".join(pieces) == clean.encode()


def test_progress_counts_the_bytes_on_disk_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(TEXT.encode() * 100_000))
    counts: list[int] = []
    assert sum(1 for _ in Source(path, counts.append).lines()) == 300_000
    assert sum(counts) == path.stat().st_size


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (gzip.compress(TEXT.encode() * 9)[:-9], "breaks off or is damaged"),
        (gzip.compress((b"x" * 65_535 + b"\n") * 1280), "grows more than 200 times"),
        (b"x" * (5 << 20), "line 1 is longer than"),
    ],
    ids=["truncated", "bomb", "one line"],
)
def test_a_file_that_cannot_be_read_names_itself(tmp_path: Path, data: bytes, problem: str) -> None:
    source = made(tmp_path, data)
    with pytest.raises(IngestError, match=problem) as refused:
        list(source.lines())
    assert str(source.path) in str(refused.value)


@pytest.mark.parametrize("text", ['{"a": NaN}', "{", "[" * 100_000, "\\xff"])
def test_what_is_not_json_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(IngestError, match="is not JSON"):
        made(tmp_path, text.encode()).json()


def test_a_missing_file_and_a_large_whole_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IngestError, match="cannot be read"):
        Source(tmp_path / "none").whole()
    with pytest.raises(IngestError, match="is larger than"):
        made(tmp_path, bytes(65 << 20)).whole()


def test_the_head_of_a_long_file_is_not_whole(tmp_path: Path) -> None:
    head = made(tmp_path, b"\n" * (HEAD_BYTES + 1)).head()
    assert (len(head.data), head.whole) == (HEAD_BYTES, False)

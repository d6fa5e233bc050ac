"""A foreign file as bytes and lines: decompressed within bounds, decoded without loss, never held whole unasked."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from fireai_analysis.errors import IngestError

HEAD_BYTES = 64 * 1024
LONGEST_LINE_BYTES = 4 * 1024 * 1024
LARGEST_WHOLE_BYTES = 64 * 1024 * 1024
"""A file that must be read at once (one JSON object, one text page) is refused above this size."""
MOST_EXPANSION, FREE_EXPANSION_BYTES = 200, 64 * 1024 * 1024
"""Compressed logs grow tenfold to fiftyfold; what grows two hundredfold is a bomb, unless it stays small."""
GZIP = b"\x1f\x8b"
MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


@dataclass(frozen=True)
class Head:
    """The beginning of a file, decompressed.

    Attributes
    ----------
    data : bytes
        At most `HEAD_BYTES`; no byte order mark.
    whole : bool
        Whether the file ends within them.
    """

    data: bytes
    whole: bool

    @property
    def text(self) -> str:
        """The head as text; bytes that are not UTF-8 are written as escapes."""
        return self.data.decode("utf-8", "backslashreplace")

    def lines(self, count: int) -> list[str]:
        """Return the first lines that are not empty, without their ends."""
        return [line for line in self.text.splitlines() if line.strip()][:count]


@dataclass(frozen=True)
class Source:
    """One file to read.

    Attributes
    ----------
    path : pathlib.Path
    advanced : callable
        Told how many bytes of the file on disk were read since the last call: for the progress bar.
    """

    path: Path
    advanced: Callable[[int], None] = field(default=lambda count: None, compare=False)

    @property
    def is_compressed(self) -> bool:
        """Whether the file begins as gzip does."""
        with self.path.open("rb") as stream:
            return stream.read(2) == GZIP

    def head(self) -> Head:
        """Return the beginning of the file; of broken gzip what could be read. It is no progress: it is read again."""
        with Source(self.path).open() as stream:
            data = b""
            try:
                while len(data) <= HEAD_BYTES and (more := stream.read(HEAD_BYTES + 1 - len(data))):
                    data += more
            except IngestError:
                if not data:
                    raise
        return Head(data[:HEAD_BYTES], len(data) <= HEAD_BYTES)

    def open(self) -> IO[bytes]:
        """Return the decompressed bytes as a stream that tells its progress and refuses a bomb."""
        return io.BufferedReader(_Bytes(self), 1 << 20)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield number (from 1) and bytes of each line, its end included; a longer line than a log has is refused."""
        with self.open() as stream:
            number = 0
            while line := stream.readline(LONGEST_LINE_BYTES):
                number += 1
                if len(line) == LONGEST_LINE_BYTES and not line.endswith(b"\n"):
                    raise self.refusal(f"line {number} is longer than {LONGEST_LINE_BYTES:,} bytes", line=number)
                yield number, line

    def whole(self) -> bytes:
        """Return all bytes of a file that is small by its nature; a large one is refused."""
        with self.open() as stream:
            data = stream.read(LARGEST_WHOLE_BYTES + 1)
        if len(data) > LARGEST_WHOLE_BYTES:
            raise self.refusal(f"is larger than the {LARGEST_WHOLE_BYTES:,} bytes that a file of this format may have")
        return data

    def json(self) -> Any:
        """Return a JSON document; NaN and infinity are refused."""
        try:
            return json.loads(self.whole(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else None
            raise self.refusal(f"is not JSON ({str(error)[:120]})", line=line) from None

    def refusal(
        self, problem: str, *, line: int | None = None, remedy: str = "export it again from its tool"
    ) -> IngestError:
        """Return the error that names this file."""
        return IngestError(self.path, problem, remedy, line=line)


class _Bytes(io.RawIOBase):
    """The bytes of a file: decompressed where it is gzip, as UTF-8 where its mark says UTF-16, without the mark."""

    def __init__(self, source: Source) -> None:
        self._source = source
        try:
            self._file = source.path.open("rb")
        except OSError as error:
            raise source.refusal(f"cannot be read ({error.strerror})", remedy="check the path and its rights") from None
        self._compressed = self._file.read(2) == GZIP
        self._file.seek(0)
        self._stream: Any = gzip.GzipFile(fileobj=self._file) if self._compressed else self._file
        self._given = self._told = 0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._first: bytes | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._first is None:
            self._first = self._mark_read()
        data, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        data = data or self._more(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _more(self, count: int) -> bytes:
        """Return up to so many bytes; none only at the end."""
        if self._decoder is None:
            return self._raw(count)
        text = ""
        while not text and (raw := self._raw(max(count // 2, 1))):  # UTF-8 needs up to three bytes for two of UTF-16
            text = self._decoder.decode(raw)
        data = text.encode()
        self._first = data[count:]
        return data[:count]

    def _mark_read(self) -> bytes:
        """Return what follows a byte order mark at the beginning."""
        data = self._raw(3)
        for mark, encoding in MARKS:
            if data.startswith(mark):
                if encoding == "utf-8":
                    return data[len(mark) :]
                self._decoder = codecs.getincrementaldecoder(encoding)("replace")
                return self._decoder.decode(data[len(mark) :]).encode()
        return data

    def _raw(self, count: int) -> bytes:
        try:
            data: bytes = self._stream.read(count)
        except (OSError, EOFError, zlib.error) as error:
            raise self._source.refusal(f"breaks off or is damaged ({error})", remedy="copy it again") from None
        self._given += len(data)
        read = self._file.tell()
        self._source.advanced(read - self._told)
        self._told = read
        if self._compressed and self._given > max(FREE_EXPANSION_BYTES, MOST_EXPANSION * read):
            raise self._source.refusal(
                f"grows more than {MOST_EXPANSION} times when decompressed", remedy="decompress it yourself"
            )
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")

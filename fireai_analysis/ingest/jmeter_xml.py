"""JMeter's results as XML (JTL), as a stream: no document type, bounded depth, and of a broken file what is whole.

A request is a sample that is part of no other; what is inside one (embedded resources, redirects) is counted in it. A
transaction is no request: the samples inside it are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from fireai_analysis.ingest.batches import Request, gathered, impossible
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told
from fireai_analysis.ingest.jmeter_rows import (
    BY_CODE,
    LONGEST_ERROR,
    RESOLUTION,
    STARTS,
    STATUS,
    TIMED_OUT,
    TIMEOUT,
    TRANSACTION,
    TRANSACTIONS,
    Threads,
    reason_of,
)
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.ingest.tabular import MOST_REFUSED, truth, whole

CHUNK_BYTES = 256 * 1024
LONGEST_TOKEN_BYTES = 8 * 1024 * 1024
DEEPEST = 200
SUB_RESULTS = "sub-results, counted in the sample that holds them"
CLOSED_EARLY = "The file is not closed: JMeter was stopped while it wrote, later requests may be missing."
SEVERAL = "The file holds several runs, one appended to another."
_SAMPLES = {"sample", "httpSample"}
_KEPT = {"method", "failureMessage", "failure", "error"}
_NEXT = re.compile(rb"\n(?=<(?:httpSample|sample)[ >])")
_KEPT_BYTES = len(b"\n<httpSample ")
MOST_BREAKS = 10_000
_NO_MORE = 3  # XML_ERROR_NO_ELEMENTS: the file ends, and only elements are open
_APPENDED = (9, 17)  # XML_ERROR_JUNK_AFTER_DOC_ELEMENT, XML_ERROR_MISPLACED_XML_PI
"""Where reading goes on behind damage: JMeter indents every sample but those that are part of no other."""


@dataclass
class _Sample:
    """A sample that is open: its attributes, what its children said, and whether it is a request."""

    line: int
    attributes: dict[str, str]
    is_request: bool
    is_transaction: bool
    said: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class _Reader:
    """Turns the events of one XML document into requests."""

    def __init__(self, source: Source, threads: Threads, encoding: str | None, lines_before: int) -> None:
        self.found: list[Request | Item] = []
        self.notes: dict[str, None] = {}
        self.users_count = 0
        self._source, self._threads, self._lines_before = source, threads, lines_before
        self._open: list[_Sample] = []
        self._path: list[str] = []
        self._text: list[str] = []
        self._given = 0
        self._parser = expat.ParserCreate(encoding)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, data: bytes, at: int = 0) -> int | None:
        """Read on from a place in data; return None, or where damage was found, which is then told of."""
        try:
            self._parser.Parse(memoryview(data)[at:], False)
        except expat.ExpatError as error:
            self._tell(error.code)
            return at + max(self._parser.ErrorByteIndex - self._given, 0)
        except (LookupError, ValueError) as error:
            raise self._source.refusal(f"is in an encoding that is not read ({error})", line=1) from None
        self._given += len(data) - at
        if self._given - self._parser.CurrentByteIndex > LONGEST_TOKEN_BYTES:
            raise self._source.refusal(f"has a tag longer than {LONGEST_TOKEN_BYTES:,} bytes", line=self._line)
        return None

    def end(self) -> None:
        """Tell what is missing at the end of the file."""
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            if self._open or error.code != _NO_MORE:
                self.found.append(Refused("truncated last sample", self._line))
            else:
                self.notes[CLOSED_EARLY] = None

    @property
    def _line(self) -> int:
        return self._lines_before + self._parser.CurrentLineNumber

    def _tell(self, code: int) -> None:
        if not self._open and code in _APPENDED:
            self.notes[SEVERAL] = None
        else:
            self.found.append(Refused("broken XML", self._line))

    def _doctype(self, *_: object) -> None:
        remedy = "export it again from its tool, which writes none"
        raise self._source.refusal("declares a document type", line=self._line, remedy=remedy)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._text = []
        if len(self._path) > DEEPEST:
            raise self._source.refusal(f"is nested deeper than {DEEPEST} elements", line=self._line)
        if name in _SAMPLES:
            is_transaction = attributes.get("rm", "").startswith(TRANSACTION.decode())
            is_inner = any(not outer.is_transaction for outer in self._open)
            if is_inner or is_transaction:
                self.found.append(LeftOut(SUB_RESULTS if is_inner else TRANSACTIONS))
            self._open.append(_Sample(self._line, attributes, not (is_inner or is_transaction), is_transaction))

    def _characters(self, text: str) -> None:
        if self._path[-1] in _KEPT and len(self._text) < LONGEST_ERROR:
            self._text.append(text[:LONGEST_ERROR])

    def _end(self, name: str) -> None:
        self._path.pop()
        if name in _SAMPLES:
            self._close(self._open.pop())
        elif self._open and name in _KEPT:
            self._open[-1].said[name] = "".join(self._text).strip()
        elif self._open and name == "assertionResult":
            said = self._open[-1].said
            if "true" in (said.pop("failure", ""), said.pop("error", "")):
                self._open[-1].failures.append(said.get("failureMessage", ""))
            said.pop("failureMessage", None)

    def _close(self, sample: _Sample) -> None:
        if not sample.is_request:
            return
        request = self._request(sample)
        self.found.append(Refused(request, sample.line) if isinstance(request, str) else request)

    def _request(self, sample: _Sample) -> Request | str:
        """Return the request of a sample, or why there is none."""
        told = sample.attributes
        sent_ms, elapsed_ms = _number(told, "ts"), _number(told, "t")
        status = int(told["rc"]) if STATUS.fullmatch(told.get("rc", "").encode()) else None
        ok = _outcome(told, status)
        problem = _problem(told, sent_ms, elapsed_ms, ok)
        if problem or sent_ms is None or elapsed_ms is None or ok is None:
            return problem
        self._note(told)
        size, name = _number(told, "by"), told.get("tn")
        return Request(
            sent_ns=sent_ms * 10**6,
            service_us=elapsed_ms * 1000,
            ok=ok,
            endpoint=told.get("lb"),
            method=sample.said.get("method") or None,
            status=0 if status is None and not ok and told.get("rc") else status,
            error=None if ok else self._error(sample, status),
            response_bytes=size if size is None or size >= 0 else None,
            user=None if name is None else self._threads.number(name.encode()),
        )

    def _note(self, told: dict[str, str]) -> None:
        users_count = _number(told, "na") or 0
        self.users_count = max(self.users_count, users_count if users_count < 2**31 else 0)
        if "s" not in told:
            self.notes[BY_CODE] = None

    def _error(self, sample: _Sample, status: int | None) -> str:
        asserted = next((text for text in sample.failures if text), "")
        answer = f"{sample.attributes.get('rc', '')} {sample.attributes.get('rm', '')}"
        has_code = status is not None or not sample.attributes.get("rc")
        reason = reason_of(asserted if asserted and has_code else answer)
        if reason == TIMEOUT:
            self.notes[TIMED_OUT] = None
        return reason


def _number(told: dict[str, str], name: str) -> int | None:
    return whole(told.get(name, "").encode())


def _outcome(told: dict[str, str], status: int | None) -> bool | None:
    """Return whether a sample is a success: as the file says, or by its status as JMeter judges; None if not told."""
    if "s" in told:
        return truth(told["s"].encode())
    return None if status is None else 200 <= status < 400


def _problem(told: dict[str, str], sent_ms: int | None, elapsed_ms: int | None, ok: bool | None) -> str:
    if sent_ms is None:
        return "time is not a number"
    if elapsed_ms is None:
        return "elapsed is not a number"
    if ok is None:
        return "success is neither true nor false"
    if _number(told, "sc") not in (None, 1):
        return "several samples in one row"
    return impossible(sent_ms * 10**6, elapsed_ms * 1000) or ""


def recognises(head: Head) -> bool:
    """Whether a file begins as JMeter writes XML."""
    return head.data.lstrip().startswith(b"<") and re.search(rb"<testResults[\s>/]", head.data) is not None


def read(source: Source) -> Iterator[Item]:
    """Yield the requests of a file."""
    yield from gathered(source, _found(source))


def _found(source: Source) -> Iterator[Request | Item]:
    notes, users_count = dict.fromkeys((RESOLUTION, STARTS)), 0
    refused_count = requests_count = 0
    for reader in _readings(source):
        yield from reader.found
        refused_count += sum(isinstance(one, Refused) for one in reader.found)
        requests_count += sum(isinstance(one, Request) for one in reader.found)
        if refused_count > max(MOST_REFUSED, requests_count):
            raise source.refusal(f"holds more than {MOST_REFUSED:,} samples that cannot be taken")
        reader.found = []
        notes |= reader.notes
        users_count = max(users_count, reader.users_count)
    yield Told(users_count=users_count or None, notes=tuple(notes))


def _readings(source: Source) -> Iterator[_Reader]:
    """Yield the reader after each chunk; behind damage a new one begins at the next sample that is part of no other."""
    threads, encoding = Threads(), _encoding(source.head())
    reader: _Reader | None = _Reader(source, threads, encoding, 0)
    breaks_count, lines_count, kept = 0, 0, b""
    with source.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            data, at, kept = kept + chunk, 0, b""
            while at < len(data):
                if reader is None:
                    found = _NEXT.search(data, at)
                    kept = b"" if found else data[max(at, len(data) - _KEPT_BYTES) :]
                    begin = found.end() if found else len(data) - len(kept)
                    lines_count += data.count(b"\n", at, begin)
                    if not found:
                        break
                    reader, at = _Reader(source, threads, encoding, lines_count), begin
                    reader.feed(b"<testResults>")
                broken = reader.feed(data, at)
                yield reader
                end = len(data) if broken is None else max(broken - 1, at)
                lines_count += data.count(b"\n", at, end)
                at = end
                if broken is not None:
                    reader, breaks_count = None, breaks_count + 1
                    if breaks_count > MOST_BREAKS:
                        raise source.refusal(f"is broken in more than {MOST_BREAKS:,} places", line=lines_count + 1)
    if reader:
        reader.end()
        yield reader


def _encoding(head: Head) -> str | None:
    """Return the encoding that a file declares; what was UTF-16 is handed on as UTF-8."""
    found = re.match(rb"<\?xml[^>]*encoding=[\"']([\w.:-]+)[\"']", head.data)
    name = found[1].decode("ascii", "replace") if found else None
    return "UTF-8" if name and name.upper().startswith("UTF-16") else name


FORMAT = Format("jmeter-xml", "JMeter JTL, XML", "JMeter", "rows", recognises, read)

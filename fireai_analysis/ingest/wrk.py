"""What wrk and wrk2 print: totals, and with `wrk2 --latency` the detailed percentile spectrum."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fireai_analysis.ingest.found import Bounds, Format, Item, Told, Totals
from fireai_analysis.ingest.source import Head, Source
from fireai_analysis.ingest.spectrum import HEADER, LONGEST_LINE, Spectrum

UNIT_MS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3, "h": 3600e3}
PRINTED = 0.005
"""Times are printed with two decimals of their unit."""
WRK_NOTES = (
    "wrk waits for an answer before it sends the next request, and adds made-up times for stalls that are longer than"
    " its mean interval: its percentiles are neither service nor response times as measured.",
    "wrk leaves the times of requests beyond its timeout out of its percentiles.",
)
WRK2_NOTES = (
    "wrk2's recorded latency begins when a request was due at its constant rate: it is response time.",
    "wrk2 leaves its calibration, the first 10 s or so, out of its percentiles.",
)
SOCKET_NOTE = "wrk counts {count} socket errors beside its requests: they count as failed here."

_RUNNING = re.compile(r"^[ \t]*Running \S+ test @ (.+)$", re.MULTILINE)
_TIME = r"(\d+(?:\.\d+)?)(us|ms|s|m|h)\b"
_LATENCY = re.compile(rf"^\s*Latency\s+{_TIME}\s+(?:{_TIME}|\S+)\s+{_TIME}", re.ASCII)
_PERCENT = re.compile(rf"^\s*(\d+(?:\.\d+)?)%\s+{_TIME}\s*$", re.ASCII)
_REQUESTS = re.compile(rf"^\s*(\d+) requests in {_TIME}", re.ASCII)
_SOCKETS = re.compile(r"^\s*Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", re.ASCII)
_STATUS = re.compile(r"^\s*Non-2xx or 3xx responses: (\d+)", re.ASCII)
_WRK2 = ("HdrHistogram - Recorded Latency", "Thread calibration: mean lat.")
_UNCORRECTED = "HdrHistogram - Uncorrected Latency"


@dataclass
class _Printed:
    """What was read so far."""

    runs: int = 0
    requests: int | None = None
    duration_s: float | None = None
    mean_ms: Bounds | None = None
    max_ms: Bounds | None = None
    quantiles_ms: dict[float, Bounds] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    spectrum: Spectrum = field(default_factory=Spectrum)
    is_wrk2: bool = False
    is_uncorrected: bool = False
    in_spectrum: bool = False

    def take(self, line: str) -> str | None:
        """Take a line; return what is wrong with it. One longer than any that wrk prints is passed over."""
        if len(line) > LONGEST_LINE:
            return None
        self.is_wrk2 = self.is_wrk2 or any(mark in line for mark in _WRK2)
        self.is_uncorrected = self.is_uncorrected or _UNCORRECTED in line
        self.runs += bool(_RUNNING.match(line))
        if self.is_uncorrected:
            self._counts(line)
        elif HEADER.fullmatch(line):
            self.in_spectrum = True
        elif self.in_spectrum and self.spectrum.take(line) is None:
            self.in_spectrum = not line.startswith("---")
        else:
            self.in_spectrum = False
            self._times(line)
            self._counts(line)
        return "holds more than one run" if self.runs > 1 else None

    def _times(self, line: str) -> None:
        if found := _LATENCY.match(line):
            self.mean_ms, self.max_ms = _ms(found[1], found[2]), _ms(found[5], found[6])
        elif (found := _PERCENT.match(line)) and float(found[1]) <= 100:
            self.quantiles_ms[round(float(found[1]) / 100, 12)] = _ms(found[2], found[3])

    def _counts(self, line: str) -> None:
        if found := _REQUESTS.match(line):
            self.requests = _count(found[1])
            self.duration_s = round(float(found[2]) * UNIT_MS[found[3]] / 1000, 6)
        elif found := _SOCKETS.match(line):
            kinds = ("connect", "read", "write", "timeout")
            self.errors |= {
                f"socket {kind}": count
                for kind, text in zip(kinds, found.groups(), strict=True)
                if (count := _count(text))
            }
        elif found := _STATUS.match(line):
            self.errors["status of 400 or above"] = _count(found[1])

    @property
    def socket_errors_count(self) -> int:
        """Errors that wrk does not count as requests."""
        return sum(count for name, count in self.errors.items() if name.startswith("socket"))


def recognises_wrk(head: Head) -> bool:
    """Whether wrk printed the text, without a spectrum."""
    return _is_wrk(head) and not _has_spectrum(head)


def recognises_wrk2(head: Head) -> bool:
    """Whether wrk2 printed the text, with a spectrum."""
    return _is_wrk(head) and _has_spectrum(head)


def read(source: Source) -> Iterator[Item]:
    """Yield totals and, where there is a spectrum, the counts between its rows."""
    printed = _Printed()
    for number, line in source.lines():
        if problem := printed.take(line.decode("utf-8", "backslashreplace").rstrip("\r\n")):
            raise source.refusal(problem, line=number, remedy="split it")
    if printed.requests is None:
        raise source.refusal("breaks off before the number of requests", remedy="copy all that wrk printed")
    histogram = printed.spectrum.histogram()
    if histogram is not None and not printed.spectrum.is_complete:
        raise source.refusal("breaks off within its percentile spectrum", remedy="copy all that wrk2 printed")
    yield _totals(printed)
    if histogram is not None:
        yield histogram
    yield _told(printed)


def _totals(printed: _Printed) -> Totals:
    failures = sum(printed.errors.values())
    requests = max(printed.requests or 0, failures)
    if not printed.requests:  # the times are zeros that nobody measured
        return Totals(None, None, requests, failures, errors=printed.errors)
    return Totals(
        None,
        None,
        requests,
        failures,
        printed.quantiles_ms,
        printed.mean_ms,
        None,
        printed.max_ms,
        errors=printed.errors,
    )


def _told(printed: _Printed) -> Told:
    notes: tuple[str, ...] = WRK2_NOTES if printed.is_wrk2 else WRK_NOTES
    if printed.socket_errors_count:
        notes = (*notes, SOCKET_NOTE.format(count=printed.socket_errors_count))
    return Told(duration_s=printed.duration_s, notes=notes)


def _is_wrk(head: Head) -> bool:
    return bool(_RUNNING.search(head.text)) and "threads and" in head.text and "Thread Stats" in head.text


def _has_spectrum(head: Head) -> bool:
    return "Detailed Percentile spectrum" in head.text


def _count(text: str) -> int:
    """Return a count; more than any machine could send is cut to what a table holds."""
    return min(int(text[:19]), 2**62)


def _ms(figure: str, unit: str) -> Bounds:
    """Return a printed time as the range that its two decimals leave open.

    Examples
    --------
    >>> _ms("78.27", "ms"), _ms("1.50", "s")
    (Bounds(low=78.265, high=78.275), Bounds(low=1495.0, high=1505.0))
    """
    value, scale = min(float(figure), 1e12), UNIT_MS[unit]
    return Bounds(round(max(value - PRINTED, 0) * scale, 6), round((value + PRINTED) * scale, 6))


FORMATS = (
    Format("wrk", "wrk, text", "wrk", "totals", recognises_wrk, read),
    Format("wrk2", "wrk2, text with its percentile spectrum", "wrk2", "histogram", recognises_wrk2, read),
)

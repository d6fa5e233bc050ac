"""Artillery's JSON report: version 2 (counters, summaries, histograms) and version 1 (latency, codes, errors).

Version 2 estimates percentiles within 1 % (DDSketch, `packages/core/lib/ssms.js`) and prints one decimal; version 1
keeps three digits (HdrHistogram).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fireai_analysis.ingest.batches import END_NS, FIRST_NS
from fireai_analysis.ingest.found import Bounds, Format, Item, Told, Totals
from fireai_analysis.ingest.moments import rfc3339_ns
from fireai_analysis.ingest.reported import around, count, number, part, text
from fireai_analysis.ingest.source import Head, Source

QUANTILES = {"median": 0.5, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
SKETCH_RATIO, DIGITS_RATIO, PRINTED_MS = 0.01, 0.001, 0.05
SENT = ("http.requests", "socketio.emit", "websocket.messages_sent")
TIMES = ("http.response_time", "socketio.response_time")
PLUGIN = "plugins.metrics-by-endpoint."
NOTES = (
    "Artillery judges no status: answers with 400 and above count as failed, and so does every error it counted.",
    "Artillery's percentiles are estimates, of the requests that were answered: {ratio:.1%} either way, and 0.05 ms.",
    "Artillery's time of a request ends with the first byte of the answer, and tells nothing of when it was due.",
)


@dataclass
class _Counted:
    """Answers by status and errors by text, of one endpoint or of all."""

    statuses: dict[int, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)

    def take(self, name: str, found: int) -> None:
        """Keep a counter such as `codes.404` or `errors.ETIMEDOUT`; others are no answers."""
        kind, _, what = name.partition(".")
        if kind == "codes" and what.isascii() and what.isdigit() and int(what) < 1000:
            self.statuses[int(what)] = found
        elif kind == "errors" and what:
            self.errors[text(what) or what] = found

    @property
    def ended_count(self) -> int:
        """Answers and errors together."""
        return sum(self.statuses.values()) + sum(self.errors.values())

    def totals(self, endpoint: str | None, requests: int, times: Mapping[str, Any], ratio: float) -> Totals:
        """Return what is known of an endpoint; an error after an answer is not counted twice."""
        bad = sum(found for status, found in self.statuses.items() if status >= 400)
        failures = min(bad + sum(self.errors.values()), requests)
        quantiles = {probability: _ms(times, key, ratio) for key, probability in QUANTILES.items() if key in times}
        return Totals(
            text(endpoint),
            None,
            requests,
            failures,
            {probability: bounds for probability, bounds in quantiles.items() if bounds},
            _ms(times, "mean", 0),
            _ms(times, "min", 0),
            _ms(times, "max", 0),
            self.statuses,
            self.errors,
        )


def recognises(head: Head) -> bool:
    """Whether the file is an object with Artillery's aggregate, or begins with its intermediate results."""
    text = head.text
    return (
        text.lstrip().startswith("{")
        and ('"aggregate"' in text or '"intermediate"' in text)
        and ('"scenariosCreated"' in text or '"vusers.created' in text or '"firstCounterAt"' in text)
    )


def read(source: Source) -> Iterator[Item]:
    """Yield totals of all requests, and of each endpoint where the plugin counted them."""
    aggregate = part(source.json(), "aggregate")
    if part(aggregate, "counters") and "requestsCompleted" not in aggregate:
        yield from _second(source, aggregate)
    elif count(aggregate.get("requestsCompleted")) is not None:
        yield from _first(aggregate)
    else:
        raise source.refusal("has no aggregate of requests", remedy="take the file of `artillery run --output`")


def _second(source: Source, aggregate: Mapping[str, Any]) -> Iterator[Item]:
    counters = {name: found for name, value in part(aggregate, "counters").items() if (found := count(value))}
    sent = next((counters[name] for name in SENT if name in counters), None)
    if sent is None:
        raise source.refusal("counts no request", remedy="take the report of a run that sent some")
    times = part(aggregate, "histograms") or part(aggregate, "summaries")
    every = _Counted()
    endpoints: dict[str, _Counted] = {}
    for name, found in counters.items():
        every.take(name.removeprefix("http."), found)
        if name.startswith(PLUGIN):
            endpoint, _, counter = _split(name.removeprefix(PLUGIN))
            endpoints.setdefault(endpoint, _Counted()).take(counter, found)
    yield every.totals(None, sent, _times(times, *TIMES), SKETCH_RATIO)
    for endpoint, counted in endpoints.items():
        found_times = _times(times, f"{PLUGIN}response_time.{endpoint}")
        if counted.ended_count:
            yield counted.totals(endpoint, counted.ended_count, found_times, SKETCH_RATIO)
    began, ended = (_moment(aggregate.get(key)) for key in ("firstMetricAt", "lastMetricAt"))
    yield Told(started_ns=began, ended_ns=ended, notes=_notes(SKETCH_RATIO))


def _first(aggregate: Mapping[str, Any]) -> Iterator[Item]:
    counted = _Counted()
    for kind in ("codes", "errors"):
        for name, value in part(aggregate, kind).items():
            if found := count(value):
                counted.take(f"{kind}.{name}", found)
    sent = count(part(aggregate, "rps").get("count"))  # requestsCompleted leaves those without an answer out
    requests = max(sent or 0, counted.ended_count, count(aggregate.get("requestsCompleted")) or 0)
    yield counted.totals(None, requests, part(aggregate, "latency"), DIGITS_RATIO)
    stamp = aggregate.get("timestamp")
    ended = rfc3339_ns(stamp) if isinstance(stamp, str) else None
    yield Told(ended_ns=_possible(ended), notes=_notes(DIGITS_RATIO))


def _split(name: str) -> tuple[str, str, str]:
    """Return endpoint and counter of the plugin's name; a path may hold dots itself."""
    for kind in (".codes.", ".errors."):
        if kind in name:
            endpoint, _, what = name.rpartition(kind)
            return endpoint, kind, kind[1:] + what
    return name, "", ""


def _times(histograms: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    return next((part(histograms, name) for name in names if name in histograms), {})


def _ms(times: Mapping[str, Any], key: str, ratio: float) -> Bounds | None:
    """Return a printed time, in ms, as the range in which it was estimated."""
    return around(times.get(key), PRINTED_MS + ratio * (number(times.get(key)) or 0))


def _moment(value: Any) -> int | None:
    found = count(value)
    return _possible(found * 10**6) if found else None


def _possible(moment_ns: int | None) -> int | None:
    return moment_ns if moment_ns is not None and FIRST_NS <= moment_ns < END_NS else None


def _notes(ratio: float) -> tuple[str, ...]:
    return tuple(note.format(ratio=ratio) for note in NOTES)


FORMAT = Format("artillery", "Artillery JSON report", "Artillery", "totals", recognises, read)

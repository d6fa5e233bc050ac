"""Gatling's js/stats.json and js/global_stats.json: the figures of its HTML report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fireai_analysis.ingest.found import Bounds, Format, Item, LeftOut, Told, Totals
from fireai_analysis.ingest.reported import around, count, part, text
from fireai_analysis.ingest.source import Head, Source

QUANTILES = {"percentiles1": 0.50, "percentiles2": 0.75, "percentiles3": 0.95, "percentiles4": 0.99}
"""Gatling's defaults (`gatling.conf`, charting.indicators): the file does not name the probabilities."""
CUT = (0.5, 1.0)
"""Old versions cut a figure to the millisecond, later ones round it; the least and the largest are as measured."""
GROUPS = "groups: the requests in them are counted"
NOTES = (
    "Gatling's statistics do not name their percentiles: its defaults 50, 75, 95 and 99 % are assumed.",
    "Gatling estimates percentiles (t-digest, between neighbouring values) and prints whole milliseconds;"
    " its simulation.log gives exact ones.",
    "Times of failed requests are among these figures.",
)


def recognises(head: Head) -> bool:
    """Whether the file is an object with the figures of one of Gatling's rows."""
    return head.text.lstrip().startswith("{") and all(
        f'"{key}"' in head.text for key in ("numberOfRequests", "minResponseTime", "percentiles1")
    )


def read(source: Source) -> Iterator[Item]:
    """Yield totals of all requests and of each."""
    document = source.json()
    if not isinstance(document, Mapping):
        raise source.refusal("is no object of Gatling's statistics")
    top = part(document, "stats") or document
    if count(part(top, "numberOfRequests").get("total")) is None:
        raise source.refusal("tells no number of requests")
    yield _totals(None, top)
    rows = 0
    for node in _below(document):
        if node.get("type") == "REQUEST":
            yield _totals(text(node.get("path")) or text(node.get("name")), part(node, "stats"))
        else:
            rows += 1
    if rows:
        yield LeftOut(GROUPS, rows)
    yield Told(notes=NOTES)


def _below(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows under a group, at any depth."""
    waiting = [document]
    while waiting:
        for node in part(waiting.pop(), "contents").values():
            if isinstance(node, Mapping):
                yield node
                waiting.append(node)


def _totals(endpoint: str | None, stats: Mapping[str, Any]) -> Totals:
    requests = count(part(stats, "numberOfRequests").get("total"))
    failures = count(part(stats, "numberOfRequests").get("ko"))
    if not requests:
        return Totals(endpoint, None, requests, failures)
    times = {QUANTILES[key]: _ms(stats, key, *CUT) for key in QUANTILES}
    return Totals(
        endpoint,
        None,
        requests,
        failures,
        {probability: bounds for probability, bounds in times.items() if bounds},
        _ms(stats, "meanResponseTime", *CUT),
        _ms(stats, "minResponseTime", 0),
        _ms(stats, "maxResponseTime", 0),
    )


def _ms(stats: Mapping[str, Any], key: str, *rounding: float) -> Bounds | None:
    """Return a figure of all requests."""
    return around(part(stats, key).get("total"), *rounding)


FORMAT = Format("gatling-stats", "Gatling stats.json", "Gatling", "totals", recognises, read)

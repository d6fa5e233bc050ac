"""k6's summaries: what `handleSummary` gets, `--summary-export`, and the machine-readable one of 1.5 and later.

None holds requests: counts are exact, and percentiles are those that k6 interpolated between two requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fireai_analysis.ingest.found import Bounds, Format, Item, LeftOut, Told, Totals
from fireai_analysis.ingest.k6_samples import COUNTED, DROPPED, DURATION, FAILED, NEVER_SENT, USERS
from fireai_analysis.ingest.reported import count, number, part, text
from fireai_analysis.ingest.source import Head, Source

CHECKS = "checks"
_PERCENTILE = re.compile(r"p\(?(\d{1,2}(?:\.\d{1,6})?|100)\)?", re.ASCII)
_TAGGED = re.compile(r"([a-z_]+)\{name:([^{}]+)\}")  # a threshold on one endpoint, which k6 then tells apart
MOST_NOTED = 20

INTERPOLATED = (
    "k6 interpolates percentiles between the two nearest requests; without the requests, how far they lie apart is not"
    " known."
)
CONNECTION = "k6's http_req_duration has no time to connect in it."
CHECKED = "checks, which are no requests"
CHECKS_FAILED = "{0:,} of {1:,} checks of k6 failed; they are no requests and no failures here."
CROSSED = "The threshold of k6 on {0}, {1}, was crossed."

Metrics = Mapping[str, Mapping[str, Any]]


def _recognises(head: Head) -> bool:
    data = head.data.lstrip()
    if not data.startswith(b"{") or re.search(rb'"type":\s*"(?:Point|Metric)"', data):
        return False
    if b'"metrics"' in data:
        return any(b'"%b"' % name.encode() in data for name in (COUNTED, DURATION, "iterations"))
    return not head.whole and b'"root_group"' in data  # its checks can fill the head


def _read(source: Source) -> Iterator[Item]:
    document = source.json()
    metrics = _metrics(document)
    whole = _totals(metrics, "", None)
    if whole is None:
        raise source.refusal("tells of no HTTP requests", remedy="take the file of a run that sent some")
    names = {found[2] for name in metrics if (found := _TAGGED.fullmatch(name)) and found[1] in (DURATION, COUNTED)}
    for name in sorted(names):
        if one := _totals(metrics, f"{{name:{name}}}", text(name)):
            yield one
    yield whole
    checks = _of(metrics, CHECKS)
    passed, failed = count(checks.get("passes")), count(checks.get("fails"))
    if passed is not None and failed is not None and passed + failed:
        yield LeftOut(CHECKED, passed + failed)
    yield Told(
        tool_version=text(part(document, "metadata").get("k6Version")),
        users_count=_users(metrics),
        duration_s=_duration_s(document, metrics),
        notes=tuple(_notes(metrics, whole, passed, failed)),
    )


def _metrics(document: Any) -> Metrics:
    """Return the figures of each metric by its name, whichever of the three shapes holds them."""
    told = part(document, "metrics")
    listed = part(document, "results").get("metrics")
    if not told and isinstance(listed, list):
        told = {one["name"]: one for one in listed if isinstance(one, dict) and isinstance(one.get("name"), str)}
    return {name: one for name, one in told.items() if isinstance(one, Mapping)}


def _of(metrics: Metrics, name: str) -> Mapping[str, Any]:
    """Return the figures of one metric; the flat export has them beside its thresholds, the others under `values`."""
    one = metrics.get(name, {})
    return part(one, "values") or one


def _totals(metrics: Metrics, tag: str, endpoint: str | None) -> Totals | None:
    times = _of(metrics, DURATION + tag)
    failures, judged = _failures(_of(metrics, FAILED + tag))
    requests = count(_of(metrics, COUNTED + tag).get("count"))
    requests = next((one for one in (requests, judged, count(times.get("count"))) if one is not None), None)
    if requests is None and not times:
        return None
    if requests == 0:
        return Totals(endpoint, None, 0, failures)
    return Totals(
        endpoint,
        None,
        requests,
        failures,
        quantiles_ms=_quantiles(times),
        mean_ms=_exact(times.get("avg")),
        min_ms=_exact(times.get("min")),
        max_ms=_exact(times.get("max")),
    )


def _failures(failed: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Return failed requests and all that were judged: `passes` counts those for which "failed" held."""
    passes, fails = count(failed.get("passes")), count(failed.get("fails"))
    if passes is not None and fails is not None:
        return passes, passes + fails
    return count(failed.get("matches")), count(failed.get("total"))


def _quantiles(times: Mapping[str, Any]) -> dict[float, Bounds]:
    found: dict[float, Bounds] = {}
    for name, value in times.items():
        match = _PERCENTILE.fullmatch(name)
        probability = 0.5 if name == "med" else round(float(match[1]) / 100, 8) if match else None
        bounds = _exact(value)
        if probability is not None and bounds is not None:
            found[probability] = bounds
    return found


def _exact(value: Any) -> Bounds | None:
    told = number(value)
    return None if told is None else Bounds(told, told)


def _users(metrics: Metrics) -> int | None:
    users = _of(metrics, USERS)
    told = count(users.get("max", users.get("value")))
    return told if told is not None and told < 2**31 else None


def _duration_s(document: Any, metrics: Metrics) -> float | None:
    """Return how long the run took: told by itself, or by a count that k6 divided by it."""
    told_ms, told_s = part(document, "state").get("testRunDurationMs"), part(document, "config").get("duration")
    if (found_ms := number(told_ms)) is not None:
        return found_ms / 1000
    if (found_s := number(told_s)) is not None:
        return found_s
    counted = _of(metrics, COUNTED)
    requests, rate = number(counted.get("count")), number(counted.get("rate"))
    return requests / rate if requests and rate and rate > 1e-6 else None


def _notes(metrics: Metrics, whole: Totals, passed: int | None, failed: int | None) -> Iterator[str]:
    if whole.quantiles_ms:
        yield from (INTERPOLATED, CONNECTION)
    if dropped := count(_of(metrics, DROPPED).get("count")):
        yield NEVER_SENT.format(dropped)
    if passed is not None and failed:
        yield CHECKS_FAILED.format(failed, passed + failed)
    crossed = [CROSSED.format(*one) for one in _crossed(metrics)]
    yield from crossed[:MOST_NOTED]


def _crossed(metrics: Metrics) -> Iterator[tuple[str, str]]:
    """Yield metric and threshold of what was crossed: `true` says so in the flat export, `ok: false` in the other."""
    for name, metric in metrics.items():
        for threshold, told in part(metric, "thresholds").items():
            if told is True or part(told).get("ok") is False:
                yield " ".join(name.split())[:100], " ".join(threshold.split())[:100]


FORMAT = Format("k6-summary", "k6 summary, JSON", "k6", "totals", recognises=_recognises, read=_read)

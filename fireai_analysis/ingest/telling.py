"""Totals, percentiles and histograms that a file tells without its requests, as tables of a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from fireai_analysis.ingest.choosing import requests_of
from fireai_analysis.ingest.found import Bounds, Histogram, Totals
from fireai_analysis.ingest.reading import Content
from fireai_analysis.schemas import SAMPLES


def requests_count(content: Content | None) -> int | None:
    """Return how many requests a file tells of; None where it does not."""
    return None if content is None else requests_of(content)


def tables(content: Content, beside: Sequence[Content]) -> dict[str, pa.Table]:
    """Return what a file tells, by table; what it leaves open is taken from other files of the same requests.

    Parameters
    ----------
    content : Content
        The file whose totals or histograms are taken.
    beside : sequence of Content
        Files of the same tool, such as Locust's list of failures: they tell of the same requests.
    """
    totals = _filled(content, beside)
    found = {
        "told_totals": [_totals(one) for one in totals if one.requests_count is not None],
        "told_quantiles": [row for one in totals for row in _quantiles(one)],
        "told_outcomes": [row for one in totals for row in (*_statuses(one), *_errors(one))],
    }
    made = {name: pa.Table.from_pylist(rows, schema=SAMPLES[name]) for name, rows in found.items() if rows}
    if content.histograms:
        made["told_ranges"] = pa.concat_tables(map(_ranges, content.histograms)).unify_dictionaries()
    return made


def _totals(one: Totals) -> dict[str, Any]:
    bounds = {"mean": one.mean_ms, "min": one.min_ms, "max": one.max_ms}
    return {
        "method": one.method,
        "endpoint": one.endpoint,
        "requests_count": one.requests_count,
        "failures_count": one.failures_count,
        **{f"{name}_{side}_ms": _side(found, side) for name, found in bounds.items() for side in ("low", "high")},
    }


def _side(bounds: Bounds | None, side: str) -> float | None:
    return None if bounds is None else float(getattr(bounds, side))


def _quantiles(one: Totals) -> Iterable[dict[str, Any]]:
    for probability, bounds in sorted(one.quantiles_ms.items()):
        yield {
            "method": one.method,
            "endpoint": one.endpoint,
            "quantile_ratio": probability,
            "low_ms": bounds.low,
            "high_ms": bounds.high,
        }


def _filled(content: Content, beside: Sequence[Content]) -> list[Totals]:
    """Return totals by endpoint, each figure from the first file that tells it of as many requests."""
    found = {(one.method, one.endpoint): one for one in content.totals or _counted(content.histograms)}
    for other in (one for each in beside for one in each.totals):
        key = (other.method, other.endpoint)
        mine = found.get(key)
        if mine is None:
            if other.requests_count is None:
                found[key] = other
        elif other.requests_count in (None, mine.requests_count):
            empty = {name: value for name, value in vars(other).items() if getattr(mine, name) in (None, {})}
            found[key] = replace(mine, **empty)
    return list(found.values())


def _counted(histograms: Iterable[Histogram]) -> list[Totals]:
    """Return the counts of histograms as totals."""
    return [Totals(one.endpoint, one.method, int(one.counts.sum()), one.failures_count) for one in histograms]


def _statuses(one: Totals) -> Iterable[dict[str, Any]]:
    for status, count in one.statuses.items():
        yield _outcome(one, count) | {"status": status}


def _errors(one: Totals) -> Iterable[dict[str, Any]]:
    for text, count in one.errors.items():
        yield _outcome(one, count) | {"error": text}


def _outcome(one: Totals, count: int) -> dict[str, Any]:
    return {"method": one.method, "endpoint": one.endpoint, "status": None, "error": None, "requests_count": count}


def _ranges(one: Histogram) -> pa.Table:
    there = one.counts > 0
    schema, count = SAMPLES["told_ranges"], int(there.sum())
    names = {name: pa.array(np.full(count, text, dtype=object), pa.string()) for name, text in
             (("method", one.method), ("endpoint", one.endpoint))}  # fmt: skip
    columns = {"low_us": one.low_us[there], "high_us": one.high_us[there], "requests_count": one.counts[there]}
    arrays = [names[field.name].dictionary_encode() if field.name in names else columns[field.name] for field in schema]
    return pa.table(
        [pa.array(array) if isinstance(array, np.ndarray) else array for array in arrays], names=schema.names
    ).cast(schema)

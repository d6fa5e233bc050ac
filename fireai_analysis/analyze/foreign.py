"""Results of another tool that hold no requests: counts as they are told, latencies as the ranges that are left open.

Nothing here is estimated. A quantile of counts by range lies in the range that holds its rank; one that the tool
rounded lies within its rounding; totals of several endpoints have no common quantile unless their counts are told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from fireai_analysis.analyze.columns import floats, texts
from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.intervals import clopper_pearson
from fireai_analysis.analyze.quantiles import LEVELS, rank
from fireai_analysis.analyze.validity import foreign, recording
from fireai_analysis.origin import Origin
from fireai_analysis.results import Endpoint, Measured, Quantiles, Told
from fireai_analysis.units import US_PER_MS

Range = tuple[float, float]
TOTALS, RANGES, QUANTILES, OUTCOMES = "told_totals", "told_ranges", "told_quantiles", "told_outcomes"
ALL = ""
"""Endpoint and method of the figures that are told of all requests."""
Key = tuple[str, str]
NOTE = "a range that the tool leaves open, no interval of confidence; requests that failed may be in it"


def tells(data: RunData) -> bool:
    """Return whether a run without rows holds what another tool tells of them."""
    return data.manifest.spec.origin is not None and any(data.sample(name) is not None for name in (TOTALS, RANGES))


def fields(data: RunData, origin: Origin) -> dict[str, Any]:
    """Return the figures of a result that totals, percentiles and histograms give; what they do not tell is left out.

    Parameters
    ----------
    data : RunData
        A run for which `tells` holds.
    origin : Origin
        Where it came from.
    """
    counts = _counts(data)
    requests, failures = _of_all(counts)
    quantiles = _quantiles(data, (ALL, ALL), alone=len(counts.keys() - {(ALL, ALL)}) == 1)
    known = requests is not None and failures is not None and 0 <= failures <= requests and requests > 0
    p95 = quantiles.get("p95")
    return {
        "requests_count": requests,
        "sent_count": requests,
        "failures_count": failures,
        "error_ratio": failures / requests if known and failures is not None and requests else None,
        "error_interval": clopper_pearson(failures, requests) if known and failures is not None and requests else None,
        "statuses": _outcomes(data, "status"),
        "errors": _outcomes(data, "error"),
        "achieved_rps": origin.rate_rps,
        "service_ms": Quantiles(**{name: low for name, (low, high) in quantiles.items() if low == high}),
        "response_p95": None if p95 is None else Measured(value=sum(p95) / 2, n_count=requests, note=NOTE),
        "told": Told(source=", ".join(file.name for file in origin.files), quantiles_ms=quantiles, **_bounds(data)),
        "endpoints": tuple(_endpoint(data, key, *count) for key, count in counts.items() if key != (ALL, ALL)),
        "validity": (recording.run_state(data), *foreign.told(data, origin)),
    }


def _key(frame: pd.DataFrame) -> list[Key]:
    return list(zip(texts(frame, "method").tolist(), texts(frame, "endpoint").tolist(), strict=True))


def _counts(data: RunData) -> dict[Key, tuple[int | None, int | None]]:
    """Return requests and failures by endpoint; the key `ALL` is what is told of all."""
    frame, found = data.sample(TOTALS), dict[Key, tuple[int | None, int | None]]()
    if frame is None:
        return found
    counts = zip(floats(frame, "requests_count").tolist(), floats(frame, "failures_count").tolist(), strict=True)
    for key, (requests, failures) in zip(_key(frame), counts, strict=True):
        found[key] = (_whole(requests), _whole(failures))
    return found


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else int(value)


def _of_all(counts: dict[Key, tuple[int | None, int | None]]) -> tuple[int | None, int | None]:
    """Return requests and failures of all endpoints: as they are told, else their sum."""
    told = counts.get((ALL, ALL))
    each = [told] if told is not None and told[0] is not None else [one for key, one in counts.items() if any(key)]
    sums = [None if not each or None in column else sum(column) for column in zip(*each, strict=True)]
    return (sums[0], sums[1]) if sums else (None, None)


def _quantiles(data: RunData, key: Key, *, alone: bool = False) -> dict[str, Range]:
    """Return the quantiles of an endpoint, or of all, as ranges in ms.

    Those of all are told, or counted from the ranges of all endpoints; where there is one endpoint alone, they are its.
    """
    counted = _ranges(data, key)
    if counted is not None:
        return counted
    frame = data.sample(QUANTILES)
    if frame is None:
        return {}
    keys = _key(frame)
    own = [one == key for one in keys]
    if not any(own) and alone and key == (ALL, ALL):
        own = [True] * len(keys)
    rows = zip(*(floats(frame, name)[own].tolist() for name in ("quantile_ratio", "low_ms", "high_ms")), strict=True)
    told = {probability: (low, high) for probability, low, high in rows}
    return {name: told[float(q)] for name, q in LEVELS.items() if float(q) in told}


def _ranges(data: RunData, key: Key) -> dict[str, Range] | None:
    """Return quantiles from counts by range; None where an endpoint has none.

    The value of a rank is no less than the lower ends allow and no more than the upper ends do.
    """
    frame = data.sample(RANGES)
    if frame is None:
        return None
    keys = _key(frame)
    own = np.array([one == key for one in keys], dtype=np.bool_)
    if not own.any() and key == (ALL, ALL):
        own[:] = True
    counts = floats(frame, "requests_count")[own]
    total = int(counts.sum())
    if not total:
        return None
    return {
        name: (_at(floats(frame, "low_us")[own], counts, rank(total, q)),
               _at(floats(frame, "high_us")[own], counts, rank(total, q)))
        for name, q in LEVELS.items() if rank(total, q) < total
    }  # fmt: skip


def _at(values_us: np.ndarray, counts: np.ndarray, place: int) -> float:
    """Return the value of a rank among values that stand so often, in ms.

    Examples
    --------
    >>> _at(np.array([1000.0, 9000.0]), np.array([3.0, 1.0]), 3), _at(np.array([1000.0, 9000.0]), np.array([3, 1]), 4)
    (1.0, 9.0)
    """
    order = np.argsort(values_us, kind="stable")
    reached = np.searchsorted(np.cumsum(counts[order]), place, "left")
    return float(values_us[order][reached]) / US_PER_MS


def _bounds(data: RunData) -> dict[str, Range]:
    """Return mean, smallest and largest of all, as ranges in ms, where they are told."""
    frame = data.sample(TOTALS)
    own = None if frame is None else frame[[key == (ALL, ALL) for key in _key(frame)]]
    if own is None or own.empty:
        return {}
    found = {}
    for name in ("mean", "min", "max"):
        low, high = (float(floats(own, f"{name}_{side}_ms")[0]) for side in ("low", "high"))
        if not (np.isnan(low) or np.isnan(high)):
            found[f"{name}_ms"] = (low, high)
    return found


def _outcomes(data: RunData, column: str) -> dict[str, int]:
    """Return answers by status, or failures by text, of all endpoints together."""
    frame = data.sample(OUTCOMES)
    if frame is None:
        return {}
    own = frame[frame[column].notna()]
    whole = own[[key == (ALL, ALL) for key in _key(own)]]
    counted = own if whole.empty else whole
    sums = counted.groupby(column, observed=True)["requests_count"].sum()
    pairs = sorted(((str(name), int(count)) for name, count in sums.items()), key=lambda pair: (-pair[1], pair[0]))
    return dict(sorted(pairs) if column == "status" else pairs)


def _endpoint(data: RunData, key: Key, requests: int | None, failures: int | None) -> Endpoint:
    exact = {name: low for name, (low, high) in _quantiles(data, key).items() if low == high}
    return Endpoint(
        method=key[0],
        endpoint=key[1],
        door="",
        requests_count=requests,
        failures_count=failures,
        response_ms=Quantiles(),
        service_ms=Quantiles(**exact),
    )

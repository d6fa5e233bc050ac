"""Findings about what grows without end: the live heap, goroutines, the resident set of the Python service."""

from __future__ import annotations

import re

from fireai_analysis.results import Finding, ScenarioResult, SiteGrowth, SizeGrowth
from fireai_analysis.units import bytes_text, mib, number_text, percent_text

MAIN_SITE_RATIO = 0.5
"""A function that holds at least this share of the growth is named as its place."""
_SIZE = re.compile(r"([+-]?)(\d[\d,]*) bytes\b")


def findings(result: ScenarioResult) -> list[Finding]:
    """Return what grows. A quantity that was not sampled long enough gives no finding, not a clean bill."""
    return [one for one in (_heap(result), _goroutines(result), _python(result)) if one]


def _heap(result: ScenarioResult) -> Finding | None:
    growth = result.growth
    if growth.live_heap.label != "DETECTED":
        return None
    site = next(iter(growth.heap_sites), None)
    told = site is not None and site.share_ratio >= MAIN_SITE_RATIO
    where = f"{site.site}, which holds {percent_text(site.share_ratio, 0)} % of the growth" if site and told else None
    return Finding(
        id="go_heap_leak",
        title="Memory growth associated with a live heap that never shrinks",
        layer="application",
        confidence="HIGH",
        evidence=(
            f"live heap {_slope(growth.live_heap)}",
            f"resident set {_slope(growth.resident_set)}; {_crossing(result)}",
            *(map(_site, growth.heap_sites[:2]) if growth.heap_sites else map(_in_mib, result.hotspots[:2])),
        ),
        recommendation=f"Go service: look first at {where}"
        if where
        else "Go service: compare the heap profiles before and after by allocation site (pprof -diff_base)",
        priority="P0" if growth.crossing.earliest_days is not None else "P1",
    )


def _in_mib(hotspot: str) -> str:
    """Return a hotspot with its sizes in MiB, as the live heap beside it is told.

    Examples
    --------
    >>> _in_mib("heap: cache.put holds 1,572,864 bytes, +0 bytes since before the load")
    'heap: cache.put holds 1.50 MiB, +0.00 MiB since before the load'
    """
    return _SIZE.sub(lambda found: f"{found[1]}{number_text(mib(int(found[2].replace(',', ''))), 2, 'MiB')}", hotspot)


def _slope(growth: SizeGrowth) -> str:
    if growth.slope_mib_per_h is None or growth.interval_mib_per_h is None:
        return "not measured"
    low, high = growth.interval_mib_per_h
    return f"{number_text(growth.slope_mib_per_h, 2, 'MiB/h')} (95 % interval {low:.2f} to {high:.2f})"


def _site(one: SiteGrowth) -> str:
    return f"heap: {one.site} grew by {bytes_text(one.grown_bytes)}, {percent_text(one.share_ratio, 0)} % of all growth"


def _crossing(result: ScenarioResult) -> str:
    found = result.growth.crossing
    if found.earliest_days is None:
        return "no crossing of the limit is forecast"
    latest = "no finite crossing at 97.5 %" if found.latest_days is None else f"at the latest {found.latest_days:.1f}"
    return f"at the earliest {found.earliest_days:.1f} days to the limit, {latest}"


def _goroutines(result: ScenarioResult) -> Finding | None:
    found = result.growth.goroutines
    grows, stays = found.label == "DETECTED", found.returned is False
    if not grows and not stays:
        return None
    evidence = []
    if grows:
        rate = number_text(found.per_1000_requests, 1)
        evidence.append(f"their floor grew by {number_text(found.slope_per_h, 1)} an hour, {rate} in 1,000 requests")
    if stays:
        evidence.append(
            f"{number_text(found.before_count, 0)} before the load, {number_text(found.after_count, 0)} after it"
        )
    return Finding(
        id="goroutine_leak",
        title="Goroutines that do not end",
        layer="application",
        confidence="HIGH" if grows else "MEDIUM",
        evidence=tuple(evidence),
        recommendation="Go service: find in the goroutine profile after the load the stack that most of them wait in",
        priority="P1",
    )


def _python(result: ScenarioResult) -> Finding | None:
    found = result.growth.python_resident_set
    if found.label != "DETECTED":
        return None
    return Finding(
        id="python_memory_growth",
        title="Resident set of the Python service that grows without end",
        layer="application",
        confidence="MEDIUM",
        evidence=(f"resident set {_slope(found)}",),
        recommendation="FastAPI service: run it under tracemalloc in a run of its own and compare snapshots",
        priority="P2",
    )

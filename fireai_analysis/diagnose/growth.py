"""Findings about what grows without end: the live heap, goroutines, the resident sets of both services."""

from __future__ import annotations

from fireai_analysis.results import Finding, ScenarioResult, SiteGrowth, SizeGrowth
from fireai_analysis.units import bytes_text, number_text, percent_text

MAIN_SITE_RATIO = 0.5
"""A function that holds at least this share of the growth is named as its place."""
NO_RATIO = "what the runtime holds beside its live heap is not measured"
FLAT_HEAP = (
    "Go service: it is no leak of live objects; compare /memory/classes of runtime/metrics at both ends: heap/unused "
    "and heap/free (fragmentation: GOMEMLIMIT, fewer large buffers), heap/stacks (goroutines), and a resident set "
    "beyond the runtime's total (cgo, mapped files, caches outside the heap)"
)
UNKNOWN_HEAP = (
    "Go service: run it longer, so that collections tell the live heap: if it grows too, it is a leak of objects "
    "(pprof -diff_base); if it stays flat, fragmentation, stacks or memory outside the heap"
)


def findings(result: ScenarioResult) -> list[Finding]:
    """Return what grows. A quantity that was not sampled long enough gives no finding, not a clean bill."""
    return [one for one in (_heap(result), _resident(result), _goroutines(result), _python(result)) if one]


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
            *(map(_site, growth.heap_sites[:2]) if growth.heap_sites else result.hotspots[:2]),
        ),
        recommendation=f"Go service: look first at {where}"
        if where
        else "Go service: compare the heap profiles before and after by allocation site (pprof -diff_base)",
        priority="P0" if growth.crossing.earliest_days is not None else "P1",
    )


def _resident(result: ScenarioResult) -> Finding | None:
    """Return a resident set that grows although no leak of the live heap explains it."""
    resident, live = result.growth.resident_set, result.growth.live_heap
    if resident.label != "DETECTED" or live.label == "DETECTED":
        return None
    flat = live.label is not None
    ratio = result.go.live_to_total_ratio
    return Finding(
        id="go_resident_growth",
        title="Resident set of the Go service that grows without end, "
        + ("while its live heap does not" if flat else "and its live heap is not known"),
        layer="application",
        confidence="MEDIUM" if _would_show(live, resident) else "LOW",
        evidence=(
            f"resident set {_slope(resident)}",
            f"live heap {_slope(live)}{_least(live)}",
            f"live heap {percent_text(ratio, 1)} % of what the runtime holds" if ratio is not None else NO_RATIO,
            _stacks(result),
        ),
        recommendation=FLAT_HEAP if flat else UNKNOWN_HEAP,
        priority="P1",
    )


def _would_show(live: SizeGrowth, resident: SizeGrowth) -> bool:
    """Return whether a live heap that grew as fast as the resident set would have shown."""
    least, slope = live.detectable_mib_per_h, resident.slope_mib_per_h
    return least is not None and slope is not None and least <= slope


def _least(growth: SizeGrowth) -> str:
    least = growth.detectable_mib_per_h
    return "" if least is None else f"; {number_text(least, 2, 'MiB/h')} or more would have shown"


def _stacks(result: ScenarioResult) -> str:
    found = result.growth.goroutines
    if found.label is None:
        return "goroutines not measured, so their stacks may be it"
    grown = number_text(found.slope_per_h, 1)
    return f"goroutines grew by {grown} an hour" + ("" if found.label == "DETECTED" else ", which is no growth")


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
        evidence=(f"resident set {_slope(found)}{_least(found)}",),
        recommendation="FastAPI service: run it under tracemalloc in a run of its own and compare snapshots",
        priority="P2",
    )

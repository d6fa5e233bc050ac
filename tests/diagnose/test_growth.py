"""Findings about growth: silent without it, each planted kind named with its numbers and its place."""

import pytest

from fireai_analysis.diagnose.growth import findings
from fireai_analysis.results import Forecast, GoroutineGrowth, Growth, ScenarioResult, SiteGrowth, SizeGrowth
from tests import made

LEAK = SizeGrowth(label="DETECTED", slope_mib_per_h=8.0, interval_mib_per_h=(6.0, 10.0), detectable_mib_per_h=3.0)


def result(**changes: object) -> ScenarioResult:
    return made.healthy_result("sustained").model_copy(update={"growth": Growth(**changes)})


@pytest.mark.parametrize("label", [None, "NONE", "STEP", "RAMPING"])
def test_what_does_not_grow_without_end_is_no_finding(label: str | None) -> None:
    still = LEAK.model_copy(update={"label": label})
    goroutines = GoroutineGrowth(label=label, returned=None)
    assert findings(result(live_heap=still, python_resident_set=still, goroutines=goroutines)) == []


def test_a_leak_is_told_with_both_slopes_its_forecast_and_its_place() -> None:
    sites = (SiteGrowth(site="cache.put", grown_bytes=3_000_000, share_ratio=0.75),)
    days = Forecast(days=3.0, earliest_days=2.0, latest_days=None)
    (found,) = findings(result(live_heap=LEAK, resident_set=LEAK, crossing=days, heap_sites=sites))
    text = " ".join(found.evidence)
    assert (found.id, found.priority) == ("go_heap_leak", "P0")
    assert "live heap 8.00 MiB/h (95 % interval 6.00 to 10.00)" in text
    assert "at the earliest 2.0 days to the limit, no finite crossing at 97.5 %" in text
    assert "cache.put, which holds 75 % of the growth" in (found.recommendation or "")


def test_no_place_is_named_where_none_holds_half_of_the_growth() -> None:
    sites = tuple(SiteGrowth(site=f"site{number}", grown_bytes=1, share_ratio=0.3) for number in range(3))
    (found,) = findings(result(live_heap=LEAK, heap_sites=sites))
    assert "diff_base" in (found.recommendation or "")
    assert found.priority == "P1"


@pytest.mark.parametrize(
    ("goroutines", "confidence", "told"),
    [
        (GoroutineGrowth(label="DETECTED", slope_per_h=36.0, per_1000_requests=8.3), "HIGH", "8.3 in 1,000"),
        (GoroutineGrowth(label="NONE", returned=False, before_count=40, after_count=90), "MEDIUM", "90 after it"),
    ],
)
def test_goroutines_that_grow_or_stay(goroutines: GoroutineGrowth, confidence: str, told: str) -> None:
    (found,) = findings(result(goroutines=goroutines))
    assert (found.id, found.confidence) == ("goroutine_leak", confidence)
    assert told in " ".join(found.evidence)


def test_python_memory_is_weaker_evidence() -> None:
    (found,) = findings(result(python_resident_set=LEAK))
    assert (found.id, found.confidence, found.priority) == ("python_memory_growth", "MEDIUM", "P2")


def test_hotspots_are_told_in_mib() -> None:
    told = ("heap: cache.put holds 3,145,728 bytes, -1,048,576 bytes since before the load", "cpu: run took 10 ms")
    run = result(live_heap=LEAK).model_copy(update={"hotspots": told})
    (found,) = findings(run)
    assert found.evidence[-2:] == ("heap: cache.put holds 3.00 MiB, -1.00 MiB since before the load", told[1])

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
    shown = result(live_heap=still, resident_set=still, python_resident_set=still, goroutines=goroutines)
    assert findings(shown) == []


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


FLAT = SizeGrowth(label="NONE", slope_mib_per_h=0.1, interval_mib_per_h=(-0.4, 0.6), detectable_mib_per_h=3.0)


def test_a_resident_set_that_grows_over_a_flat_heap_is_no_leak_of_objects() -> None:
    calm = GoroutineGrowth(label="NONE", slope_per_h=0.2)
    (found,) = findings(result(resident_set=LEAK, live_heap=FLAT, goroutines=calm))
    assert (found.id, found.confidence, found.priority) == ("go_resident_growth", "MEDIUM", "P1")
    assert found.title == "Resident set of the Go service that grows without end, while its live heap does not"
    text = "; ".join(found.evidence)
    assert "resident set 8.00 MiB/h (95 % interval 6.00 to 10.00)" in text
    assert "live heap 0.10 MiB/h (95 % interval -0.40 to 0.60); 3.00 MiB/h or more would have shown" in text
    assert "goroutines grew by 0.2 an hour, which is no growth" in text
    assert all(word in (found.recommendation or "") for word in ("fragmentation", "stacks", "cgo"))


def test_a_heap_that_grows_with_the_resident_set_is_told_once_as_the_leak() -> None:
    assert [one.id for one in findings(result(resident_set=LEAK, live_heap=LEAK))] == ["go_heap_leak"]


def test_a_flat_heap_that_could_have_hidden_the_growth_is_weaker_evidence() -> None:
    blunt = FLAT.model_copy(update={"detectable_mib_per_h": 9.0})
    (found,) = findings(result(resident_set=LEAK, live_heap=blunt))
    assert found.confidence == "LOW"
    assert "9.00 MiB/h or more would have shown" in found.evidence[1]


def test_an_unknown_heap_is_not_called_flat() -> None:
    (found,) = findings(result(resident_set=LEAK))
    assert (found.id, found.confidence) == ("go_resident_growth", "LOW")
    assert "live heap is not known" in found.title
    assert "live heap not measured" in found.evidence
    assert "run it longer" in (found.recommendation or "")


def test_growing_goroutines_are_named_beside_a_growing_resident_set() -> None:
    grown = GoroutineGrowth(label="DETECTED", slope_per_h=36.0, per_1000_requests=8.3)
    first, second = findings(result(resident_set=LEAK, live_heap=FLAT, goroutines=grown))
    assert (first.id, second.id) == ("go_resident_growth", "goroutine_leak")
    assert first.evidence[-1] == "goroutines grew by 36.0 an hour"


def test_hotspots_stand_in_for_sites() -> None:
    told = ("heap: cache.put holds 3.15 MB, -1.05 MB since before the load", "cpu: run took 10 ms")
    (found,) = findings(result(live_heap=LEAK).model_copy(update={"hotspots": told}))
    assert found.evidence[-2:] == told

"""What the memory of Go is judged on beside its mark: leaks of the live heap, outside of it, and of goroutines."""

import numpy as np
import pandas as pd
import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.judge import Judgement, judge_one
from fireai_analysis.results import ScenarioResult
from fireai_analysis.scenarios import load_criteria
from tests import made
from tests.made import MIB, S

CRITERION = next(one for one in load_criteria().criteria if one.id == "go_memory")


def hours(frame: pd.DataFrame) -> np.ndarray:
    return np.asarray((frame["t_ns"] - frame["t_ns"].min()) / S / 3600, dtype=float)


def judged(data: RunData) -> tuple[Judgement, ScenarioResult]:
    result = made.result(data)
    return judge_one(CRITERION, result), result


def resident(data: RunData, more_bytes: np.ndarray) -> RunData:
    """The resident set of Go is larger by so much; its mark follows."""
    frame = data.samples["processes"]
    size = (frame["rss_bytes"] + np.where(frame["process"] == "go", more_bytes, 0)).astype("int64")
    mark = np.maximum(size.groupby(frame["process"]).cummax(), frame["high_water_bytes"])
    return made.with_sample(data, "processes", rss_bytes=size, high_water_bytes=mark)


def test_memory_that_grows_outside_of_the_heap_does_not_pass() -> None:
    data = made.healthy("sustained")
    found, result = judged(resident(data, 50 * MIB * hours(data.samples["processes"])))
    assert (result.facts["leak_label"], result.growth.resident_set.label) == ("NONE", "DETECTED")
    assert (found.verdict, found.reasons) == ("INCONCLUSIVE", ("LEAK",))
    assert "the resident set grows by 50.00 MiB/h" in found.reason


def test_a_resident_set_that_crosses_after_a_week_passes() -> None:
    data = made.healthy("sustained")
    found, result = judged(resident(data, 1.5 * MIB * hours(data.samples["processes"])))
    assert result.growth.resident_set.label == "DETECTED"
    assert found.verdict == "PASSED"


def test_goroutines_that_pile_up_do_not_pass() -> None:
    data = made.healthy("sustained")
    counts = (40 + 4320 * hours(data.samples["go"])).astype("int64")
    found, _ = judged(made.with_sample(data, "go", goroutines_count=counts))
    assert (found.verdict, found.reasons) == ("INCONCLUSIVE", ("LEAK",))
    assert "goroutines pile up by 4,320.0 an hour" in found.reason


def test_a_live_heap_that_grows_below_a_falling_resident_set_does_not_pass() -> None:
    data = made.healthy("sustained")
    live = data.samples["go"]["live_heap_bytes"] + 20 * MIB * hours(data.samples["go"])
    falling = resident(data, 200 * MIB * (1 - hours(data.samples["processes"]) / 4))
    found, result = judged(made.with_sample(falling, "go", live_heap_bytes=live.astype("int64")))
    assert (result.growth.resident_set.slope_mib_per_h or 0) < 0
    assert result.growth.crossing.days == pytest.approx((512e6 - 262 * MIB) / (20 * MIB) / 24, rel=0.02)
    assert (found.verdict, found.reasons) == ("INCONCLUSIVE", ("LEAK",))


def test_a_leak_without_a_forecast_does_not_pass() -> None:
    result = made.healthy_result("sustained")
    facts = result.facts | {"leak_label": "DETECTED", "leak_days_to_limit": None}
    found = judge_one(CRITERION, result.model_copy(update={"facts": facts}))
    assert (found.verdict, found.reasons) == ("INCONCLUSIVE", ("LEAK",))


def test_a_leak_of_the_python_process_is_no_matter_of_this_criterion() -> None:
    data = made.healthy("sustained")
    frame = data.samples["processes"]
    size = frame["rss_bytes"] + np.where(frame["process"] == "fastapi", 50 * MIB * hours(frame), 0)
    found, result = judged(made.with_sample(data, "processes", rss_bytes=size.astype("int64")))
    assert result.growth.python_resident_set.label == "DETECTED"
    assert found.verdict == "PASSED"


def test_the_smallest_growth_that_would_have_shown_is_told() -> None:
    long, short = (judge_one(CRITERION, made.healthy_result(name)) for name in ("sustained", "spike"))
    assert "growth of the live heap NONE (a steady one would have shown from 0.95 MiB/h on)" in long.evidence
    assert "growth" not in short.evidence

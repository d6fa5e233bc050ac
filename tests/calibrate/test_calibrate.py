"""The calibration itself: figures, the truth of its models, and that it tells a broken rule."""

from pathlib import Path

import numpy as np
import pytest

from fireai_analysis.analyze import intervals
from tests.calibrate import __main__ as command
from tests.calibrate import p95
from tests.calibrate.figures import Figure, mean_of, median_of, share
from tests.calibrate.heaps import NOISES, heap
from tests.calibrate.latencies import LENGTHS, MODELS, run_of, true_p95_us


@pytest.mark.parametrize(
    ("value", "side", "met"), [(0.87, ">=", True), (0.85, ">=", False), (0.93, "<=", True), (0.95, "<=", False)]
)
def test_a_bar_is_met_within_two_standard_errors(value: float, side: str, met: bool) -> None:
    assert Figure("", value, 0.02, 100, side, 0.90).met is met  # type: ignore[arg-type]


def test_a_figure_without_runs_is_not_met() -> None:
    assert not share("", [], ">=", 0.9).met
    assert not share("", [], "<=", 0.9).met


def test_errors_of_figures_are_known() -> None:
    assert share("", [True] * 50 + [False] * 50, ">=", 0.5).error == pytest.approx(0.05)
    assert share("", [True] * 99, ">=", 0.5).error == pytest.approx(np.sqrt(0.99 * 0.01 / 99))
    assert mean_of("", [Figure("", 0.4, 0.03, 1, ">=", 0), Figure("", 0.6, 0.04, 1, ">=", 0)], ">=", 0.5).error == 0.025
    middle = median_of("", np.arange(101.0).tolist(), "<=", 50.0)
    assert (middle.value, middle.met) == (50.0, True)


@pytest.mark.parametrize("model", MODELS)
def test_the_true_p95_of_each_model_is_true(model: str) -> None:
    rng, over, count = np.random.default_rng(2), 0, 0
    for _ in range(12):
        values = run_of(model, "4 h", rng).values_us
        over, count = over + int((values > true_p95_us(model)).sum()), count + len(values)
    assert over / count == pytest.approx(0.05, abs=0.006)


@pytest.mark.parametrize("length", LENGTHS)
def test_arrivals_are_those_of_the_scenario(length: str) -> None:
    duration_s, rate_rps = LENGTHS[length]
    found = run_of("iid", length, np.random.default_rng(3))
    assert len(found.values_us) == pytest.approx(duration_s * rate_rps, rel=0.02)
    assert 0 <= found.at_s[0] <= found.at_s[-1] < duration_s
    assert (np.diff(found.at_s) >= 0).all()


@pytest.mark.parametrize("name", NOISES)
def test_heaps_grow_as_told(name: str) -> None:
    rng, grown = np.random.default_rng(4), []
    for _ in range(60):
        at_s, live = heap(name, 8.0, rng)
        late = at_s > 3600
        grown.append(np.polyfit(at_s[late] / 3600, live[late] / 1e6, 1)[0])
    assert np.mean(grown) == pytest.approx(8.0, abs=0.6)


def test_an_interval_that_is_too_narrow_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def held() -> float:
        rng = np.random.default_rng(5)
        return float(np.mean([p95.one_run("slow50, 4 h", rng).holds for _ in range(40)]))

    sound = held()
    for bound in ("T_CRITICAL", "T_LOWER"):
        monkeypatch.setattr(intervals.cosine, bound, 0.3)
    assert held() < 0.6 < sound


def test_a_section_takes_the_place_of_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.md")
    for name, value in (("leaks", 0.1), ("p95", 0.2), ("leaks", 0.3)):
        command.keep(name, command.section(name, [Figure("figure", value, 0.01, 9, "<=", 0.15)], 60.0))
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert text.startswith("# Calibration")
    assert text.index("## p95") < text.index("## leaks")
    assert ("20.0%" in text, "30.0%" in text, "10.0%" in text) == (True, True, False)
    assert text.count("**NO**") == 2

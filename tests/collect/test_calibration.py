"""The calibration of this machine, for real: made once, kept, taken over, and stopped when asked to."""

import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from fireai_analysis.collect import calibration
from fireai_analysis.collect.trials import LADDER_RPS
from fireai_analysis.errors import CollectionError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIREAI_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(cache: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in cache.glob("calibration-*.json")]


@pytest.mark.real
def test_a_calibration_is_made_once_and_kept(cache: Path) -> None:
    assert calibration.stored() is None
    assert not calibration.is_known()
    found = calibration.calibrated()
    assert kept(cache) == [found]
    assert calibration.stored() == found
    assert found["null_p95_ms"] >= calibration.DELAY_MS
    assert found["p95_bias_ms"] > 0
    assert found["p95_bias_ratio"] == pytest.approx(found["p95_bias_ms"] / found["null_p95_ms"])
    assert found["p95_bias_ratio"] in found["p95_bias_ratios"]
    assert found["capacity_rps"] in (0.0, *LADDER_RPS)
    assert found["requests_count"] > 400
    assert found["locust_version"]
    assert found["cores_count"] >= 1


def test_a_calibration_of_another_version_is_not_taken_over(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"p95_bias_ratio": 0.01, "capacity_rps": 700.0}
    monkeypatch.setattr(calibration, "measured", lambda refuse: made)
    assert calibration.calibrated() == made
    monkeypatch.setattr(calibration, "measured", lambda refuse: pytest.fail("measured again"))
    assert calibration.calibrated() == made
    monkeypatch.setattr(calibration, "version", lambda name: "0.0")
    assert calibration.stored() is None


def test_a_bias_beyond_the_limit_is_measured_again_by_the_next_run(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    biases = iter([0.08, 0.02])
    monkeypatch.setattr(calibration, "measured", lambda refuse: {"p95_bias_ratio": next(biases)})
    assert calibration.calibrated()["p95_bias_ratio"] == 0.08
    assert calibration.calibrated()["p95_bias_ratio"] == 0.02
    assert calibration.calibrated()["p95_bias_ratio"] == 0.02


@pytest.mark.real
def test_a_calibration_that_is_stopped_leaves_nothing_behind(cache: Path) -> None:
    def stop() -> None:
        raise CollectionError("stopped")

    before = psutil.Process().children()
    with pytest.raises(CollectionError, match="stopped"):
        calibration.calibrated(stop)
    assert kept(cache) == []
    assert [child.name() for child in psutil.Process().children() if child not in before] == []

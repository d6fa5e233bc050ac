"""Rate curves of `params/`: shapes and files become points, and mistakes are one line with file, place and remedy."""

import shutil
from pathlib import Path

import pytest

from fireai_analysis import cli, scenarios
from fireai_analysis.curves import Shape, read_curve
from fireai_analysis.errors import ParamsError
from fireai_analysis.rates import mean_rps
from fireai_analysis.scenarios import load_profile, load_scenario, load_target, run_spec, scaled
from fireai_analysis.spec import RunSpec

ROOT = Path(__file__).resolve().parent.parent
RATE = "    rate_rps: 35.0\n"
DAY = "t_s,rate_rps\n0,20\n1800,50\n3600,20\n"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "params"
    shutil.copytree(ROOT / "params", folder)
    (folder / "curves").mkdir(exist_ok=True)
    monkeypatch.setenv("FIREAI_PARAMS_DIR", str(folder))
    monkeypatch.setattr(scenarios, "_scenario_file", scenarios._scenario_file.__wrapped__)
    return folder


def peak_with(params: Path, lines: str, rate: str = RATE) -> None:
    path = params / "scenarios.yaml"
    text = path.read_text()
    assert RATE in text
    path.write_text(text.replace(RATE, rate + lines))


def pairs(curve) -> list[tuple[float, float]]:
    return [(point.t_s, point.rate_rps) for point in curve]


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        ({"kind": "ramp", "from_rps": 20, "to_rps": 50}, [(0, 20), (60, 50)]),
        ({"kind": "ramp", "from_rps": 0, "to_rps": 9, "rise_s": 20}, [(0, 0), (20, 9), (60, 9)]),
        ({"kind": "step", "from_rps": 5, "to_rps": 10}, [(0, 5), (30, 5), (30, 10), (60, 10)]),
        (
            {"kind": "step", "from_rps": 1, "to_rps": 3, "levels": 3},
            [(0, 1), (20, 1), (20, 2), (40, 2), (40, 3), (60, 3)],
        ),
        (
            {"kind": "spike", "from_rps": 5, "to_rps": 50, "at_s": 10, "spike_s": 20, "rise_s": 2},
            [(0, 5), (10, 5), (12, 50), (32, 50), (34, 5), (60, 5)],
        ),
    ],
)
def test_shapes(shape: dict[str, object], points: list[tuple[float, float]]) -> None:
    assert pairs(Shape.model_validate(shape).curve(60)) == points


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"kind": "ramp", "from_rps": 1, "to_rps": 2, "levels": 3}, "a ramp has no levels"),
        ({"kind": "spike", "from_rps": 1, "to_rps": 2}, "a spike needs at_s and spike_s"),
    ],
)
def test_keys_that_do_not_fit_the_kind(shape: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Shape.model_validate(shape)


def test_a_recorded_curve_is_part_of_the_specification(params: Path) -> None:
    (params / "curves" / "day.csv").write_text(DAY)
    peak_with(params, "    curve_file: curves/day.csv\n")
    spec = run_spec("run", "peak", "smoke", load_target("embedded"), 1)
    assert pairs(spec.full.curve) == [(0, 20), (1800, 50), (3600, 20)]
    assert pairs(spec.scenario.curve) == [(0, 20), (15, 50), (30, 20)]
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


def test_points_in_place(params: Path, capsys: pytest.CaptureFixture) -> None:
    peak_with(params, "    curve: [{t_s: 0, rate_rps: 20}, {t_s: 3600, rate_rps: 50}]\n")
    assert mean_rps(load_scenario("peak").curve) == 35.0
    assert load_scenario("peak").peak_rate_rps == 50.0
    assert cli.exit_code(["run", "peak", "--dry-run"]) == 0
    assert "peak: 20 to 50 rps over the window (mean 35)" in capsys.readouterr().out


def test_the_peak_of_a_curve_counts_against_the_limit_of_the_target(params: Path) -> None:
    peak_with(params, "    shape: {kind: ramp, from_rps: 20, to_rps: 50}\n")
    target = load_target("embedded")
    small = target.model_copy(update={"limits": target.limits.model_copy(update={"max_rate_rps": 40.0})})
    with pytest.raises(ParamsError, match=r"max_rate_rps.*needs 50, allowed 40"):
        run_spec("run", "peak", "smoke", small, 1)


@pytest.mark.parametrize(
    ("lines", "parts"),
    [
        ("    curve: [{t_s: 0, rate_rps: 20}]\n", ("scenarios.peak", "at least two points")),
        ("    curve: [{t_s: 0, rate_rps: 20}, {t_s: 3600, rate: 50}]\n", ("scenarios.peak.curve.1.", "Field required")),
        ("    curve: [{t_s: 0, rate_rps: 9}, {t_s: 3600, rate_rps: 9}]\n", ("not 35", "write rate_rps: 9")),
        ("    curve: [{t_s: 0, rate_rps: 35}, {t_s: 60, rate_rps: 35}]\n", ("ends at 60 s", "3600 s")),
        (
            "    curve: [{t_s: 0, rate_rps: 1}, {t_s: 9, rate_rps: 1}, {t_s: 8, rate_rps: 1}]\n",
            ("back in time", "from t_s 9 to 8"),
        ),
        ("    shape: {kind: peek, from_rps: 1, to_rps: 2}\n", ("scenarios.peak.shape.kind", "'peek'")),
        (
            "    shape: {kind: spike, from_rps: 1, to_rps: 2, at_s: 3599, spike_s: 9}\n",
            ("scenarios.peak.shape", "the spike ends at 3608 s"),
        ),
        ("    curve_file: curves/nowhere.csv\n", ("nowhere.csv", "does not exist")),
        ("    curve_file: ../day.csv\n", ("scenarios.peak.curve_file", "is outside of")),
        ("    curve: []\n    shape: {}\n", ("holds curve and shape", "keep one")),
        ("    think_s: 1\n", ("scenarios.peak", "belong together")),
        ("    load_model: closed\n", ("scenarios.peak", "belong together")),
        (
            "    load_model: closed\n    think_s: 1\n    shape: {kind: ramp, from_rps: 20, to_rps: 50}\n",
            ("scenarios.peak", "follows its answers"),
        ),
    ],
)
def test_mistakes_are_one_line(params: Path, lines: str, parts: tuple[str, ...]) -> None:
    peak_with(params, lines)
    with pytest.raises(ParamsError) as caught:
        load_scenario("peak")
    message = str(caught.value)
    assert all(part in message for part in (str(params), *parts)), message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", "line 1", "t_s,rate_rps"),
        ("time,rate\n0,1\n", "line 1", "t_s,rate_rps"),
        ("t_s,rate_rps\n0,1\n60,x\n", "line 3", "found '60,x'"),
        ("t_s,rate_rps\n0,1\n60\n", "line 3", "found '60'"),
        ("t_s,rate_rps\n0,-1\n", "line 2", "at least 0"),
        ("t_s,rate_rps\n0,nan\n", "line 2", "at least 0"),
        ("t_s,rate_rps\n" + "0,1\n" * 10_001, "(file)", "thin it out"),
    ],
)
def test_curve_files_are_refused_by_line(tmp_path: Path, text: str, place: str, problem: str) -> None:
    path = tmp_path / "day.csv"
    path.write_text(text)
    with pytest.raises(ParamsError) as caught:
        read_curve(path)
    assert all(part in str(caught.value) for part in (str(path), place, problem))


def test_a_profile_that_does_not_fit_is_refused(params: Path) -> None:
    peak_with(params, "    shape: {kind: ramp, from_rps: 20, to_rps: 50}\n")
    profile = load_profile("smoke")
    closed = profile.scenarios["peak"].model_copy(update={"load_model": "closed", "think_s": 1.0})
    wrong = profile.model_copy(update={"scenarios": {"peak": closed}})
    with pytest.raises(ParamsError, match=r"profiles.smoke.scenarios.peak.*follows its answers"):
        scaled(load_scenario("peak"), wrong)

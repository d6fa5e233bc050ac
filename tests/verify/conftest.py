"""The small campaigns, made once; each test gets a copy of its own to lie in. Equal rows are analysed once."""

import hashlib
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fireai_analysis.analyze.data import RunData
from fireai_analysis.analyze.run import Analysis, analyze_run
from fireai_analysis.plots import printed
from fireai_analysis.plots.chart import Chart
from fireai_analysis.spec import Criteria
from fireai_analysis.verify import again
from tests.verify import small


@pytest.fixture(scope="session")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("params") / "params"


@pytest.fixture(autouse=True)
def _made_params(params: Path) -> Iterator[None]:
    with small.made_params(params):
        yield


@pytest.fixture(scope="session", autouse=True)
def _done_once() -> Iterator[None]:
    """Draw equal charts and analyse equal runs once: a lie alters one thing, and the rest comes out as before."""
    pictures: dict[str, str] = {}
    analyses: dict[bytes, Analysis] = {}
    draw = printed.svg

    def svg(chart: Chart) -> str:
        key = repr(chart)
        if key not in pictures:
            pictures[key] = draw(chart)
        return pictures[key]

    def analysed(data: RunData, criteria: Criteria) -> Analysis:
        told = (data.manifest.model_dump_json(), criteria.model_dump_json())
        content = pickle.dumps((*told, data.requests, data.operations, dict(data.samples), data.heap_profiles))
        key = hashlib.sha256(content).digest()
        if key not in analyses:
            analyses[key] = analyze_run(data, criteria)
        return analyses[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(printed, "svg", svg)
        for module in (again, small):
            patch.setattr(module, "analyze_run", analysed)
        yield


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory, params: Path) -> Path:
    with small.made_params(params):
        return small.campaign(tmp_path_factory.mktemp("honest") / "run")


@pytest.fixture
def copy(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "run"))


@pytest.fixture(scope="session")
def honest_peak(tmp_path_factory: pytest.TempPathFactory, params: Path) -> Path:
    """A campaign of one scenario, for lies that need no other."""
    with small.made_params(params):
        return small.campaign(tmp_path_factory.mktemp("peak") / "run", names=("peak",))


@pytest.fixture
def peak(honest_peak: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest_peak, tmp_path / "run"))

"""The small campaign, made once; each test gets a copy of its own to lie in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verify import small


@pytest.fixture(scope="session")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("params") / "params"


@pytest.fixture(autouse=True)
def _made_params(params: Path) -> Iterator[None]:
    with small.made_params(params):
        yield


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory, params: Path) -> Path:
    with small.made_params(params):
        return small.campaign(tmp_path_factory.mktemp("honest") / "run")


@pytest.fixture
def copy(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "run"))

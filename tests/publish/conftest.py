"""A campaign directory with real bundles and results, made without a platform."""

import json
from pathlib import Path

import pytest

from fireai_analysis.analyze.run import analyze_run
from fireai_analysis.bundle import RunBundle, atomic_write, json_bytes
from fireai_analysis.campaign import Campaign
from fireai_analysis.scenarios import load_criteria
from tests import made


def add_run(directory: Path, name: str) -> RunBundle:
    """An analysed smoke run of one scenario."""
    data = made.healthy(name, "smoke")
    bundle = RunBundle.create(directory, data.manifest.spec)
    bundle.update(state="recording")
    bundle.update(state="recorded", started_ns=data.manifest.started_ns, ended_ns=data.manifest.ended_ns)
    analysis = analyze_run(data, load_criteria())
    for table, frame in analysis.tables.items():
        bundle.write_analysis(table, frame)
    atomic_write(bundle.raw_dir / "locust.log", b"started\n")
    result = analysis.result.model_copy(update={"state": "analyzed"})
    atomic_write(bundle.results_path, json_bytes(result.model_dump(mode="json")))
    bundle.update(state="analyzed")
    bundle.seal()
    return bundle


@pytest.fixture(scope="session")
def campaign_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smoke campaign of three scenarios; the fourth was ordered and never ran."""
    directory = tmp_path_factory.mktemp("campaign") / "run"
    environment = json.loads(json.dumps(made.CAMPAIGN)) | {"campaign": "made-smoke", "profile": "smoke"}
    Campaign.create(directory, environment)
    for name in ("sustained", "peak", "crdt_stress"):
        add_run(directory, name)
    return directory

"""Starts the stub platform and runs against it, for tests."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fireai_analysis.bundle import RunBundle
from fireai_analysis.scenarios import load_target, run_spec
from fireai_analysis.spec import DoorAddress, Target

SECRETS = {
    "INTERNAL_JWT_SECRET_KEY": "canary-internal-secret-of-the-tests-0123456789",
    "FIREAI_PUBLIC_JWT_SECRET_KEY": "canary-public-secret-of-the-tests-0123456789",
}


@contextmanager
def stub(mode: str = "right") -> Iterator[str]:
    """Yield the address of a stub platform in a process of its own."""
    path = Path(__file__).with_name("stub_server.py")
    server = subprocess.Popen([sys.executable, str(path), mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.stdin.close()
        server.terminate()
        server.wait()
        server.stdout.close()


def counts(url: str) -> dict[str, int]:
    """Return how many requests arrived, by method and path."""
    with urllib.request.urlopen(f"{url}/counts", timeout=5) as answer:
        found: dict[str, int] = json.loads(answer.read())
    return found


def target_at(url: str, **changes: object) -> Target:
    """Return the embedded target with both doors at one address."""
    target = load_target("embedded")
    doors = {door: DoorAddress(base_url=url) for door in target.doors}
    return target.model_copy(update={"doors": doors, **changes})


def run_bundle(directory: Path, target: Target, name: str, **scenario: object) -> RunBundle:
    """Return a new run of a few seconds against a target."""
    spec = run_spec("test", name, "smoke", target, 1)
    profile = spec.profile.model_copy(update={"settle_s": 0.0, "profiled_s": 0.5})
    changed = spec.scenario.model_copy(update={"duration_s": 2.0, **scenario})
    return RunBundle.create(directory, spec.model_copy(update={"scenario": changed, "profile": profile}))

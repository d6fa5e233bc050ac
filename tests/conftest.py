"""What tests of several parts share."""

import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from fireai_analysis.platform import control
from fireai_analysis.platform.state import PlatformStatus

# A shell starts background jobs with SIGINT ignored, and children inherit that; tests that send it need it delivered.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run and no clock over them: a busy machine is no defect, and a red test can be made again.
# To look for more: `pytest --hypothesis-profile=explore`.
QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, database=None, **QUIET)
settings.register_profile("explore", max_examples=1000, **QUIET)
settings.load_profile("steady")


@pytest.fixture
def unused_port() -> Iterator[int]:
    """Yield a port of loopback at which nobody listens, held so that nobody else can take it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture(scope="session")
def platform() -> Iterator[PlatformStatus]:
    """Yield one embedded platform for the whole session, apart from any that the user runs."""
    with tempfile.TemporaryDirectory(prefix="fireai-t-") as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIREAI_STATE_DIR", str(Path(directory)))
        with control.running() as status:
            yield status

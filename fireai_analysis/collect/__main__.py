"""`python -m fireai_analysis.collect BUNDLE_DIR`: records the run of a bundle; secrets come by the environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fireai_analysis.bundle import RunBundle
from fireai_analysis.collect.runner import Runner
from fireai_analysis.collect.stopping import OWNER_VARIABLE, Stopping
from fireai_analysis.errors import FireAIAnalysisError, UsageError
from fireai_analysis.redact import RedactedStream, Redactor


def main(arguments: list[str]) -> int:
    """Record the run in the directory given and return the exit code: 0 recorded, 4 aborted, 2 not to be started."""
    owner = os.environ.get(OWNER_VARIABLE, "")
    stopping = Stopping(int(owner) if owner.isdecimal() else None)
    stopping.on_signals()
    os.umask(0o077)
    try:
        if len(arguments) != 1:
            raise UsageError("give one directory: python -m fireai_analysis.collect BUNDLE_DIR")
        bundle = RunBundle.open(Path(arguments[0]).resolve())
        if bundle.manifest.state != "created":
            raise UsageError(f"{bundle.directory}: the run is {bundle.manifest.state} already; start a new one")
    except FireAIAnalysisError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    secrets = [os.environ.get(name, "") for name in bundle.manifest.spec.target.secret_names()]
    sys.stderr = RedactedStream(sys.stderr, Redactor(secrets))
    return Runner(bundle, dict(os.environ), stopping).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

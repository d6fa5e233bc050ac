"""`python -m fireai_analysis.platform [--owned]`: the supervisor process."""

from __future__ import annotations

import argparse
import os
import sys

from fireai_analysis.errors import PlatformError
from fireai_analysis.platform.paths import state_dir
from fireai_analysis.platform.supervisor import Supervisor


def main() -> int:
    """Run the supervisor until it is stopped."""
    parser = argparse.ArgumentParser(prog="fireai_analysis.platform")
    parser.add_argument("--owned", action="store_true", help="stop when standard input closes")
    owned = parser.parse_args().owned
    os.umask(0o077)
    try:
        return Supervisor(state_dir(), owned=owned).run()
    except PlatformError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())

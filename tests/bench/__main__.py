"""`python -m tests.bench [NAME ...]`: runs benchmarks, prints a line for each figure; exit code 1: one was missed.

A benchmark is a module `bench_NAME.py` of this folder with a function `main()` that gives a `Line` for each figure.
"""

import sys
import time
from importlib import import_module
from pathlib import Path

KNOWN = {path.stem.removeprefix("bench_"): path.stem for path in sorted(Path(__file__).parent.glob("bench_*.py"))}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        print(f"unknown benchmark {', '.join(unknown)}; known: {', '.join(KNOWN)}")
        return 2
    missed = 0
    for name in names or KNOWN:
        began = time.monotonic()
        for line in import_module(f"tests.bench.{KNOWN[name]}").main():
            print(
                f"{'ok  ' if line.met else 'MISS'} {name}: {line.name}: {line.measured} (to reach: {line.reach})",
                flush=True,
            )
            missed += not line.met
        print(f"     {name} took {time.monotonic() - began:.0f} s", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

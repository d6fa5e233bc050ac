"""Simulated runs on all cores: seeded by the name of what is simulated, so that each line stands by itself."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

import numpy as np

SEED = 20_261_124
CHUNK_RUNS = 50
NICENESS = 5
Outcome = TypeVar("Outcome")


def simulate(work: Callable[[str, np.random.Generator], Outcome], runs: Mapping[str, int]) -> dict[str, list[Outcome]]:
    """Return the outcome of so many runs of each name; `work` is a function of a module, for it goes to processes."""
    jobs = [
        (work, name, chunk, min(CHUNK_RUNS, count - chunk))
        for name, count in runs.items()
        for chunk in range(0, count, CHUNK_RUNS)
    ]
    found: dict[str, list[Outcome]] = {name: [] for name in runs}
    with ProcessPoolExecutor(os.cpu_count(), initializer=os.nice, initargs=(NICENESS,)) as executor:
        for job, outcomes in zip(jobs, executor.map(_chunk, jobs), strict=True):
            found[job[1]] += outcomes
    return found


def _chunk(job: tuple[Callable[[str, np.random.Generator], Outcome], str, int, int]) -> list[Outcome]:
    work, name, chunk, runs = job
    rng = np.random.default_rng([SEED, zlib.crc32(name.encode()), chunk])
    return [work(name, rng) for _ in range(runs)]

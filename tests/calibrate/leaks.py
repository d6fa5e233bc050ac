"""Rule MEM on simulated heaps of 4 h: alarms on healthy ones, power, and the error of the slope."""

from __future__ import annotations

import numpy as np

from fireai_analysis.analyze.leak import Leak, detect
from fireai_analysis.units import BYTES_PER_MB, BYTES_PER_MIB, S_PER_HOUR
from tests.calibrate.figures import Figure, median_of, share
from tests.calibrate.heaps import COURSES, NOISES, heap, resident
from tests.calibrate.pool import simulate

LEAKS = (8.0, 4.0)
"""Growth in MB/h; the bar is set for the first, the second stands beside it."""
BAR = LEAKS[0]
DETECTABLE = "detectable"
LATE, LATE_S, LATE_MB_PER_H = "late", 10_800.0, 50.0
"""A leak that begins in the last of four hours."""
ALARM_REACH = {"F": 0.15, "G": 0.02}


def one_run(name: str, rng: np.random.Generator) -> Leak:
    """Simulate one heap (`NOISE, LEAK`) and look for a leak.

    The leak is in MB/h, or `detectable`: what another run of the same noise, without a leak, says it would have shown,
    or `late`.
    """
    noise, _, slope = name.partition(", ")
    if slope == LATE:
        at_s, live = heap(noise, 0.0, rng)
        live = live + LATE_MB_PER_H * BYTES_PER_MB * np.maximum(0.0, at_s - LATE_S) / S_PER_HOUR
        return detect(at_s, live, (at_s, resident(live, rng)))
    if slope != DETECTABLE:
        return _look(noise, float(slope), rng)
    told = _look(noise, 0.0, rng).detectable_mib_per_h or 0.0
    return _look(noise, told * BYTES_PER_MIB / BYTES_PER_MB, rng)


def _look(noise: str, leak_mb_per_h: float, rng: np.random.Generator) -> Leak:
    at_s, live = heap(noise, leak_mb_per_h, rng)
    return detect(at_s, live, (at_s, resident(live, rng)))


def figures(runs: int) -> list[Figure]:
    """Return every figure of rule MEM."""
    keys = [f"{name}, 0" for name in (*NOISES, *COURSES)]
    keys += [f"{name}, {leak}" for name in NOISES for leak in (*(f"{one:g}" for one in LEAKS), DETECTABLE, LATE)]
    found = simulate(one_run, dict.fromkeys(keys, runs))
    return [
        *(
            share(
                f"leak alarms on healthy runs: {name}",
                _alarms(found[f"{name}, 0"]),
                "<=",
                ALARM_REACH.get(name, 0.03),
                _told(found[f"{name}, 0"]),
            )
            for name in (*NOISES, *COURSES)
        ),
        *(_power(name, found) for name in NOISES),
        *(
            share(f"power at {LATE_MB_PER_H:g} MB/h in the last hour of four: {name}", alarms, ">=", 0.90, _told(leaks))
            for name in NOISES
            for leaks in [found[f"{name}, {LATE}"]]
            for alarms in [_alarms(leaks)]
        ),
        *(
            median_of(
                f"error of the leak slope, relative, at {BAR:g} MB/h: {name}",
                _slope_errors(found[f"{name}, {BAR:g}"], BAR),
                "<=",
                0.15,
            )
            for name in NOISES
        ),
    ]


def _power(name: str, found: dict[str, list[Leak]]) -> Figure:
    at_bar, smaller = (found[f"{name}, {leak:g}"] for leak in LEAKS)
    told = np.mean(_alarms(found[f"{name}, {DETECTABLE}"]))
    beside = f"at {LEAKS[1]:g} MB/h {np.mean(_alarms(smaller)):.1%}, at the growth told as detectable {told:.1%}"
    note = f"{_told(at_bar)}; {beside}"
    return share(f"power at {BAR:g} MB/h over 4 h: {name}", _alarms(at_bar), ">=", 0.90, note)


def _alarms(leaks: list[Leak]) -> list[bool]:
    return [one.label == "DETECTED" for one in leaks]


def _told(leaks: list[Leak]) -> str:
    labels = [str(one.label) for one in leaks]
    return ", ".join(f"{label} {labels.count(label) / len(labels):.1%}" for label in sorted(set(labels)))


def _slope_errors(leaks: list[Leak], leak_mb_per_h: float) -> list[float]:
    slopes = [(one.slope_mib_per_h or 0.0) * BYTES_PER_MIB / BYTES_PER_MB for one in leaks]
    return [abs(slope - leak_mb_per_h) / leak_mb_per_h for slope in slopes]

"""Whether the clocks of doors and database agree with this machine's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import LiteralString

from fireai_analysis.collect.database import Database, database_address
from fireai_analysis.collect.facts import clock_offsets_us
from fireai_analysis.errors import CollectionError, ParamsError
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import Occasion, good, refusal, warning
from fireai_analysis.spec import Target
from fireai_analysis.units import NS_PER_US

NAME = "clock"
WARN_US, REFUSE_US = 5_000.0, 5_000_000.0
TRIES_COUNT, DEADLINE_S = 5, 3.0
NOW: LiteralString = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us"


def clock(occasion: Occasion) -> Check:
    """Warn of a clock that is 5 ms off, refuse one that is 5 s off: tokens and samples would not fit the requests."""
    return judged(clock_offsets_us(occasion.target) | database_offset_us(occasion.target, occasion.environment))


def judged(offsets_us: Mapping[str, float]) -> Check:
    """Return the check of offsets in microseconds by place."""
    if not offsets_us:
        detail = "no clock could be compared to better than half a second"
        return warning(NAME, detail, "offer t_ns in /metrics; without it no latency can pass", "doors")
    worst = max(offsets_us, key=lambda name: abs(offsets_us[name]))
    offset_us = offsets_us[worst]
    size = f"{offset_us / 1e6:+.1f} s" if abs(offset_us) >= 1e6 else f"{offset_us / 1e3:+.1f} ms"
    detail = f"{worst} is {size} off" + (f", the largest of {len(offsets_us)}" if len(offsets_us) > 1 else "")
    remedy = "set both clocks by NTP"
    if abs(offset_us) > REFUSE_US:
        return refusal(NAME, detail, remedy)
    return warning(NAME, detail, remedy) if abs(offset_us) > WARN_US else good(NAME, detail)


def database_offset_us(target: Target, environment: Mapping[str, str]) -> dict[str, float]:
    """Return by how many microseconds the database's clock is ahead of ours; nothing where it cannot be asked."""
    try:
        address = database_address(target, environment)
    except ParamsError:
        return {}
    if address is None:
        return {}
    database, best = Database(address), (float("inf"), 0.0)
    try:
        database.connect(DEADLINE_S)
        for _ in range(TRIES_COUNT):
            best = min(best, _asked(database))
    except CollectionError:
        return {}
    finally:
        database.close()
    return {"database": best[1]}


def _asked(database: Database) -> tuple[float, float]:
    """Return round trip and offset in microseconds."""
    before_us = time.time_ns() / NS_PER_US
    told_us = float(database.rows(NOW, DEADLINE_S)[0]["now_us"])
    after_us = time.time_ns() / NS_PER_US
    return after_us - before_us, told_us - (before_us + after_us) / 2

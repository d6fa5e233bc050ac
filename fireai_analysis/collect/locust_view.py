"""What Locust shows of a generator: N users that idle, and its own count of requests.

Locust is imported inside functions only: importing it patches the standard library of the whole process for gevent,
which belongs into generator processes alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import gevent

from fireai_analysis.collect.clock import Clock
from fireai_analysis.collect.lead import Lead
from fireai_analysis.collect.transport import Doors, Place
from fireai_analysis.spec import Door, RunSpec

_IDLE_S = 3600.0


@dataclass(frozen=True)
class Identity:
    """One user of the schedule: its own connections, and the place where its requests are told to Locust."""

    environment: Any
    doors: Doors


def identities(environment: Any, places: dict[Door, Place], count: int) -> list[Identity]:
    """Return the users of a schedule, by number.

    Parameters
    ----------
    environment : locust.env.Environment
        Told of every request.
    places : dict
        Where each door is.
    count : int
        How many users there are.
    """
    return [Identity(environment, Doors(places)) for _ in range(count)]


def user_class(host: str | None) -> type:
    """Return the user that Locust shows; it idles, because the dispatcher sends for it when the schedule says so."""
    from locust import User, task

    class PlatformUser(User):  # type: ignore[misc,unused-ignore]
        """One identity of the schedule."""

        @task
        def idle(self) -> None:
            gevent.sleep(_IDLE_S)

    PlatformUser.host = host
    return PlatformUser


def counts(runner: Any) -> list[dict[str, Any]]:
    """Return how many requests Locust counted, by name and method."""
    entries = runner.stats.entries.values()
    return [{"name": entry.name, "method": entry.method, "count": entry.num_requests} for entry in entries]


def count_facts(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return Locust's version and the sum of its counts."""
    import locust

    return {
        "locust_version": locust.__version__,
        "locust_requests_count": sum(int(count["count"]) for count in found),
    }


def header(spec: RunSpec, lead: Lead, clock: Clock) -> dict[str, Any]:
    """Return the first record of the journal of a generator process."""
    return {
        "schema": 1,
        "run_id": spec.run_id,
        "scenario": spec.scenario.name,
        "worker": lead.worker,
        "workers": lead.workers,
        "pid": os.getpid(),
        "t_ns": clock.now_ns(),
        "clock_offset_ns": clock.offset_ns,
    }

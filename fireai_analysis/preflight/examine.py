"""All checks before a run, in order: what costs nothing first, then what is asked of the target.

Nothing is sent where load may not go, and no burst to a target of which a route is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fireai_analysis.errors import TargetError
from fireai_analysis.preflight import clocks, limiter, machine, rate, routes
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.client import Client
from fireai_analysis.preflight.occasion import Occasion
from fireai_analysis.preflight.production import production
from fireai_analysis.preflight.token_life import token_life

NAMES = ("production", "open_files", "disk", "token_life", "clock", "routes", "rate_limiter", "feasible_rate")


def checks(occasion: Occasion) -> Iterator[Check]:
    """Yield every check; what depends on a failed one is left out."""
    allowed = production(occasion)
    yield allowed
    yield machine.open_files(occasion)
    yield machine.disk(occasion)
    yield token_life(occasion)
    if allowed.verdict == "fail":
        return
    yield clocks.clock(occasion)
    client = Client(occasion.target, occasion.environment)
    found = routes.answers(occasion, client)
    asked = routes.routes(found)
    yield asked
    if asked.verdict == "fail":
        return
    yield limiter.rate_limiter(occasion, client, [one.reply for _, one in found.asked])
    yield rate.feasible_rate(occasion, found)


def refuse(found: Iterable[Check], target_name: str) -> None:
    """Raise TargetError with the first failed check, in one line that names target, key, problem and remedy."""
    for check in found:
        if check.verdict == "fail":
            place = f"{check.key}: " if check.key else ""
            raise TargetError(f"target {target_name}: {place}{check.detail}; {check.remedy} ({check.name})")


def kept(found: Iterable[Check]) -> list[dict[str, str]]:
    """Return the checks as they are kept in `campaign.json` and in each manifest."""
    return [
        {"check": one.name, "verdict": one.verdict, "detail": one.detail, "remedy": one.remedy, "key": one.key}
        for one in found
    ]

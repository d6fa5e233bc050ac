"""The preflight of a campaign: carried out, shown in a few lines, refused in one."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from fireai_analysis.preflight import examine, rate
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import Occasion
from fireai_analysis.publish import estimate
from fireai_analysis.publish.order import Order
from fireai_analysis.publish.outcome import Progress
from fireai_analysis.spec import Target

NAME = "preflight"
WIDTH = 60
"""Columns beside the name of the part and its clock, at 80."""


def examined(
    order: Order, target: Target, secrets: Mapping[str, str], progress: Progress
) -> tuple[dict[str, str], ...]:
    """Ask everything that can be asked before hour one, and return the answers as they are kept.

    Raises
    ------
    TargetError
        Naming the target, the key, the problem and the remedy; nothing was written here.
    """
    takes = estimate.campaign(order.specs)
    occasion = Occasion(
        specs=tuple(spec.model_copy(update={"target": target}) for spec in order.specs),
        target=target,
        environment=secrets,
        directory=order.directory,
        lasts_s=takes.wall_s,
        needed_bytes=takes.disk_bytes,
        capacity_rps=rate.known_capacity_rps(),
    )
    found = []
    for check in examine.checks(occasion):
        progress.show(NAME, "asking", None, check.name)
        found.append(check)
    examine.refuse(found, target.name)
    progress.end(NAME, text(found), ok=True)
    return tuple(examine.kept(found))


def text(found: list[Check]) -> str:
    """Return what was found in lines that fit 80 columns: how many checks held, and what is to be looked at."""
    warned = [check for check in found if check.verdict == "warn"]
    lines = [f"{len(found)} checks: {len(found) - len(warned)} ok, {len(warned)} to look at"]
    for check in warned:
        lines += textwrap.wrap(f"{check.name}: {check.detail}", WIDTH)
        lines += textwrap.wrap(f"-> {check.remedy}{f' ({check.key})' if check.key else ''}", WIDTH)
    return "\n".join(lines)

"""Whether load may go to the hosts of a target: loopback, or by permission in its file; to production twice over."""

from __future__ import annotations

from urllib.parse import urlsplit

from fireai_analysis.collect import guard
from fireai_analysis.errors import UsageError
from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.occasion import Occasion, good, refusal

NAME = "production"


def production(occasion: Occasion) -> Check:
    """Refuse hosts that the target file does not allow, and hosts that look like production without confirmation."""
    target = occasion.target
    try:
        guard.refuse_proxies()
        guard.check_names(target)
        places = guard.resolved(target)
        for spec in occasion.specs:
            guard.check_load(spec.model_copy(update={"target": target}), places)
    except UsageError as error:
        problem, _, remedy = str(error).removeprefix(f"target {target.name}: ").partition("; ")
        key, _, detail = problem.partition(": ")
        return refusal(NAME, detail, remedy or "choose a smaller profile, or raise the limit in the target file", key)
    hosts = sorted({urlsplit(target.base_url(door)).hostname or "" for door in target.doors})
    sure = [host for host in hosts if guard.looks_like_production(host)]
    return good(NAME, f"load may go to {', '.join(hosts)}" + (", confirmed as production" if sure else ""))

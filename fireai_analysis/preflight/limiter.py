"""Whether a rate limiter stands in the way: a short burst of harmless requests, and what the answers announce.

Headers: RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers), the older RateLimit-Limit, the
X-RateLimit- headers in use, Retry-After.
"""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fireai_analysis.preflight.check import Check
from fireai_analysis.preflight.client import Client, Reply, health
from fireai_analysis.preflight.occasion import Occasion, good, refusal, warning
from fireai_analysis.spec import Scenario

NAME = "rate_limiter"
BURST_S, MOST_REQUESTS, FEWEST_REQUESTS = 2.0, 400, 3
THREADS_COUNT = 16
TOO_MANY = 429
WINDOWS_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}


@dataclass(frozen=True)
class Limit:
    """A limit that an answer announces: so many requests in so many seconds (None: the time is not said)."""

    header: str
    count: float
    window_s: float | None

    def allows(self, rate_rps: float) -> bool:
        """Return whether it is known to let a rate through."""
        return self.window_s is not None and self.count >= rate_rps * self.window_s

    @property
    def text(self) -> str:
        """The limit in words."""
        return f"{self.header}: {self.count:g} requests {f'in {self.window_s:g} s' if self.window_s else '(in ?)'}"


def offered_rps(scenario: Scenario) -> float:
    """Return the largest rate of a scenario: within a wave, at the top of a curve, else its rate."""
    if scenario.wave_spread_s is not None:
        return scenario.users / scenario.wave_spread_s
    return scenario.peak_rate_rps


def burst(occasion: Occasion, client: Client, rate_rps: float) -> list[Reply]:
    """Ask `/health` of the doors in turn at a rate for two seconds, 400 times at most; ends with the first 429."""
    count = max(FEWEST_REQUESTS, min(MOST_REQUESTS, math.ceil(rate_rps * BURST_S)))
    requests = [health(door) for door, _ in zip(itertools.cycle(occasion.target.doors), range(count), strict=False)]
    started_s, stopped = time.monotonic(), [False]

    def send(number: int) -> Reply | None:
        due_s = started_s + number * BURST_S / count
        time.sleep(max(0.0, due_s - time.monotonic()))
        if stopped[0] or time.monotonic() > started_s + BURST_S:
            return None
        reply = client.send(requests[number])
        stopped[0] = stopped[0] or reply.status == TOO_MANY
        return reply

    with ThreadPoolExecutor(min(THREADS_COUNT, count)) as threads:
        return [reply for reply in threads.map(send, range(count)) if reply is not None]


def rate_limiter(occasion: Occasion, client: Client, others: Iterable[Reply] = ()) -> Check:
    """Refuse a target that answers 429 at the load's rate; warn where an answer announces less than the load needs.

    Parameters
    ----------
    occasion : Occasion
        The runs to come; the fastest decides.
    client : Client
        Sends the burst.
    others : iterable of Reply
        Answers had before, whose headers count too.
    """
    rate_rps = max(offered_rps(spec.scenario) for spec in occasion.specs)
    needed_rps = max(spec.scenario.rate_rps for spec in occasion.specs)
    replies = burst(occasion, client, rate_rps)
    asked_rps = min(rate_rps, MOST_REQUESTS / BURST_S)
    everything = [*others, *replies]
    if any(reply.status == TOO_MANY for reply in everything):
        detail = (
            f"429 within {len(replies)} requests at {asked_rps:.3g} a second; the runs need {needed_rps:g} a second"
        )
        return refusal(NAME, detail, "let this machine through the rate limiter: the load would measure it", "doors")
    low = [limit for limit in _announced(everything) if not limit.allows(needed_rps)]
    if low:
        detail = f"{low[0].text}, the runs need {needed_rps:g} a second"
        return warning(NAME, detail, "ask who runs the target whether the limit holds for this machine", "doors")
    silent = sum(reply.status != 200 for reply in replies)
    if silent:
        detail = f"{silent} of {len(replies)} harmless requests at {asked_rps:.3g} a second were not answered 200"
        return warning(NAME, detail, "see the log of the service", "doors")
    return good(NAME, f"none in {len(replies)} requests at {asked_rps:.3g} a second")


def _announced(replies: Iterable[Reply]) -> list[Limit]:
    return list(dict.fromkeys(limit for reply in replies for limit in limits(reply.headers)))


def limits(headers: Mapping[str, str]) -> list[Limit]:
    """Return the limits that the headers of an answer announce.

    Examples
    --------
    >>> limits({"RateLimit-Policy": '"burst";q=100;w=60'})
    [Limit(header='ratelimit-policy', count=100.0, window_s=60.0)]
    >>> limits({"X-RateLimit-Limit-Minute": "30"})[0].window_s
    60.0
    >>> limits({"X-RateLimit-Limit": "5000"})[0].window_s is None
    True
    """
    found = []
    for name, value in headers.items():
        low = name.lower()
        if low == "retry-after":
            found.append(Limit(low, 0.0, None))
        elif "ratelimit" in low.replace("rate-limit", "ratelimit"):
            found += _policies(low, value)
    return found


def _policies(name: str, value: str) -> list[Limit]:
    """Return the limits of one header; what it says of the rest or of the time is left to the header of the limit."""
    if name.endswith(("remaining", "reset", "used", "resource")):
        return []
    window_s = next((length for word, length in WINDOWS_S.items() if word in name), None)
    found = []
    for policy in value.split(","):
        numbers = dict(re.findall(r"\b([qrwt]|limit|remaining|reset)=(\d+(?:\.\d+)?)", policy))
        plain = re.match(r"\s*(\d+(?:\.\d+)?)", policy)
        count = numbers.get("q") or numbers.get("r") or (plain[1] if plain else None)
        length = numbers.get("w") or numbers.get("t")
        if count is not None:
            found.append(Limit(name, float(count), (float(length) if length else 0.0) or window_s))
    timed = [limit for limit in found if limit.window_s]
    return timed or found

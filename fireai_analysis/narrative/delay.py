"""What became of the arrivals, and why response time and service time differ, or do not."""

from __future__ import annotations

from fireai_analysis.narrative.words import counted, listed
from fireai_analysis.results import Check, ScenarioResult
from fireai_analysis.units import duration_text, number_text, percent_text

WORTH_TELLING_MS = 1_000.0
"""A wait of this length is told as a stall."""
OF_GENERATOR = ("generator_cpu", "generator_lag", "generator_steal", "generator_gap", "late_starts", "stall_effect")
"""Checks that tell whether a latency is the platform's alone."""
MAY_BE_OWN = "Part of this latency may be the load generator's own"
UNBOUND = "does not bind waves"
"""How the detail of a check ends that failed and is counted as held, as no criterion rests on it."""


def of_generator(result: ScenarioResult) -> str:
    """Return that a latency may be the load generator's own, and by which checks; empty where these hold."""
    told = [one for one in result.validity if one.check in OF_GENERATOR and _fell(one)]
    if not told:
        return ""
    names, effect = listed([one.check for one in told]), [one.detail for one in told if one.check == "stall_effect"]
    why = f" ({effect[0].removesuffix(f'; {UNBOUND}')})" if effect else ""
    text = f"{MAY_BE_OWN}: what does not hold is {names}{why}."
    return text if any(one.ok is False for one in told) else f"{text} No criterion is judged on it."


def _fell(check: Check) -> bool:
    return check.ok is False or check.detail.endswith(UNBOUND)


def arrivals(result: ScenarioResult) -> str:
    """Return how many arrivals were late, never sent, or still in flight at the end: none is dropped silently."""
    if result.load_model == "closed":
        sent = "The load was closed: each user waited for its answer before it went on, and no schedule was drawn"
        return f"{sent}; {_in_flight(result)}."
    if result.load_model == "unknown":
        return "When each request was due is not in the files, so that nobody knows which were late or never sent."
    late = result.delay
    if late.late_count is None:
        return f"How many were sent late is NOT MEASURED; {_in_flight(result)}."
    due = "they were" if late.late_count > 1 else "it was"
    text = f"{_some(late.late_count)} sent more than 15 ms after {due} due"
    text += f" (at most {number_text(late.latest_ms, 1, 'ms')})" if late.late_count else ""
    never = "none was left unsent" if result.never_sent_count == 0 else _never_sent(result)
    return f"{text}, {never}, and {_in_flight(result)}."


def _never_sent(result: ScenarioResult) -> str:
    if result.never_sent_count is None:
        return "how many were never sent is NOT MEASURED"
    return f"{counted(result.never_sent_count, 'was', 'were')} never sent"


def _in_flight(result: ScenarioResult) -> str:
    count = result.generator.in_flight_at_end_count
    if count is None:
        return "how many were in flight when the window ended is NOT MEASURED"
    return f"{_some(count)} in flight when the window ended{' and waited for' if count else ''}"


def _some(count: int) -> str:
    return counted(count, "was", "were") if count else "none was"


def explained(result: ScenarioResult) -> str:
    """Return why response time and service time differ, or why both show the same wait."""
    if result.load_model == "closed":
        return (
            "These are service times: in a closed loop a stall holds back the requests that would have met it, so the "
            "tail that users would see is longer."
        )
    if result.load_model == "unknown":
        return (
            "These are service times, as no intended times are told: if a stall held requests back, the tail that "
            "users would see is longer."
        )
    return f"{_difference(result)} {_worst_moment(result)}".strip()


def _difference(result: ScenarioResult) -> str:
    late = result.delay
    if late.p99_ms is None or late.late_ratio is None:
        return ""
    text = (
        f"At the P99 response time is {number_text(late.p99_ms, 1, 'ms')} above service time: that is waiting before a "
    )
    text += "request was sent, and "
    if late.late_count:
        return text + (
            f"{percent_text(late.late_ratio)} % of the requests went out more than 15 ms late, the latest by "
            f"{number_text(late.latest_ms, 1, 'ms')}."
        )
    return text + f"every request went out within {number_text(late.latest_ms, 1, 'ms')} of its time."


def _worst_moment(result: ScenarioResult) -> str:
    worst = result.delay
    if worst.worst_waited_ms is None or worst.worst_waited_ms < WORTH_TELLING_MS or not worst.hidden_count:
        return ""
    return (
        f"At the worst moment, {duration_text(worst.worst_at_s)} into the window, "
        f"{counted(worst.worst_in_flight_count or 0, 'request')} were in flight, and the slowest of them took "
        f"{number_text(worst.worst_waited_ms, 0, 'ms')}. Open arrivals go out when they are due, whoever still waits; "
        "so this wait shows in response time and service time alike. A closed loop of "
        f"{counted(result.users_count or 0, 'user')} would have held back at least "
        f"{number_text(worst.hidden_count, 0)} of them, and hidden their wait."
    )

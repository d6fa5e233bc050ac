"""Phrases that several texts share."""

from __future__ import annotations

from collections.abc import Sequence

from fireai_analysis.results import Interval, ScenarioResult
from fireai_analysis.units import number_text, percent_text

TITLES = {"sustained": "Sustained", "peak": "Peak", "spike": "Spike", "crdt_stress": "CRDT Stress"}
"""Names of the scenarios as the report's tables head them."""
NOT_RUN = "not run"
"""Stands in the place of each figure of a scenario that was not part of the campaign."""


PARTS = {
    "app": "FastAPI",
    "validation": "schema validation",
    "go": "Go service",
    "pool": "waiting for a connection",
    "db": "database",
    "crdt": "CRDT merge",
}
"""Parts of a request as people call them, by their names in the Server-Timing header."""
VIOLATIONS = {
    "lost_later": "a write that was read and is gone",
    "lost": "an acknowledged write that is absent",
    "double_effect": "an idempotency key that took effect twice",
    "phantom": "a value that nobody wrote",
    "resurrected": "a refused write that is visible",
    "divergence": "a session that differs between places",
    "swallowed_body": "another body under a used key, acknowledged and absent",
    "illegal_winner": "a value that stands although it had been overwritten",
    "clock_regression": "a vector clock that fell, or holds what was never sent",
    "duplicated": "an element that stands more often than it was made",
    "other_answer": "a repetition that was answered otherwise",
    "stale": "an acknowledged write that a later read does not show",
}
"""What a counterexample shows, by its kind."""


def title(scenario: str) -> str:
    """Return the name of a scenario as the report's tables head it.

    Examples
    --------
    >>> title("crdt_stress")
    'CRDT Stress'
    """
    return TITLES.get(scenario, scenario)


def ran(result: ScenarioResult) -> bool:
    """Return whether the run left anything to speak of."""
    return result.requests_count is not None


def asked_for(result: ScenarioResult) -> bool:
    """Return whether the scenario was part of the campaign, whatever became of it."""
    return result.state != "missing" or result.facts.get("ordered") is True


def listed(names: Sequence[str]) -> str:
    """Return names as people list them.

    Examples
    --------
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def capitalized(text: str) -> str:
    """Return a sentence with a capital first letter; the rest stays.

    Examples
    --------
    >>> capitalized("none was sent by Locust"), capitalized("3 were sent")
    ('None was sent by Locust', '3 were sent')
    """
    return text[:1].upper() + text[1:]


def few(entries: Sequence[str], most: int, separator: str = ", ") -> str:
    """Return the first entries, and how many there are beside them.

    Examples
    --------
    >>> few(["a", "b", "c"], 2), few(["a"], 2)
    ('a, b, and 1 more', 'a')
    """
    more = len(entries) - most
    return separator.join(entries[:most]) + (f"{separator}and {number_text(more, 0)} more" if more > 0 else "")


def counted(count: int, one: str, many: str = "") -> str:
    """Return a count with its noun.

    Examples
    --------
    >>> counted(1, "request"), counted(1200, "request"), counted(0, "query", "queries")
    ('1 request', '1,200 requests', '0 queries')
    """
    return f"{number_text(count, 0)} {one if count == 1 else many or one + 's'}"


def span_text(interval: Interval, digits: int, unit: str, *, limit: float | None = None) -> str:
    """Return an interval with its unit; beside a limit each bound with digits enough to see its side.

    Examples
    --------
    >>> span_text((1.0, 2.5), 1, "ms"), span_text((1.0, None), 0, "ms")
    ('1.0 to 2.5 ms', '1 ms to unbounded')
    """
    low, high = interval
    if high is None:
        return f"{number_text(low, digits, unit, limit=limit)} to unbounded"
    return f"{number_text(low, digits, limit=limit)} to {number_text(high, digits, unit, limit=limit)}"


def scale_sentence(result: ScenarioResult) -> str:
    """Return how much of the ticket's scenario this run was; empty at full scale."""
    scale = result.scale
    if scale.is_full:
        return ""
    shares = (("duration", scale.duration_ratio), ("users", scale.users_ratio), ("rate", scale.rate_ratio))
    cut = [
        f"{percent_text(ratio)} % of the ticket's {name}" for name, ratio in shares if ratio is not None and ratio < 1
    ]
    if not cut:
        return "How much of the ticket's scenario it was is not told."
    return f"At {listed(cut)} it can prove a violation, not readiness."


def missing(result: ScenarioResult) -> str:
    """Return the sentence for a run that left nothing."""
    return f"NOT MEASURED: {result.reason}"

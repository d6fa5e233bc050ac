"""Why a verdict is what it is, in codes beside the words: programs read these, people read the reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

ReasonCode = Literal[
    "OVER_LIMIT",
    "BREACH",
    "NOT_RUN",
    "NO_EVIDENCE",
    "TOO_SHORT",
    "SCALE",
    "RUN_BROKE",
    "INTERVAL_REACHES_LIMIT",
    "NO_INTERVAL",
    "NO_STEADY_STATE",
    "GENERATOR",
    "CLOSED_LOOP",
    "FORMAT",
    "ROUNDED",
    "NO_ROWS",
    "REFUSED_ROWS",
    "WRONG_RUN",
    "ROWS",
    "DURATIONS",
    "CLOCK",
    "RESTART",
    "SAMPLERS",
    "LEAK",
    "OLD_MARK",
    "HISTORY",
    "WAIVED",
]

MEANINGS: dict[ReasonCode, str] = {
    "OVER_LIMIT": "the figure is proven to be over its limit",
    "BREACH": "a violation beside the figure is proven",
    "NOT_RUN": "the scenario left no result, or was not part of the campaign",
    "NO_EVIDENCE": "the figure, or a check that it needs, has no evidence",
    "TOO_SHORT": "the run was shorter than the ticket asks for, or than was planned",
    "SCALE": "the run had fewer users or a lower rate than the ticket asks for",
    "RUN_BROKE": "the run did not come to its end in order",
    "INTERVAL_REACHES_LIMIT": "the interval of the figure reaches over the limit",
    "NO_INTERVAL": "nothing bounds the figure within the limit",
    "NO_STEADY_STATE": "the warm-up takes too much of the run, or the figure drifts",
    "GENERATOR": "the load generator did not keep up, or nothing says that it can",
    "CLOSED_LOOP": "users waited for answers, so that stalls are hidden",
    "FORMAT": "the file of another tool cannot tell what the criterion needs",
    "ROUNDED": "the tool rounded the figure, or counted it in ranges, so that it may lie on either side of the limit",
    "NO_ROWS": "the file holds totals of requests and not the requests, so that nothing bounds their spread",
    "REFUSED_ROWS": "more than 1 % of the rows of a file could not be taken",
    "WRONG_RUN": "the run asked something else than its scenario, or its answers are marked against the contract",
    "ROWS": "rows or counters are missing, twice there or at odds",
    "DURATIONS": "durations cannot be as they are told, or are not what they stand for",
    "CLOCK": "clocks disagree",
    "RESTART": "a part of the target was replaced or ended during the run",
    "SAMPLERS": "samples are missing, or are not those of the process that did the work",
    "LEAK": "a leak is forecast to cross the limit soon, or could not be looked for",
    "OLD_MARK": "the high-water mark may be older than the run, or there is none",
    "HISTORY": "the CRDT history or the states that were read leave room for a violation",
    "WAIVED": "a written waiver that has not expired covers it",
}
"""What each code means."""

OF_CHECK: dict[str, ReasonCode] = {
    "run_state": "RUN_BROKE",
    "run_length": "TOO_SHORT",
    "load_model": "CLOSED_LOOP",
    "rows_refused": "REFUSED_ROWS",
    **dict.fromkeys(("achieved_rate", "arrivals", "workers", "calibration"), "GENERATOR"),
    **dict.fromkeys(("generator_cpu", "generator_lag", "generator_steal", "generator_gap"), "GENERATOR"),
    **dict.fromkeys(("late_starts", "stall_effect"), "GENERATOR"),
    **dict.fromkeys(("users", "mix", "idempotency_keys", "status_mix", "status_marks"), "WRONG_RUN"),
    **dict.fromkeys(("recorder_complete", "counts_locust", "counts_server"), "ROWS"),
    **dict.fromkeys(("history_complete", "history_marks"), "HISTORY"),
    **dict.fromkeys(("latency_values", "slow_errors"), "DURATIONS"),
    "steady_state": "NO_STEADY_STATE",
    "clock": "CLOCK",
    "target_restart": "RESTART",
    **dict.fromkeys((f"sampler_{name}" for name in ("go", "processes", "pool", "host", "postgres")), "SAMPLERS"),
    "sampler_generator": "SAMPLERS",
    "memory_mark": "OLD_MARK",
}
"""The code of each check of the validity gate, where it failed."""


class Doubt(str):
    """What keeps a criterion from passing, in words, with its code.

    Examples
    --------
    >>> doubt = Doubt("SCALE", "with 5 of 50 users")
    >>> doubt, doubt.code
    ('with 5 of 50 users', 'SCALE')
    """

    __slots__ = ("code",)
    code: ReasonCode

    def __new__(cls, code: ReasonCode, text: str) -> Doubt:
        """Return the words with their code."""
        made = super().__new__(cls, text)
        made.code = code
        return made


def codes(doubts: Iterable[Doubt]) -> tuple[ReasonCode, ...]:
    """Return the codes of doubts, each once, in the order of the words.

    Examples
    --------
    >>> codes([Doubt("SCALE", "fewer users"), Doubt("CLOCK", "off"), Doubt("SCALE", "a lower rate")])
    ('SCALE', 'CLOCK')
    """
    return tuple(dict.fromkeys(one.code for one in doubts))

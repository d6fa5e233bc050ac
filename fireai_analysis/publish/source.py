"""Reads one scenario's figures as values of the report: text, key in `summary.json`, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fireai_analysis.narrative import words
from fireai_analysis.publish.skeleton import Value
from fireai_analysis.results import ScenarioResult, Summary
from fireai_analysis.units import NOT_MEASURED, Limits

Format = Callable[[Any], str]


def limits(summary: Summary) -> Limits:
    """Return the limits by criterion, each in its own unit."""
    return {criterion.id: criterion.limit for criterion in summary.criteria}


@dataclass(frozen=True)
class Source:
    """The figures of one scenario, or their absence.

    Attributes
    ----------
    name : str
        Scenario, also where it was not run.
    result : ScenarioResult or None
        None where the campaign has no such scenario.
    """

    name: str
    result: ScenarioResult | None

    @property
    def is_closed(self) -> bool:
        """Whether the scenario ran as a closed loop."""
        return self.result is not None and self.result.load_model == "closed"

    @property
    def is_service_only(self) -> bool:
        """Whether no schedule is known: of a closed loop, and of results that tell no intended times."""
        return self.result is not None and self.result.service_only

    def value(self, path: str, text: Format, why: str) -> Value:
        """Return the figure at a dotted path below the scenario, formatted.

        Parameters
        ----------
        path : str
            Such as `response_ms.p95`; a dict is entered by key.
        text : callable
            Formats the figure, unit included.
        why : str
            Reason to print where the figure is null although the scenario ran.
        """
        found = self.at(path)
        key = f"scenarios.{self.name}.{path}"
        return self.absent(why, key) if found is None else Value(text(found), key)

    def words(self, make: Callable[[ScenarioResult], str | None], path: str, why: str) -> Value:
        """Return what a function says of the result; None means not measured. `path` names its main figure."""
        text = None if self.result is None else make(self.result)
        key = f"scenarios.{self.name}.{path}"
        return self.absent(why, key) if text is None else Value(text, key)

    def absent(self, why: str, key: str = "") -> Value:
        """Return the value of a figure that was not measured; a run that left nothing gives its own reason.

        Of a scenario that nobody asked for it is said that it was not run, and no more.
        """
        if self.result is None:
            return Value(NOT_MEASURED, key, f"{words.title(self.name)} was not run")
        if not words.asked_for(self.result):
            return Value(words.NOT_RUN)
        return Value(NOT_MEASURED, key, why if words.ran(self.result) else self.result.reason)

    def at(self, path: str) -> Any:
        """Return what stands at a dotted path, or None."""
        found: Any = self.result
        for part in path.split("."):
            if found is None:
                return None
            found = found.get(part) if isinstance(found, dict) else getattr(found, part)
        return found

"""Where the results of another tool came from: its files, and what they can tell. Null where they do not tell it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fireai_analysis.frozen import Frozen

Population = Literal["rows", "histogram", "rounded", "totals"]
"""Every request; exact counts of ranges of latency; percentiles rounded by the tool; totals."""
FULL_RATIO = 0.999
"""A run counts as long as it was planned from this share on: it ends with its last request, not with its clock."""


class OriginFile(Frozen):
    """One file that a run was read from; its copy lies in `raw/` unless it is large.

    Attributes
    ----------
    name : str
        Path inside the folder that was ingested.
    started_ns, ended_ns, duration_s
        First and last request, where there are rows; else what the file tells of its run.
    taken : dict
        What was read from it, with counts: `rows` (those of them with `intended` times), `totals` of endpoints,
        `ranges` (histograms), `samples` of resources, `profiles`.
    refused, left_out : dict
        Rows by reason: how many, and for those refused the first line (null where there are no lines).
    copy_name : str or None
        Name of its copy in `raw/`; None where it is large.
    """

    name: str
    bytes: int = Field(ge=0)
    sha256: str
    format: str
    title: str
    tool: str
    tool_version: str | None = None
    started_ns: int | None = None
    ended_ns: int | None = None
    duration_s: float | None = None
    users_count: int | None = None
    taken: dict[str, int] = Field(default_factory=dict)
    refused: dict[str, Refusal] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    copy_name: str | None = None


class Refusal(Frozen):
    """Rows that could not be taken for one reason."""

    count: int = Field(ge=1)
    line: int | None = None


class Origin(Frozen):
    """Results of another tool.

    Attributes
    ----------
    population : {'rows', 'histogram', 'rounded', 'totals'}
        What the figures are taken from.
    intended_times : bool
        Whether the files tell when each request was to be sent. Where they do not, `intended_ns` of the rows repeats
        `sent_ns`, and `response_us` repeats `service_us`.
    open_model : str or None
        The written reason for which somebody declared that arrivals did not wait for answers.
    duration_s, users_count, rate_rps
        What the files show; None where they do not tell.
    """

    tool: str
    formats: tuple[str, ...]
    population: Population
    intended_times: bool
    open_model: str | None = None
    duration_s: float | None = None
    users_count: int | None = None
    rate_rps: float | None = None
    files: tuple[OriginFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def refused_count(self) -> int:
        """Rows that could not be taken."""
        return sum(one.count for file in self.files for one in file.refused.values())

    @property
    def rows_count(self) -> int:
        """Rows that were taken."""
        return sum(file.taken.get("rows", 0) for file in self.files)

    def duration_ratio(self, full_s: float) -> float | None:
        """Return the share of the ticket's duration; a run that ends with its last request counts as whole."""
        if self.duration_s is None:
            return None
        ratio = self.duration_s / full_s
        return max(ratio, 1.0) if ratio >= FULL_RATIO else ratio

    def users_ratio(self, full_count: int) -> float | None:
        """Return the share of the ticket's users."""
        return None if self.users_count is None else self.users_count / full_count

    def rate_ratio(self, full_rps: float) -> float | None:
        """Return the share of the ticket's rate."""
        return None if self.rate_rps is None else self.rate_rps / full_rps


OriginFile.model_rebuild()

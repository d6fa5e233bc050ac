"""The exception tree: every error names what was wrong, where, and what to do next.

Nothing else in the package defines exception classes. `exit_code` is what the `fireai` command ends with when the
error reaches it.
"""

from __future__ import annotations

from pathlib import Path


class FireAIAnalysisError(Exception):
    """Base of all errors raised on purpose by this package."""

    exit_code = 1


class UsageError(FireAIAnalysisError):
    """The request cannot be carried out as asked: unknown name, bad value, missing secret, unreachable target."""

    exit_code = 2


class ParamsError(UsageError):
    """A parameter file or parameter is wrong.

    Parameters
    ----------
    source : pathlib.Path or str
        File (or command-line option, or notebook cell) that holds the value.
    key : str
        Dotted path of the key inside the file.
    problem : str
        What is wrong, with the value found.
    remedy : str
        The next step.
    """

    def __init__(self, source: Path | str, key: str, problem: str, remedy: str) -> None:
        self.source, self.key, self.problem, self.remedy = source, key, problem, remedy
        super().__init__(f"{source}: {key}: {problem}; {remedy}")


class TargetError(UsageError):
    """The system under test cannot be used: unreachable, refuses us, or lacks what the run needs."""


class GuardError(UsageError):
    """Load was about to go where no target file allows it."""


class PlatformError(FireAIAnalysisError):
    """The embedded platform could not be started, or broke."""

    exit_code = 4


class CollectionError(FireAIAnalysisError):
    """A run broke while it was being recorded."""

    exit_code = 4


class BundleError(UsageError):
    """A run bundle on disk is not what it should be.

    Parameters
    ----------
    path : pathlib.Path or str
        File or directory at fault.
    problem : str
        What was expected and what was found.
    remedy : str
        The next step.
    """

    def __init__(self, path: Path | str, problem: str, remedy: str) -> None:
        self.path, self.problem, self.remedy = path, problem, remedy
        super().__init__(f"{path}: {problem}; {remedy}")


class BundleVersionError(BundleError):
    """The bundle was written by a version whose layout this one does not read."""


class MissingSeriesError(BundleError):
    """A table that the caller cannot do without is not in the bundle."""


class IngestError(UsageError):
    """A foreign result file cannot be read as what it is, or is of a format that is recognised and not read.

    Parameters
    ----------
    path : pathlib.Path or str
        File at fault.
    problem : str
        What was expected and what was found.
    remedy : str
        The next step.
    line : int, optional
        Line at fault, from 1.
    """

    def __init__(self, path: Path | str, problem: str, remedy: str, *, line: int | None = None) -> None:
        self.path, self.problem, self.remedy, self.line = path, problem, remedy, line
        place = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{place}: {problem}; {remedy}")


class AnalysisError(FireAIAnalysisError):
    """A number cannot be computed from the data given."""


class InsufficientSamplesError(AnalysisError):
    """Too few samples for the statistic asked for.

    Parameters
    ----------
    statistic : str
        Name of the statistic.
    n_count, needed_count : int
        Samples there are, and samples it takes.
    """

    def __init__(self, statistic: str, n_count: int, needed_count: int) -> None:
        self.statistic, self.n_count, self.needed_count = statistic, n_count, needed_count
        super().__init__(f"{statistic} needs at least {needed_count} samples, there are {n_count}")


class ReportError(FireAIAnalysisError):
    """A notebook or an exporter failed; the evidence on disk is untouched."""

"""What was compared: every figure once, with what was reported, what was recomputed, and where the two differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fireai_analysis.errors import FireAIAnalysisError
from fireai_analysis.verify.guard import UNREADABLE, told

RELATIVE, ABSOLUTE = 1e-9, 1e-9
"""Two computations of one figure may differ by their last digits and by nothing else."""

ABSENT = "(absent)"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was reported.

    Attributes
    ----------
    key : str
        Dotted key in `summary.json`, or what of a file is meant.
    file : str
        The file that says so, relative to the campaign directory.
    reported, recomputed : object
        What the file says, and what the evidence gives.
    """

    key: str
    file: str
    reported: Any
    recomputed: Any


@dataclass
class Ledger:
    """Collects what was compared.

    Attributes
    ----------
    compared : set of str
        Keys of `summary.json` that were recomputed.
    """

    differences: list[Difference] = field(default_factory=list)
    compared: set[str] = field(default_factory=set)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def differ(self, key: str, file: str, reported: Any, recomputed: Any) -> None:
        """Keep a difference; what a file says at one place is told once."""
        if (key, file) not in self._told:
            self._told.add((key, file))
            self.differences.append(Difference(key, file, reported, recomputed))

    @contextmanager
    def guarded(self, key: str, file: str) -> Iterator[None]:
        """Make a difference of what cannot be read or recomputed."""
        try:
            yield
        except FireAIAnalysisError as error:
            self.differ(key, file, "readable", str(error))
        except UNREADABLE as error:
            self.differ(key, file, "readable", told(error))

    def hold_all(self, file: str, reported: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Hold all that a file says against what it should say; nothing may be missing, and nothing stand beside it."""
        said, found = dict(flat(reported, "")), dict(flat(wanted, ""))
        for name in [*found, *(name for name in said if name not in found)]:
            if not same(said.get(name, ABSENT), found.get(name, ABSENT)):
                self.differ(name, file, said.get(name, ABSENT), found.get(name, ABSENT))
        for name in reported.keys() - wanted.keys():
            self.differ(str(name), file, "a key of its own", ABSENT)

    def compare(self, file: str, prefix: str, reported: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
        """Hold figures against what a file reports below a prefix; containers are compared as a whole."""
        for key, value in figures.items():
            said, found = dict(flat(look(reported, key), key)), dict(flat(value, key))
            for name in sorted(said.keys() | found.keys()):
                place = f"{prefix}{name}"
                if file == "summary.json":
                    self.compared.add(place)
                if not same(said.get(name, ABSENT), found.get(name, ABSENT)):
                    self.differ(place, file, said.get(name, ABSENT), found.get(name, ABSENT))


def look(content: Any, key: str) -> Any:
    """Return what stands at a dotted key, which may itself hold names with dots; `ABSENT` where nothing does.

    Examples
    --------
    >>> look({"a": [{"b": 1}]}, "a.0.b"), look({"a": {"x.y": 2}}, "a.x.y"), look({}, "a")
    (1, 2, '(absent)')
    """
    if not key:
        return content
    if isinstance(content, list | tuple):
        head, _, rest = key.partition(".")
        return look(content[int(head)], rest) if head.isdecimal() and int(head) < len(content) else ABSENT
    if isinstance(content, Mapping):
        if key in content:
            return content[key]
        for name in content:
            if key.startswith(f"{name}."):
                found = look(content[name], key[len(name) + 1 :])
                if found is not ABSENT:
                    return found
    return ABSENT


def flat(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield every leaf below a value with its dotted key.

    Examples
    --------
    >>> list(flat({"a": [1, None]}, "x"))
    [('x.a.0', 1), ('x.a.1', None)]
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from flat(inner, f"{key}.{place}" if key else str(place))
    else:
        yield key, value


def same(one: Any, other: Any) -> bool:
    """Return whether two leaves are equal; numbers but for the last digits.

    Examples
    --------
    >>> same(0.1 + 0.2, 0.3), same(1, 2), same(None, 0), same(True, 1)
    (True, False, False, False)
    """
    if is_number(one) and is_number(other):
        return _close(one, other)
    return type(one) is type(other) and bool(one == other)


def _close(one: float, other: float) -> bool:
    try:
        return math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    except OverflowError:
        return one == other


def is_number(value: Any) -> bool:
    """Return whether a leaf is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_figure(value: Any) -> bool:
    """Return whether a leaf is a figure: a number, a truth value, or null, which says that it was not measured."""
    return value is None or isinstance(value, int | float)

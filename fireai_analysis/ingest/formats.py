"""The formats that are known: found among the modules of this package, told by content, or taken by name."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from fireai_analysis import ingest
from fireai_analysis.errors import UsageError
from fireai_analysis.ingest.found import Format
from fireai_analysis.ingest.source import Source

AUTO = "auto"


@cache
def known() -> tuple[Format, ...]:
    """Return every format, by name: the `FORMAT` or `FORMATS` of each module of this package."""
    found: list[Format] = []
    for info in pkgutil.iter_modules(ingest.__path__):
        module = importlib.import_module(f"{ingest.__name__}.{info.name}")
        found += [*vars(module).get("FORMATS", ()), *([module.FORMAT] if "FORMAT" in vars(module) else [])]
    return tuple(sorted(found, key=lambda one: one.name))


def claimants(source: Source) -> tuple[Format, ...]:
    """Return the formats that recognise the beginning of a file; more than one is a defect of ours."""
    head = source.head()
    return tuple(one for one in known() if one.recognises(head))


def named(name: str) -> Format:
    """Return the format of a name; an unknown one is refused with those that are read."""
    readable = [one for one in known() if one.is_read]
    for one in readable:
        if one.name == name:
            return one
    raise UsageError(f"unknown format {name!r}; known: {AUTO}, {_listed(one.name for one in readable)}")


def format_of(source: Source, name: str = AUTO) -> Format:
    """Return the format to read a file as: the one of the name, or the one that recognises its content.

    Raises
    ------
    IngestError
        Where the file is empty, no format recognises it, or two do.
    """
    if name != AUTO:
        return named(name)
    if not source.head().data.strip():
        raise source.refusal("is empty")
    found = claimants(source)
    if not found:
        readable = dict.fromkeys(one.title for one in known() if one.is_read)
        remedy = f"known are {_listed(readable)}; name one with --format"
        raise source.refusal("is of no known format", remedy=remedy)
    if len(found) > 1:
        titles = " and as ".join(one.title for one in found)
        raise source.refusal(f"can be read as {titles}", remedy=f"say --format {found[0].name} or another")
    return found[0]


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)

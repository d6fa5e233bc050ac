"""The document of a session: what stands where in it. Each write carries a token that no other write carries."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

ABSENT = object()
"""What stands at a pointer that leads nowhere."""
REMOVALS = ("remove", "delete")


@dataclass(frozen=True)
class Document:
    """A document that was read; its texts are counted when they are asked for.

    Attributes
    ----------
    content : object
        The JSON value.
    """

    content: Any

    @classmethod
    def parse(cls, text: Any) -> Document | None:
        """Return the document, or None where there is none, it is not JSON, or it is nested too deep to be read."""
        try:
            return cls(json.loads(text)) if isinstance(text, str) else None
        except (ValueError, RecursionError):
            return None

    @cached_property
    def _texts(self) -> tuple[Counter[str], Counter[str]]:
        """How often each text stands as a value and as a key, at any depth; without recursion, documents are deep."""
        values: list[str] = []
        keys: list[str] = []
        waiting = [self.content]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                keys.extend(one)
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
            elif isinstance(one, str):
                values.append(one)
        return Counter(values), Counter(keys)

    @property
    def values(self) -> Counter[str]:
        """How often each text stands as a value, at any depth."""
        return self._texts[0]

    @cached_property
    def texts(self) -> frozenset[str]:
        """Every text of the document, value or key."""
        values, keys = self._texts
        return frozenset(values) | keys.keys()

    def holds(self, token: str) -> bool:
        """Return whether a token stands anywhere, as a value or a key."""
        return token in self.texts

    def times(self, token: str) -> int:
        """Return how many elements carry a token: as values, or as a key where no value repeats it."""
        values, keys = self._texts
        return max(values[token], keys[token])

    @cached_property
    def changes(self) -> dict[str, frozenset[str]]:
        """The texts of the change objects that are kept in the document, by the path each of them names."""
        found: dict[str, set[str]] = {}
        for name, holder, path in _fields(self.content):
            if name == "path" and holder.get("op") not in REMOVALS:
                own = Document({key: value for key, value in holder.items() if key != "path"})
                found.setdefault(path, set()).update(own.texts)
        return {path: frozenset(texts) for path, texts in found.items()}

    def claims(self, containers: Iterable[str], tokens: frozenset[str] | set[str]) -> set[str]:
        """Return the texts that stand where tokens of the run stand: what a token nobody wrote would be among.

        By path these are the keys of the containers and the texts directly in them; beside root paths anything of the
        platform may stand. By keys they are the last steps of the paths of changes to the containers, and the texts
        directly in those change objects.
        """
        places = set(containers) - {""}
        named: set[str] = set()
        for place in places:
            held = at(self.content, place)
            if isinstance(held, dict):
                named |= held.keys()
                named.update(value for value in held.values() if isinstance(value, str))
        if named & tokens:
            return named
        for name, holder, text in _fields(self.content):
            parent, _, last = text.rpartition("/")
            if name == "path" and parent in places:
                named |= {last, *(value for value in holder.values() if isinstance(value, str))}
        return named


def at(content: Any, path: str) -> Any:
    """Return what stands at a JSON pointer, else `ABSENT`.

    Examples
    --------
    >>> at({"a": [{"b/c": 1}]}, "/a/0/b~1c"), at({"a": 1}, "/b") is ABSENT, at({"a": 1}, "")
    (1, True, {'a': 1})
    """
    for step in path.strip("/").split("/") if path else ():
        name = unescaped(step)
        if isinstance(content, dict) and name in content:
            content = content[name]
        elif isinstance(content, list) and name.isdecimal() and int(name) < len(content):
            content = content[int(name)]
        else:
            return ABSENT
    return content


def unescaped(step: str) -> str:
    """Return a step of a JSON pointer as the name that it stands for (RFC 6901).

    Examples
    --------
    >>> unescaped("a~1b~0c")
    'a/b~c'
    """
    return step.replace("~1", "/").replace("~0", "~") if "~" in step else step


def carries(value: Any, token: str) -> bool:
    """Return whether a value is a token, or holds it as a value at any depth.

    Examples
    --------
    >>> carries("a", "a"), carries({"token": "a"}, "a"), carries({"a": None}, "a"), carries(ABSENT, "a")
    (True, True, False, False)
    """
    if isinstance(value, dict):
        return token in value.values() or token in Document(value).values
    return value == token or (isinstance(value, list) and token in Document(value).values)


def _fields(content: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield every text that stands as a value: name of its field (in a list: the list's), object that has it, text."""
    waiting: list[tuple[str, dict[str, Any], Any]] = [("", {}, content)]
    while waiting:
        name, holder, one = waiting.pop()
        if isinstance(one, str):
            yield name, holder, one
        elif isinstance(one, dict):
            waiting.extend((key, one, value) for key, value in one.items())
        elif isinstance(one, list):
            waiting.extend((name, holder, entry) for entry in one)

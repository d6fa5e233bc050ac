"""Finding written values in the final document of a session, however the deployment lays changes into it.

By path: a change at `/hot/3` stands at `document["hot"]["3"]`. By keys: the change object itself is kept somewhere in
the document. Both are found by looking for the token, which no other write carries.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_ABSENT = object()


@dataclass(frozen=True)
class Document:
    """A final document with its texts counted.

    Attributes
    ----------
    content : object
        The JSON value.
    values, keys : collections.Counter
        How often each text stands as a value and as a key, at any depth.
    """

    content: Any
    values: Counter[str]
    keys: Counter[str]

    @classmethod
    def parse(cls, text: str | None) -> Document | None:
        """Return the document, or None where there is none or it is not JSON."""
        try:
            content = json.loads(text or "")
        except ValueError:
            return None
        return cls(content, Counter(_values(content)), Counter(_keys(content)))

    def holds(self, token: str) -> bool:
        """Return whether a token stands anywhere, as a value or a key."""
        return token in self.values or token in self.keys

    def times(self, token: str) -> int:
        """Return how many elements carry a token: as values, or as a key where no value repeats it."""
        return max(self.values[token], self.keys[token])

    def holds_at(self, path: str, token: str) -> bool:
        """Return whether a token is the final value of a path; where the path is not one of the document, anywhere.

        Examples
        --------
        >>> document = Document.parse('{"hot": {"0": "new"}, "old": ["old"]}')
        >>> document.holds_at("/hot/0", "new"), document.holds_at("/hot/0", "old"), document.holds_at("/x", "old")
        (True, False, True)
        """
        final = at(self.content, path)
        return self.holds(token) if final is _ABSENT else token in set(_values(final))


def at(content: Any, path: str) -> Any:
    """Return what stands at a JSON pointer, else a mark of absence."""
    for step in path.strip("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(content, dict) and name in content:
            content = content[name]
        elif isinstance(content, list) and name.isdigit() and int(name) < len(content):
            content = content[int(name)]
        else:
            return _ABSENT
    return content


def _values(content: Any) -> Iterator[str]:
    """Yield every text that stands as a value, without recursion: documents may be deep."""
    waiting = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _keys(content: Any) -> Iterator[str]:
    waiting = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield from one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)

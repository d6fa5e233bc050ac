"""How a deployment lays changes into the documents of its sessions, and so where a write has to stand.

By path: a change at `/hot/3` stands at `document["hot"]["3"]`. By keys: the change objects themselves are kept, found
by their own `path`. A write counts as there only where its layout puts it: a token that is told somewhere else (an
audit list, a tombstone) is no element. Where neither layout is seen, tokens are sought everywhere, and it is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from fireai_analysis.analyze.document import ABSENT, Document, at, carries
from fireai_analysis.analyze.history import Write

Layout = Literal["by_path", "by_keys", "anywhere"]
ToldLayout = Literal["auto", "by_path", "by_keys"]
Read = tuple[Sequence[Write], Document]


@dataclass(frozen=True)
class Layouts:
    """The layout of each container: of all but the last step of the paths that were written to.

    Attributes
    ----------
    of : dict
        Layout by container.
    doubts : tuple of str
        What speaks against it, in words.
    """

    of: Mapping[str, Layout]
    doubts: tuple[str, ...] = ()


def container_of(path: str) -> str:
    """Return all but the last step of a path.

    Examples
    --------
    >>> container_of("/hot/3"), container_of("/title")
    ('/hot', '')
    """
    return path.rpartition("/")[0]


def stands(document: Document, layout: Layout, path: str, token: str) -> bool:
    """Return whether a write stands in a document where its layout puts it.

    Examples
    --------
    >>> document = Document.parse('{"hot": {"0": "new"}, "log": ["old"], "kept": [{"path": "/a", "value": "x"}]}')
    >>> stands(document, "by_path", "/hot/0", "new"), stands(document, "by_path", "/hot/0", "old")
    (True, False)
    >>> stands(document, "by_keys", "/a", "x"), stands(document, "by_keys", "/b", "x")
    (True, False)
    >>> stands(document, "anywhere", "/b", "x")
    True
    """
    if layout == "by_keys":
        return token in document.changes.get(path, ())
    if layout == "anywhere":
        return document.holds(token)
    # a JSON pointer that ends with "-" adds to the end of a list (RFC 6902)
    return carries(at(document.content, container_of(path) if path.endswith("/-") else path), token)


def recognised(read: Iterable[Read], told: ToldLayout) -> Layouts:
    """Return the layout of each container, as the target file tells it or else as the final documents show it.

    Anything that stands at the path of an acknowledged write makes its container one by path; else a write that is kept
    as a change object makes it one by keys. A container of which nothing is seen anywhere (all lost) is as the others.

    Parameters
    ----------
    read : iterable of (writes, Document)
        The writes to each session and its final document.
    told : {'auto', 'by_path', 'by_keys'}
        Key `crdt.document` of the target file.
    """
    groups: dict[str, list[tuple[Write, Document]]] = defaultdict(list)
    for writes, document in read:
        for one in writes:
            group = groups[container_of(one.path)]
            if one.acknowledged and not one.altered:
                group.append((one, document))
    if told != "auto":
        return Layouts(dict.fromkeys(groups, told))
    seen = {place: _seen(group) for place, group in groups.items()}
    others: Layout = "by_keys" if "by_keys" in seen.values() and "by_path" not in seen.values() else "by_path"
    return Layouts({place: layout or others for place, layout in seen.items()}, tuple(_doubts(seen)))


def _seen(group: list[tuple[Write, Document]]) -> Layout | None:
    if any(_at_its_path(one, document) for one, document in group):
        return "by_path"
    if any(stands(document, "by_keys", one.path, one.token) for one, document in group):
        return "by_keys"
    return "anywhere" if any(document.holds(one.token) for one, document in group) else None


def _at_its_path(write: Write, document: Document) -> bool:
    """Whether anything stands where a write would by path: a counter holds a sum, a register the value of another."""
    if write.path.endswith("/-"):
        return stands(document, "by_path", write.path, write.token)
    return at(document.content, write.path) is not ABSENT


def _doubts(seen: Mapping[str, Layout | None]) -> Iterator[str]:
    remedy = "say crdt.document: by_path or by_keys in the target file"
    strange = sorted(place for place, layout in seen.items() if layout == "anywhere")
    if strange:
        yield f"writes to {', '.join(strange)} stand neither at their paths nor as change objects: {remedy}"
    if {"by_path", "by_keys"} <= set(seen.values()):
        kept = sorted(place for place, layout in seen.items() if layout == "by_keys")
        yield f"writes to {', '.join(kept)} are kept as change objects, others at their paths: {remedy}"

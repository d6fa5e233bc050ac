"""The charts of `report.html`: numbers and words of each against those of the same chart drawn again.

The figure of the screen is data, which the report writes by itself: it is held number by number. The picture for paper
is drawn by matplotlib, whose lines may differ between its versions: its words, and the kinds of its elements, are held,
and lines that differ are told.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from fireai_analysis.verify.ledger import ABSENT, Ledger, flat, same

_DATA = re.compile(r'(?<=<script type="application/json" class="fireai-figure">)[^<]*(?=</script></figure>)')
_PICTURE = re.compile(r'(?<=src="data:image/svg\+xml;base64,)[A-Za-z0-9+/=]*(?=">)')
_NAME = re.compile(r'<title id="([A-Za-z0-9_-]+)-title">')


def undrawn(text: str) -> str:
    r"""Return a page without its charts; what stands in their place must have their form.

    Examples
    --------
    >>> undrawn('<img src="data:image/svg+xml;base64,AAAA"><p>AAAA</p>')
    '<img src="data:image/svg+xml;base64,"><p>AAAA</p>'
    """
    return _DATA.sub("", _PICTURE.sub("", text))


def hold(file: str, text: str, wanted: str, ledger: Ledger) -> tuple[str, ...]:
    """Hold the charts of a page and return in words whose lines are drawn otherwise; too few of them differ elsewhere.

    Parameters
    ----------
    file : str
        The page, for the ledger.
    text, wanted : str
        The page as it is, and as it is drawn again.
    ledger : Ledger
        Takes what differs: of each chart the first number, and the first word.
    """
    pictures = [_decoded(one) for one in _PICTURE.findall(wanted)]
    found = [_NAME.search(one) for one in pictures]
    names = [match[1] if match else f"chart {place + 1}" for place, match in enumerate(found)]
    for name, said, right in zip(names, _DATA.findall(text), _DATA.findall(wanted), strict=False):
        with ledger.guarded(f"charts.{name}", file):
            _hold_data(file, f"charts.{name}", said, right, ledger)
    others = []
    for name, said, right in zip(names, _PICTURE.findall(text), pictures, strict=False):
        drawn = _decoded(said)
        if drawn != right and not _hold_words(file, f"charts.{name}", drawn, right, ledger):
            others.append(name)
    if not others:
        return ()
    drawer = f"matplotlib {version('matplotlib')}"
    return (f"lines for paper that {drawer} draws otherwise, with the same words: {', '.join(others)}",)


def _decoded(picture: str) -> str:
    try:
        return base64.b64decode(picture, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _hold_data(file: str, key: str, said: str, wanted: str, ledger: Ledger) -> None:
    if said == wanted:
        return
    told, right = (dict(flat(json.loads(one), "")) for one in (said, wanted))
    for place in [*right, *(one for one in told if one not in right)]:
        if not same(told.get(place, ABSENT), right.get(place, ABSENT)):
            ledger.differ(f"{key}.{place}", file, told.get(place, ABSENT), right.get(place, ABSENT))
            return


def _hold_words(file: str, key: str, drawn: str, wanted: str, ledger: Ledger) -> bool:
    """Hold words and kinds of elements of a picture, and return whether they differ."""
    said, right = list(_words(drawn)), list(_words(wanted))
    if said != right:
        place = next((at for at, pair in enumerate(zip(said, right, strict=False)) if pair[0] != pair[1]), None)
        place = min(len(said), len(right)) if place is None else place
        ledger.differ(f"{key}.words.{place}", file, _at(said, place), _at(right, place))
        return True
    strange = _kinds(drawn) - _kinds(wanted)
    if strange:
        ledger.differ(f"{key}.elements", file, ", ".join(sorted(strange)), "no such element")
    return bool(strange)


def _words(picture: str) -> Iterator[str]:
    for text in re.findall(r">([^<>]+)(?=<)", picture):
        if shown := " ".join(text.split()):
            yield shown


def _kinds(picture: str) -> set[str]:
    return set(re.findall(r"<([A-Za-z][\w:.-]*)", picture))


def _at(words: Sequence[str], place: int) -> str:
    return words[place] if place < len(words) else ABSENT

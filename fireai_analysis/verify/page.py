"""The figures of `report.html`, read by the key that each of them carries, and held against what they stand for.

A number on the page must be the figure rounded as it is printed, in its own unit or one that the report uses for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from fireai_analysis.verify.ledger import ABSENT, Ledger, flat, is_number, look

FILE = "report.html"
SKIPPED = ("script", "style", "template")
VOID = ("br", "hr", "img", "meta", "link", "input", "col", "wbr")
COLLECTIONS = ("scenarios", "files", "recommendations", "criteria", "environment")
"""Keys that stand for many entries at once; what the page says of them is no figure of theirs."""

CONSTANTS = (15.0, 95.0)
"""Numbers that words explain figures with: late is over 15 ms, intervals are of 95 %."""

BESIDE = {
    "timeouts_count": ("never_sent_count",),
    "scale": (
        *("duration_s", "users_count", "rate_rps", "peak_rate_rps", "lowest_rate_rps"),
        *("facts.full_duration_s", "facts.full_users_count", "facts.full_rate_rps"),
    ),
    "rate_rps": ("peak_rate_rps", "lowest_rate_rps"),
    "duration_s": ("scale.duration_ratio",),
    "users_count": ("scale.users_ratio",),
    "slope_mib_per_h": ("slope_interval",),
    "lock_waits_count": ("deadlocks_count",),
    "index_scans": ("seq_scans",),
}
"""The other figures that the words of a figure name, where it is not all that stand beside it."""

NAMED_COUNT = 3
"""Of a list of names this many are printed, and how many more there are."""

WHOLE = ("verdict", "overall", "readiness", "confidence")
"""Keys whose words stand alone: a verdict beside another one is another verdict."""

DEEPEST, LONGEST = 100, 10_000
"""No element of the report stands in so many others, and none that names a key holds so many letters."""

UNSAID = ("NOT MEASURED", "–", "-", "unbounded", "infinite", "none", "unknown")
_NUMBER = re.compile(r"(?P<side>[<>]?)(?<![A-Za-z0-9_.])(?P<number>-?\d[\d,]*(?:\.\d+)?)")
_DURATION = re.compile(r"\b(?:(\d+) h)?\s?(?:(\d+) min)?\s?(?:(\d+(?:\.\d)?) s)?\b")


@dataclass(frozen=True)
class Printed:
    """One element of the page that names a key."""

    key: str
    text: str


class _Reader(HTMLParser):
    """Collects the text of every element that names a key; of a row of a table without its heading."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Printed] = []
        self._open: list[tuple[str, str | None, list[str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._apart()
        if len(self._open) > DEEPEST:
            raise ValueError(f"elements stand in each other more than {DEEPEST} deep")
        if tag not in VOID:
            self._open.append((tag, dict(attrs).get("data-key"), []))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, key, texts = self._open.pop()
            if key:
                self.found.append(Printed(key, " ".join("".join(texts).split())))
            if name == tag:
                return

    def _apart(self) -> None:
        """Part what stands in two elements, such as the cells of a row."""
        for _, key, texts in self._open:
            if key:
                texts.append(" ")

    def handle_data(self, data: str) -> None:
        names = [name for name, _, _ in self._open]
        if any(name in SKIPPED for name in names):
            return
        for place, (name, key, texts) in enumerate(self._open):
            if key and not (name == "tr" and "th" in names[place:]):
                texts.append(data)


def printed(text: str) -> list[Printed]:
    """Return every element of a page that names a key.

    Examples
    --------
    >>> printed('<p>P95 <span data-key="a.b">4.8 ms</span></p>')
    [Printed(key='a.b', text='4.8 ms')]
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return reader.found


def hold(text: str, summary: dict[str, Any], ledger: Ledger) -> int:
    """Hold the figures of a page against the summary and return how many were read.

    Parameters
    ----------
    text : str
        Content of `report.html`.
    summary : dict
        Content of `summary.json`, its recomputed figures in place of those it reports.
    ledger : Ledger
        Takes what differs.
    """
    found, sheet = printed(text), _Sheet(summary)
    for one in found:
        value = look(summary, one.key)
        if one.key not in COLLECTIONS and not _agrees(one, value, sheet):
            shown = value if not isinstance(value, dict | list | tuple) else "(no figure there rounds to it)"
            ledger.differ(one.key, FILE, one.text, shown)
    return len(found)


def _agrees(one: Printed, value: Any, sheet: _Sheet) -> bool:
    if len(one.text) > LONGEST:
        return False
    if one.key.rpartition(".")[2] in WHOLE and isinstance(value, str):
        return _plain(value) == _plain(one.text)
    if isinstance(value, str) and value != ABSENT:
        return _plain(value) in _plain(one.text)
    numbers = list(_numbers(one.text))
    if value is None or value == ABSENT:
        return not numbers or any(word in one.text for word in UNSAID)
    if isinstance(value, bool):
        return True
    derived = sheet.derived(one.key)
    around = [*sheet.around(one.key), *derived, *CONSTANTS]
    told = all(any(_rounds(number, form) for form in around) for number in numbers)
    if isinstance(value, dict | list | tuple):
        return told
    forms = [*sheet.forms(one.key, value), *derived]
    return told and any(_rounds(number, form) for number in numbers for form in forms)


def _plain(text: str) -> str:
    words = "".join(letter if letter.isalnum() or letter in ".,:;<>=%" else " " for letter in text)
    return " ".join(words.split()).rstrip(".").casefold()


@dataclass(frozen=True)
class _Number:
    value: float
    step: float
    side: str = ""


def _numbers(text: str) -> Iterator[_Number]:
    """Yield the numbers of a text; hours, minutes and seconds that follow each other are one, in seconds."""
    rest = text
    for found in _DURATION.finditer(text):
        hours, minutes, seconds = found.groups()
        if found.group().strip():
            total = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
            yield _Number(total, 0.1 if "." in (seconds or "") else 1.0)
            rest = rest.replace(found.group(), " ", 1)
    for found in _NUMBER.finditer(rest):
        digits = found["number"].replace(",", "")
        yield _Number(float(digits), 10.0 ** -len(digits.partition(".")[2]), found["side"])


def _rounds(number: _Number, value: float) -> bool:
    """Return whether a figure is printed so: to the last digit, or as under or over a bound."""
    if number.side == "<":
        return 0 < value < number.value
    if number.side == ">":
        return value > number.value
    return abs(number.value - value) <= number.step / 2 * (1 + 1e-6) + 1e-12


class _Sheet:
    """The figures that a page may show: by key, in the units of the report, and what words make of them."""

    def __init__(self, summary: dict[str, Any]) -> None:
        self._summary = summary
        self._around: dict[str, list[float]] = {}

    def forms(self, key: str, value: float) -> list[float]:
        """Return a figure in every unit that the report prints it in."""
        parts = key.split(".")
        unit = str(look(self._summary, f"criteria.{parts[1]}.unit")) if parts[0] == "criteria" else ""
        if any(part.endswith("ratio") for part in parts) or unit == "ratio":
            return [value * 100]
        if any(part.endswith("_mib") for part in parts):
            return [value * 1.048576, value]
        if key.endswith("bytes_per_s"):
            return [value / 1e3]
        return [value / 1e6 if unit == "bytes" or any(part.endswith("bytes") for part in parts) else value]

    def derived(self, key: str) -> list[float]:
        """Return what the report makes of a figure in words: rate of success, efficiency, sums of counts."""
        head, _, name = key.rpartition(".")
        value, offered = look(self._summary, key), look(self._summary, f"{head}.offered_rps")
        if name == "timeouts_count" and is_number(value):
            return [value + (look(self._summary, f"{head}.never_sent_count") or 0)]
        if name == "error_ratio" and is_number(value):
            return [100 * (1 - value)]
        if name == "achieved_rps" and is_number(value) and is_number(offered) and offered:
            return [100 * value / offered]
        beside = look(self._summary, head)
        if name not in ("statements", "index_scans") or not isinstance(beside, dict):
            return []
        calls = [one["calls_count"] for one in beside.get("statements") or ()]
        scans = [list((beside.get(f"{kind}_scans") or {}).values()) for kind in ("index", "seq")]
        unused = len(beside.get("unused_indexes") or ())
        return [*(float(sum(filter(is_number, counts))) for counts in (calls, *scans)), unused - NAMED_COUNT]

    def around(self, key: str) -> list[float]:
        """Return what words beside a figure may name: the figure's own parts, and the figures that stand beside it."""
        if key not in self._around:
            parent, _, name = key.rpartition(".")
            places = [key, *(f"{parent}.{one}" for one in BESIDE.get(name, ()))]
            if not BESIDE.get(name) and parent.count(".") != 1:
                beside = look(self._summary, parent) if parent else self._summary
                scalars = beside.items() if isinstance(beside, dict) else ()
                places += [f"{parent}.{one}".lstrip(".") for one, value in scalars if is_number(value)]
            leaves = [leaf for place in places for leaf in flat(look(self._summary, place), place)]
            told = [form for name, one in leaves if is_number(one) for form in self.forms(name, float(one))]
            said = [number.value for _, one in leaves if isinstance(one, str) for number in _numbers(one)]
            self._around[key] = told + said
        return self._around[key]

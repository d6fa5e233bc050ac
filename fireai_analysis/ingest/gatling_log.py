"""Gatling's simulation.log as text: versions 2.0 to 3.11, told apart by where a request has its status.

A request is `REQUEST [[scenario] user] group name start end OK|KO [message]`; 2.0 has `scenario user REQUEST` and four
times. Times are epoch milliseconds. Later versions write the log in binary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fireai_analysis.ingest.batches import END_NS, FIRST_NS, TIMEOUT, Request, gathered, impossible
from fireai_analysis.ingest.found import Format, Item, LeftOut, Refused, Told
from fireai_analysis.ingest.source import Head, Source

GROUPS = "groups: the requests in them are counted"
ERRORS = "errors of the scenario that are no requests"
UNASKED = "messages that came without a request"
NOTES = (
    "Gatling tells times in whole milliseconds.",
    "Gatling does not tell when a request was to be sent: the time of a request is service time.",
)
LONGEST_MESSAGE = 2000
"""Of a longer message the beginning tells what happened."""
NEVER_MS = -(2**63)
"""End of a message that no request asked for (`Long.MIN_VALUE`)."""

_HEADS = ("REQUEST", "USER", "GROUP", "ERROR", "RUN", "ASSERTION")
_NUMBER = re.compile(r"-?\d{1,19}", re.ASCII)
_FOUND_STATUS = re.compile(r"status\.find\b.*?\b(?:found|actually) (\d{3})\b", re.ASCII)

_TIMED_OUT = re.compile(r"time(?:d )?out", re.IGNORECASE)
_THROWN = re.compile(r"\s*(?:[\w$]+\.)+[\w$]*(?:Exception|Error)\b", re.ASCII)


@dataclass
class Run:
    """What the lines that are no requests tell, as far as they were read."""

    version: str | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    users_count: int = 0
    most_users_count: int = 0

    def user(self, starts: bool) -> None:
        """Count a virtual user that starts or ends."""
        self.users_count = max(self.users_count + (1 if starts else -1), 0)
        self.most_users_count = max(self.most_users_count, self.users_count)

    def ended(self, end_ms: int) -> None:
        """Keep the latest end."""
        self.ended_ms = max(end_ms, self.ended_ms or end_ms)

    def told(self) -> Told:
        """Return what is known of the run; impossible times are not."""
        return Told(
            self.version, _moment(self.started_ms), _moment(self.ended_ms), self.most_users_count or None, notes=NOTES
        )


def endpoint_of(groups: str, name: str) -> str | None:
    """Return the name of a request below those of its groups, as Gatling's own report has it.

    Examples
    --------
    >>> endpoint_of("Shop,Cart", "add"), endpoint_of("", "add")
    ('Shop / Cart / add', 'add')
    """
    return " / ".join(part for part in (*groups.split(","), name) if part.strip()) or None


def failure(message: str) -> tuple[int | None, str]:
    """Return the status that a failure names, 0 where there was no answer, None where it is not told; and its text.

    Examples
    --------
    >>> failure("status.find.in(200,304), but actually found 503")[0], failure(" ")
    (503, (None, 'KO'))
    >>> failure("Request timeout to shop/10.0.0.1:80 after 60000 ms")
    (0, 'timeout')
    """
    begin = message[:LONGEST_MESSAGE]
    if found := _FOUND_STATUS.search(begin):
        return int(found[1]), message.strip()
    is_check = ".find" in begin
    if not is_check and _TIMED_OUT.search(begin):
        return 0, TIMEOUT
    is_thrown = not is_check and _THROWN.match(begin) is not None
    return 0 if is_thrown else None, message.strip() or "KO"


def recognises(head: Head) -> bool:
    """Whether the first lines are records of Gatling's text log."""
    lines = [line.split("\t") for line in head.lines(100)]
    kinds = [_kind(fields) for fields in lines[:2]]
    if not all(kinds):
        return False
    return any(_kind(fields) == "RUN" or _status_place(fields) for fields in lines)


def read(source: Source) -> Iterator[Item]:
    """Yield the requests of a text log; users and groups are no requests."""
    run = Run()
    yield from gathered(source, _records(source, run))
    yield run.told()


def _records(source: Source, run: Run) -> Iterator[Request | Item]:
    for number, line in source.lines():
        text = line.decode("utf-8", "backslashreplace").rstrip("\r\n")
        if "\0" in text:
            yield Refused("NUL bytes", number)
        elif text.strip():
            fields = text.split("\t")
            found = _record(fields, run)
            if found == "not a record" and not line.endswith(b"\n"):
                found = "truncated last line"
            if isinstance(found, str):
                yield Refused(found, number)
            elif found is not None:
                yield found


def _record(fields: list[str], run: Run) -> Request | LeftOut | str | None:
    """Return what a line holds: a request, rows left out, the reason of a refusal, or nothing to count."""
    match _kind(fields):
        case "REQUEST":
            return _request(fields, run)
        case "GROUP":
            return LeftOut(GROUPS)
        case "ERROR":
            return LeftOut(ERRORS)
        case "RUN":
            run.version = fields[-1].strip() or None
            run.started_ms = next((int(field) for field in fields if re.fullmatch(r"\d{13}", field, re.ASCII)), None)
        case "USER":
            run.user("START" in fields)
        case "ASSERTION":
            pass
        case _:
            return "not a record"
    return None


def _kind(fields: list[str]) -> str | None:
    """Return the kind of a record: the first field, in 2.0 the third."""
    if len(fields) > 1 and fields[0] in _HEADS:
        return fields[0]
    return fields[2] if len(fields) > 3 and fields[2] in ("REQUEST", "USER", "GROUP", "RUN") else None


def _status_place(fields: list[str]) -> int | None:
    """Return where OK or KO stands, after two times."""
    for place in (9,) if fields[0] != "REQUEST" else (5, 6, 7):
        if len(fields) > place and fields[place] in ("OK", "KO"):
            if _NUMBER.fullmatch(fields[place - 1]) and _NUMBER.fullmatch(fields[place - 2]):
                return place
    return None


def _request(fields: list[str], run: Run) -> Request | LeftOut | str:
    place = _status_place(fields)
    if place is None:
        return "not a record"
    start, group, name, user = {
        5: (3, 1, 2, None),
        6: (4, 2, 3, 1),
        7: (5, 3, 4, 2),
        9: (5, 3, 4, 1),
    }[place]
    if not _NUMBER.fullmatch(fields[start]):
        return "not a record"
    start_ms, end_ms = int(fields[start]), int(fields[place - 1])
    if end_ms == NEVER_MS:
        return LeftOut(UNASKED)
    sent_ns, service_us = start_ms * 10**6, (end_ms - start_ms) * 1000
    if reason := impossible(sent_ns, service_us):
        return reason
    run.ended(end_ms)
    ok = fields[place] == "OK"
    status, error = (None, None) if ok else failure("\t".join(fields[place + 1 :]))
    return Request(
        sent_ns,
        service_us,
        ok,
        endpoint_of(fields[group], fields[name]),
        status=status,
        error=error,
        user=_user(fields[user]) if user else None,
    )


def _user(text: str) -> int | None:
    """Return the number of a virtual user; ids of old versions hold more than a number."""
    return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _moment(ms: int | None) -> int | None:
    return ms * 10**6 if ms is not None and FIRST_NS <= ms * 10**6 < END_NS else None


FORMAT = Format("gatling-log", "Gatling simulation.log, text", "Gatling", "rows", recognises, read)

"""Times as tools write them, to UTC nanoseconds without loss."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?\s*(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?", re.ASCII
)


def rfc3339_ns(text: str, *, assume_utc: bool = False) -> int | None:
    """Return a time of RFC 3339 in UTC nanoseconds; None where the text is none, or has no zone.

    Parameters
    ----------
    text : str
        Such as `2026-11-23T10:15:00.123456789+02:00`; a blank for the `T` is taken too, and a zone of hours only.
    assume_utc : bool
        Whether a time without a zone is UTC.

    Examples
    --------
    >>> rfc3339_ns("1970-01-01T02:00:00.000000001+02:00"), rfc3339_ns("1970-01-01 00:00:00")
    (1, None)
    """
    found = _RFC3339.fullmatch(text.strip())
    if not found or not (assume_utc or found[4] or found[5]):
        return None
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=UTC)
    except ValueError:
        return None
    minutes = int(found[6]) * 60 + int(found[7] or 0) if found[5] else 0
    offset_s = -60 * minutes if found[5] == "+" else 60 * minutes
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds + offset_s) * 10**9 + int((found[3] or "").ljust(9, "0"))

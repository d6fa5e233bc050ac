"""The only unit conversions and number formats.

MB is 10**6 bytes, MiB is 2**20 bytes. A value that was not measured is None and prints as `NOT MEASURED`;
it is never zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

NOT_MEASURED = "NOT MEASURED"
BYTES_PER_KB = 1_000
BYTES_PER_MB = 1_000_000
BYTES_PER_GB = 1_000_000_000
BYTES_PER_MIB = 1_048_576
NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NS_PER_US = 1_000
US_PER_MS = 1_000
S_PER_HOUR = 3_600
S_PER_DAY = 86_400
RATIO_TO_PERCENT, BYTES_TO_MB = 2, -6
"""Places by which the point moves from the stored unit to the printed one."""
MOST_DIGITS = 20
Limits = Mapping[str, float]
"""Limits of criteria by id, each in the criterion's own unit."""


def mib(size_bytes: float) -> float:
    """Return bytes as MiB.

    Examples
    --------
    >>> mib(1_048_576)
    1.0
    """
    return size_bytes / BYTES_PER_MIB


def mb(size_bytes: float) -> float:
    """Return bytes as MB (10**6).

    Examples
    --------
    >>> mb(512_000_000)
    512.0
    """
    return size_bytes / BYTES_PER_MB


def mib_to_mb(size_mib: float) -> float:
    """Return MiB as MB.

    Examples
    --------
    >>> mib_to_mb(1.0)
    1.048576
    """
    return size_mib * BYTES_PER_MIB / BYTES_PER_MB


def ms_from_us(duration_us: float) -> float:
    """Return microseconds as milliseconds.

    Examples
    --------
    >>> ms_from_us(1500)
    1.5
    """
    return duration_us / US_PER_MS


def utc_text(time_ns: int | None) -> str:
    """Return a UTC instant, given in nanoseconds since 1970, as ISO 8601 to the second.

    Examples
    --------
    >>> utc_text(0)
    '1970-01-01T00:00:00Z'
    """
    if time_ns is None:
        return NOT_MEASURED
    return datetime.fromtimestamp(time_ns / NS_PER_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_text(time_ns: float) -> str:
    """Return a UTC instant, given in nanoseconds since 1970, as ISO 8601 to the millisecond.

    Examples
    --------
    >>> moment_text(1_790_000_000_123_456_789)
    '2026-09-21T14:13:20.123Z'
    """
    moment = datetime.fromtimestamp(time_ns / NS_PER_S, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def number_text(value: float | None, digits: int = 1, unit: str = "", *, limit: float | None = None) -> str:
    """Return a number with thousands separators and its unit; None gives `NOT MEASURED`, and 0 is 0 alone.

    Parameters
    ----------
    value : float or None
        The number. Infinity prints as `unbounded`.
    digits : int
        Digits after the point.
    unit : str
        Appended after a thin gap where not empty.
    limit : float or None
        A limit that the number stands beside: then it gets as many digits as show on which side of it it lies.

    Examples
    --------
    >>> number_text(17280, 0)
    '17,280'
    >>> number_text(0.25, 2, "ms"), number_text(300.04, 1, "ms", limit=300.0)
    ('0.25 ms', '300.04 ms')
    >>> number_text(None), number_text(0.004, 2, "ms"), number_text(0.0, 2, "ms")
    ('NOT MEASURED', '<0.01 ms', '0.00 ms')
    """
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        text = "unbounded"
    elif limit is not None:
        text = near_limit_text(value, limit, digits)
    else:
        rounds_to_zero = value > 0 and round(value, digits) == 0
        text = f"<{10.0**-digits:.{digits}f}" if rounds_to_zero else f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit else text


def ms_text(duration_ms: float | None, limit_ms: float | None = None) -> str:
    """Return a latency in ms: one digit from 10 ms up, two below, more beside a limit that it nearly meets.

    Examples
    --------
    >>> ms_text(300.04), ms_text(300.04, 300.0), ms_text(4.612), ms_text(None)
    ('300.0 ms', '300.04 ms', '4.61 ms', 'NOT MEASURED')
    """
    return number_text(duration_ms, 1 if duration_ms is None or duration_ms >= 10 else 2, "ms", limit=limit_ms)


def near_limit_text(value: float | None, limit: float, digits: int = 1, shift: int = 0) -> str:
    """Return a number with as many digits as it takes to see on which side of the limit it lies.

    Parameters
    ----------
    value : float or None
        The number.
    limit : float
        The limit, in the same unit.
    digits : int
        Digits after the point, at least.
    shift : int
        Places by which the point moves from the number's unit to the printed one, without rounding.

    Examples
    --------
    >>> near_limit_text(300.0001, 300.0)
    '300.0001'
    >>> near_limit_text(300.0, 300.0), near_limit_text(300.04, 300.04), near_limit_text(300.05, 300.06)
    ('300.0', '300.04', '300.05')
    >>> near_limit_text(0.07, 0.07, 2, RATIO_TO_PERCENT), near_limit_text(511_999_999, 512e6, 1, BYTES_TO_MB)
    ('7.00', '511.999999')
    """
    if value is None or math.isnan(value) or math.isinf(value):
        return number_text(value, digits)
    exact, bound = (Decimal(repr(float(one))).scaleb(shift) for one in (value, limit))
    for more in range(digits, MOST_DIGITS):
        text = f"{exact if shift else value:,.{more}f}"
        if _side(Decimal(text.replace(",", "")), bound) == _side(exact, bound):
            return text
    return str(exact).lower()


def _side(value: Decimal, limit: Decimal) -> int:
    return (value > limit) - (value < limit)


def percent_text(ratio: float | None, digits: int = 2, *, limit: float | None = None) -> str:
    """Return a ratio in percent; 0 and 100 only where exactly so, and more digits beside a limit that it nearly meets.

    Examples
    --------
    >>> percent_text(0.05), percent_text(0.050001, limit=0.05)
    ('5.00', '5.0001')
    >>> percent_text(0.0000001)
    '<0.01'
    >>> percent_text(0.99999999)
    '>99.99'
    """
    if ratio is None or math.isnan(ratio):
        return NOT_MEASURED
    step = 10.0 ** -(digits + RATIO_TO_PERCENT)
    if 0 < ratio < step and (limit is None or limit >= step):
        return f"<{step * 100:.{digits}f}"
    if 1 - step < ratio < 1 and (limit is None or limit <= 1 - step):
        return f">{100 - step * 100:.{digits}f}"
    if limit is None:
        return number_text(ratio * 100, digits)
    return near_limit_text(ratio, limit, digits, RATIO_TO_PERCENT)


def criterion_text(value: float, limit: float, unit: str) -> str:
    """Return a figure in the unit of its criterion, with digits enough to see its side of the limit.

    Examples
    --------
    >>> criterion_text(0.05004, 0.05, "ratio"), criterion_text(512_000_001, 512e6, "bytes")
    ('5.004 %', '512.000001 MB')
    >>> criterion_text(1, 0, "writes"), criterion_text(300.04, 300.0, "ms")
    ('1 write', '300.04 ms')
    """
    if unit == "ratio":
        return f"{percent_text(value, limit=limit)} %"
    if unit == "bytes":
        return bytes_text(value, limit)
    return number_text(
        value, 1 if unit == "ms" else 0, "write" if unit == "writes" and value == 1 else unit, limit=limit
    )


def range_text(ratios: Sequence[float]) -> str:
    """Return the smallest and the largest of some ratios in percent.

    Examples
    --------
    >>> range_text([0.086, 0.021, 0.03]), range_text([0.02])
    ('2.1 to 8.6 %', '2.0 %')
    """
    low, high = percent_text(min(ratios), 1), percent_text(max(ratios), 1)
    return f"{low} %" if low == high else f"{low} to {high} %"


def bytes_text(size_bytes: float | None, limit_bytes: float | None = None) -> str:
    """Return a size in MB (10**6 bytes) with one digit, with more beside a limit that it nearly meets.

    Examples
    --------
    >>> bytes_text(1_500_000), bytes_text(512_000_001, 512_000_000)
    ('1.5 MB', '512.000001 MB')
    """
    if size_bytes is None or limit_bytes is None:
        return number_text(None if size_bytes is None else mb(size_bytes), 1, "MB")
    return f"{near_limit_text(size_bytes, limit_bytes, 1, BYTES_TO_MB)} MB"


def size_text(size_bytes: float | None) -> str:
    """Return a size as people say it: in GB (10**9 bytes) from one GB up, else in MB.

    Examples
    --------
    >>> size_text(82_973_700_000), size_text(1_500_000)
    ('83.0 GB', '1.5 MB')
    """
    if size_bytes is None or size_bytes < BYTES_PER_GB:
        return bytes_text(size_bytes)
    return number_text(size_bytes / BYTES_PER_GB, 1, "GB")


def duration_text(duration_s: float | None) -> str:
    """Return a duration as people say it.

    Examples
    --------
    >>> duration_text(14400), duration_text(90), duration_text(20)
    ('4 h', '1 min 30 s', '20 s')
    """
    if duration_s is None:
        return NOT_MEASURED
    if duration_s < 60 and duration_s != int(duration_s):
        return f"{duration_s:.1f} s"
    whole = round(duration_s)
    parts = [(whole // 3600, "h"), (whole % 3600 // 60, "min"), (whole % 60, "s")]
    return " ".join(f"{count} {name}" for count, name in parts if count) or "0 s"

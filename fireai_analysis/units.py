"""The only unit conversions and number formats.

MB is 10**6 bytes, MiB is 2**20 bytes. A value that was not measured is None and prints as `NOT MEASURED`;
it is never zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

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


def number_text(value: float | None, digits: int = 1, unit: str = "") -> str:
    """Return a number with thousands separators and its unit; None gives `NOT MEASURED`.

    Parameters
    ----------
    value : float or None
        The number. Infinity prints as `unbounded`.
    digits : int
        Digits after the point.
    unit : str
        Appended after a thin gap where not empty.

    Examples
    --------
    >>> number_text(17280, 0)
    '17,280'
    >>> number_text(0.25, 2, "ms")
    '0.25 ms'
    >>> number_text(None)
    'NOT MEASURED'
    """
    if value is None or math.isnan(value):
        return NOT_MEASURED
    text = "unbounded" if math.isinf(value) else f"{value:,.{digits}f}"
    return f"{text} {unit}" if unit else text


def ms_text(duration_ms: float | None) -> str:
    """Return a latency in ms: one digit from 10 ms up, two below.

    Examples
    --------
    >>> ms_text(300.04), ms_text(4.612), ms_text(None)
    ('300.0 ms', '4.61 ms', 'NOT MEASURED')
    """
    return number_text(duration_ms, 1 if duration_ms is None or duration_ms >= 10 else 2, "ms")


def near_limit_text(value: float | None, limit: float, digits: int = 1) -> str:
    """Return a number with as many digits as it takes to see on which side of the limit it lies.

    Examples
    --------
    >>> near_limit_text(300.0001, 300.0)
    '300.0001'
    >>> near_limit_text(300.0, 300.0), near_limit_text(300.04, 300.04), near_limit_text(300.05, 300.06)
    ('300.0', '300.04', '300.05')
    """
    if value is None or math.isnan(value) or math.isinf(value):
        return number_text(value, digits)
    for more in range(digits, 13):
        text = f"{value:,.{more}f}"
        if _side(float(text.replace(",", "")), limit) == _side(value, limit):
            return text
    return repr(value)


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def percent_text(ratio: float | None, digits: int = 2) -> str:
    """Return a ratio in percent; 0 and 100 only where exactly so.

    Examples
    --------
    >>> percent_text(0.05)
    '5.00'
    >>> percent_text(0.0000001)
    '<0.01'
    >>> percent_text(0.99999999)
    '>99.99'
    """
    if ratio is None or math.isnan(ratio):
        return NOT_MEASURED
    step = 10.0**-digits
    value = ratio * 100
    if 0 < value < step:
        return f"<{step:.{digits}f}"
    if 100 - step < value < 100:
        return f">{100 - step:.{digits}f}"
    return f"{value:,.{digits}f}"


def range_text(ratios: Sequence[float]) -> str:
    """Return the smallest and the largest of some ratios in percent.

    Examples
    --------
    >>> range_text([0.086, 0.021, 0.03]), range_text([0.02])
    ('2.1 to 8.6 %', '2.0 %')
    """
    low, high = percent_text(min(ratios), 1), percent_text(max(ratios), 1)
    return f"{low} %" if low == high else f"{low} to {high} %"


def bytes_text(size_bytes: float | None) -> str:
    """Return a size in MB (10**6 bytes) with one digit.

    Examples
    --------
    >>> bytes_text(1_500_000)
    '1.5 MB'
    """
    return number_text(None if size_bytes is None else mb(size_bytes), 1, "MB")


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

"""Moments and lengths of time as people type them: `2026-01-31`, `2026-01-31T12:00+02:00`, `7d`, `90min`."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(s|min|h|d|w)")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,6})?\d*)?(Z|[+-]\d\d:\d\d)?")


def length_of(text: str) -> float | None:
    """Return a length of time such as `7d` in seconds; None for other text. Units are s, min, h, d and w."""
    found = _LENGTH.fullmatch(text)
    return float(found[1]) * _SECONDS[found[2]] if found else None


def moment_of(text: str) -> float | None:
    """Return a time in ISO 8601 as seconds since the epoch, in UTC where no offset is given; None for other text."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, offset = found.groups()
    # As Python 3.10 reads it, which knows neither Z nor fractions of any other length.
    zone = "+00:00" if offset in (None, "Z") else offset
    exact = f"{day}T{minute or '00:00'}{second or ':00'}{(fraction or '.').ljust(7, '0')}{zone}"
    try:
        return datetime.fromisoformat(exact).timestamp()
    except ValueError:  # the 31st of February
        return None


def iso(seconds: float) -> str:
    """Return a moment in ISO 8601, UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(seconds: float) -> str:
    """Return a moment for people, to the second, in UTC; "" where it is beyond the calendar."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(" ")[:19]  # a third of what strftime takes
    except (ValueError, OverflowError, OSError):
        return ""

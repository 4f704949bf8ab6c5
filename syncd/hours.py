"""Hours in which nothing is delivered, as people say them: `22:00-06:00`, `mon-fri 09:00-17:30, sat 10:00-12:00`.

Times are those of the clock on the wall: they come in as local datetimes without a zone, so that summer time and a
clock that is set change nothing here but the answer to the next question. No clock is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from runstore.errors import UsageError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES

_SPAN = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))?\s+)?(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True)
class QuietHours:
    """Spans of a week, in minutes since Monday 00:00: `(start, end)`, start < one week; they may reach into the next.

    `text` is what the user wrote; two of the same text are equal.
    """

    text: str
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Return the hours that `text` names; raises UsageError, naming the part that can't be read.

        A span that ends before it starts ends on the next day. The day is the one on which it starts.
        """
        spans: list[tuple[int, int]] = []
        for part in text.split(","):
            spans += _spans_of(part.strip().lower())
        return cls(", ".join(part.strip() for part in text.split(",")), tuple(sorted(spans)))

    def is_quiet(self, now: datetime) -> bool:
        """Return whether `now`, a local time, lies in one of the spans; their ends are outside."""
        return self._end_of(_minute_of(now)) is not None

    def seconds_left(self, now: datetime) -> float:
        """Return how long it stays quiet from `now` on: 0.0 where it isn't, at most a week where it always is.

        Spans that touch or overlap count as one. Where the clock is set meanwhile, ask again.
        """
        start = minute = _minute_of(now)
        while minute - start < _WEEK_MINUTES:
            end = self._end_of(minute % _WEEK_MINUTES)
            if end is None:
                break
            minute += end - minute % _WEEK_MINUTES
        minutes = min(minute - start, _WEEK_MINUTES)
        return max(0.0, minutes * 60.0 - now.second - now.microsecond / 1e6) if minutes else 0.0

    def _end_of(self, minute: int) -> int | None:
        """Return the latest end, in minutes from this Monday, of the spans that hold this minute of the week."""
        ends = [
            end - turn
            for start, end in self.spans
            for turn in (0, _WEEK_MINUTES)  # a span of Sunday night reaches into Monday
            if start - turn <= minute < end - turn
        ]
        return max(ends, default=None)


def _minute_of(now: datetime) -> int:
    return now.weekday() * _DAY_MINUTES + now.hour * 60 + now.minute


def _spans_of(part: str) -> list[tuple[int, int]]:
    found = _SPAN.fullmatch(part)
    if found is None:
        raise _wrong(part)
    first, last, *times = found.groups()
    start_hour, start_minute, end_hour, end_minute = map(int, times)
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if start >= _DAY_MINUTES or end > _DAY_MINUTES or start_minute > 59 or end_minute > 59:
        raise _wrong(part)
    if start == end:
        raise UsageError(f"quiet hours {part!r} end where they start; the whole day is 00:00-24:00")
    length = end - start if end > start else end + _DAY_MINUTES - start
    starts = [day * _DAY_MINUTES + start for day in _days_of(first, last, part)]
    return [(at, at + length) for at in starts]


def _days_of(first: str | None, last: str | None, part: str) -> list[int]:
    if first is None:
        return list(range(7))
    if first not in DAYS or (last or first) not in DAYS:
        raise _wrong(part)
    from_day, to_day = DAYS.index(first), DAYS.index(last or first)
    return [(from_day + n) % 7 for n in range((to_day - from_day) % 7 + 1)]


def _wrong(part: str) -> UsageError:
    return UsageError(f"{part!r} can't be read as hours; they look like 22:00-06:00 or mon-fri 09:00-17:30")

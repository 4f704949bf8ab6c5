"""Quiet hours: what people write, and what a local time means in them."""

from __future__ import annotations

from datetime import datetime

import pytest

from runstore.errors import UsageError
from runstore.syncd.hours import QuietHours

MONDAY, SATURDAY, SUNDAY = 16, 21, 22  # of November 2026


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second)


def test_a_span_holds_its_start_and_not_its_end() -> None:
    hours = QuietHours.parse("09:00-17:30")
    assert [hours.is_quiet(at(MONDAY, *time)) for time in ((8, 59), (9, 0), (17, 29), (17, 30))] == [
        False,
        True,
        True,
        False,
    ]


def test_a_span_over_midnight_ends_on_the_next_day_on_sundays_too() -> None:
    hours = QuietHours.parse("22:00-06:00")
    assert all(hours.is_quiet(at(day, hour)) for day in range(MONDAY, MONDAY + 7) for hour in (22, 23, 0, 5))
    assert not any(hours.is_quiet(at(day, hour)) for day in range(MONDAY, MONDAY + 7) for hour in (6, 12, 21))
    assert hours.seconds_left(at(SUNDAY, 22)) == 8 * 3600


def test_the_day_is_the_one_on_which_a_span_starts() -> None:
    hours = QuietHours.parse("sat 22:00-06:00")
    assert hours.is_quiet(at(SATURDAY, 23))
    assert hours.is_quiet(at(SUNDAY, 5, 59))
    assert not hours.is_quiet(at(SATURDAY, 5))
    assert not hours.is_quiet(at(SUNDAY, 22))


def test_days_may_run_over_the_end_of_the_week() -> None:
    hours = QuietHours.parse("sat-mon 10:00-11:00")
    assert [day for day in range(MONDAY, MONDAY + 7) if hours.is_quiet(at(day, 10))] == [MONDAY, SATURDAY, SUNDAY]


def test_what_is_left_is_told_to_the_second_and_over_spans_that_touch() -> None:
    hours = QuietHours.parse("22:00-24:00, 00:00-01:00, 00:30-06:00")
    assert hours.seconds_left(at(MONDAY, 23, 59, 30)) == 6 * 3600 + 30
    assert hours.seconds_left(at(MONDAY, 6)) == 0
    assert hours.text == "22:00-24:00, 00:00-01:00, 00:30-06:00"


def test_where_it_is_always_quiet_a_week_is_left() -> None:
    hours = QuietHours.parse("00:00-24:00")
    assert hours.is_quiet(at(MONDAY, 0))
    assert hours.seconds_left(at(MONDAY, 12)) == 7 * 24 * 3600


@pytest.mark.parametrize(
    "text", ["", "22-06", "25:00-06:00", "10:00-24:30", "10:61-11:00", "xyz 10:00-11:00", "10:00-11:00,", "24:00-01:00"]
)
def test_what_can_not_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="22:00-06:00"):
        QuietHours.parse(text)


def test_a_span_without_length_is_refused_with_what_was_meant_perhaps() -> None:
    with pytest.raises(UsageError, match="00:00-24:00"):
        QuietHours.parse("08:00-08:00")

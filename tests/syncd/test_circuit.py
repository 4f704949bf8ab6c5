"""Whether a target is asked: not while it is down, again before long, and by one request first."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from runstore.syncd.circuit import FAILED_LOGS, MOST_RETRY_AFTER_SECONDS, SLOW_SECONDS, Circuit, Position
from runstore.syncd.retry import JITTER, MOST_SECONDS, delay

LONGEST = MOST_SECONDS * (1 + JITTER)


def circuit() -> Circuit:
    return Circuit(random.Random(7))


def test_nothing_is_asked_until_the_time_has_come_and_then_by_one() -> None:
    one = circuit()
    assert one.admits(0.0)
    assert one.admits(0.0)
    one.unreachable("no answer", 10.0)
    assert one.error == "no answer"
    assert not one.admits(10.9)
    assert one.seconds_left(10.0) == one.until - 10.0
    assert one.admits(one.until)
    assert one.position is Position.HALF_OPEN
    assert not one.admits(one.until + 100)
    assert one.seconds_left(one.until) is None
    one.succeeded()
    assert (one.admits(0.0), one.error, one.seconds_left(0.0)) == (True, "", 0.0)


def test_waiting_grows_with_failed_probes_and_begins_anew_after_success() -> None:
    one, now, waits = circuit(), 0.0, []
    for _ in range(9):
        one.unreachable("no answer", now)
        waits.append(one.until - now)
        now = one.until
        assert one.admits(now)
    assert all(2**n <= wait <= 2**n * (1 + JITTER) for n, wait in enumerate(waits[:6]))
    assert all(MOST_SECONDS <= wait <= LONGEST for wait in waits[6:])
    one.succeeded()
    one.unreachable("no answer", now)
    assert one.until - now <= 1 + JITTER


def test_requests_that_fail_together_count_once() -> None:
    one = circuit()
    for _ in range(8):
        one.unreachable("no answer", 0.0)
    assert one.until <= 1 + JITTER


def test_the_target_says_how_long() -> None:
    one = circuit()
    one.unreachable("too much to do", 0.0, retry_after=30.0)
    assert one.until == 30.0
    one.unreachable("too much to do", 1.0, retry_after=60.0)  # of a request that was under way
    assert one.until == 61.0
    one.admits(61.0)
    one.unreachable("for ever", 61.0, retry_after=1e12)
    assert one.until == 61.0 + MOST_RETRY_AFTER_SECONDS


def test_trouble_for_a_person_is_probed_slowly_and_at_once_when_somebody_says_so() -> None:
    one = circuit()
    one.refused("the token is refused", 0.0)
    assert one.is_for_a_person
    assert not one.admits(SLOW_SECONDS - 0.1)
    one.reset(1.0)
    assert one.admits(1.0)
    one.refused("the token is refused", 2.0)
    assert not one.admits(3.0)
    assert one.admits(2.0 + SLOW_SECONDS)


def test_one_log_that_the_target_fails_over_stops_no_other_but_several_do() -> None:
    one = circuit()
    for _ in range(10):
        one.failed_over("a", "HTTP 500", 0.0)
    assert one.admits(0.0)
    one.succeeded()
    for name in range(FAILED_LOGS):
        assert one.admits(0.0)
        one.failed_over(name, "HTTP 500", 0.0)
    assert not one.admits(0.0)


def test_a_probe_that_told_nothing_is_followed_by_another() -> None:
    one = circuit()
    one.unreachable("no answer", 0.0)
    now = one.until
    assert one.admits(now)
    one.abandoned(now)
    assert one.admits(now)


@given(st.lists(st.sampled_from(["ask", "down", "busy", "refused", "500", "well", "nothing", "reset"]), max_size=60))
def test_the_longest_wait_is_bounded_whatever_happens(happenings: list[str]) -> None:
    one, now = circuit(), 0.0
    for n, what in enumerate(happenings):
        if what == "ask":
            one.admits(now)
        elif what == "down":
            one.unreachable("no answer", now)
        elif what == "busy":
            one.unreachable("busy", now, 5.0)
        elif what == "refused":
            one.refused("refused", now)
        elif what == "500":
            one.failed_over(n, "HTTP 500", now)
        elif what == "well":
            one.succeeded()
        elif what == "nothing":
            one.abandoned(now)
        else:
            one.reset(now)
        left = one.seconds_left(now)
        assert left is None or left <= max(LONGEST, SLOW_SECONDS)
        assert (left is None) == (one.position is Position.HALF_OPEN)
        assert bool(one.error) == (one.position is not Position.CLOSED)
        now += 0.7
    if one.position is Position.HALF_OPEN:  # its probe ends in some way
        one.unreachable("no answer", now)
    assert one.admits(now + max(LONGEST, SLOW_SECONDS))


@given(st.integers(0, 10_000), st.floats(1, 1000))
def test_delays_are_at_least_the_first_and_bounded(failures: int, most: float) -> None:
    assert 1.0 <= delay(failures, random.Random(failures), most) <= most * (1 + JITTER)

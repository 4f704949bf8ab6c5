"""A limit in bytes a second: kept over time, shared by all, and given up at once by a stop."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstore.syncd.bandwidth import BURST_SECONDS, Allowance, Bandwidth, Interrupted
from tests.timing import PATIENCE_SECONDS


@given(st.integers(1, 10**9), st.lists(st.tuples(st.integers(0, 10**8), st.floats(0, 10)), max_size=50))
def test_no_more_goes_than_the_rate_allows(rate: int, transfers: list[tuple[int, float]]) -> None:
    now, sent = 0.0, 0
    allowance = Allowance(rate, now)
    for size, pause in transfers:
        now += allowance.take(size, now)
        sent += size
        assert sent <= rate * (now + BURST_SECONDS) * 1.001 + 1
        now += pause


def test_a_pause_is_not_saved_up() -> None:
    allowance = Allowance(1000, 0.0)
    assert allowance.take(1500, 1e6) == pytest.approx(1.0)


def test_without_a_limit_nobody_waits() -> None:
    bandwidth = Bandwidth(0)
    for _ in range(1000):
        bandwidth.wait(10**12)


def waiting(bandwidth: Bandwidth) -> tuple[threading.Thread, list[str]]:
    said: list[str] = []

    def wait() -> None:
        try:
            bandwidth.wait(10**9)
            said.append("went on")
        except Interrupted:
            said.append("stopped")

    thread = threading.Thread(target=wait)
    thread.start()
    return thread, said


def test_a_stop_ends_the_waiting_at_once() -> None:
    bandwidth = Bandwidth(1)
    thread, said = waiting(bandwidth)
    bandwidth.stop()
    thread.join(PATIENCE_SECONDS)
    assert said == ["stopped"]
    with pytest.raises(Interrupted):
        bandwidth.wait(1)


def test_another_limit_counts_at_once_for_who_waits() -> None:
    bandwidth = Bandwidth(1)
    thread, said = waiting(bandwidth)
    bandwidth.set_rate(0)
    thread.join(PATIENCE_SECONDS)
    assert said == ["went on"]

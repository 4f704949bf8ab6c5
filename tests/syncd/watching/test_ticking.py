"""A thread that does what is due: at once, when it is woken, and again after a mistake; it ends when it is told to."""

from __future__ import annotations

import threading

import pytest

from runstore.syncd.watching import ticking
from runstore.syncd.watching.ticking import Ticking
from tests.timing import PATIENCE_SECONDS


class Counting:
    """Ticks that are counted, each of which wants the next one after an hour."""

    def __init__(self, failures: int = 0) -> None:
        self.ticks = threading.Semaphore(0)
        self._failures = failures

    def tick(self) -> float:
        self.ticks.release()
        if self._failures:
            self._failures -= 1
            raise ZeroDivisionError("a mistake of ours")
        return 3600.0

    def has_come(self) -> bool:
        return self.ticks.acquire(timeout=PATIENCE_SECONDS)


def test_it_ticks_at_once_and_when_it_is_woken() -> None:
    counting = Counting()
    thread = Ticking(counting.tick, "root=/a")
    was_alive = [thread.is_alive]
    thread.start()
    assert counting.has_come()
    assert thread.has_ticked.wait(PATIENCE_SECONDS)
    thread.wake()
    assert counting.has_come()
    was_alive.append(thread.is_alive)
    thread.stop(PATIENCE_SECONDS)
    assert [*was_alive, thread.is_alive] == [False, True, False]
    assert not counting.ticks.acquire(blocking=False)


def test_after_a_mistake_it_is_said_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ticking, "FAILED_SECONDS", 0.01)
    counting = Counting(failures=2)
    thread = Ticking(counting.tick, "root=/a")
    thread.start()
    assert all(counting.has_come() for _ in range(3))
    thread.stop(PATIENCE_SECONDS)
    assert [record.getMessage() for record in caplog.records] == ["event=not-watched root=/a"] * 2


def test_one_that_waits_for_a_file_server_is_left_behind() -> None:
    answered = threading.Event()

    def hanging() -> float:
        answered.wait()
        return 0.0

    thread = Ticking(hanging, "root=/a")
    thread.start()
    thread.stop(0.01)
    assert not thread.is_alive  # as far as anybody is concerned
    answered.set()

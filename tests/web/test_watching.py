"""The index is caught up while somebody looks: soon, seldom, and never in anybody's way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from runstore.errors import StorageError
from runstore.web.watching import PAUSE_RATIO, PAUSE_SECONDS, CatchingUp, KnownLogs
from tests.timing import PATIENCE_SECONDS, PROMPT_SECONDS, Clock, eventually
from tests.web.asking import Asking
from tests.web.runfiles import run_with_files


class Look:
    """A look that tests hold up, and count."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.takes = 0.0
        self.count = 0
        self.fails: Exception | None = None
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.has_begun = threading.Event()
        self.is_closed = False
        self.threads: set[int] = set()

    def __call__(self) -> None:
        self.threads.add(threading.get_ident())
        self.has_begun.set()
        assert self.goes_on.wait(PATIENCE_SECONDS)
        self.clock.now += self.takes
        self.count += 1
        if self.fails is not None:
            raise self.fails

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.is_closed = True


@pytest.fixture
def look(clock: Clock) -> Look:
    return Look(clock)


@pytest.fixture
def watch(look: Look, clock: Clock) -> Iterator[CatchingUp]:
    watch = CatchingUp(look, clock)
    watch.start()
    yield watch
    look.goes_on.set()
    watch.stop()


def test_the_first_look_is_at_the_start(watch: CatchingUp, look: Look) -> None:
    eventually(lambda: look.count == 1)


def test_nobody_looking_costs_nothing(watch: CatchingUp, look: Look, clock: Clock) -> None:
    watch.wait(PATIENCE_SECONDS)
    clock.now += 3600
    watch.wait(PATIENCE_SECONDS)
    assert look.count == 2  # and not more, for all that time


def test_many_who_look_at_once_cost_one_look(watch: CatchingUp, look: Look, clock: Clock) -> None:
    watch.wait(PATIENCE_SECONDS)
    for _ in range(100):
        watch.poll()
        watch.wait(PATIENCE_SECONDS)  # it was just done: nobody waits
    assert look.count == 1
    clock.now += PAUSE_SECONDS
    watch.wait(PATIENCE_SECONDS)
    assert look.count == 2


def test_a_look_that_takes_long_is_followed_by_a_long_pause(watch: CatchingUp, look: Look, clock: Clock) -> None:
    watch.wait(PATIENCE_SECONDS)
    look.takes = 10.0
    clock.now += PAUSE_SECONDS
    watch.wait(PATIENCE_SECONDS)
    assert look.count == 2
    clock.now += PAUSE_RATIO * 10 - 1
    watch.wait(PATIENCE_SECONDS)
    assert look.count == 2
    clock.now += 1
    watch.wait(PATIENCE_SECONDS)
    assert look.count == 3


def test_a_page_that_is_opened_after_a_pause_is_fresh(asking: Asking, clock: Clock) -> None:
    """Whoever asks waits for a look, and is not told what the last one saw."""
    watch = CatchingUp(KnownLogs(), clock)
    watch.start()
    asking.site.watch = watch
    try:
        assert eventually(lambda: asking.get("/api/projects") == [])
        run_with_files({})
        clock.now += 60
        assert eventually(lambda: asking.get("/api/projects"))  # at the first time, but on a very slow machine
    finally:
        watch.stop()


def test_who_asks_waits_no_longer_than_he_said(watch: CatchingUp, look: Look, clock: Clock) -> None:
    watch.wait(PATIENCE_SECONDS)
    look.goes_on.clear()
    look.has_begun.clear()
    clock.now += PAUSE_SECONDS
    watch.wait(0.01)
    assert look.has_begun.wait(PATIENCE_SECONDS)
    clock.now += PATIENCE_SECONDS + 1
    began = time.monotonic()
    watch.wait(PATIENCE_SECONDS)  # the look was asked for longer ago than this: others have waited for it
    assert time.monotonic() - began < PROMPT_SECONDS
    assert look.count == 1


def test_what_goes_wrong_is_said_and_tried_again(watch: CatchingUp, look: Look, clock: Clock) -> None:
    watch.wait(PATIENCE_SECONDS)
    assert watch.trouble == ""
    for error, said in (
        (StorageError("the disk is full"), "the disk is full"),
        (ValueError("?"), "the index could not be brought up to date: ValueError"),
    ):
        look.fails = error
        clock.now += PAUSE_SECONDS
        watch.wait(PATIENCE_SECONDS)
        assert watch.trouble == said
    look.fails = None
    clock.now += PAUSE_SECONDS
    watch.wait(PATIENCE_SECONDS)
    assert watch.trouble == ""


def test_all_is_done_in_one_thread_and_closed_at_the_end(look: Look, clock: Clock) -> None:
    watch = CatchingUp(look, clock)
    watch.start()
    watch.wait(PATIENCE_SECONDS)
    watch.stop()
    assert look.is_closed
    assert len(look.threads) == 1
    assert threading.get_ident() not in look.threads
    watch.poll()
    watch.wait(PATIENCE_SECONDS)  # of a server that ends: nobody is held up

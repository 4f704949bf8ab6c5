"""The slow look goes on in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runstore.errors import IndexUnusable
from runstore.index.discovery import Changes
from runstore.syncd.watching.pace import Pace
from runstore.syncd.watching.scanner import Scanner
from tests.timing import HANGS_SECONDS, PATIENCE_SECONDS, PROMPT_SECONDS, eventually


@contextmanager
def scanning(look: Callable[[], Changes]) -> Iterator[tuple[Scanner, threading.Event]]:
    found = threading.Event()
    scanner = Scanner(look, found.set, Pace(0.01, 0.01, 1.0))
    scanner.start()
    try:
        yield scanner, found
    finally:
        scanner.stop(PATIENCE_SECONDS)


def test_what_a_look_finds_waits_until_it_is_taken() -> None:
    looks = 0

    def look() -> Changes:
        nonlocal looks
        looks += 1
        return Changes(logs=[Path(f"/{looks}")])

    with scanning(look) as (scanner, found):
        assert found.wait(PATIENCE_SECONDS)
        time.sleep(0.1)
        assert looks == 1  # nobody has taken it yet
        found.clear()  # nothing more is found until it is taken
        taken = scanner.take()
        assert taken is not None
        assert taken.logs == [Path("/1")]
        assert found.wait(PATIENCE_SECONDS)
        assert looks == 2


def test_a_look_that_began_with_another_index_finds_nothing() -> None:
    begun, goes_on = threading.Event(), threading.Event()
    answers = iter([Changes(logs=[Path("/old")]), Changes(logs=[Path("/new")])])

    def look() -> Changes:
        begun.set()
        assert goes_on.wait(PATIENCE_SECONDS)
        return next(answers, Changes())

    with scanning(look) as (scanner, _):
        assert begun.wait(PATIENCE_SECONDS)
        scanner.begin_anew()
        goes_on.set()
        assert eventually(scanner.take).logs == [Path("/new")]


def test_a_look_that_fails_is_said_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    errors = iter([IndexUnusable("it is locked"), ValueError("a mistake")])

    def look() -> Changes:
        for error in errors:
            raise error
        return Changes()

    with scanning(look) as (scanner, found):
        assert found.wait(PATIENCE_SECONDS)
        assert scanner.take() == Changes()
    assert 'event=not-scanned error="it is locked"' in caplog.text
    assert "ValueError" in caplog.text


def test_a_look_that_does_not_return_holds_up_no_stop() -> None:
    returns = threading.Event()

    def look() -> Changes:
        returns.wait(HANGS_SECONDS)
        return Changes()

    scanner = Scanner(look, lambda: None, Pace(0.01, 0.01, 1.0))
    scanner.start()
    begun = time.monotonic()
    scanner.stop(0.1)
    assert time.monotonic() - begun < PROMPT_SECONDS
    returns.set()

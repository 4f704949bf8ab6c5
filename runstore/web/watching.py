"""Keeps the index caught up while somebody looks, where no daemon does: in one thread, a part of the time.

    site.watch.poll()          somebody looks: have the index caught up soon; returns at once
    site.watch.wait(1.0)       the same, and wait for it so long at most

A look costs a look at each log, so after each there is a pause: at least PAUSE_SECONDS, and PAUSE_RATIO times as long
as the look took. With nobody looking nothing is done. A daemon, and other servers, may do the same beside it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from runstore.errors import IndexDamaged, NotFound, RunstoreError
from runstore.index.indexer import Failures, Indexer
from runstore.paths import default_root

PAUSE_SECONDS = 2.0
PAUSE_RATIO = 5.0

_logger = logging.getLogger("runstore.ui")


class Watch(Protocol):
    """What pages ask for. Called from several threads."""

    def poll(self) -> None:
        """Have the index caught up soon."""
        ...

    def wait(self, seconds: float) -> None:
        """Have the index caught up, and wait for that so long at most."""
        ...

    @property
    def trouble(self) -> str:
        """Why the index could not be caught up the last time: a sentence; "" where it could."""
        ...


class Look(Protocol):
    """What catches the index up."""

    def __call__(self) -> None:
        """Do it once. May raise whatever it likes: it is tried again."""
        ...

    def close(self) -> None:
        """Let the index go."""
        ...


class SomebodyElse:
    """Where others keep the index caught up, as a hub does with its own."""

    trouble = ""

    def poll(self) -> None:
        """Do nothing."""

    def wait(self, seconds: float) -> None:
        """Do nothing."""


class CatchingUp:
    """One thread that catches the index up whenever somebody asked for it and the pause is over."""

    def __init__(self, look: Look, clock: Callable[[], float] = time.monotonic) -> None:
        """`look` catches up; it is called, and closed at the end, in the thread alone."""
        self._look = look
        self._clock = clock
        self._changed = threading.Condition()
        self._wanted = False
        self._ended = False
        self._looks = 0
        self._is_looking = False
        self._asked_at = math.inf  # when somebody began to wait for the look that is under way, or comes next
        self._not_before = -math.inf
        self.trouble = ""
        self._thread = threading.Thread(target=self._run, name="runstore-ui-watch", daemon=True)

    def start(self) -> None:
        """Begin, with a first look at once."""
        self._wanted = True
        self._thread.start()

    def stop(self) -> None:
        """End; a look that is under way is waited for a little."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self._thread.join(5)

    def poll(self) -> None:
        """Have the index caught up soon."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Have the index caught up; return when that is done, or it was just before, or after so many seconds.

        Of a look that takes longer only the first seconds are waited for, and not again by everybody who asks.
        """
        with self._changed:
            now = self._clock()
            self._wanted = self._wanted or not self._is_looking
            self._changed.notify_all()
            if now < self._not_before:
                return
            self._asked_at = min(self._asked_at, now)
            looks = self._looks
            self._changed.wait_for(lambda: self._looks > looks or self._ended, self._asked_at + seconds - now)

    def _run(self) -> None:
        while self._may_look():
            began = self._clock()
            try:
                self._look()
                self.trouble = ""
            except RunstoreError as error:
                self.trouble = str(error)
            except Exception as error:  # a thread's outer edge: pages say so, and the next look may go better
                _logger.exception("the index could not be brought up to date")
                self.trouble = f"the index could not be brought up to date: {type(error).__name__}"
            with self._changed:
                now = self._clock()
                self._looks += 1
                self._is_looking, self._asked_at = False, math.inf
                self._not_before = now + max(PAUSE_SECONDS, PAUSE_RATIO * (now - began))
                self._changed.notify_all()
        self._look.close()

    def _may_look(self) -> bool:
        """Wait until somebody wants a look and the pause is over; return False at the end."""
        with self._changed:
            while not self._ended:
                left = self._not_before - self._clock()
                if self._wanted and left <= 0:
                    self._wanted, self._is_looking = False, True
                    return True
                self._changed.wait(left if self._wanted else None)
            return False


class KnownLogs:
    """A look at all logs that the index knows, all that its folders hold, `./wandb`, and `paths`."""

    def __init__(self, paths: Sequence[Path] = (), index: Path | None = None) -> None:
        self._paths = (default_root(), *paths)
        self._index = index
        self._indexer: Indexer | None = None  # made in the one thread that uses it
        self._failures: Failures = {}

    def __call__(self) -> None:
        """Catch up."""
        if self._indexer is not None and self._indexer.connection.is_replaced:
            self.close()
        try:
            self._catch_up()
        except IndexDamaged:
            self.close()
            self._catch_up()  # with a new one

    def unreadable(self) -> dict[str, str]:
        """Return which files could not be read as logs in the last look, by their paths, and why; for any thread."""
        return {str(path): str(error) for path, error in self._failures.items() if not isinstance(error, NotFound)}

    def close(self) -> None:
        """Let the index go."""
        if self._indexer is not None:
            self._indexer.close()
            self._indexer = None

    def _catch_up(self) -> None:
        if self._indexer is None:
            self._indexer = Indexer(self._index, rescuing=True)
        self._failures = self._indexer.catch_up_known(*self._paths)

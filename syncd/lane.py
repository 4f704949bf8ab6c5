"""A queue of logs at one remote, and the thread that empties it: its own waiting, its own failures."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from runstore.errors import RunstoreError
from runstore.syncd.delivery import Ready
from runstore.syncd.remotes.base import Remote
from runstore.syncd.remotes.configured import open_remote
from runstore.syncd.retry import Backoff

# A live log is delivered at most this often: each delivery costs the target a sync of its disk.
SECONDS_BETWEEN_ROUNDS = 1.0

logger = logging.getLogger("runstore.courier")


class Lane:
    """Each log stands in it at most once, in its latest state; `work` is done on one after the other.

    Raises of `work` are what concerns every log: all wait until the remote can be reached again.
    """

    def __init__(self, what: str, remote: str, work: Callable[[Ready, Remote], None]) -> None:
        self._remote, self._task = remote, work
        self._waiting: dict[Path, Ready] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._backoff = Backoff()
        self._thread = threading.Thread(target=self._work, name=f"runstore-courier-{what}-{remote}", daemon=True)
        self.error = ""

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def end(self) -> None:
        """Let the thread end after the log that is under way; the rest comes the next time."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait up to `seconds` for the end."""
        self._thread.join(seconds)

    def give(self, what: Ready) -> None:
        """Take a log, in place of an earlier state of it."""
        with self._changed:
            self._waiting[what.log] = what
            self._changed.notify_all()

    def forget(self, log: Path) -> None:
        """Drop a log that is gone."""
        with self._changed:
            self._waiting.pop(log, None)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
            seconds = self._round()
            with self._changed:
                self._changed.wait_for(lambda: self._stopping, seconds)

    def _round(self) -> float:
        """Work on what waits, small logs first; return how long to wait before the next round."""
        with self._changed:
            waiting = sorted(self._waiting.values(), key=lambda what: what.end)
        try:
            remote = open_remote(self._remote)
            try:
                self._work_on(waiting, remote)
            finally:
                remote.close()
        except RunstoreError as error:  # what concerns every log: no network, a refused token, an unknown name
            seconds = self._backoff.failed()
            if str(error) != self.error:
                logger.warning('event=waiting remote=%s error="%s"', self._remote, error)
            self.error = str(error)
            return seconds
        self.error = ""
        self._backoff.succeeded()
        return SECONDS_BETWEEN_ROUNDS

    def _work_on(self, waiting: list[Ready], remote: Remote) -> None:
        for what in waiting:
            if self._stopping:
                return
            self._task(what, remote)
            with self._changed:
                if self._waiting.get(what.log) == what:
                    del self._waiting[what.log]

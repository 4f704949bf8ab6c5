"""A thread that does what is due, and sleeps until something is again, or somebody wakes it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

# After a mistake of ours: it is tried again, and not at once.
FAILED_SECONDS = 10.0

logger = logging.getLogger("runstore.daemon")


class Ticking:
    """Calls `tick`, which returns after how many seconds it is to be called again, from `start` to `stop`."""

    def __init__(self, tick: Callable[[], float], what: str) -> None:
        """`what` it is, in the daemon's messages, as key=value."""
        self.has_ticked = threading.Event()
        self._tick, self._what = tick, what
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._work, name="runstore-watch", daemon=True)

    def start(self) -> None:
        """Begin, with a tick at once."""
        self._thread.start()

    def wake(self) -> None:
        """Tick soon."""
        self._woken.set()

    def ask_to_stop(self) -> None:
        """End as soon as possible."""
        self._stopping.set()
        self._woken.set()

    def stop(self, seconds: float) -> None:
        """End; a thread that still waits for a file server after so long is left behind."""
        self.ask_to_stop()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    @property
    def is_alive(self) -> bool:
        """Whether it was started and not stopped."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                seconds = self._tick()
            except Exception:  # the thread's outer edge: a mistake here must not leave anything unwatched
                logger.exception("event=not-watched %s", self._what)
                seconds = FAILED_SECONDS
            self.has_ticked.set()
            self._woken.wait(seconds)
            self._woken.clear()

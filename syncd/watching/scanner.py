"""The slow look at every log and folder that is known: in a thread, since on a slow file system it takes long.

It reads the index and the file system, and writes neither: what it finds is taken in by the thread that indexes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runstore.errors import RunstoreError
from runstore.index.discovery import Changes
from runstore.syncd.watching.pace import Pace

logger = logging.getLogger("runstore.daemon")


class Scanner:
    """Looks at a pace, from `start` to `stop`; what was found waits for `take`."""

    def __init__(self, look: Callable[[], Changes], found: Callable[[], None], pace: Pace) -> None:
        """`look` returns what changed, and `found` is called when there is something to be taken."""
        self._look, self._tell, self._pace = look, found, pace
        self._lock = threading.Lock()
        self._found: Changes | None = None
        self._round = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="runstore-scan", daemon=True)

    def start(self) -> None:
        """Begin, with a look at once."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End; a look that takes longer than that is left behind."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def take(self) -> Changes | None:
        """Return what was found; None where nothing was looked at since the last time."""
        with self._lock:
            found, self._found = self._found, None
            return found

    def begin_anew(self) -> None:
        """Forget what was found: it was compared with an index that is not the one any more."""
        with self._lock:
            self._round += 1
            self._found = None
        self._pace.hasten()

    def _work(self) -> None:
        while not self._stopping.is_set():
            if self._pace.is_due() and self._found is None:
                try:
                    with self._pace.measured():
                        self._scan()
                except (RunstoreError, OSError) as error:  # who writes the index says so, too
                    logger.error('event=not-scanned error="%s"', error)
                except Exception:  # the thread's outer edge: it is tried again
                    logger.exception("event=not-scanned")
            self._stopping.wait(min(1.0, self._pace.least))

    def _scan(self) -> None:
        with self._lock:
            begun = self._round
        found = self._look()
        with self._lock:
            if begun == self._round:
                self._found = found
        self._tell()

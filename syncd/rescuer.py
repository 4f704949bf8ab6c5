"""A thread of the daemon that brings into run directories what stock tools left outside.

It has a connection of its own, and holds up neither indexing nor delivery. What it copies may be large: it is killed
with the daemon at any moment, and goes on when the next one starts.
"""

from __future__ import annotations

import logging
import threading
from contextlib import closing
from typing import Any

from runstore.errors import RunstoreError
from runstore.index.indexer import Indexer
from runstore.index.rescue.lost import counts

# Copies of files that live runs save are renewed, and what failed is tried again, without a log that grows.
_LOOK_SECONDS = 60.0

logger = logging.getLogger("runstore.daemon")


class Rescuer:
    """Works from `start` to `stop`, whenever it is woken."""

    def __init__(self) -> None:
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._counts: dict[str, int] = {}
        self._thread = threading.Thread(target=self._work, name="runstore-rescue", daemon=True)

    def start(self) -> None:
        """Begin with what an earlier daemon left."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """Look soon: a log was indexed."""
        self._woken.set()

    def stop(self, seconds: float) -> None:
        """End, or give up what is under way after so long."""
        self._stopping.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    def status(self) -> dict[str, Any]:
        """Return how many files there are of each outcome, as of the last look."""
        return dict(self._counts)

    def _work(self) -> None:
        while True:
            self._woken.wait(_LOOK_SECONDS)
            self._woken.clear()
            if self._stopping.is_set():
                return
            try:
                self._rescue()
            except RunstoreError as error:  # the index makes trouble: who writes it says so, too
                logger.error('event=not-rescued error="%s"', error)
            except Exception:  # the thread's outer edge: logs must be indexed and delivered whatever happens here
                logger.exception("event=not-rescued")

    def _rescue(self) -> None:
        with closing(Indexer()) as indexer:
            if not indexer.rescue(stopping=self._stopping.is_set) and self._counts:
                return
            found = counts(indexer.connection)
        lost = found.get("lost", 0) - self._counts.get("lost", 0)
        if lost > 0:
            logger.warning('event=lost files=%d why="see runstore runs show RUN"', lost)
        self._counts = found

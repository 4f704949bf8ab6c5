"""Large transfers go before indexing: both need the interpreter, and senders wait where the index only lags."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

# Indexing gives way for at most so many times as long as its last piece took: it always gets a share.
_SHARE = 3.0
_MOST_SECONDS = 2.0


class Traffic:
    """Counts the large transfers that are coming in."""

    def __init__(self) -> None:
        self._lull = threading.Condition()
        self._transfers = 0
        self._worked_since = time.monotonic()

    @contextmanager
    def transfer(self) -> Iterator[None]:
        """Count as a large transfer until the end of the block."""
        with self._lull:
            self._transfers += 1
        try:
            yield
        finally:
            with self._lull:
                self._transfers -= 1
                if not self._transfers:
                    self._lull.notify_all()

    def give_way(self) -> None:
        """Wait for a lull, not for long; called by the indexing thread between two pieces of work."""
        worked = time.monotonic() - self._worked_since
        with self._lull:
            self._lull.wait_for(lambda: not self._transfers, min(_MOST_SECONDS, _SHARE * worked))
        self._worked_since = time.monotonic()

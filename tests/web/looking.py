"""Pages whose index is up to date at every answer."""

from __future__ import annotations

import threading

from runstore.web.watching import KnownLogs


class CaughtUpAtOnce:
    """A Watch that catches up in the thread that asks."""

    trouble = ""

    def __init__(self) -> None:
        self._look = KnownLogs()
        self._one_at_a_time = threading.Lock()

    def poll(self) -> None:
        """Do nothing: whoever asks waits."""

    def wait(self, seconds: float) -> None:
        """Catch up."""
        with self._one_at_a_time:
            self._look()

    def close(self) -> None:
        """Let the index go."""
        self._look.close()

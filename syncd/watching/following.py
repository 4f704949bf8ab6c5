"""Which logs are live, as the daemon tells from its thread, for the thread that watches."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

# A run that ended may still get files; then it is left to the sweep.
ENDED_SECONDS = 60.0


class Following:
    """The logs that are to be looked at often, and what is new about that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._live: set[str] = set()
        self._new: list[str] = []
        self._until: dict[str, float | None] = {}  # logs to be left: when; None until the first `take`

    def follow(self, log: str, is_live: bool) -> bool:
        """Enter what was found out about a log; return whether that is worth a look now."""
        with self._lock:
            if is_live:
                self._until.pop(log, None)
                if log not in self._live:
                    self._live.add(log)
                    self._new.append(log)
                    return True
            elif log in self._live:
                self._until[log] = None  # anew, if it was read once more
            return False

    def gone(self, log: str) -> None:
        """Leave a log at once."""
        with self._lock:
            if log in self._live:
                self._until[log] = 0.0

    def take(self, now: float) -> tuple[list[str], list[str]]:
        """Return which logs are to be followed that were not so far, and which no longer."""
        with self._lock:
            new, self._new = self._new, []
            for log, until in self._until.items():
                if until is None:
                    self._until[log] = now + ENDED_SECONDS
            left = [log for log, until in self._until.items() if until is not None and until <= now]
        self.leave(left)
        return [log for log in new if log not in left], left

    def leave(self, logs: Iterable[str]) -> None:
        """Follow these no longer, until they are told of as live again."""
        with self._lock:
            for log in logs:
                self._live.discard(log)
                self._until.pop(log, None)

    def live(self) -> list[str]:
        """Return the logs that are followed."""
        with self._lock:
            return list(self._live)

    def folders(self) -> set[str]:
        """Return the folders in which they lie."""
        return {os.path.dirname(log) for log in self.live()}

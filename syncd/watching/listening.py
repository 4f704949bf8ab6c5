"""Whether events come from one root, and which of its folders are listened to.

The listener itself is shared by all roots.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from runstore.syncd.watching.events import Listener
from runstore.syncd.watching.filesystems import may_pass_soon, why_refused, why_silent

# What concerns the listener, and no folder: a limit, or no memory.
_LIMITS = (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
# Where events should come and did not, since a limit was reached, as a rule, it is tried again after so long.
RETRY_SECONDS = 1800.0
# Where the file system is of a type that tells, and the machine was too busy for the trial.
BUSY_SECONDS = 60.0

EVENTS, POLLING, MISSING = "events", "polling", "missing"


class Listening:
    """Knows how a root is watched, and what it listens to, so that it can be given up."""

    def __init__(
        self,
        root: Path,
        listener: Listener | None,
        gave_up: Callable[[str], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """With no `listener`, events are not to be had. `gave_up` is told why they no longer are."""
        self.how = MISSING
        self.folders: set[str] = set()
        self._root, self._listener, self._gave_up, self._clock = root, listener, gave_up, clock
        self._retry_at = 0.0

    def begin(self) -> str:
        """Find out whether events come, and listen to nothing so far; return why they don't, as `why_silent` does."""
        self.forget()
        why = self._tried() if self._listener is not None else "events can't be had"
        self.how = POLLING if why else EVENTS
        return why

    def retry(self) -> bool:
        """Try after a while whether events come that should, and did not; return whether they do now."""
        if self.how != POLLING or self._clock() < self._retry_at or self._listener is None:
            return False
        if self._tried():
            return False
        self.how = EVENTS
        return True

    def _tried(self) -> str:
        """Return why no events come, as `why_silent` does, and plan the next try."""
        why = why_silent(self._root)
        self._retry_at = self._clock() + (BUSY_SECONDS if may_pass_soon(self._root, why) else RETRY_SECONDS)
        return why

    def lose(self) -> None:
        """Note that the root is not there."""
        self.forget()
        self.how = MISSING

    def add(self, folder: str, *, busy: bool = False) -> bool:
        """Listen to a folder, where events come; return whether that is new.

        A folder that is gone again, or not ours to look into, is passed over; at a limit, all are given up.
        """
        if self._listener is None or self.how != EVENTS or (folder in self.folders and not busy):
            return False
        try:
            self._listener.watch(folder, busy)
        except OSError as error:
            if error.errno in _LIMITS:
                self.forget()
                self.how = POLLING
                self._gave_up(why_refused(error))
            return False
        is_new = folder not in self.folders
        self.folders.add(folder)
        return is_new

    def forget(self, below: str = "") -> None:
        """Listen no more to a folder and all below it, by default to nothing at all."""
        for folder in [folder for folder in self.folders if not below or (folder + "/").startswith(below + "/")]:
            self.folders.discard(folder)
            if self._listener is not None:
                self._listener.forget(folder)

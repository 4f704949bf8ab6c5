"""The folders of one root that are listened to; the listener itself is shared by all roots."""

from __future__ import annotations

import errno

from runstore.syncd.watching.events import Listener

# What concerns the listener, and no folder: a limit, or no memory.
_LIMITS = (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class Listening:
    """Knows what it listens to, so that it can be given up."""

    def __init__(self, listener: Listener | None) -> None:
        self.folders: set[str] = set()
        self._listener = listener

    @property
    def is_possible(self) -> bool:
        """Whether there is anything to listen with."""
        return self._listener is not None

    def add(self, folder: str, *, busy: bool = False) -> bool:
        """Listen to a folder; return whether that is new.

        A folder that is gone again, or not ours to look into, is passed over. Raises OSError at a limit.
        """
        if self._listener is None or (folder in self.folders and not busy):
            return False
        try:
            self._listener.watch(folder, busy)
        except OSError as error:
            if error.errno in _LIMITS:
                raise
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

"""Whether a root is there: it may not be yet, vanish, come back, and be another folder then."""

from __future__ import annotations

import os
from enum import Enum, auto
from pathlib import Path


class Found(Enum):
    """What a look at a root found."""

    AWAY = auto()
    SAME = auto()
    ANOTHER = auto()  # than at the last look, or the first one at all


class Presence:
    """What is known of the folder itself."""

    def __init__(self, folder: Path) -> None:
        self.problem = ""  # why it counts as away
        self._folder = folder
        self._identity: tuple[int, int] | None = None  # device and inode
        self._is_there = False
        self._was_full = False

    def look(self) -> Found:
        """Look whether the root is there, and is the folder that it was."""
        try:
            identity = self._seen()
            if self._is_there and identity == self._identity:
                return Found.SAME
            is_empty = _is_empty(self._folder)
        except OSError as error:
            return self._away(error.strerror or str(error))
        if self._was_full and is_empty and self._identity is not None and identity[0] != self._identity[0]:
            return self._away("is empty; what was mounted here is not, and stays as it was known")
        self._identity, self._is_there, self.problem = identity, True, ""
        self._was_full = self._was_full or not is_empty
        return Found.ANOTHER

    def is_same(self) -> bool:
        """Return whether it is there now, and is the folder that it was."""
        try:
            return self._is_there and self._seen() == self._identity
        except OSError:
            return False

    def is_certain(self) -> bool:
        """Return whether what is not to be found in it is really gone; raises OSError.

        Not so if it is away, nor if it is empty and always was: it may be where something has yet to be mounted.
        """
        if self._identity is None:
            return self._folder.is_dir() and not _is_empty(self._folder)
        return self._is_there and (self._was_full or not _is_empty(self._folder))

    def fill(self) -> None:
        """Note that something is in it."""
        self._was_full = True

    def _seen(self) -> tuple[int, int]:
        status = os.stat(self._folder)
        return status.st_dev, status.st_ino

    def _away(self, problem: str) -> Found:
        self._is_there, self.problem = False, problem
        return Found.AWAY


def _is_empty(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is None

"""Whether a log that is not found is gone, or lies on a file system that is away: unmounted, as a rule.

A mount leaves an empty folder behind, and a folder that has not changed since the log was written can't have lost it:
taking away an entry sets the folder's ctime, which nobody can set back. Where no folder is left to be asked, a log is
away: then it is only listed for longer than it exists.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


class Absence:
    """What one look at the file system says of logs that are not found; it asks of each folder once."""

    def __init__(self, roots: Iterable[Path]) -> None:
        """`roots` are the remembered folders, absolute and without links."""
        self._roots = sorted(roots, key=lambda root: len(root.parts), reverse=True)
        self._seen: dict[Path, tuple[bool, int] | None] = {}

    def is_certain(self, log: Path, mtime_ns: int, is_looked_through: bool) -> bool:
        """Return whether a log that was last written at `mtime_ns` and is not found any more is gone.

        `is_looked_through` where it lay in a folder that is there; else the one above its run directory has to be.
        """
        try:
            root = next((root for root in self._roots if log.is_relative_to(root) and self._look(root)), None)
            if root is None and not is_looked_through and not self._look(log.parent.parent):
                return False
            is_empty, changed_ns = next(found for found in map(self._look, log.parents) if found)
        except OSError:  # a server that does not answer
            return False
        return not is_empty or changed_ns >= mtime_ns

    def _look(self, folder: Path) -> tuple[bool, int] | None:
        """Return whether a folder is empty, and its ctime; None where there is none."""
        if folder not in self._seen:
            self._seen[folder] = _look(folder)
        return self._seen[folder]


def _look(folder: Path) -> tuple[bool, int] | None:
    try:
        changed_ns = os.stat(folder).st_ctime_ns
        with os.scandir(folder) as entries:
            return next(entries, None) is None, changed_ns
    except (FileNotFoundError, NotADirectoryError):
        return None

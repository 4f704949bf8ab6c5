"""Which files a stock log names that lie outside of its run directory: rows that wait to be rescued."""

from __future__ import annotations

import sqlite3

from runstore.core.facts import ArtifactNamed, Fact, FileNamed
from runstore.core.rescued import entry_blob, file_blob

# Files that stock tools themselves write into `files`: they are no links, and there may be very many of them.
_WRITTEN_THERE = ("media/",)

_Row = tuple[str, str, str, str, int]  # blob, source, artifact, path, size


class WantedRows:
    """What one log names that is to be rescued, to be written with its next piece."""

    def __init__(self) -> None:
        self._entries: list[_Row] = []
        self._files: list[_Row] = []

    def __bool__(self) -> bool:
        return bool(self._entries or self._files)

    def add(self, fact: Fact) -> None:
        """Take up what a fact names, if it is of a kind that stock tools leave where it was."""
        if isinstance(fact, FileNamed):
            if fact.type != "wandb" and not fact.path.startswith(_WRITTEN_THERE):
                self._files.append((file_blob(fact.path), fact.path, "", fact.path, -1))
        elif isinstance(fact, ArtifactNamed):
            for entry in fact.entries or ():
                blob = entry_blob(entry.digest, entry.algorithm) if entry.local_path and not entry.ref else None
                if blob is not None:
                    self._entries.append((blob, entry.local_path, fact.name, entry.path, entry.size))

    def write(self, connection: sqlite3.Connection, log: int) -> None:
        """Write what was added since the last time; the caller's transaction makes it whole."""
        insert = (
            "INSERT OR {} INTO rescues (log, blob, source, artifact, path, size, outcome, reason, tried_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'waiting', '', 0)"
        )
        if self._entries:
            connection.executemany(insert.format("IGNORE"), [(log, *row) for row in self._entries])
        if self._files:  # one that is saved again may be another file now
            connection.executemany(insert.format("REPLACE"), [(log, *row) for row in self._files])
        self._entries, self._files = [], []

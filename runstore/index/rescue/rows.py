"""Which files a stock log names that lie outside of its run directory: rows that wait to be rescued."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from runstore.core.facts import ArtifactNamed, Fact, FileNamed
from runstore.core.manifest import ALGORITHM_KEY, MD5, XXH128
from runstore.core.rescued import entry_blob, file_blob, list_blob
from runstore.index.artifacts.manifestfile import entries_in
from runstore.index.artifacts.rows import LARGEST

# Files that stock tools themselves write into `files`: they are no links, and there may be very many of them.
_WRITTEN_THERE = ("media/",)

LIST = "the list of files"  # in the place of a path, where a record has no room for them

Row = tuple[str, str, str, str, int]  # blob, source, artifact, path, size


_INSERT = (
    "INSERT OR {} INTO rescues (log, blob, source, artifact, path, size, outcome, reason, tried_at)"
    " VALUES (?, ?, ?, ?, ?, ?, 'waiting', '', 0)"
)


class WantedRows:
    """What one log names that is to be rescued, to be written with its next piece."""

    def __init__(self) -> None:
        self._entries: list[Row] = []
        self._files: list[Row] = []

    def __bool__(self) -> bool:
        return bool(self._entries or self._files)

    def add(self, fact: Fact) -> None:
        """Take up what a fact names, if it is of a kind that stock tools leave where it was."""
        if isinstance(fact, FileNamed):
            if fact.type != "wandb" and not fact.path.startswith(_WRITTEN_THERE):
                self._files.append((file_blob(fact.path), fact.path, "", fact.path, -1))
        elif isinstance(fact, ArtifactNamed) and fact.manifest_file:  # which is read when it is here
            row = list_blob(fact.manifest_file), fact.manifest_file, fact.name, LIST, -1
            self._entries.append(row)
        elif isinstance(fact, ArtifactNamed):
            for entry in fact.entries or ():
                blob = entry_blob(entry.digest, entry.algorithm) if entry.local_path and not entry.ref else None
                if blob is not None:
                    self._entries.append((blob, entry.local_path, fact.name, entry.path, entry.size))

    def write(self, connection: sqlite3.Connection, log: int) -> None:
        """Write what was added since the last time; the caller's transaction makes it whole."""
        if self._entries:
            write_entries(connection, log, self._entries)
        if self._files:  # one that is saved again may be another file now
            connection.executemany(_INSERT.format("REPLACE"), [(log, *row) for row in self._files])
        self._entries, self._files = [], []


def write_entries(connection: sqlite3.Connection, log: int, rows: Sequence[Row]) -> None:
    """Write what a log names of artifacts, but for what is there already; the caller's transaction makes it whole."""
    connection.executemany(_INSERT.format("IGNORE"), [(log, *row) for row in rows])


def listed_entries(file: Path, artifact: str) -> tuple[Row, ...]:
    """Return what the list of an artifact's files names, from its file. Raises ManifestMissing for what is none."""
    found: list[Row] = []
    for entry in entries_in([file], file):
        algorithm = XXH128 if entry.get("extra", {}).get(ALGORITHM_KEY) == XXH128 else MD5
        source, digest = entry.get("local_path", ""), entry.get("digest", "")
        blob = entry_blob(digest, algorithm) if source and not entry.get("ref") else None
        if blob is not None:
            found.append((blob, source, artifact, entry["path"], min(max(entry.get("size", 0), 0), LARGEST)))
    return tuple(found)

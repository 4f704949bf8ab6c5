"""What the hub has acknowledged, row by row: logs and the files that belong to them."""

from __future__ import annotations

from collections.abc import Iterable

from runstore.core.segments import EMPTY_MARK
from runstore.syncd.hub.database import Database
from runstore.syncd.remotes.base import FileEntry


class Ledger:
    """The tables `logs` and `files` of the hub's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acknowledged(self, log_id: str) -> tuple[int, str] | None:
        """Return a log's acknowledged size and chain; None for one that was never begun."""
        for size, chain in self._database.rows("SELECT size, chain FROM logs WHERE log_id = ?", log_id):
            return int(str(size)), str(chain)
        return None

    def log_ids(self) -> list[str]:
        """Return every log that was begun."""
        return [str(log_id) for (log_id,) in self._database.rows("SELECT log_id FROM logs ORDER BY log_id")]

    def begin(self, log_id: str) -> None:
        """Note that a log's file is about to be made: bytes found in it later are known not to be acknowledged."""
        with self._database.transaction() as db:
            db.execute("INSERT OR IGNORE INTO logs (log_id, size, chain) VALUES (?, 0, ?)", (log_id, EMPTY_MARK.chain))

    def acknowledge(self, log_id: str, size: int, chain: str) -> None:
        """Make (size, chain) durable as what the hub holds of the log."""
        with self._database.transaction() as db:
            db.execute("UPDATE logs SET size = ?, chain = ? WHERE log_id = ?", (size, chain, log_id))

    def set_indexed(self, log_id: str, size: int) -> None:
        """Note that the index has seen the log's first `size` bytes."""
        with self._database.transaction() as db:
            db.execute("UPDATE logs SET indexed = ? WHERE log_id = ?", (size, log_id))

    def unindexed(self) -> list[str]:
        """Return the logs of which the index has not seen every acknowledged byte."""
        # `!=` and not `<`: a log that lost bytes has to be looked at again as well.
        return [str(log_id) for (log_id,) in self._database.rows("SELECT log_id FROM logs WHERE indexed != size")]

    def add_files(self, log_id: str, entries: Iterable[FileEntry]) -> None:
        """Add or replace entries of a log's manifest; others stay, since deletion is not delivered."""
        with self._database.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO files (log_id, path, size, digest) VALUES (?, ?, ?, ?)",
                [(log_id, entry.path, entry.size, entry.sha256) for entry in entries],
            )

    def files(self, log_id: str) -> list[FileEntry]:
        """Return a log's manifest in order of path."""
        rows = self._database.rows("SELECT path, size, digest FROM files WHERE log_id = ? ORDER BY path", log_id)
        return [FileEntry(str(path), int(str(size)), str(digest)) for path, size, digest in rows]

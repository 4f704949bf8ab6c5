"""What the hub has acknowledged, row by row: logs, and the files and blobs that belong to them."""

from __future__ import annotations

from collections.abc import Iterable

from runstore.core.segments import EMPTY_MARK
from runstore.syncd.hub.database import Database
from runstore.syncd.remotes.base import BLOBS, FILES, FileEntry

# The folders of a run directory have names of their own: each has its table.
_TABLES = {FILES: "files", BLOBS: "artifact_blobs"}


class Ledger:
    """The tables `logs`, `files` and `artifact_blobs` of the hub's database."""

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

    def begin(self, log_ids: Iterable[str]) -> None:
        """Note that files of logs are about to be made: bytes found in them later are known not to be acknowledged."""
        rows = [(log_id, EMPTY_MARK.chain) for log_id in log_ids]
        if rows:
            with self._database.transaction() as db:
                db.executemany("INSERT OR IGNORE INTO logs (log_id, size, chain) VALUES (?, 0, ?)", rows)

    def acknowledge(self, held: Iterable[tuple[str, int, str]]) -> None:
        """Make (log id, size, chain) durable as what the hub holds of logs."""
        rows = [(size, chain, log_id) for log_id, size, chain in held]
        if rows:
            with self._database.transaction() as db:
                db.executemany("UPDATE logs SET size = ?, chain = ? WHERE log_id = ?", rows)

    def set_indexed(self, log_id: str, size: int) -> None:
        """Note that the index has seen the log's first `size` bytes."""
        with self._database.transaction() as db:
            db.execute("UPDATE logs SET indexed = ? WHERE log_id = ?", (size, log_id))

    def unindexed(self) -> list[str]:
        """Return the logs of which the index has not seen every acknowledged byte."""
        # `!=` and not `<`: a log that lost bytes has to be looked at again as well.
        return [str(log_id) for (log_id,) in self._database.rows("SELECT log_id FROM logs WHERE indexed != size")]

    def add_files(self, manifests: Iterable[tuple[str, Iterable[FileEntry]]]) -> None:
        """Add or replace entries of logs' manifests; others stay, since deletion is not delivered."""
        with self._database.transaction() as db:
            for log_id, entries in manifests:
                for entry in entries:
                    table = _TABLES[entry.folder]
                    query = f"INSERT OR REPLACE INTO {table} (log_id, path, size, digest) VALUES (?, ?, ?, ?)"
                    db.execute(query, (log_id, entry.path, entry.size, entry.sha256))

    def files(self, log_id: str, folder: str = FILES) -> list[FileEntry]:
        """Return what a log's manifest has in one folder, in order of path."""
        query = f"SELECT path, size, digest FROM {_TABLES[folder]} WHERE log_id = ? ORDER BY path"
        rows = self._database.rows(query, log_id)
        return [FileEntry(str(path), int(str(size)), str(digest), folder) for path, size, digest in rows]

    def file(self, log_id: str, path: str, folder: str = FILES) -> FileEntry | None:
        """Return one entry of a log's manifest; None where it has no such."""
        query = f"SELECT size, digest FROM {_TABLES[folder]} WHERE log_id = ? AND path = ?"
        for size, digest in self._database.rows(query, log_id, path):
            return FileEntry(path, int(str(size)), str(digest), folder)
        return None

    def blobs_named(self, path: str) -> list[FileEntry]:
        """Return the blobs of artifacts that were delivered under this name, with any log."""
        query = "SELECT DISTINCT path, size, digest FROM artifact_blobs WHERE path = ? ORDER BY digest"
        rows = self._database.rows(query, path)
        return [FileEntry(str(path), int(str(size)), str(digest), BLOBS) for path, size, digest in rows]

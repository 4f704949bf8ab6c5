"""The hub's small SQLite file: what has been acknowledged, which files belong to which log, and the tokens.

`synchronous=FULL`, because a commit here is what the hub acknowledges: a mark, once sent, must survive a power failure.
No RETURNING, STRICT or upsert clauses, so that the old SQLite of clusters serves.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runstore.errors import StorageError
from runstore.syncd.hub.disk import make_folder, storage_errors

DATABASE_NAME = "hub.db"
SCHEMA_VERSION = 1
_BUSY_S = 30.0  # `runstore hub token create` writes while the hub runs; each holds the lock for milliseconds

_SCHEMA = """
CREATE TABLE IF NOT EXISTS logs (
    log_id TEXT PRIMARY KEY,
    size INTEGER NOT NULL,              -- acknowledged bytes
    chain TEXT NOT NULL,                -- over the sealed segments of those bytes
    indexed INTEGER NOT NULL DEFAULT 0  -- bytes that the index had seen when it last finished
);
CREATE TABLE IF NOT EXISTS files (
    log_id TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (log_id, path)
);
CREATE TABLE IF NOT EXISTS artifact_blobs (  -- what lies in the folder `blobs` beside a log
    log_id TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (log_id, path)
);
CREATE INDEX IF NOT EXISTS artifact_blobs_by_path ON artifact_blobs (path);
CREATE TABLE IF NOT EXISTS tokens (
    name TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);
"""


class Database:
    """One connection, which threads take in turn."""

    def __init__(self, data: Path) -> None:
        """Open `data`/hub.db, making both where they are missing. Raises StorageError."""
        self.path = data / DATABASE_NAME
        self._turn = threading.Lock()
        with storage_errors(self.path):
            make_folder(data)
            self._connection = sqlite3.connect(
                self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def _prepare(self) -> None:
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise StorageError(
                f"{self.path}: written by a later version of runstore (schema {version}); install that version"
            )
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a write transaction: committed durably at the end, rolled back by an exception."""
        with self._turn, storage_errors(self.path), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            yield self._connection

    def rows(self, query: str, *parameters: object) -> list[tuple[object, ...]]:
        """Return every row of a query."""
        with self._turn, storage_errors(self.path):
            return self._connection.execute(query, parameters).fetchall()

    def close(self) -> None:
        """Close the connection; the last one to close also empties the write-ahead log."""
        with self._turn:
            self._connection.close()

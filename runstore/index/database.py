"""Open the index: one SQLite file in the home folder, made anew whenever it can't be used."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from runstore.errors import IndexUnusable
from runstore.paths import home_folder

SCHEMA_VERSION = 3
# Another process may be writing a large batch; it is never longer than some seconds.
BUSY_SECONDS = 60.0


def index_path() -> Path:
    """Return where the index of this machine is."""
    return home_folder() / "index.db"


def open_index(path: Path) -> sqlite3.Connection:
    """Return a connection to the index at `path`, making it where it is missing or set aside.

    Transactions are begun and ended by the caller. An index of a schema that this version can't read is handled by
    its age: an older one is set aside and built again, a newer one raises IndexUnusable. A corrupt one is set aside.
    """
    try:
        return _opened(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and not _is_corrupt(error):
            raise IndexUnusable(
                f"{path}: the index can't be opened ({error}); set RUNSTORE_HOME to a folder on a local disk"
            ) from error
        with _only_this_process(path):
            try:
                return _opened(path)  # another process has been here, and has made a new one
            except sqlite3.DatabaseError:
                _set_aside(path)
                return _opened(path)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # the logs are the truth: the last commit may be lost
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            _create(connection)
        elif version < SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"schema {version} is outdated")
        elif version > SCHEMA_VERSION:
            raise IndexUnusable(
                f"{path}: was made by a newer runstore (schema {version}, this one knows {SCHEMA_VERSION}); "
                "upgrade runstore, or set RUNSTORE_HOME to another folder"
            )
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for a lock here: where another process makes the database, try again."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables, unless another process has just done so."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            for statement in schema().split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def schema() -> str:
    """Return the SQL that makes the index's tables."""
    text = resources.files("runstore.index").joinpath("schema.sql").read_text(encoding="utf-8")
    return "\n".join(line.partition("--")[0].rstrip() for line in text.splitlines())


@contextmanager
def _only_this_process(path: Path) -> Iterator[None]:
    with open(path.with_name(path.name + ".lock"), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_corrupt(error: sqlite3.OperationalError) -> bool:
    return "malformed" in str(error) or "not a database" in str(error)


def _set_aside(path: Path) -> None:
    """Rename a database that can't be read, so that it can still be looked at; the logs rebuild its content."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ".damaged"))

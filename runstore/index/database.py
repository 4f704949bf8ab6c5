"""Open the index: one SQLite file in the home folder, made anew whenever it can't be used.

It is a cache, so nothing that happens to it is the end of anything. Damaged: set aside, and built anew. Of an older
schema: emptied in place, and built anew. Of a newer one: refused. On a disk that can't be written: read as it is.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from runstore.errors import IndexUnusable
from runstore.index.connection import IndexConnection, connect, inode_of, is_damage, sentence_for
from runstore.index.upkeep.notices import tell
from runstore.index.upkeep.renewal import SCHEMA_VERSION, make_tables, only_this_process, set_aside, while_opening
from runstore.paths import home_folder, is_local, local_folder


def index_path() -> Path:
    """Return where the index of this machine is: in the home folder, or where that is remote, in one of this machine.

    SQLite's locks and shared memory don't work on network file systems.
    """
    home = home_folder()
    if is_local(home):
        return home / "index.db"
    import hashlib  # takes milliseconds, and is seldom needed

    path = local_folder(hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]) / "index.db"
    if not path.exists():
        tell(f"{home}: is on a network file system, where SQLite is not safe; the index of this machine is {path}")
    return path


def open_index(path: Path, until: float | None = None) -> IndexConnection:
    """Return a connection to the index at `path`, making it where it is missing, damaged or of an older schema.

    Transactions are begun and ended by the caller. It waits for others up to `until`, of time.monotonic(), by default
    as long as anybody does. Where the file can't be written it is opened as it is, and
    `read_only` says so. Raises IndexUnusable for an index of a newer schema, and where there can be none.
    """
    inode = inode_of(path)
    try:
        with while_opening(path):
            return _opened(path, until)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            return _opened_as_it_is(path, error)
        damage = error
    set_aside(path, inode)
    tell(f"{path}: the index was damaged ({damage}); it was set aside, and is built anew from the logs")
    with only_this_process(path):
        return _opened(path, until)


def _opened(path: Path, until: float | None) -> IndexConnection:
    connection = connect(path, until)
    try:
        version = _version(connection)
        if version < SCHEMA_VERSION:
            version = make_tables(connection)
            if 0 < version < SCHEMA_VERSION:
                tell(f"{path}: was made by an older runstore (schema {version}); it is built anew from the logs")
        connection.opened(set_aside)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: IndexConnection) -> int:
    """Return the schema's version; raises IndexUnusable for one that only a newer runstore knows."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise IndexUnusable(
            f"{connection.path}: was made by a newer runstore (schema {version}, this one knows {SCHEMA_VERSION}); "
            "upgrade runstore, or set RUNSTORE_HOME to another folder"
        )
    return version


def _opened_as_it_is(path: Path, error: sqlite3.DatabaseError) -> IndexConnection:
    """Return a connection that only reads, to an index that can't be written; raises IndexUnusable if there is none."""
    if not path.exists() or os.access(path.parent, os.W_OK):
        said = sentence_for(path, error) if path.exists() else None
        raise said or IndexUnusable(
            f"{path}: the index can't be opened ({error}); set RUNSTORE_HOME to a folder on a local disk"
        ) from error
    # Beside a journal that others may still write, SQLite wants its shared memory; without one it must be told that
    # nobody writes.
    for option in ("mode=ro", "immutable=1"):
        connection = connect_read_only(path, option)
        if connection is not None:
            tell(f"{path}: the index can't be written there; what was logged since it was is not in the answers")
            return connection
    raise IndexUnusable(
        f"{path}: the index can be neither written nor read there ({error}); set RUNSTORE_HOME to a folder on a local"
        " disk that you can write"
    ) from error


def connect_read_only(path: Path, option: str) -> IndexConnection | None:
    """Return a connection with this option of SQLite's, or None if that does not do here."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?{option}", uri=True, isolation_level=None, check_same_thread=False,
        factory=IndexConnection,
    )  # fmt: skip
    connection.path, connection.read_only = path, True
    try:
        if _version(connection) == SCHEMA_VERSION:
            return connection
    except sqlite3.OperationalError:
        pass
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None

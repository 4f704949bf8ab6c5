"""Begin the index anew: in place where its schema is old, in a file of its own where the old one is damaged.

All that it holds follows from the logs, but for where these are: the remembered folders and the logs known so far are
carried over, the latter in the table `to_index`.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runstore.index.connection import connect, inode_of

SCHEMA_VERSION = 3


@dataclass
class Carried:
    """What a new index takes over from the one that it replaces."""

    roots: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    last_log_id: int = 0  # ids go on behind it: a process may remember a log of the old index by its id


def schema() -> str:
    """Return the SQL that makes the index's tables."""
    text = Path(__file__).parents[1].joinpath("schema.sql").read_text(encoding="utf-8")
    return "\n".join(line.partition("--")[0].rstrip() for line in text.splitlines())


def carried_from(connection: sqlite3.Connection) -> Carried:
    """Return what an index has to hand on, as far as it can be read; it may be damaged, or of any schema."""
    roots = _texts(connection, "SELECT path FROM roots")
    logs = _texts(connection, "SELECT path FROM logs") + _texts(connection, "SELECT path FROM to_index")
    last = _texts(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'logs'")
    return Carried(roots, logs, int(last[0]) if last else 0)


def make_tables(connection: sqlite3.Connection, carried: Carried | None = None) -> int:
    """Make the tables of an index that has none, or those of an older schema; return the version that was there.

    Takes over `carried`, or else what the old tables hold. Nothing is done where another process was quicker.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version < SCHEMA_VERSION:
            carried = carried or carried_from(connection)
            _drop_everything(connection)
            for statement in schema().split(";"):
                if statement.strip():
                    connection.execute(statement)
            _hand_over(connection, carried)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return version


def set_aside(path: Path, inode: int) -> None:
    """Rename the index at `path`, if it is still the file of this inode, and begin a new one.

    It is renamed so that it can still be looked at; it is of no further use.
    """
    with only_this_process(path):
        if inode_of(path) != inode:
            return
        connection = sqlite3.connect(path, isolation_level=None)
        carried = carried_from(connection)
        for suffix in ("", "-wal", "-shm"):  # the name first: a journal without it is nobody's
            with contextlib.suppress(FileNotFoundError):
                path.with_name(path.name + suffix).replace(path.with_name(f"{path.name}.damaged{suffix}"))
        connection.close()
        fresh = connect(path)
        make_tables(fresh, carried)
        fresh.close()


@contextmanager
def only_this_process(path: Path) -> Iterator[None]:
    """Hold the lock that everybody takes who opens the index: none does while it is set aside."""
    with open(_lock_path(path), "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def while_opening(path: Path) -> Iterator[None]:
    """Keep the index from being set aside between the opening of its file and that of its journal."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # where no lock can be made, nothing can be renamed either
            fcntl.flock(stack.enter_context(open(_lock_path(path), "ab")), fcntl.LOCK_SH)
        yield


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _texts(connection: sqlite3.Connection, query: str) -> list[str]:
    try:
        return [str(value) for (value,) in connection.execute(query)]
    except sqlite3.Error:
        return []


def _drop_everything(connection: sqlite3.Connection) -> None:
    """Drop all tables and views; with a virtual table go those in which it keeps its content."""
    while found := connection.execute(
        "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        " ORDER BY sql NOT LIKE 'CREATE VIRTUAL%' LIMIT 1"
    ).fetchone():
        connection.execute(f'DROP {found[0]} "{found[1]}"')


def _hand_over(connection: sqlite3.Connection, carried: Carried) -> None:
    connection.executemany("INSERT OR IGNORE INTO roots (path) VALUES (?)", [(path,) for path in carried.roots])
    connection.executemany("INSERT OR IGNORE INTO to_index VALUES (?)", [(path,) for path in carried.logs])
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'logs'")
    connection.execute("INSERT INTO sqlite_sequence VALUES ('logs', ?)", (carried.last_log_id,))

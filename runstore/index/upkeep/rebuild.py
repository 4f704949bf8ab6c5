"""Build the index anew beside the old one, and put it in its place in one transaction.

Readers see the old index until the new one is whole. Nobody needs to be stopped: other processes that have the index
open, a daemon among them, find the new content at their next look, and index what it does not have yet.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runstore.errors import IndexUnusable, LogError, StorageError
from runstore.index.connection import IndexConnection, connect, sentence_for
from runstore.index.database import open_index
from runstore.index.indexer import Indexer
from runstore.index.upkeep.renewal import carried_from, make_tables
from runstore.paths import find_logs

# Copied at once; between two pieces a key press can end it, and the old index stays.
_PAGES = 4096

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did: how many logs are in the index, and what could not be read as a log."""

    logs: int
    unreadable: list[LogError]


def logs_to_index(path: Path) -> list[Path]:
    """Return the logs that a rebuild of the index at `path` reads: all that it knows, and those below its roots."""
    with closing(open_index(path)) as connection:
        carried = carried_from(connection)
    found = {log.resolve() for root in carried.roots if Path(root).exists() for log in find_logs(Path(root))}
    return sorted(found | {Path(log) for log in carried.logs if Path(log).exists()})


def rebuild(path: Path, progress: Progress | None = None) -> Rebuilt:
    """Build the index at `path` anew from the logs; `progress` is told the bytes of each piece of log.

    Takes as much space again, while it lasts. Killed at any moment, it leaves the old index or the new one. Raises
    IndexUnusable where another rebuild is under way or the index can't be written, StorageError where the disk is full.
    """
    with _only_rebuild(path), closing(open_index(path)) as old:
        if old.read_only:
            raise IndexUnusable(f"{path}: the index can't be written there, so it can't be built anew")
        beside = path.with_name(f"{path.name}.rebuild")
        _remove(beside)
        try:
            fresh = connect(beside)
            make_tables(fresh, carried_from(old))
            fresh.close()
            with closing(Indexer(beside)) as indexer:
                unreadable = _index(indexer, logs_to_index(path), progress)
                _replace(indexer.connection, old)
        finally:
            _remove(beside)
    with closing(Indexer(path, rescuing=True)) as indexer:  # what others had indexed while this went on
        indexer.catch_up_known()
        (logs,) = indexer.connection.execute("SELECT count(*) FROM logs").fetchone()
    return Rebuilt(logs, unreadable)


def _index(indexer: Indexer, logs: list[Path], progress: Progress | None) -> list[LogError]:
    failed = indexer.catch_up_all(logs, progress)
    indexer.catch_up_known()  # what has grown, or come, meanwhile
    return [error for error in failed.values() if isinstance(error, LogError)]  # not: deleted meanwhile


def _replace(new: IndexConnection, old: IndexConnection) -> None:
    """Overwrite one index with another, in one transaction; waits while somebody writes."""
    try:
        new.backup(old, pages=_PAGES)
        with contextlib.suppress(IndexUnusable):  # others read: the journal shrinks later
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        raise sentence_for(old.path, error) or StorageError(f"{old.path}: can't be written ({error})") from error


@contextmanager
def _only_rebuild(path: Path) -> Iterator[None]:
    with open(path.with_name(f"{path.name}.rebuilding"), "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise IndexUnusable(f"{path}: is being built anew by another process already; let it finish") from None
        yield


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)

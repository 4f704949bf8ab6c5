"""A connection to the index whose errors are sentences, and which notices at any moment that the file is damaged.

SQLite says "database is locked" or "database disk image is malformed" from wherever it happens to be: while a row is
fetched, or in the middle of a write. Each such error becomes one of ours here, in one place, so that nobody above has
to think of it. Errors of the SQL itself stay what they are.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runstore.errors import IndexDamaged, IndexUnusable, RunstoreError, Stopped, StorageError
from runstore.index.upkeep.notices import tell

# Another process may be writing a large batch; it is seldom longer than some seconds.
BUSY_SECONDS = 60.0
# Whoever has a bound to keep lets SQLite wait no longer than this at once, which it may do beyond the bound.
_BOUND_WAIT_SECONDS = 0.2
# A person who waits longer than this is told what for.
QUIET_SECONDS = 2.0

SetAside = Callable[[Path, int], None]  # of the file at this path, if it still has this inode


class IndexConnection(sqlite3.Connection):
    """What `open_index` returns: a sqlite3.Connection that raises errors of runstore."""

    path = Path()
    read_only = False
    until: float | None = None  # time.monotonic() up to which to wait for others, where somebody has a bound to keep
    is_stopped = False
    _inode = -1
    _set_aside: SetAside | None = None

    def opened(self, set_aside: SetAside) -> None:
        """From here on errors are ours; `set_aside` is called, once, when the file turns out to be damaged."""
        self._inode = os.stat(self.path).st_ino
        self._set_aside = set_aside

    @property
    def is_time_up(self) -> bool:
        """Whether somebody has a bound to keep, and it is reached."""
        return self.until is not None and time.monotonic() > self.until

    def out_of_time(self) -> IndexUnusable:
        """Return the error to raise then."""
        return IndexUnusable(
            f"{self.path}: the index could not be brought up to date in time; `runstore runs list` does it, however"
            " long that takes"
        )

    def stop(self) -> None:
        """Let what is asked here raise Stopped from now on, what is under way too; for any thread.

        What just begins may be missed: whoever wants an end calls again.
        """
        self.is_stopped = True
        self.interrupt()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Keep a bound meanwhile: whoever else writes is waited for no longer than this."""
        before = self.until
        self.until = time.monotonic() + seconds
        self._wait_at_once(min(seconds, _BOUND_WAIT_SECONDS))
        try:
            yield
        finally:
            self.until = before
            self._wait_at_once(QUIET_SECONDS if before is None else _BOUND_WAIT_SECONDS)

    def _wait_at_once(self, seconds: float) -> None:
        self.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    @property
    def is_replaced(self) -> bool:
        """Whether another file lies where this one was: what is written here, nobody will read."""
        return self._inode != inode_of(self.path)

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor whose errors are ours."""
        return super().cursor(factory or IndexCursor)

    def execute(self, sql: str, parameters: Any = (), /) -> IndexCursor:
        """Execute one statement with a cursor of its own, as its `execute` does."""
        return IndexCursor(self).execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> IndexCursor:
        """Execute one statement for many parameters with a cursor of its own."""
        return IndexCursor(self).executemany(sql, parameters)

    def translated(self, error: sqlite3.DatabaseError) -> Exception:
        """Return the error to raise for one of SQLite's; a damaged file is set aside on the way."""
        if self.is_stopped:
            return Stopped("nobody waits for the answer any more")
        if self._set_aside is None:  # it is being opened: open_index decides
            return error
        if is_damage(error):
            self._set_aside(self.path, self._inode)
            return IndexDamaged(
                f"{self.path}: the index is damaged ({error}); it was set aside, and the next call builds a new one"
                " from the logs, which are not concerned"
            )
        return sentence_for(self.path, error) or error


class IndexCursor(sqlite3.Cursor):
    """A cursor of an IndexConnection. Waits for other writers, and says so where it takes long."""

    @property
    def _index(self) -> IndexConnection:
        assert isinstance(self.connection, IndexConnection)
        return self.connection

    def execute(self, sql: str, parameters: Any = (), /) -> IndexCursor:
        """Execute one statement."""
        until = 0.0
        while True:
            try:
                if self._index.is_stopped:
                    raise sqlite3.OperationalError("interrupted")
                return super().execute(sql, parameters)
            except sqlite3.DatabaseError as error:
                until = until or time.monotonic() + BUSY_SECONDS - QUIET_SECONDS
                if not is_locked(error) or self._index.in_transaction or time.monotonic() > until:
                    raise self._index.translated(error) from error
                if self._index.until is not None:
                    if self._index.is_time_up:
                        raise self._index.out_of_time() from error
                    continue
                _say_that_it_waits(self._index.path)

    def executemany(self, sql: str, parameters: Any, /) -> IndexCursor:
        """Execute one statement for many parameters."""
        try:
            return super().executemany(sql, parameters)
        except sqlite3.DatabaseError as error:
            raise self._index.translated(error) from error

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        try:
            return super().fetchone()
        except sqlite3.DatabaseError as error:
            raise self._index.translated(error) from error

    def fetchmany(self, size: int | None = 1) -> list[Any]:
        """Return the next rows."""
        try:
            return super().fetchmany(size)
        except sqlite3.DatabaseError as error:
            raise self._index.translated(error) from error

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        try:
            return super().fetchall()
        except sqlite3.DatabaseError as error:
            raise self._index.translated(error) from error

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.DatabaseError as error:
            raise self._index.translated(error) from error


def connect(path: Path, until: float | None = None) -> IndexConnection:
    """Return a connection whose transactions are begun and ended by the caller; makes the file where it is missing.

    It waits for others up to `until`, of time.monotonic(), by default as long as anybody does.
    """
    wait = QUIET_SECONDS if until is None else _BOUND_WAIT_SECONDS
    connection = sqlite3.connect(
        path, timeout=wait, isolation_level=None, check_same_thread=False, factory=IndexConnection
    )
    connection.path, connection.until = path, until
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # the logs are the truth: the last commit may be lost
        connection.execute("PRAGMA secure_delete = OFF")  # some builds overwrite what is deleted: twice the writing
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: IndexConnection) -> None:
    """Switch to WAL. SQLite does not wait for a lock here: where another process makes the database, try again."""
    deadline = connection.until or time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def inode_of(path: Path) -> int:
    """Return what tells a file from another one that takes its name; -1 where there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return -1


def sentence_for(path: Path, error: sqlite3.DatabaseError) -> RunstoreError | None:
    """Return what to say for an error that the machine causes; None for one of the SQL."""
    for words, make in _SENTENCES.items():
        if words in str(error):
            return make(path)
    return None


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether the file can't be trusted any more."""
    return any(words in str(error) for words in ("malformed", "not a database"))


def is_locked(error: sqlite3.DatabaseError) -> bool:
    """Whether another process is in the way, for now."""
    return "locked" in str(error)


_told: set[Path] = set()


def _say_that_it_waits(path: Path) -> None:
    if path not in _told:
        _told.add(path)
        tell(f"{path}: another process is writing the index; waiting up to {BUSY_SECONDS:.0f} s for it")


def _locked(path: Path) -> RunstoreError:
    return IndexUnusable(
        f"{path}: another process has kept the index locked for {BUSY_SECONDS:.0f} s; see which (fuser {path}), end it"
        " or let it finish, then repeat what you did"
    )


def _full(path: Path) -> RunstoreError:
    return StorageError(
        f"{path}: the disk is full; what was indexed before is kept, and the logs are not concerned. Free some space or"
        " set RUNSTORE_HOME to a folder on another disk, then repeat what you did: it goes on where it stopped"
    )


def _not_writable(path: Path) -> RunstoreError:
    return IndexUnusable(f"{path}: the index can't be written; set RUNSTORE_HOME to a folder that you can write")


def _disk_error(path: Path) -> RunstoreError:
    return StorageError(
        f"{path}: the disk does not read or write the index; check the disk and its free space, or set RUNSTORE_HOME to"
        " a folder on another one. The index is a cache: it may be deleted"
    )


_SENTENCES: dict[str, Callable[[Path], RunstoreError]] = {
    "locked": _locked,
    "is full": _full,
    "readonly": _not_writable,
    "disk I/O error": _disk_error,
}

"""Bring run logs into the index, a piece at a time: the offset of a log moves in the transaction that holds its rows.

Any number of processes may do this at once. Each piece begins with a write lock and a look at the offset in the
database; whoever comes second finds it moved and goes on from there, so nothing is indexed twice. A process killed
at any moment leaves the last whole piece.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runstore.errors import FutureLogVersion, LogError, NotALog, NotFound
from runstore.index.database import index_path, open_index
from runstore.index.onelog import OneLog, status_of
from runstore.index.onerun import forget_log, update_run
from runstore.paths import find_logs

# A piece is committed after this many bytes of log, so that memory stays bounded and readers see progress.
PIECE_BYTES = 8 << 20
# Logs whose state is kept in memory between pieces; others are read back from the database.
MAX_OPEN_LOGS = 256


class Indexer:
    """Write the index. Keeps what it knows of the logs that it saw last; for one thread at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the index at `path`, by default this machine's; raises IndexUnusable and StorageError."""
        self.path = path or index_path()
        self.connection = open_index(self.path)
        self._open: dict[Path, OneLog] = {}

    def close(self) -> None:
        """Let the database go."""
        self._open.clear()
        self.connection.close()

    def add_root(self, root: Path) -> None:
        """Remember a folder that is to be looked through from now on."""
        with self._transaction():
            self.connection.execute("INSERT OR IGNORE INTO roots VALUES (?)", (str(root.resolve()),))

    def roots(self) -> list[Path]:
        """Return the remembered folders."""
        return [Path(row[0]) for row in self.connection.execute("SELECT path FROM roots ORDER BY path")]

    def catch_up_below(self, path: Path, progress: Callable[[int], None] | None = None) -> list[LogError]:
        """Bring all logs at or below `path` up to date; return what could not be read as a log at all.

        Forgets logs that were below `path` and are gone. Raises NotFound where there is nothing at `path`.
        """
        if not path.exists():
            raise NotFound(f"{path}: there is no such file or folder; give a run directory or a folder above it")
        unreadable = []
        for log in find_logs(path):
            try:
                self.catch_up(log, progress)
            except NotFound:  # deleted since it was found
                continue
            except LogError as error:
                unreadable.append(error)
        self._forget_missing(path.resolve())
        return unreadable

    def catch_up_known(self) -> None:
        """Bring every log that the index knows up to date, and look through the remembered folders."""
        for root in self.roots():
            if root.exists():
                self.catch_up_below(root)
        for (path,) in self.connection.execute("SELECT path FROM logs").fetchall():
            try:
                self.catch_up(Path(path))
            except LogError:
                continue
            except NotFound:
                if Path(path).parent.parent.exists():  # else a file system is away: what it held stays known
                    self.forget(Path(path))

    def catch_up(self, log: Path, progress: Callable[[int], None] | None = None) -> bool:
        """Bring one log up to date; return whether anything was new.

        `progress` is told the bytes of each piece. Raises NotFound, NotALog and FutureLogVersion.
        """
        log = log.resolve()
        anything = False
        try:
            while (size := self._piece(log)) > 0:
                anything = True
                if progress is not None:
                    progress(size)
        except (NotALog, FutureLogVersion):  # what was a log here before is gone
            self.forget(log)
            raise
        return anything

    def forget(self, log: Path) -> None:
        """Take a log that is gone out of the index, and with it what only it said."""
        with self._transaction():
            forget_log(self.connection, str(log.resolve()))
        self._open.pop(log.resolve(), None)

    def _piece(self, path: Path) -> int:
        """Index the next piece of a log; return how many bytes that was."""
        if self._is_up_to_date(path):
            return 0
        with self._transaction():
            log = self._opened(path)
            before = log.offset
            log.read(PIECE_BYTES)
            log.write()
            update_run(self.connection, log.id)
        if log.has_ended:
            self._open.pop(path)
        return log.offset - before

    def _is_up_to_date(self, path: Path) -> bool:
        """Whether the file is as it was when all of it had been read. Costs one look at it and one at the database."""
        status = status_of(path)
        seen = self.connection.execute("SELECT size, mtime_ns FROM logs WHERE path = ?", (str(path),)).fetchone()
        return bool(seen == (status.st_size, status.st_mtime_ns))

    def _opened(self, path: Path) -> OneLog:
        """Return the state of a log as the database has it, from memory where that is still the same."""
        log = self._open.pop(path, None)
        if log is None or not log.is_current():
            log = OneLog.load(self.connection, path)
        self._open[path] = log
        if len(self._open) > MAX_OPEN_LOGS:
            del self._open[next(iter(self._open))]
        return log

    def _forget_missing(self, root: Path) -> None:
        below = f"{root}/"
        known = self.connection.execute(
            "SELECT path FROM logs WHERE path = ? OR substr(path, 1, ?) = ?", (str(root), len(below), below)
        ).fetchall()
        for (path,) in known:
            if not Path(path).exists():
                self.forget(Path(path))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # where the disk is full, SQLite has ended it itself
                self.connection.execute("ROLLBACK")
            self._open.clear()  # it may be ahead of the database now
            raise

"""Bring run logs into the index, a piece at a time: the offset of a log moves in the transaction that holds its rows.

Of a long log a piece is some megabytes; short ones are taken many at once, since a transaction costs as much as they.

Any number of processes may do this at once. Each piece begins with a write lock and a look at the offset in the
database; whoever comes second finds it moved and goes on from there, so nothing is indexed twice. A process killed
at any moment leaves the last whole piece.
"""

from __future__ import annotations

import math
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.errors import FutureLogVersion, LogError, NotALog, NotFound, UnfitPath
from runstore.index.database import index_path, open_index
from runstore.index.discovery import Changes, changes, remember
from runstore.index.parallel import index_in_parallel
from runstore.index.rescue.outstanding import is_anything_open
from runstore.paths import is_text

if TYPE_CHECKING:  # they import numpy and protobuf, which a look that finds nothing new need not pay for
    from runstore.index.decoding.columns import BlockDecoder
    from runstore.index.onelog import OneLog

# A piece is committed after this many bytes of log, so that memory stays bounded and readers see progress. The chunk at
# the end of each series is written anew with the next piece: with pieces of a third, all took a tenth longer.
PIECE_BYTES = 24 << 20
# Logs whose state is kept in memory between pieces; others are read back from the database.
MAX_OPEN_LOGS = 256
# So long a transaction may last, but for its first log: others may wait to write.
LOCKED_SECONDS = 0.1
# Logs that are taken in by one transaction, at most.
MOST_TOGETHER = 100

# Whoever asks for runs waits so long, at most, for bytes to be copied; what can be linked is linked at once.
RESCUE_SECONDS = 2.0

# What became of logs that could not be indexed.
Failures = dict[Path, LogError | NotFound]


class Indexer:
    """Write the index. Keeps what it knows of the logs that it saw last; for one thread at a time."""

    most_open = MAX_OPEN_LOGS
    # Who has to be done with a piece soon sets fewer bytes than PIECE_BYTES.
    most_piece_bytes = sys.maxsize
    # What looks like damage in a log that is being written may be content that comes later: left unread for so long.
    # For who comes again; all others want to know what there is now.
    patience_seconds = 0.0

    def __init__(self, path: Path | None = None, *, rescuing: bool = False, until: float | None = None) -> None:
        """Open the index at `path`, by default this machine's; raises IndexUnusable and StorageError.

        With `rescuing`, what stock tools' logs name outside of their run directories is brought there, for about
        RESCUE_SECONDS whenever logs are indexed. Never to be used for logs that others sent.

        `until`, of time.monotonic(), is a bound for whoever can't wait: bringing the index up to date raises
        IndexUnusable when it is reached, and leaves what it has done.
        """
        self._rescuing = rescuing
        self.path = path or index_path()
        self.connection = open_index(self.path, until)
        self._open: dict[Path, OneLog] = {}
        self._decoder: BlockDecoder | None = None  # of what is read at once
        self._data_version = 0

    def close(self) -> None:
        """Let the database go."""
        self._open.clear()
        self.connection.close()

    def add_root(self, root: Path) -> None:
        """Remember a folder that is to be looked through from now on; raises UnfitPath."""
        _check(root.resolve())
        if self.connection.read_only:
            return
        with self._transaction():
            self.connection.execute("INSERT OR IGNORE INTO roots VALUES (?)", (str(root.resolve()),))

    def roots(self) -> list[Path]:
        """Return the remembered folders."""
        return [Path(row[0]) for row in self.connection.execute("SELECT path FROM roots ORDER BY path")]

    def catch_up_below(self, path: Path, progress: Callable[[int], None] | None = None) -> list[LogError]:
        """Bring all logs at or below `path` up to date; return what could not be read as a log at all.

        Forgets logs that were below `path` and are gone, but none that seem to be on a file system that is away.
        Raises NotFound where there is nothing at `path`.
        """
        if not path.exists():
            raise NotFound(f"{path}: there is no such file or folder; give a run directory or a folder above it")
        _check(path.resolve())
        failed = self.take_in(changes(self.connection, [path]), progress)
        return [error for error in failed.values() if isinstance(error, LogError)]  # not: deleted since

    def catch_up_known(self, *beside: Path) -> Failures:
        """Bring every log that the index knows up to date; look through the remembered folders, and those `beside`.

        Returns what could not be read as a log, and why.
        """
        places = [place for place in (*self.roots(), *beside) if place.exists() and is_text(place.resolve())]
        return self.take_in(changes(self.connection, places, everything=True))

    def changes_below(self, places: Iterable[Path], skips: Callable[[str], bool] | None = None) -> Changes:
        """Return what is not as the index has it, of all that is at or below `places`; costs a look at each log.

        Paths that `skips` names are taken to be as they were. Of places that are there, what is not found in them is
        gone: whoever asks knows whether something is mounted there, as the daemon does.
        """
        there = [place for place in places if place.exists()]
        return changes(self.connection, there, skips=skips, are_certain=True) if there else Changes()

    def take_in(self, found: Changes, progress: Callable[[int], None] | None = None) -> Failures:
        """Index what changed, forget what is gone; return what could not be read as a log, and why."""
        if self.connection.read_only:
            return {}
        failed = self._index(found.logs, progress or (lambda size: None))
        for log in found.gone:
            if not log.exists():
                self._forget(log)
        self._renew_collections()
        if found.listed or found.left:
            with self._transaction():
                remember(self.connection, found)
        return failed

    def catch_up(self, log: Path, progress: Callable[[int], None] | None = None) -> bool:
        """Bring one log up to date; return whether anything was new.

        `progress` is told the bytes of each piece. Raises NotFound, NotALog and FutureLogVersion. An index that can't
        be written stays as it is.
        """
        log = log.resolve()
        _check(log)
        if self.connection.read_only or self._is_up_to_date(log):
            return False
        sizes: list[int] = []

        def count(size: int) -> None:
            sizes.append(size)
            if progress is not None:
                progress(size)

        for error in self._index([log], count).values():
            raise error
        return bool(sizes)

    def catch_up_all(self, logs: Iterable[Path], progress: Callable[[int], None] | None = None) -> Failures:
        """Bring logs up to date, which differ from what the index knows; return those that can't be, and why.

        `progress` is told the bytes of each piece. What is no log any more is forgotten. An index that can't be
        written stays as it is.
        """
        if self.connection.read_only:
            return {}
        return self._index([log.resolve() for log in logs], progress or (lambda size: None))

    def reached(self, log: Path) -> tuple[int, int]:
        """Return how many bytes, and how many whole records, of a log were read; those not understood as well."""
        query = "SELECT indexed, records + undecodable FROM logs WHERE path = ?"
        found = self.connection.execute(query, (str(log.resolve()),)).fetchone()
        return found or (0, 0)

    def enter_deliveries(self, *logs: Path) -> None:
        """Take in what the receipts of these logs say; of none: what is new in any, for a look at the file of each."""
        from runstore.index.deliveries import enter_changed, enter_these

        if self.connection.read_only:
            return
        if logs:
            enter_these(self.connection, self._transaction, [log.resolve() for log in logs])
        else:
            enter_changed(self.connection, self._transaction)

    def log_id(self, log: Path) -> str:
        """Return the identity of a log's content, as far as it was written; "" where none is known."""
        found = self.connection.execute("SELECT log_id FROM logs WHERE path = ?", (str(log.resolve()),)).fetchone()
        return (found and found[0]) or ""

    def forget(self, log: Path) -> None:
        """Take a log that is gone out of the index, and with it what only it said."""
        self._forget(log)
        self._renew_collections()

    def _forget(self, log: Path) -> None:
        from runstore.index.onerun import forget_log

        with self._transaction():
            forget_log(self.connection, str(log.resolve()))
        self._open.pop(log.resolve(), None)

    def seal(self, log: int, seconds: float = math.inf) -> bool:
        """Merge and pack the chunks of the log with this row; return False where so many seconds were not enough."""
        from runstore.index.chunks.sealing import seal

        done = seal(self._transaction, log, time.monotonic() + seconds)
        self._forget_stored()
        return done

    def rescue(
        self, log: Path | None = None, seconds: float = math.inf, stopping: Callable[[], bool] = lambda: False
    ) -> int:
        """Bring what one log of a stock tool, or each, names outside of its run directory there.

        Returns of how many files something came. Ends after about so long, or when `stopping` says so between two
        files. See `runstore.index.rescue`.
        """
        if self.connection.read_only or not is_anything_open(self.connection):
            return 0
        from runstore.index.rescue.rescuing import rescue

        return rescue(self.connection, self._transaction, log and log.resolve(), seconds, stopping)

    def _index(self, paths: Iterable[Path], progress: Callable[[int], None]) -> Failures:
        """Index all that logs hold; `progress` is told the bytes of each transaction that brought any."""
        wanted = list(paths)
        failed: Failures = {path: unfit(path) for path in wanted if not is_text(path)}
        waiting = deque(path for path in wanted if path not in failed)
        index_in_parallel(self.connection, self.path, waiting, progress)  # what it leaves comes now
        while waiting:
            self._check_time()
            size = self._pieces(waiting, failed)
            if size:
                progress(size)
        self._renew_collections()
        if self._rescuing and self.rescue(seconds=RESCUE_SECONDS):
            from runstore.index.rescue.rescuing import tell_of_the_rest

            tell_of_the_rest(self.connection)
        return failed

    def _pieces(self, waiting: deque[Path], failed: Failures) -> int:
        """Index what comes next of the logs that wait, in one transaction; return how many bytes that was.

        Those that were read to their end, or can't be read, don't wait any more.
        """
        total, done = 0, list[Path]()
        until = time.monotonic() + LOCKED_SECONDS
        with self._transaction():
            while waiting and len(done) < MOST_TOGETHER:
                size, is_last = self._piece(waiting[0], failed)
                total += size
                if is_last:
                    done.append(waiting.popleft())
                if not is_last or time.monotonic() > until:
                    break
        for path in done:
            self._written(path)
        return total

    def _piece(self, path: Path, failed: Failures) -> tuple[int, bool]:
        """Index the next piece of a log, inside a transaction; return its size in bytes, and whether it is the last."""
        from runstore.index.onerun import forget_log, update_run

        try:
            log = self._opened(path)
            before = log.offset
            if log.has_seen_all:  # by another process, since it was found
                return 0, True
            log.read(min(PIECE_BYTES, self.most_piece_bytes), self._decoder_for(log), self.patience_seconds)
        except (LogError, NotFound) as error:
            failed[path] = error
            self._open.pop(path, None)
            if isinstance(error, (NotALog, FutureLogVersion)):  # what was a log here before is gone
                forget_log(self.connection, str(path))
            return 0, True
        log.write()
        update_run(self.connection, log.id, log.fold)
        log.enter_collections()
        return log.offset - before, log.is_read_out

    def _decoder_for(self, log: OneLog) -> BlockDecoder | None:
        """Return what has learnt the keys of other new logs, which often have the same; None for a log with its own."""
        from runstore.index.decoding.columns import BlockDecoder

        if not log.is_new:
            return None
        self._decoder = self._decoder or BlockDecoder()
        return self._decoder

    def _written(self, path: Path) -> None:
        """Note that all that was read of a log is in the database."""
        log = self._open.get(path)
        if log is not None and log.has_ended:
            del self._open[path]

    def _is_up_to_date(self, path: Path) -> bool:
        """Whether the file is as it was when all of it had been read. Costs one look at it and one at the database."""
        from runstore.index.onelog import status_of

        status = status_of(path)
        seen = self.connection.execute("SELECT size, mtime_ns FROM logs WHERE path = ?", (str(path),)).fetchone()
        return bool(seen == (status.st_size, status.st_mtime_ns))

    def _opened(self, path: Path) -> OneLog:
        """Return the state of a log as the database has it, from memory where that is still the same."""
        from runstore.index.onelog import OneLog

        log = self._open.pop(path, None)
        if log is None or not log.is_current():
            log = OneLog.load(self.connection, path)
        self._open[path] = log
        if len(self._open) > self.most_open:
            del self._open[next(iter(self._open))]
        return log

    def _renew_collections(self) -> None:
        """Compute the collections of artifacts anew that could not simply be added to."""
        if self.connection.read_only:
            return
        while self.connection.execute("SELECT 1 FROM stale_collections LIMIT 1").fetchone():
            self._check_time()
            from runstore.index.artifacts.renewing import renew_some

            with self._transaction():
                renew_some(self.connection, LOCKED_SECONDS)

    def _check_time(self) -> None:
        if self.connection.is_time_up:
            raise self.connection.out_of_time()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            self._look_for_other_writers()
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:  # where the disk is full, SQLite has ended it itself
                self.connection.execute("ROLLBACK")
            self._open.clear()  # it may be ahead of the database now
            raise

    def _look_for_other_writers(self) -> None:
        """Trust nothing that is remembered of chunks where another process has written: it may have sealed them."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            self._data_version = version
            self._forget_stored()

    def _forget_stored(self) -> None:
        for log in self._open.values():
            log.forget_stored()


def _check(path: Path) -> None:
    if not is_text(path):
        raise unfit(path)


def unfit(path: Path) -> UnfitPath:
    """Return the error to raise for a path that the index can't hold."""
    return UnfitPath(f"{path}: a name in this path is not UTF-8, so it can't be indexed; rename it")

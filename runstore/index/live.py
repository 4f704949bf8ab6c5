"""An indexer that stays: what live logs say is kept in memory, and written in pieces that are worth it.

The log is the write-ahead log of the index. Its newest rows are read as soon as they are there, and written when
there are many of them, when the log has ended or when they have waited long; the offset moves with them, so a process
that is killed loses nothing, and another one that wants to know more reads on from there by itself. Then what is in
memory here is outdated, which shows before it is written: it is dropped, and read again from the database.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.index.chunks.sealing import quiet_logs
from runstore.index.indexer import LOCKED_SECONDS, MOST_TOGETHER, PIECE_BYTES, Failures, Indexer
from runstore.index.onelog import OneLog
from runstore.index.onerun import update_run

# Rows are written when there are so many in a log, or so many bytes of it, or when they have waited so long. Others
# who want to know of them read the log by themselves, which takes the longer the more there are.
WRITE_ROWS = 256
WRITE_BYTES = 4 << 20
WRITE_SECONDS = 60.0
# When one log is due, those that have waited half as long are written with it, this many in a transaction: the pages
# of the database that all of them touch are written once.
_TOGETHER = 16
# The write-ahead log of the database grows to so many pages before they are copied, each once, to where they belong.
_CHECKPOINT_PAGES = 4000
_CACHE_KIB = 32 << 10  # pages that one transaction changes several times are written once if they fit in
# How often it is looked for logs that have become quiet.
_QUIET_LOOK_SECONDS = 600.0


class LiveIndexer(Indexer):
    """Write the index for long; whoever owns it calls `write_due` every second or so, and `close` at the end."""

    most_open = 2048

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the index at `path`, by default this machine's; raises IndexUnusable and StorageError."""
        super().__init__(path)
        self.connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        self.connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._clock = clock
        self._waiting: dict[Path, float] = {}  # logs with rows that are not written, and since when
        self._ended: list[int] = []  # logs to be sealed
        self._next_look = clock()

    def close(self) -> None:
        """Write what is in memory, and let the database go."""
        self._write_together(list(self._waiting))
        super().close()

    def catch_up(self, log: Path, progress: Callable[[int], None] | None = None) -> bool:
        """Read what is new in one log; return whether anything was. Written are its first rows, and many rows.

        `progress` is told the bytes of each piece. Raises NotFound, NotALog and FutureLogVersion.
        """
        path = log.resolve()
        anything = False
        while (known := self._in_memory(path)) is not None:
            size = self._read(known)
            if not size:
                return anything
            anything = True
            if progress is not None:
                progress(size)
        return super().catch_up(path, progress) or anything

    def forget(self, log: Path) -> None:
        """Take a log that is gone out of the index, and with it what only it said."""
        self._waiting.pop(log.resolve(), None)
        super().forget(log)

    def reached(self, log: Path) -> tuple[int, int]:
        """Return how many bytes, and how many records, of a log were read."""
        known = self._open.get(log.resolve())
        return (known.offset, known.fold.facts.records) if known is not None else super().reached(log)

    def grown_since(self, time: float) -> list[Path]:
        """Return the logs that have grown since `time`, seconds since the epoch, as far as the index knows."""
        grown = self.connection.execute("SELECT path FROM logs WHERE mtime_ns >= ?", (int(time * 1e9),))
        return [Path(path) for (path,) in grown]

    def write_due(self) -> None:
        """Write the rows that have waited long."""
        now = self._clock()
        if any(since <= now - WRITE_SECONDS for since in self._waiting.values()):
            self._write_together([path for path, since in self._waiting.items() if since <= now - WRITE_SECONDS / 2])

    def seal_for(self, seconds: float) -> bool:
        """Seal logs that have ended or are quiet, for about so long; return whether there is more to do."""
        if not self._ended and self._clock() >= self._next_look:
            self._next_look = self._clock() + _QUIET_LOOK_SECONDS
            self._ended = quiet_logs(self.connection, time.time())
        until = time.monotonic() + seconds
        while self._ended and self.seal(self._ended[0], until - time.monotonic()):
            del self._ended[0]
        return bool(self._ended)

    def _read(self, log: OneLog) -> int:
        if log.has_seen_all:
            return 0
        before = log.offset
        log.read(PIECE_BYTES)
        if log.news_bytes:
            self._waiting.setdefault(log.path, self._clock())
        urgent = log.has_ended or log.is_new or log.names_outside
        if urgent or log.news_rows >= WRITE_ROWS or log.news_bytes >= WRITE_BYTES:
            self._write([log.path])
        return log.offset - before

    def _in_memory(self, path: Path) -> OneLog | None:
        """Return the state of a log as far as it was read; None where it is not in memory, or is of another file."""
        log = self._open.get(path)
        if log is None or log.is_same_file():
            return log
        del self._open[path]
        self._waiting.pop(path, None)
        return None

    def _index(self, paths: Iterable[Path], progress: Callable[[int], None]) -> Failures:
        """Index logs; those that are in memory are read as `catch_up` does, and written when that is worth it."""
        failed: Failures = {}
        others = []
        for path in paths:
            if path not in self._open:
                others.append(path)
                continue
            try:
                self.catch_up(path, progress)
            except (LogError, NotFound) as error:
                failed[path] = error
        return {**failed, **super()._index(others, progress)}

    def _pieces(self, waiting: deque[Path], failed: Failures) -> int:
        """Index what comes next of the logs that wait, and are not in memory; those that are make room for them."""
        while self._open and len(self._open) + min(len(waiting), MOST_TOGETHER) > self.most_open:
            oldest = next(iter(self._open))
            if oldest in self._waiting:
                self._write([oldest])
            self._open.pop(oldest, None)
        return super()._pieces(waiting, failed)

    def _write_together(self, paths: Sequence[Path]) -> None:
        while paths:
            paths = paths[len(self._write(paths[:_TOGETHER])) :]

    def _write(self, paths: Sequence[Path]) -> Sequence[Path]:
        """Write what is in memory of some logs, of the first at least; return those that are done."""
        done: list[Path] = []
        outdated: list[Path] = []
        until = time.monotonic() + LOCKED_SECONDS
        with self._transaction():
            for path in paths:
                log = self._open.get(path)
                if log is not None and _is_current(log):
                    log.write(seal=True)
                    update_run(self.connection, log.id, log.fold)
                    log.enter_collections()
                else:
                    outdated.append(path)
                done.append(path)
                if time.monotonic() > until:
                    break
        for path in done:
            self._written(path)
        self._renew_collections()
        for path in outdated:
            self._catch_up_at_once(path)
        return done

    def _written(self, path: Path) -> None:
        self._waiting.pop(path, None)
        log = self._open.get(path)
        if log is not None and log.has_ended:
            self._ended.append(log.id)
        super()._written(path)

    def _catch_up_at_once(self, path: Path) -> None:
        """Read on from where the database is: it knows more than was in memory."""
        self._open.pop(path, None)
        with contextlib.suppress(LogError, NotFound):  # who watches the log will see it by himself
            super().catch_up(path)


def _is_current(log: OneLog) -> bool:
    try:
        return log.is_current()
    except (LogError, NotFound):
        return False

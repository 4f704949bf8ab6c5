"""An indexer that stays: what live logs say is kept in memory, and written in pieces that are worth it.

The log is the write-ahead log of the index. Its newest rows are read as soon as they are there, and written when
there are many of them, when the log has ended or when they have waited long; the offset moves with them, so a process
that is killed loses nothing, and another one that wants to know more reads on from there by itself. Then what is in
memory here is outdated, which shows before it is written: it is dropped, and read again from the database.

Two ways lead in. `catch_up` reads one log to its end; `advance` reads a piece of each of some, for who has many to
read and wants to be fair to them (syncd/tailing.py).
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from runstore.errors import LogError, NotFound
from runstore.index.chunks.sealing import quiet_logs
from runstore.index.indexer import LOCKED_SECONDS, MOST_TOGETHER, Failures, Indexer
from runstore.index.onelog import OneLog
from runstore.index.onerun import update_run
from runstore.index.upkeep.memory import give_back

# A log that is read for long lets others have their turn, and a stop be seen, after so much: a fraction of a second.
PIECE_BYTES = 4 << 20
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
# Pages that one transaction changes several times are written once if they fit in. More of it would stay for ever.
_CACHE_KIB = 8 << 10
# Writing what is due holds up the reading so long; what is left is due the next time.
_WRITE_DUE_SECONDS = 0.5
# How often it is looked for logs that have become quiet.
_QUIET_LOOK_SECONDS = 600.0
# An ended log that is no longer than this stays as it was written: packing would save less than looking for it costs.
_SHORT_BYTES = 16 << 10
# A log whose file has not changed for so long is not kept in memory: of ten thousand runs that were killed none will
# grow again, and one that does is read back from the database.
_KEPT_SECONDS = 300.0


class Advance(NamedTuple):
    """How far a log was read by one `advance`."""

    is_last: bool  # it was read as far as it can be now
    is_held: bool = False  # something is there that may be content yet to come: worth another look soon


Advances = dict[Path, Advance | LogError | NotFound]


class LiveIndexer(Indexer):
    """Write the index for long; whoever owns it calls `write_due` every second or so, and `close` at the end."""

    most_open = 2048
    most_piece_bytes = PIECE_BYTES

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Open the index at `path`, by default this machine's; raises IndexUnusable and StorageError."""
        super().__init__(path)
        self.connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        self.connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._clock = clock
        self._waiting: dict[Path, float] = {}  # logs with rows that are not written, and since when
        self._ended: list[int] = []  # logs to be sealed
        self._short: list[int] = []  # ended logs that are as good as sealed
        self._next_look = clock()
        self._next_letting_go = clock()
        self._outdated: set[Path] = set()

    def close(self, seconds: float = math.inf) -> None:
        """Write what is in memory, as far as about so many seconds allow, and let the database go."""
        self._write_together(list(self._waiting), seconds)
        super().close()

    def advance(self, logs: Iterable[Path], seconds: float = math.inf) -> Advances:
        """Read the next piece of each of these logs, whose paths are resolved and UTF-8; return how it went.

        After about so many seconds the rest is left: what is not in the answer was not looked at. Short logs that are
        new take part in one transaction.
        """
        until = time.monotonic() + seconds
        went: Advances = {}
        others: deque[Path] = deque()
        for path in logs:
            try:
                known = self._in_memory(path)
                if known is None:
                    others.append(path)
                    continue
                self._read(known)
                went[path] = Advance(known.is_read_out, known.is_held)
            except (LogError, NotFound) as error:
                went[path] = error
            if time.monotonic() > until:
                break
        while others and (time.monotonic() < until or not went):
            self._advance_others(others, went)
        return went

    def take_outdated(self) -> set[Path]:
        """Return the logs that others have indexed meanwhile, and that may have to be read further; forget them."""
        outdated, self._outdated = self._outdated, set()
        return outdated

    def seen(self, log: Path) -> tuple[int, int, int]:
        """Return how many bytes of a log, by its resolved path, were read, and its size and mtime_ns at the end of it.

        They are -1 and 0 while it is not at its end.
        """
        known = self._open.get(log)
        if known is not None:
            return (known.offset, *known.seen)
        found = self.connection.execute(
            "SELECT indexed, size, mtime_ns FROM logs WHERE path = ?", (str(log),)
        ).fetchone()
        return found or (0, -1, 0)

    def is_in_memory(self, log: Path) -> bool:
        """Whether a log, by its resolved path, has grown lately, or is being read."""
        return log in self._open

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
        """Return how many bytes, and how many whole records, of a log were read; those not understood as well."""
        known = self._open.get(log.resolve())
        if known is None:
            return super().reached(log)
        facts = known.fold.facts
        return known.offset, facts.records + facts.undecodable

    def grown_since(self, time: float) -> list[Path]:
        """Return the logs that have grown since `time`, seconds since the epoch, as the index knows; the last first."""
        query = "SELECT path FROM logs WHERE mtime_ns >= ? ORDER BY mtime_ns DESC"
        grown = self.connection.execute(query, (int(time * 1e9),))
        return [Path(path) for (path,) in grown]

    def write_due(self) -> None:
        """Write the rows that have waited long."""
        now = self._clock()
        if any(since <= now - WRITE_SECONDS for since in self._waiting.values()):
            due = [path for path, since in self._waiting.items() if since <= now - WRITE_SECONDS / 2]
            self._write_together(due, _WRITE_DUE_SECONDS)
        if now >= self._next_letting_go:
            self._next_letting_go = now + _KEPT_SECONDS / 5
            self._let_go()

    def seal_for(self, seconds: float) -> bool:
        """Seal logs that have ended or are quiet, for about so long; return whether there is more to do."""
        if not self._ended and self._clock() >= self._next_look:
            self._next_look = self._clock() + _QUIET_LOOK_SECONDS
            self._ended = quiet_logs(self.connection, time.time())
        if self._short:
            short, self._short = self._short, []
            with self._transaction() as connection:
                as_short = "UPDATE logs SET sealed = 1 WHERE id = ? AND indexed <= ?"  # unless it has grown
                connection.executemany(as_short, [(log, _SHORT_BYTES) for log in short])
        until = time.monotonic() + seconds
        while self._ended and self.seal(self._ended[0], until - time.monotonic()):
            del self._ended[0]
        return bool(self._ended)

    def _let_go(self) -> None:
        """Give memory back: of logs that have become quiet, and what SQLite keeps of the database's pages."""
        for path in [path for path, log in self._open.items() if path not in self._waiting and _is_quiet(log)]:
            del self._open[path]
        give_back(self.connection)

    def _read(self, log: OneLog) -> int:
        if log.has_seen_all:
            return 0
        before = log.offset
        try:
            log.read(PIECE_BYTES, patience=self.patience_seconds)
        except (LogError, NotFound):  # in the middle of it, maybe: what is in memory can't be gone on with
            self._open.pop(log.path, None)
            self._waiting.pop(log.path, None)
            raise
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

    def _advance_others(self, others: deque[Path], went: Advances) -> None:
        """Index what comes next of the logs that wait, and are not in memory, in one transaction."""
        failed: Failures = {}
        waited = list(others)
        self._pieces(others, failed)
        for path in waited[: len(waited) - len(others)]:
            log = self._open.get(path)
            is_held = log is not None and log.is_held
            went[path] = failed.get(path) or Advance(is_last=True, is_held=is_held)
        if len(others) == len(waited):  # a long one: from now on it is in memory
            went[others.popleft()] = Advance(is_last=False)
        self._renew_collections()

    def _write_together(self, paths: Sequence[Path], seconds: float = math.inf) -> None:
        until = time.monotonic() + seconds
        while paths and time.monotonic() < until:
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
            (self._short if log.offset <= _SHORT_BYTES else self._ended).append(log.id)
        super()._written(path)
        if log is not None and _is_quiet(log):
            self._open.pop(path, None)

    def _catch_up_at_once(self, path: Path) -> None:
        """Read on, a piece at least, from where the database is: it knows more than was in memory."""
        self._open.pop(path, None)
        self._outdated.add(path)
        with contextlib.suppress(LogError, NotFound):  # who watches the log will see it by himself
            if not self._is_up_to_date(path):
                self._pieces(deque([path]), {})


def _is_quiet(log: OneLog) -> bool:
    return 0 < log.changed_at < time.time() - _KEPT_SECONDS


def _is_current(log: OneLog) -> bool:
    try:
        return log.is_current()
    except (LogError, NotFound):
        return False

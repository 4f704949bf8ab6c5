"""Read many growing logs fairly: a piece of one, then a piece of the next, and the short ones before the long.

A log that waits is in one of three lines. Logs that are being written come first: there is little to read of each, and
somebody may be watching. Then short ones that are not; last those of which more is left than a piece. Each turn takes
some from each line, so ten thousand new runs don't hold up a live one, nor a log of 10 GB anybody, and neither starves.

What can't be read waits by itself for a change of its file, or for some time to pass, and holds up nothing. How far a
log was read is known to the index alone, which says so in the transaction that holds its rows: what is here may be
lost at any moment.

Rules of this file: no threads, no sleeping. The clock comes from outside.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runstore.errors import FutureLogVersion, LogError, NotALog, NotFound, UnfitPath
from runstore.index.indexer import MOST_TOGETHER, unfit
from runstore.index.live import PIECE_BYTES, LiveIndexer
from runstore.paths import is_text

# A line may take so long of each turn, but for its first log: a stop is seen this soon, and so is the next live log.
LINE_SECONDS = 0.2
# Noted logs are put into lines for so long before those that wait there get their turn again.
SORTING_SECONDS = 0.1
# A log that could not be read is tried again after so long, then after twice as long, up to the longest; one that is
# no log, or of a later version, is only looked at again after the longest, or when its file changes.
RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 300.0
# Content that comes later than a file's size (on network file systems) is waited for so long, and looked for so often.
PATIENCE_SECONDS = 10.0
HELD_LOOK_SECONDS = 1.0
# Logs that changed in these last seconds are read before others.
LIVE_SECONDS = 60.0

Stamp = tuple[int, int, int]  # inode, size and mtime_ns of a file
_NO_FILE: Stamp = (0, -1, 0)


@dataclass
class _Failure:
    """What is known of a log that can't be read."""

    stamp: Stamp
    retry_at: float
    seconds: float = 0.0  # how long it is left alone


@dataclass
class _Longer:
    """What a log was that is shorter now."""

    size: int
    log_id: str


class Tails:
    """The logs that have something to be read, or may have, and what became of those that can't be."""

    def __init__(self, indexer: LiveIndexer, clock: Callable[[], float] = time.monotonic) -> None:
        self.errors: dict[Path, str] = {}
        self._clock = clock
        self._noted: dict[Path, None] = {}  # not in a line yet
        self._live: dict[Path, None] = {}
        self._short: dict[Path, None] = {}
        self._long: dict[Path, None] = {}
        self._failures: dict[Path, _Failure] = {}
        self._held: dict[Path, float] = {}  # when to look again
        self._gone: set[Path] = set()
        self._shrunk: dict[Path, _Longer] = {}
        self.use(indexer)

    def use(self, indexer: LiveIndexer) -> None:
        """Read with this indexer from now on; what waits goes on waiting."""
        self._indexer = indexer
        indexer.patience_seconds = PATIENCE_SECONDS

    def __len__(self) -> int:
        """Return how many logs wait to be read."""
        return len(self._noted) + len(self._live) + len(self._short) + len(self._long)

    def note(self, logs: Iterable[Path]) -> None:
        """Let these logs be read: something in them, or about them, may have changed."""
        for log in logs:
            path = Path(os.path.realpath(log))
            if path not in self._live and path not in self._short and path not in self._long:
                self._noted[path] = None

    def forget(self, log: Path) -> None:
        """Don't read a log any more."""
        path = Path(os.path.realpath(log))
        for line in (self._noted, self._live, self._short, self._long, self._held):
            line.pop(path, None)
        for known in (self._failures, self._shrunk, self.errors):
            known.pop(path, None)
        self._gone.discard(path)

    def take_gone(self) -> list[Path]:
        """Return the logs that were noted and are not there any more; each is returned once."""
        gone, self._gone = self._gone, set()
        return sorted(gone)

    def work(self, seconds: float, stopping: Callable[[], bool] = lambda: False) -> list[Path]:
        """Read for about so long; return the logs that were looked at: those that moved, and those at their end.

        Takes longer than `seconds` by one turn at most, in which each line is served; ends sooner when `stopping` says
        so between two lines. Raises what concerns the index itself: IndexUnusable and StorageError; nothing is
        forgotten then.
        """
        until = self._clock() + seconds
        self.note(self._indexer.take_outdated())
        self._note_what_is_due()
        looked_at: dict[Path, None] = {}
        while self:
            self._sort(looked_at)
            for line, most in ((self._live, MOST_TOGETHER), (self._short, MOST_TOGETHER), (self._long, 1)):
                if not stopping():
                    self._serve(line, most, looked_at)
            if stopping() or self._clock() >= until:
                break
        return list(looked_at)

    def _note_what_is_due(self) -> None:
        now = self._clock()
        for path in [path for path, at in self._held.items() if at <= now]:
            del self._held[path]
            self.note([path])
        self.note([path for path, failure in self._failures.items() if failure.retry_at <= now])

    def _sort(self, looked_at: dict[Path, None]) -> None:
        """Put the noted logs into their lines; those that can't be read wait for a change, or their time.

        What is as it was when all of it had been read has been looked at by that.
        """
        until = self._clock() + SORTING_SECONDS
        while self._noted:
            path = next(iter(self._noted))
            del self._noted[path]
            stamp, changed_at = _look(path)
            failure = self._failures.get(path)
            if failure and failure.stamp == stamp and failure.retry_at > self._clock() and not self._is_forgotten(path):
                continue
            if not is_text(path):
                self._fail(path, unfit(path))
                continue
            reached, *seen = self._indexer.seen(path)
            if stamp != _NO_FILE and seen == list(stamp[1:]):
                self._well_again(path)
                looked_at[path] = None
            else:
                self._line_of(path, stamp[1], changed_at, reached)[path] = None
            if self._clock() > until:
                break

    def _line_of(self, path: Path, size: int, changed_at: float, reached: int) -> dict[Path, None]:
        if 0 <= size < reached and path not in self._shrunk:
            self._shrunk[path] = _Longer(reached, self._indexer.log_id(path))
        if size - reached > PIECE_BYTES:
            return self._long
        is_live = self._indexer.is_in_memory(path) or abs(time.time() - changed_at) < LIVE_SECONDS
        return self._live if is_live else self._short

    def _serve(self, line: dict[Path, None], most: int, looked_at: dict[Path, None]) -> None:
        """Read a piece of each of the first logs of a line."""
        logs = list(islice(line, most))
        if not logs:
            return
        for path, how in self._indexer.advance(logs, LINE_SECONDS).items():
            del line[path]
            if isinstance(how, NotFound):
                self._not_there(path)
                continue
            if isinstance(how, LogError):
                self._fail(path, how)
                continue
            self._well_again(path)
            looked_at[path] = None
            if how.is_held:
                self._held[path] = self._clock() + HELD_LOOK_SECONDS
            elif not how.is_last:
                self._long[path] = None

    def _well_again(self, path: Path) -> None:
        """Take back what was said of a log, but not that its end is lost, for as long as it is."""
        self._failures.pop(path, None)
        self.errors.pop(path, None)
        longer = self._shrunk.get(path)
        if longer is None:
            return
        size = _look(path)[0][1]
        if size >= longer.size or self._indexer.log_id(path) != longer.log_id:  # or another log lies there now
            del self._shrunk[path]
        else:
            self.errors[path] = (
                f"{path}: has shrunk from {longer.size:,} to {size:,} bytes, which a run log never does by itself; the"
                " index has what is left. Get its end back from a copy, or a remote, before it is written again"
            )

    def _not_there(self, path: Path) -> None:
        """Take a log for deleted, or moved; but not where all that was about it is gone: a file system is away.

        Who looked closer may have let the index forget it: then nothing is known that could stay.
        """
        if path.parent.parent.exists() or self._is_forgotten(path):
            self.forget(path)
            self._gone.add(path)
        else:
            sentence = f"{path}: its folder is not there any more; what the index knows of it stays"
            self._fail(path, LogError(sentence))

    def _is_forgotten(self, path: Path) -> bool:
        """Return whether there is nothing where a log was, and the index knows nothing of it."""
        return is_text(path) and _look(path)[0] == _NO_FILE and self._indexer.seen(path)[0] == 0

    def _fail(self, path: Path, error: LogError) -> None:
        self.errors[path] = str(error)
        stamp, _ = _look(path)
        before = self._failures.get(path)
        seconds = RETRY_SECONDS
        if isinstance(error, (NotALog, FutureLogVersion, UnfitPath)):
            seconds = LONGEST_RETRY_SECONDS
        elif before is not None:
            seconds = min(2 * before.seconds, LONGEST_RETRY_SECONDS)
        self._failures[path] = _Failure(stamp, self._clock() + seconds, seconds)


def _look(path: Path) -> tuple[Stamp, float]:
    """Return what tells whether a file has changed, and when it did last; of one that can't be looked at, no more."""
    try:
        status = os.stat(path)
    except OSError:
        return _NO_FILE, 0.0
    return (status.st_ino, status.st_size, status.st_mtime_ns), status.st_mtime

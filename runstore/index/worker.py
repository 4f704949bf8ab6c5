"""What a process does that indexes logs beside others (parallel.py): read without a lock, take one only to write."""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.index.indexer import PIECE_BYTES, Failures, Indexer
from runstore.index.onelog import status_of
from runstore.index.onerun import update_run

# A log below this is read with the lock held, together with others: two transactions cost more than the reading.
SHORT_BYTES = 256 << 10


class Worker(Indexer):
    """Write the index beside other processes that do so at the same time."""

    def _pieces(self, waiting: deque[Path], failed: Failures) -> int:
        """Index what comes next of the logs that wait; return how many bytes that was."""
        path = waiting[0]
        try:
            if status_of(path).st_size < SHORT_BYTES:
                return super()._pieces(waiting, failed)
            size, is_last = self._piece_unlocked(path)
        except (LogError, NotFound) as error:  # whoever started this will meet it, too
            failed[path] = error
            size, is_last = 0, True
        if is_last:
            waiting.popleft()
        return size

    def _piece_unlocked(self, path: Path) -> tuple[int, bool]:
        """Index the next piece of a log; return how many bytes that was, and whether it is the last."""
        with self._transaction():  # where another log was known by this name, its rows go
            log = self._opened(path)
        del self._open[path]  # until it is whole again
        if log.has_seen_all:
            return 0, True
        before = log.offset
        log.read(PIECE_BYTES)
        with self._transaction():
            if not log.is_current():  # another process was first: the next piece begins behind that one's
                return 0, False
            log.write()
            update_run(self.connection, log.id, log.fold)
            log.enter_collections()
        if not log.has_ended:
            self._open[path] = log
        return log.offset - before, log.is_read_out


def work(index: str) -> None:
    """Index the logs that are named on stdin, and say on stdout how many bytes each piece had."""
    logs = [Path(os.fsdecode(name)) for name in sys.stdin.buffer.read().split(b"\0") if name]
    worker = Worker(Path(index))
    worker.catch_up_all(logs, _say)
    worker.close()


def _say(size: int) -> None:
    os.write(sys.stdout.fileno(), b"%d\n" % size)  # fails, and ends this process, where nobody listens any more

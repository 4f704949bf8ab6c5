"""What a process does that indexes logs beside others (parallel.py): read without a lock, take one only to write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from runstore.errors import LogError, NotFound
from runstore.index.indexer import PIECE_BYTES, Indexer
from runstore.index.onerun import update_run


class Worker(Indexer):
    """Write the index beside other processes that do so at the same time."""

    def _piece(self, path: Path) -> int:
        """Index the next piece of a log; return how many bytes that was."""
        if self._is_up_to_date(path):
            return 0
        with self._transaction():  # where another log was known by this name, its rows go
            log = self._opened(path)
        del self._open[path]  # until it is whole again
        before = log.offset
        log.read(PIECE_BYTES)
        with self._transaction():
            is_current = log.is_current()
            if is_current:
                log.write()
                update_run(self.connection, log.id)
        if is_current and not log.has_ended:
            self._open[path] = log
        # Where another process was first, what was read here is dropped, and the next piece begins behind that one's.
        return max(1, log.offset - before)


def work(index: str) -> None:
    """Index the logs that are named on stdin, and say on stdout how many bytes each piece had."""
    logs = [Path(os.fsdecode(name)) for name in sys.stdin.buffer.read().split(b"\0") if name]
    worker = Worker(Path(index))
    for log in logs:
        try:
            worker.catch_up(log, _say)
        except (LogError, NotFound):
            continue
    worker.close()


def _say(size: int) -> None:
    os.write(sys.stdout.fileno(), b"%d\n" % size)  # fails, and ends this process, where nobody listens any more

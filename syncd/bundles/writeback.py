"""Bring files to the disk while they are written: whoever waits for that in the end waits less."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from typing import BinaryIO

_SYNCED_BYTES = 32 << 20
_WORTH_BYTES = 4 << 20  # of a file: the system writes smaller ones by itself before they are many
_MOST_WAITING = 8  # of which each holds a file open


class WriteBehind:
    """A thread that has the system write what it would keep in memory for a while."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._waiting: deque[Future[None]] = deque()

    def begin(self, file: int) -> None:
        """Have all that was written to a file until now brought to the disk; the file may be closed meanwhile."""
        self._waiting.append(self._pool.submit(_synced, os.dup(file)))
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popleft().result()

    def close(self) -> None:
        """Wait until all is there."""
        self._pool.shutdown()


class WriteBack:
    """Brings one file to the disk, as it grows; `behind` may be shared by many that are written in turn."""

    def __init__(self, file: BinaryIO | FileIO, behind: WriteBehind | None = None) -> None:
        self._file, self._behind = file, behind or WriteBehind()
        self._is_own = behind is None
        self._since = 0

    def go_on(self, at_least: int = _SYNCED_BYTES) -> None:
        """Look whether enough was written since the last time that it is worth it."""
        at = self._file.tell()
        if at - self._since >= at_least:
            self._behind.begin(self._file.fileno())
            self._since = at

    def close(self) -> None:
        """Have the rest brought there as well; wait for it where nobody else is to be waited for."""
        self.go_on(_WORTH_BYTES)
        if self._is_own:
            self._behind.close()


def _synced(file: int) -> None:
    with contextlib.suppress(OSError):  # who needs it to be durable asks again, and is told
        os.fdatasync(file)
    os.close(file)

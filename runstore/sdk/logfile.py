"""The log that a run is writing to, whichever file that is at the moment.

Logging never fails a training run. Where the disk refuses, the user is told once, records wait in memory up to a
bound, and each later call tries again: first the same file, then, at most once a second, a new log of the same run.
What finds no room even in memory is counted, and its numbers are left out of the log, so that the loss shows there.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from runstore.errors import StorageError, TakeoverRefused
from runstore.runlog.record_pb2 import Origin
from runstore.runlog.writer import LogWriter

MAX_BACKLOG_BYTES = 64 << 20
SECONDS_BETWEEN_NEW_LOGS = 1.0

Begin = Callable[["Origin.Kind"], LogWriter]


class RunLog:
    """Append records for a run, moving to another log file where the present one can't be used.

    `begin(kind)` makes a new log of the run, its first records written, or raises StorageError.
    """

    def __init__(self, begin: Begin, kind: Origin.Kind, warn: Callable[[str], None]) -> None:
        """Begin the first log; raises StorageError where that can't be done."""
        self.lost_records = 0
        self._begin = begin
        self._warn = warn
        self._writer = begin(kind)
        self._mutex = threading.RLock()
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._in_trouble = False
        self._lost_unwritten = 0
        self._next_try = 0.0
        self._successor: Origin.Kind = Origin.SUCCESSOR

    def append(self, body: bytes) -> None:
        """Write one record, or keep it for when that is possible again. Never raises for a disk's sake."""
        if not self._in_trouble and self._writer.usable:
            try:
                self._writer.append(body)
                return
            except StorageError as error:
                self._refused(body, error)
        else:
            self._keep(body)
        self._recover()

    def close(self) -> None:
        """Write what waits, if that can be done, and close the log. Says how much was lost, if anything was."""
        with self._mutex:
            self._next_try = 0.0
            self._recover()
            try:
                self._writer.close()
            except StorageError as error:
                self._warn(str(error))
                self.lost_records += 1
            self.lost_records += len(self._backlog)
            if self.lost_records:
                self._warn(f"{self.lost_records} records of this run could not be written and are lost")

    def forked(self) -> None:
        """In a forked child: what waits is the parent's to write; the first append begins a log of the child's own."""
        self._mutex = threading.RLock()
        self._backlog.clear()
        self._backlog_bytes = self.lost_records = self._lost_unwritten = 0
        self._in_trouble = False
        self._next_try = 0.0
        self._successor = Origin.RANK

    def _refused(self, body: bytes, error: StorageError) -> None:
        with self._mutex:
            if not self._in_trouble:
                self._in_trouble = True
                self._warn(f"{error}. Training goes on; up to {MAX_BACKLOG_BYTES >> 20} MiB wait in memory.")
        if self._writer.unfinished is not body:  # else the writer itself holds the rest of it
            self._keep(body)

    def _keep(self, body: bytes) -> None:
        with self._mutex:
            if self._backlog_bytes + len(body) > MAX_BACKLOG_BYTES:
                self.lost_records += 1
                self._lost_unwritten += 1
                return
            self._backlog.append(body)
            self._backlog_bytes += len(body)

    def _recover(self) -> None:
        """Write what waits: to the present log, or to a new one where that can't be written."""
        with self._mutex:
            if self._writer.usable and self._drained():
                return
            now = time.monotonic()
            if now < self._next_try:
                return
            self._next_try = now + SECONDS_BETWEEN_NEW_LOGS
            if self._moved():
                self._drained()

    def _drained(self) -> bool:
        """Write the backlog to the present log; return whether all of it is there."""
        try:
            if self._lost_unwritten:
                self._writer.note_lost(self._lost_unwritten)
                self._lost_unwritten = 0
            while self._backlog:
                self._writer.append(self._backlog[0])
                self._backlog_bytes -= len(self._backlog.popleft())
        except StorageError:
            if self._backlog and self._writer.unfinished is self._backlog[0]:
                self._backlog_bytes -= len(self._backlog.popleft())
            return False
        self._in_trouble = False
        return True

    def _moved(self) -> bool:
        """Go on in another log: the old one, if a forked child may take it over, else a new one."""
        if self._successor == Origin.RANK and not self._writer.usable:
            try:
                self._writer = LogWriter.take_over(self._writer.path)
                return True
            except TakeoverRefused:
                pass
        try:
            writer = self._begin(self._successor)
        except StorageError as error:
            if not self._in_trouble:
                self._in_trouble = True
                self._warn(str(error))
            return False
        torn = self._writer.abandon()
        if torn is not None:
            self._backlog.appendleft(torn)
            self._backlog_bytes += len(torn)
        self._writer = writer
        return True

"""The log that a run is writing to, whichever file that is at the moment.

Logging never fails a training run. Where the disk refuses, the user is told once, records wait in memory up to a
bound, and each later call tries again: first the same file, then, ever more seldom, a new log of the same run.
What finds no room even in memory is counted, and its numbers are left out of the log, so that the loss shows there.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from runstore.errors import StorageError, TakeoverRefused, UsageError
from runstore.runlog.record_pb2 import Origin
from runstore.runlog.writer import LogWriter
from runstore.sdk import signals

MAX_BACKLOG_BYTES = 64 << 20
# The second new log waits this long after the first, the third twice as long, and so on: a disk on which every file
# fails gets some hundred run directories a day, not a hundred thousand.
SECONDS_BETWEEN_NEW_LOGS = 1.0

Begin = Callable[["Origin.Kind"], LogWriter]


class RunLog:
    """Append records for a run, moving to another log file where the present one can't be used.

    `begin(kind)` makes a new log of the run, its first records written, or raises StorageError. Safe to call from
    many threads, and from a signal handler or finalizer that interrupts a call of the same thread.

    `mutex` is held while a record is written, and by whoever makes one that depends on the one before. It is the only
    one: a signal handler may want any of a run's locks while its thread has another, and so may the next thread.
    """

    def __init__(
        self,
        begin: Begin,
        kind: Origin.Kind,
        warn: Callable[[str], None],
        sync_seconds: float = 1.0,
        known: Callable[[], bytes] | None = None,
    ) -> None:
        """Begin the first log; raises StorageError where that can't be done.

        `known()` is the record with which a log goes on whose predecessor nobody will read.
        """
        self.lost_records = 0
        self._begin = begin
        self._warn = warn
        self._known = known
        self._sync_seconds = sync_seconds
        self._writer = begin(kind)
        self.mutex = threading.RLock()
        self._writing = False
        self._closing = False
        self._closed = False
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._in_trouble = False
        self._told: set[str] = set()
        self._lost_unwritten = 0
        self._next_try = 0.0
        self._tries = 0
        self._successor: Origin.Kind = Origin.SUCCESSOR

    def append(self, body: bytes) -> None:
        """Write one record, or keep it for when that is possible again. Never raises for a disk's sake.

        Raises UsageError after `close`.
        """
        with self.mutex:
            if self._writing:  # this call interrupts another one of the same thread, which will write what waits
                self._keep(body)
                return
            if self._closed:
                signals.hold_if_ending()  # who logs while a signal ends the program has made no mistake
                raise UsageError("the run is finished; begin another one with runstore.init()")
            self._writing = True
            try:
                try:
                    if not self._backlog and self._writer.usable:
                        self._writer.append_alone(body)
                    else:
                        self._keep(body)
                except StorageError as error:
                    self._refused(body, error)
                if self._backlog or self._in_trouble:
                    self._recover()
            except BaseException:  # Ctrl-C in the middle of it: nobody knows how much the file holds; begin another
                with contextlib.suppress(StorageError):
                    self._writer.close()
                raise
            finally:
                self._writing = False
                if self._closing:
                    self.close()

    def close(self) -> None:
        """Write what waits, if that can be done, and close the log. Says how much was lost, if anything was."""
        with self.mutex:
            self._closing = True
            if self._writing or self._closed:  # the interrupted append closes, when it is through
                return
            self._closed = True
            if self._backlog or self._in_trouble:
                self._next_try = 0.0
                self._recover()
            try:
                self._writer.close()
            except StorageError:  # of a record that stayed torn, which was said
                self.lost_records += 1
            self.lost_records += len(self._backlog)
            if self.lost_records:
                self._warn(f"{self.lost_records} records of this run could not be written and are lost")

    def folder(self) -> Path:
        """Return the run directory of the log that the next record goes to, beginning that log where it must be."""
        self.leave_if_gone()  # what is put there must not bring an old run directory back, without its log
        with self.mutex:
            if not self._writer.usable and not self._writing and not self._closed:
                self._recover()
            return self._writer.path.parent

    def written(self) -> tuple[int, int]:
        """Return how many records wait in memory, and how many are in the present log."""
        with self.mutex:
            return len(self._backlog), self._writer.records

    @property
    def gone(self) -> bool:
        """Whether the present log was noticed to be deleted or moved away. Costs nothing, and is noticed late."""
        return self._writer.gone

    def leave_if_gone(self) -> None:
        """Go on in a new log where the present one was deleted or moved away: nobody would find what is added."""
        with self.mutex:
            self._writer.gone = False  # set anew, a second later, where no other log can be begun now
            if not self._writer.usable or self._writing or not self._writer.is_gone():
                return
            lost = self._writer.records if self._writer.deleted else 0
            if self._moved():
                self._writer.note_lost(lost)
                if self._known is not None:
                    self.append(self._known())
                self._warn(f"a log of this run was deleted or moved away; it goes on in {self._writer.path}")

    def succeed(self, ending: Sequence[bytes]) -> None:
        """End the present log with these records, and go on in a new one; nothing where there is none, or trouble."""
        with self.mutex:
            if not self._writer.usable or self._writing or self._backlog or self._in_trouble:
                return
            with contextlib.suppress(StorageError):  # where no other can be begun, this one goes on
                old, self._writer = self._writer, self._begin(self._successor)
                for record in ending:
                    old.append(record)
                old.close()

    def forked(self) -> None:
        """In a forked child: what waits is the parent's to write; the first append begins a log of the child's own."""
        self.mutex = threading.RLock()
        self._writing = self._closing = False
        self._backlog.clear()
        self._backlog_bytes = self.lost_records = self._lost_unwritten = 0
        self._in_trouble = False
        self._next_try = 0.0
        self._successor = Origin.RANK

    def _refused(self, body: bytes, error: StorageError) -> None:
        self._in_trouble = True
        reason = str(error.__cause__)  # without the path: the next log may be refused for the same
        if reason not in self._told:
            self._told.add(reason)
            self._warn(f"{error}. Training goes on; up to {MAX_BACKLOG_BYTES >> 20} MiB wait in memory.")
        if self._writer.unfinished is not body:  # else the writer itself holds the rest of it
            self._keep(body)

    def _keep(self, body: bytes) -> None:
        if self._backlog_bytes + len(body) > MAX_BACKLOG_BYTES:
            self.lost_records += 1
            self._lost_unwritten += 1
            return
        self._backlog.append(body)
        self._backlog_bytes += len(body)

    def _recover(self) -> None:
        """Write what waits: to the present log, or to a new one where that can't be written."""
        if self._writer.usable and self._drained():
            return
        now = time.monotonic()
        if now < self._next_try:
            return
        self._tries += 1
        self._next_try = now + SECONDS_BETWEEN_NEW_LOGS * self._tries
        if self._moved():
            self._drained()

    def _drained(self) -> bool:
        """Write the backlog to the present log; return whether all of it is there."""
        try:
            while self._backlog:
                self._writer.append_alone(self._backlog[0])
                self._backlog_bytes -= len(self._backlog.popleft())
        except StorageError:
            if self._writer.unfinished is self._backlog[0]:
                self._backlog_bytes -= len(self._backlog.popleft())
            return False
        if self._writer.unfinished is not None:
            return False
        if self._lost_unwritten:  # they came after all that waited
            self._writer.note_lost(self._lost_unwritten)
            self._lost_unwritten = 0
        self._in_trouble = False
        return True

    def _moved(self) -> bool:
        """Go on in another log: the old one, if a forked child may take it over, else a new one."""
        if self._successor == Origin.RANK and not self._writer.usable:
            try:
                self._writer = LogWriter.take_over(self._writer.path, self._sync_seconds)
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
        if self._writer.sync_failed:
            self._warn(f"{self._writer.path}: the disk failed to keep what was written; going on in {writer.path}")
        torn = self._writer.abandon()
        if torn is not None:
            self._backlog.appendleft(torn)
            self._backlog_bytes += len(torn)
        self._writer = writer
        return True

"""Append records to a run log: one encode, one write, under one lock.

What is promised: when `append` returns, the record is in the operating system, and no other process can have torn
it. What is never done: truncating, seeking, or writing anything behind a record that was not finished, because
stock readers stop there.

One file has one writer at a time, since framing depends on the absolute offset. The writer holds an advisory lock
on the file for as long as it lives; a forked child gives its copy up at once and must `take_over` or begin a log of
its own.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import math
import os
import threading
import weakref
from pathlib import Path

from runstore.errors import StorageError, TakeoverRefused
from runstore.paths import is_local
from runstore.runlog import codec, wire
from runstore.runlog.framing import FILE_HEADER, frame
from runstore.runlog.process import ProcessName
from runstore.runlog.reader import LogReader

# A background sync that hangs (a dead NFS server) must not hold up the end of a training process for ever.
CLOSE_WAIT_SECONDS = 10.0


class LogWriter:
    """Append records to one run log. Safe to call from many threads; after a fork only in the parent.

    `sync_seconds` bounds what a power failure can take: 0 syncs every record before `append` returns, a positive
    number does it in the background that often, infinity never.
    """

    def __init__(self, path: Path, file: int, *, offset: int, num: int, sync_seconds: float) -> None:
        """Use `create` or `take_over`; `file` is an open descriptor at `offset`, `num` the last record's number."""
        self.path = path
        self.usable = True  # whether `append` can be called: not closed, not inherited by a fork, no sync has failed
        self.unfinished: bytes | None = None  # the record of which only a part could be written
        self.sync_failed = False
        self.gone = False  # the background sync found the log deleted or moved away; whoever goes on resets it
        self._file = file
        self._offset = offset
        self._num = num
        self._rest = b""  # the bytes of `unfinished` that are still to be written
        self._sync_seconds = sync_seconds
        self._synced = 0
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        self._syncer: threading.Thread | None = None
        _open_writers.add(self)

    @classmethod
    def create(cls, path: Path, sync_seconds: float = 1.0) -> LogWriter:
        """Return a writer of a new, empty log; raises FileExistsError, and StorageError where it can't be made."""
        try:
            file = _open(path, os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            raise
        except OSError as error:
            raise _refused(path, error) from error
        lock_file(file)  # nobody else can know this file yet; where locks don't exist there is no takeover either
        try:
            written = os.write(file, FILE_HEADER)
        except OSError as error:
            os.close(file)
            raise _refused(path, error) from error
        writer = cls(path, file, offset=written, num=0, sync_seconds=sync_seconds)
        writer._rest = FILE_HEADER[written:]
        return writer

    @classmethod
    def take_over(cls, path: Path, sync_seconds: float = 1.0) -> LogWriter:
        """Return a writer that goes on at the end of a log which another process left.

        Reads the whole log once. Raises TakeoverRefused, saying why, unless all of this holds: a local file system,
        no other writer, written in this boot of this machine, no exit record, and an end at a record's boundary.
        """
        if not is_local(path):
            raise TakeoverRefused(f"{path}: is on a network file system, where locks can't be trusted")
        try:
            file = _open(path, 0)
        except OSError as error:
            raise TakeoverRefused(f"{path}: {error.strerror}") from error
        try:
            if not lock_file(file):
                raise TakeoverRefused(f"{path}: another process is writing it")
            offset, num = _end_of(path)
        except TakeoverRefused:
            os.close(file)
            raise
        return cls(path, file, offset=offset, num=num, sync_seconds=sync_seconds)

    @property
    def offset(self) -> int:
        """Length of the log in bytes, as far as this writer wrote it."""
        return self._offset

    def append(self, body: bytes) -> None:
        """Write one record, `body` being an encoded Record without its number.

        Raises StorageError if it could not be written. If a part of it was, it is kept as `unfinished`, and its rest
        is written before anything else at the next call; otherwise the record is not in the log and may be given again.
        """
        with self._mutex:
            self.append_alone(body)

    def append_alone(self, body: bytes) -> None:
        """Do what `append` does, for a caller who sees to it that no other thread is in this writer meanwhile."""
        if self._rest:
            self._finish()
        number = self._num + 1
        data = frame(wire.RECORD_NUM + wire.varint(number) + body, self._offset)
        try:
            written = os.write(self._file, data)
        except OSError as error:
            raise _refused(self.path, error) from error
        self._offset += written
        self._num = number
        if written != len(data):
            self._rest, self.unfinished = data[written:], body
            self._finish()
        if self._syncer is None:
            self._sync_or_begin_to()

    @property
    def records(self) -> int:
        """The number of the last record that was written."""
        return self._num

    def is_gone(self) -> bool:
        """Return whether the log was deleted or moved away: nobody who looks for it would find what is added."""
        try:
            os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:  # a file server that is away: nothing is known
            return False
        return False

    @property
    def deleted(self) -> bool:
        """Whether the open file has no name any more, so that all that is in it goes with it."""
        return os.fstat(self._file).st_nlink == 0

    def note_lost(self, records: int) -> None:
        """Leave a gap in the numbering for records that will never be written, so that readers can count them."""
        with self._mutex:
            self._num += records

    def close(self) -> None:
        """Finish what is unfinished, sync, let the file go; safe to repeat. Raises StorageError as `append` does."""
        if self._file < 0:
            return
        self._closing.set()
        hangs = False
        if self._syncer is not None and self._syncer.is_alive():
            self._syncer.join(CLOSE_WAIT_SECONDS)
            hangs = self._syncer.is_alive()
        try:
            with self._mutex:
                if self._rest:
                    self._finish()
            if self._sync_seconds != math.inf and not self.sync_failed and not hangs:
                self._sync()
        finally:
            os.close(self._let_go())

    def abandon(self) -> bytes | None:
        """Let the file go as it is; return the record that stays torn in it, if there is one."""
        self._closing.set()
        file = self._let_go()
        if file >= 0:
            os.close(file)
        return self.unfinished

    def _let_go(self) -> int:
        self.usable = False
        file, self._file = self._file, -1
        return file

    def _finish(self) -> None:
        """Write the rest of a record that was cut short, from its exact byte on."""
        while self._rest:
            try:
                written = os.write(self._file, self._rest)
            except OSError as error:
                raise _refused(self.path, error) from error
            self._offset += written
            self._rest = self._rest[written:]
        self.unfinished = None

    def _sync_or_begin_to(self) -> None:
        """Sync where each record is to be synced; else, unless none is, start the thread that does it."""
        if self._sync_seconds == 0:
            self._sync()
        elif self._sync_seconds != math.inf:
            self._syncer = threading.Thread(target=self._sync_in_background, name="runstore-fsync", daemon=True)
            # RuntimeError: no more threads for this user, or Python is ending; only `close` syncs then.
            with contextlib.suppress(RuntimeError):
                self._syncer.start()

    def _sync_in_background(self) -> None:
        while not self._closing.wait(self._sync_seconds):
            if self._offset != self._synced:
                self._sync()
                self.gone = self.is_gone()
            if self.sync_failed:
                return

    def _sync(self) -> None:
        """Bring the log to the disk. A failure is kept, not retried: the kernel may have dropped the pages already."""
        upto, file = self._offset, self._file
        if file < 0:  # closed since the background thread looked at the clock
            return
        try:
            _fdatasync(file)
        except OSError as error:
            # Some file systems (pipes, some FUSE) have no sync at all; that is no failure of the disk.
            self.sync_failed = error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EBADF)
            if self.sync_failed:
                self.usable = False
        else:
            self._synced = upto

    def _forked(self) -> None:
        """In a forked child: no thread of the parent's runs here, and its lock may be held by one that doesn't."""
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        self._syncer = None
        self._rest, self.unfinished = b"", None  # the parent finishes what it began
        file = self._let_go()
        if file >= 0:
            os.close(file)  # the lock belongs to the open file: a child that kept it would lock the log for ever


_open_writers: weakref.WeakSet[LogWriter] = weakref.WeakSet()


def _forked_child() -> None:
    for writer in list(_open_writers):
        writer._forked()


os.register_at_fork(after_in_child=_forked_child)
_fdatasync = getattr(os, "fdatasync", os.fsync)


def _open(path: Path, flags: int) -> int:
    """Open a log for appending; never as 0, 1 or 2, where these are closed: C code prints there, into the log."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | flags, 0o666)
    if file > 2:
        return file
    try:
        return fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(file)


def lock_file(file: int) -> bool:
    """Take the advisory lock on an open file without waiting; return whether it was to be had."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _end_of(path: Path) -> tuple[int, int]:
    """Return the end offset and last number of a log that may be continued; raises TakeoverRefused if it may not."""
    reader = LogReader(path)
    num, ended, first = 0, False, None
    for framed in reader:
        record = codec.decode(framed.payload)
        if record is not None:
            first = first or record
            num, ended = max(num, record.num), ended or record.HasField("exit")
    if reader.lost or first is None:
        raise TakeoverRefused(f"{path}: does not end at a record's boundary")
    if ended:
        raise TakeoverRefused(f"{path}: its run has ended")
    if first.header.origin.boot_id != ProcessName.of_this_process().boot_id:
        raise TakeoverRefused(f"{path}: was written before this machine was started, or on another one")
    return reader.size, num


def _refused(path: Path, error: OSError) -> StorageError:
    free = "free some space or quota" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "check the disk"
    return StorageError(f"{path}: can't be written ({error.strerror}); {free}, what was logged before is safe")

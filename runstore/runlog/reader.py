"""Read a run log that nobody writes any more: the end of the file is the end of the run log.

Damage never ends the reading and never raises: what could not be read is listed in `lost`, what is intact after it
is returned. For a log that may still grow there is runlog/live.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from runstore.errors import LogError, NotALog, NotFound
from runstore.runlog.framing import Deframer, Framed, Lost, Why

READ_BYTES = 1 << 20


def open_log(path: Path) -> int:
    """Return a file descriptor for reading `path`; raises NotFound, LogError where it may not be read, and NotALog.

    A pipe, which would be waited for, and a device, which may have no end, are no logs.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: there is no such run log; runs are found below a folder named wandb") from error
    except OSError as error:
        raise LogError(f"{path}: can't be read ({error.strerror}); its contents were not looked at") from error
    if not S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotALog(f"{path}: is not a run log, nor any regular file; nothing was read from it")
    return file


def read_at(file: int, path: Path, offset: int, size: int = READ_BYTES) -> bytes:
    """Return up to `size` bytes of an open log, fewer at its end; raises LogError where the disk doesn't give them."""
    try:
        return os.pread(file, size, offset)
    except OSError as error:  # EIO, or ESTALE: the server has another file there now
        raise LogError(
            f"{path}: can't be read at offset {offset:,} ({error.strerror}); what is before stays"
        ) from error


def read_head(path: Path, size: int) -> bytes:
    """Return the first `size` bytes of a log, fewer where it is shorter; raises NotFound and LogError."""
    file = open_log(path)
    try:
        head = b""
        while len(head) < size and (data := read_at(file, path, len(head), size - len(head))):
            head += data
        return head
    finally:
        os.close(file)


class LogReader:
    """Iterate over the whole records of a closed log, from `offset` (0 or a record's end) on.

    After the iteration `lost` holds every byte range without a whole record, in order, and `size` the file's length.
    Raises NotFound, NotALog and FutureLogVersion; memory is bounded by the largest record.
    """

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.lost: list[Lost] = []
        self.size = offset
        self._offset = offset

    @property
    def lost_bytes(self) -> int:
        """Bytes without a whole record, a torn tail not counted: what damage cost."""
        return sum(lost.size for lost in self.lost if lost.why is not Why.TORN)

    @property
    def torn_bytes(self) -> int:
        """Bytes of a record at the end of the file that was begun and never finished."""
        return sum(lost.size for lost in self.lost if lost.why is Why.TORN)

    def __iter__(self) -> Iterator[Framed]:
        self.lost = []
        deframer = Deframer(str(self.path), self._offset)
        file = open_log(self.path)
        try:
            while data := read_at(file, self.path, deframer.fed, READ_BYTES):
                deframer.feed(data)
                yield from self._drain(deframer)
        finally:
            os.close(file)
        deframer.end()
        yield from self._drain(deframer)
        self.size = deframer.fed

    def _drain(self, deframer: Deframer) -> Iterator[Framed]:
        while (event := deframer.next()) is not None:
            if isinstance(event, Framed):
                yield event
            else:
                self.lost.append(event)

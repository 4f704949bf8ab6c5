"""Read a run log while another process is still writing it.

The end of the file means "not yet" here, never "done": next() returns None and may be called again. A record that is
cut off at the end stays unread until its last byte arrives; a chunk whose checksum is wrong is lost, listed in `lost`,
and reading goes on behind it as soon as the bytes that show where are there.

On a network file system a file's size may come before its content, and zeros stand for what is on its way. A patient
reader takes whatever looks like damage for that; how long it is to be patient, its caller decides.

Rules of this file: no sleeping, no clock, no threads. Who wants to wait, waits outside (syncd/tailing.py).
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from runstore.runlog.framing import Deframer, Framed, Lost
from runstore.runlog.payloads import Payloads
from runstore.runlog.reader import READ_BYTES, open_log, read_at


class LiveReader:
    """Return the records of a log one at a time, from `offset` on, as they become whole.

    Holds one file descriptor; use it in a `with` block or call `close`. Raises NotFound, NotALog and
    FutureLogVersion, the latter two at the first record.
    """

    def __init__(self, path: Path, offset: int = 0, is_patient: bool = False) -> None:
        """Begin at `offset`, 0 or where a reader was; a patient one stops at damage, and `is_held` says so."""
        self.path = path
        self.lost: list[Lost] = []
        self._file = open_log(path)
        self._deframer = Deframer(str(path), offset, is_patient)

    @property
    def offset(self) -> int:
        """Absolute offset before which every record has been returned or is listed in `lost`."""
        return self._deframer.offset

    @property
    def is_held(self) -> bool:
        """Whether it stopped at damage, or at content that is yet to come."""
        return self._deframer.is_held

    def next(self) -> Framed | None:
        """Return the next whole record, or None while there is none yet."""
        while True:
            event = self._deframer.next()
            if isinstance(event, Framed):
                return event
            if isinstance(event, Lost):
                self.lost.append(event)
                continue
            if not self._read_on():
                return None

    def next_many(self, until: int) -> Payloads:
        """Return the payloads of the next whole records that begin before offset `until`, about a megabyte of them.

        Empty where there is none yet. What `next` would have returned one by one, at a fifth of the cost. Damage is
        read no more than a megabyte beyond `until`.
        """
        payloads = Payloads()
        while self.offset < until:
            self._deframer.next_many(until, payloads)
            if self.offset >= until:
                break
            event = self._deframer.next() or self._deframer.loss_beyond(until)
            if isinstance(event, Framed):
                payloads.add(event.payload)
            elif isinstance(event, Lost):
                self.lost.append(event)
            elif payloads or not self._read_on():
                break
        return payloads

    def _read_on(self) -> bool:
        """Read more of the file; return whether there was more."""
        if self._deframer.is_held:
            return False
        data = read_at(self._file, self.path, self._deframer.fed, READ_BYTES)
        if data:
            self._deframer.feed(data)
        return bool(data)

    def close(self) -> None:
        """Give the file descriptor back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> LiveReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

"""Linux's inotify, as it is: one queue, one watch for each folder, nothing below it.

watchdog's emitters watch whole trees, or cost a thread for each folder: of 10,000 finished runs they take 50,000
watches, 33 MB and two seconds (and a login node may allow 8,192 watches for each user). What a daemon needs is the few
folders where runs come into being, and those of live runs.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
from typing import NamedTuple

MODIFY = 0x002
CLOSE_WRITE = 0x008
MOVED_FROM = 0x040
MOVED_TO = 0x080
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
IS_FOLDER = 0x40000000  # of an event: the entry is one
_ONLY_FOLDERS = 0x01000000
_NO_LINKS = 0x02000000
_NOT_UNLINKED = 0x04000000

# One read takes what is there, up to so much: two thousand events of short names.
_READ_BYTES = 1 << 16
_HEAD = struct.Struct("iIII")


class Event(NamedTuple):
    """What happened: in which watch, what, and to which entry of the folder ("" for the folder itself)."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One queue of events. `add` raises OSError: ENOSPC where the user's limit on watches is reached."""

    def __init__(self) -> None:
        """Open a queue; raises OSError, EMFILE where the user's limit on queues is reached."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._queue = _checked(self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC), "inotify")
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        for file in (self._queue, self._woken):
            self._poll.register(file, select.POLLIN)

    def add(self, folder: str, mask: int) -> int:
        """Watch a folder, and return the watch; the same again for a folder that is watched, by whatever name."""
        mask |= _ONLY_FOLDERS | _NO_LINKS | _NOT_UNLINKED
        return _checked(self._libc.inotify_add_watch(self._queue, os.fsencode(folder), mask), folder)

    def remove(self, watch: int) -> None:
        """Watch a folder no longer; nothing happens if the watch is gone."""
        self._libc.inotify_rm_watch(self._queue, watch)

    def read(self, seconds: float) -> list[Event]:
        """Return what happened, waiting up to `seconds` for it, or until `wake`."""
        ready = {file for file, _ in self._poll.poll(seconds * 1000)}
        if self._queue not in ready:
            return []
        try:
            data = os.read(self._queue, _READ_BYTES)
        except BlockingIOError:
            return []
        return _events(data)

    def wake(self) -> None:
        """Let `read` return at once, now and ever after."""
        os.write(self._wake, b"!")

    def close(self) -> None:
        """Give everything back; nobody may be reading."""
        for file in (self._queue, self._woken, self._wake):
            os.close(file)


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
    return answer


def _events(data: bytes) -> list[Event]:
    events = []
    at = 0
    while at < len(data):
        watch, mask, _, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        events.append(Event(watch, mask, os.fsdecode(data[at : at + size].split(b"\0", 1)[0])))
        at += size
    return events

"""Take turns with other processes of this user: two that deliver one run at the same time would send alerts twice, and
compare what the server has while the other one changes it.

Between machines nobody takes turns. Nothing is the worse for the lines then: each has its number.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from runstore.errors import RemoteError, RunstoreError
from runstore.paths import home_folder

WAIT_SECONDS = 20.0
_LOOK_SECONDS = 0.05
_PLACES = 1 << 60  # of bytes in a file that has none: each name locks its own

_files: dict[str, int] = {}  # descriptors by path, never closed: closing one would give up the locks of others


@contextmanager
def turn(name: str, what: str) -> Iterator[None]:
    """Keep other processes from having the turn of this name meanwhile; for one thread of this process at a time.

    Raises RemoteError, naming `what`, where another one has it for long. Without a home, or locks, nobody is kept.
    """
    place = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big") % _PLACES
    file = _file()
    if file is None or not _locked(file, place, what):
        yield
        return
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, 1, place)


def _file() -> int | None:
    try:
        path = str(home_folder() / "delivering.lock")
        if path not in _files:
            _files[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, RunstoreError):
        return None
    return _files[path]


def _locked(file: int, place: int, what: str) -> bool:
    """Wait for the lock of a place; return False where there are no locks."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            return True
        except (BlockingIOError, PermissionError):
            if time.monotonic() > until:
                raise RemoteError(
                    f"{what}: another process has been delivering this run for long; it is tried again"
                ) from None
        except OSError:
            return False
        time.sleep(_LOOK_SECONDS)

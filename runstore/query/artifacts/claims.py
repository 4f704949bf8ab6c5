"""Numbers for versions that are about to be logged: one process of this machine at a time takes one.

The lock is a file beside the index, held from the look at the index until the records are in the log. So whoever comes
next finds them there, and takes the next number.
"""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runstore.errors import IndexUnusable
from runstore.query.artifacts.version import Version

# How often a lock is tried that somebody else holds: claims take some milliseconds.
_TRY_SECONDS = 0.002


@dataclass(frozen=True)
class Claim:
    """What the next version of a collection is to be; `made_ns` is above every time that is known of the collection.

    `number` is that of `same_as`, where there is such a version: one with the same content, which is no new one then.
    `latest` is the version before, whose entries an incremental artifact has beside its own.
    """

    number: int
    made_ns: int
    same_as: Version | None
    latest: Version | None


@contextlib.contextmanager
def only_claim(index: Path, until: float | None = None) -> Iterator[None]:
    """Hold the lock of all that claim numbers from the index at `index`.

    Raises IndexUnusable where it can't be had up to `until`, of time.monotonic(), or the folder can't be written.
    """
    path = index.with_name(f"{index.name}.claims")
    try:
        lock = open(path, "ab")  # noqa: SIM115 - what it raises is told from what is raised while it is held
    except OSError as error:
        raise IndexUnusable(
            f"{path}: no number can be claimed ({error.strerror}); the index must be writable"
        ) from error
    with lock:
        _take(lock.fileno(), path, until)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)  # a child that was forked meanwhile has the file, too


def _take(lock: int, path: Path, until: float | None) -> None:
    if until is None:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise IndexUnusable(
                    f"{path}: another process is claiming numbers, and takes long; see which (fuser {path})"
                ) from None
            time.sleep(_TRY_SECONDS)

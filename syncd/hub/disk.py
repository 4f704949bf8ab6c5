"""The few operations on which the hub's promise rests: whole writes, durable names, and what a full disk is called."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runstore.errors import StorageError

# The file's length is metadata that fdatasync does write; only times are left out. macOS has no fdatasync.
sync_data = getattr(os, "fdatasync", os.fsync)


class StorageFull(StorageError):
    """The hub's disk or quota is full; what was sent has not been kept."""


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the disk or SQLite raises inside into StorageFull or StorageError, naming `path`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise _storage_error(path, error.strerror or str(error), full) from error
    except sqlite3.Error as error:
        raise _storage_error(path, str(error), "disk is full" in str(error)) from error


def _storage_error(path: Path, reason: str, full: bool) -> StorageError:
    if full:
        return StorageFull(f"{path}: the hub's disk is full; nothing of this was kept, free space and send it again")
    return StorageError(f"{path}: the hub's disk refused ({reason}); nothing of this was acknowledged")


def write_all(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` at `offset`; one pwrite may take only a part of it."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable: without this a power failure may lose a new file whose bytes were synced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and what is missing above it, durably; only this user may look inside."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)

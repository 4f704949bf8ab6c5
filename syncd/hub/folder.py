"""The hub's data folder: whose it is while a hub runs, and by which name receipts know it."""

from __future__ import annotations

import fcntl
import os
import uuid
from pathlib import Path
from typing import IO

from runstore.errors import StorageError
from runstore.syncd.hub.disk import sync_folder


def take_folder(data: Path) -> IO[bytes]:
    """Return the open lock file. Raises StorageError where another hub holds it."""
    lock = open(data / "lock", "ab")  # noqa: SIM115 - held until close()
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise StorageError(f"{data}: another hub is using this folder; stop it, or give this one another") from error
    return lock


def identity_of(data: Path) -> str:
    """Return the folder's identity, made once: receipts name it, so that a hub may move to another address."""
    path = data / "hub.id"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.write_text(str(uuid.uuid4()) + "\n", encoding="ascii")
        os.replace(fresh, path)
        sync_folder(data)
    return path.read_text(encoding="ascii").strip()

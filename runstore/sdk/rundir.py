"""Make run directories: `<dir>/wandb/offline-run-<time>-<id>`, in the layout that stock tools look for."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from runstore.errors import StorageError, UsageError

_ID_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 8
_BAD_ID = re.compile(r"[/\\#?%:\s\x00-\x1f\x7f\ud800-\udfff]")
# Two runs of one id in the same second differ by a later time in the name; more than this many is a fault.
_MAX_SECONDS_AHEAD = 100_000


def new_run_id() -> str:
    """Return a random run id; from the system's randomness, so that equal seeds on two ranks can't make equal ids."""
    # Not through `secrets`, whose import loads OpenSSL. 120 bits more than are needed: each id is as likely as any.
    number = int.from_bytes(os.urandom(21), "big")
    characters = []
    for _ in range(_ID_LENGTH):
        number, character = divmod(number, len(_ID_CHARACTERS))
        characters.append(_ID_CHARACTERS[character])
    return "".join(characters)


def checked_run_id(run_id: str) -> str:
    """Return `run_id`; raises UsageError where it can't be part of a file name or an address."""
    if not run_id or _BAD_ID.search(run_id) or len(run_id.encode()) > 128 or run_id in (".", ".."):
        raise UsageError(f"run id {run_id!r} can't be used: up to 128 bytes, none of / \\ # ? % : and no spaces")
    return run_id


def make_run_directory(folder: Path, run_id: str, started: float) -> Path:
    """Return a new, empty run directory below `folder`/wandb; `started` is in seconds since the epoch.

    Directory names hold seconds; where one is taken already, the next free second is used.
    Raises StorageError where nothing can be made there.
    """
    root = folder / "wandb"
    try:
        root.mkdir(parents=True, exist_ok=True)
        for ahead in range(_MAX_SECONDS_AHEAD):
            stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(started + ahead))
            directory = root / f"offline-run-{stamp}-{run_id}"
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            (directory / "files").mkdir()
            return directory
    except OSError as error:
        raise StorageError(
            f"{root}: no run directory can be made there ({error.strerror}); "
            "choose another place: runstore.init(dir=...) or WANDB_DIR"
        ) from error
    raise StorageError(f"{root}: every name for a run {run_id} is taken; choose another id or folder")

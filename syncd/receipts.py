"""Keep receipts: what each target has proven to hold of a log, as JSON beside the log.

What is in one, and how it is read, says runstore/index/proofs.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import orjson

from runstore.errors import StorageError
from runstore.index.proofs import NOT_LOOKED_AT, VERSION, FileStamp, Receipt, home_path, load
from runstore.paths import receipts_path

__all__ = [
    "CARRIED",
    "NOT_LOOKED_AT",
    "FileStamp",
    "Receipt",
    "change",
    "load",
    "note_failure",
    "note_loss",
    "now",
    "save",
]

# What begins the identity of who imports what is carried there by hand; the rest is an id of that folder of runs.
CARRIED = "bundle:"

# Several targets are served at once by threads of one daemon, and share the file. Folders share these locks.
_saving = [threading.Lock() for _ in range(64)]
# Processes take turns, too, by a lock of the run directory; where there are no such locks, or one is held for so long,
# the later one wins, and the other's next delivery hashes the log once more.
_TURN_SECONDS = 2.0
_LOOK_SECONDS = 0.005


def save(log: Path, log_id: str, identity: str, receipt: Receipt) -> None:
    """Keep `receipt` durably, beside the log or, where that folder can't be written, under RUNSTORE_HOME.

    Raises StorageError where neither can be.
    """
    change(log, log_id, identity, lambda kept: receipt)


def change(
    log: Path, log_id: str, identity: str, changed: Callable[[Receipt | None], Receipt], *, is_durable: bool = True
) -> Receipt:
    """Keep what `changed` makes of the receipt that is kept, and return it; otherwise as `save`.

    What is proven of a log and of the files beside it comes from two threads: neither undoes what the other kept. What
    need not be durable is quicker kept, and lost with the machine's power: then there may be no receipt at all.
    """
    with _saving[hash(log.parent) % len(_saving)], _turn(log.parent):
        receipts = load(log, log_id)
        receipts[identity] = fresh = changed(receipts.get(identity))
        body = {"version": VERSION, "log_id": log_id, "targets": receipts}
        data = orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"
        try:
            _replace(receipts_path(log), data, is_durable)
        except OSError:
            _save_at_home(log, log_id, data, is_durable)
    return fresh


def note_failure(log: Path, log_id: str, identity: str, remote: str, sentence: str) -> None:
    """Keep why a log could not be delivered to a target, until it can; a sentence that is kept is not written again.

    Nothing is the worse where it can't be kept.
    """
    with contextlib.suppress(StorageError):
        kept = load(log, log_id).get(identity)
        if kept is None or kept.error != sentence:
            change(
                log, log_id, identity, lambda kept: replace(kept or _nothing(remote), error=sentence, failed_at=now())
            )


def note_loss(log: Path, log_id: str, identity: str, remote: str, held: int) -> None:
    """Keep that a target holds `held` bytes of a log, more than are here; raises StorageError as `save` does."""
    kept = load(log, log_id).get(identity)
    if kept is None or kept.held != held:
        change(log, log_id, identity, lambda kept: replace(kept or _nothing(remote), held=held, error="", failed_at=""))


def now() -> str:
    """Return the time as receipts have it."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def _nothing(remote: str) -> Receipt:
    """Return the receipt of a target that has proven nothing yet."""
    return Receipt(remote, 0, "", 0, "")


@contextlib.contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the receipts in a folder meanwhile, as far as that can be."""
    try:
        file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield
        return
    try:
        until = time.monotonic() + _TURN_SECONDS
        while not _is_locked(file) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    """Return whether there is no reason to wait: the lock is ours, or there are none on this file system."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _save_at_home(log: Path, log_id: str, data: bytes, is_durable: bool) -> None:
    path = home_path(log_id)
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _replace(path, data, is_durable)
    except OSError as error:
        raise StorageError(
            f"{log.parent} and {path.parent}: no receipt can be kept ({error.strerror}); what was delivered stays so, "
            "but has to be proven again next time"
        ) from error


def _replace(path: Path, data: bytes, is_durable: bool) -> None:
    """Replace `path` as a whole: a reader, or a crash, finds the old or the new file and never a part."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("wb") as file:
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise

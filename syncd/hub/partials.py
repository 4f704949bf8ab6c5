"""Blobs that are still arriving in ranges, kept under their digest until they are whole, or nobody has sent for days.

    data/partial/<digest>

A range is taken from where the file ends, whoever sends it; what is held already is passed over, not compared, since
the digest of the whole decides in the end. Bytes that don't fit it are thrown away, and the next sender begins anew.
Nothing here is acknowledged as durable: a partial that a power failure spoiled costs its transfer, never a wrong blob.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from runstore.core.manifest import Hasher
from runstore.errors import UsageError
from runstore.syncd.hub.disk import make_folder, storage_errors, sync_data, sync_folder, write_all
from runstore.syncd.untrusted import check_digest, is_digest

KEPT_SECONDS = 7 * 24 * 3600  # since its last byte came: a weekend without a network, and some
_EXPIRE_SECONDS = 3600.0  # how often that is looked at
# So that the sync of the whole at its end is short, and its sender need not wait.
_SYNC_BYTES = 64 << 20
_READ_BYTES = 1 << 20
_HASHES_KEPT = 1024

_logger = logging.getLogger("runstore.hub")


class Received(NamedTuple):
    """How much of a blob is held, whether that is all of it, and how many bytes of the last range were new."""

    held: int
    whole: bool
    accepted: int = 0


@dataclass
class _Hashed:
    """The hash over a partial file, and how the file looked then: (size, mtime_ns)."""

    hash: Hasher
    stamp: tuple[int, int]


class Partials:
    """The folder of what is arriving. Every method may be called from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks = [threading.Lock() for _ in range(256)]  # by the digest's first byte
        self._hashes: OrderedDict[str, _Hashed] = OrderedDict()
        self._hashes_lock = threading.Lock()
        self._expired_at = time.monotonic()
        make_folder(folder)
        self.expire()

    def append(self, digest: str, offset: int, data: bytes, size: int, whole: Path) -> Received:
        """Add what `data` has behind the end of the blob of `size` bytes; when all are there, name it `whole`.

        A range that begins behind the end adds nothing; an empty one only asks. Raises UsageError where the bytes turn
        out to have another digest, which are thrown away then, and StorageFull or StorageError.
        """
        if offset + len(data) > size:
            raise UsageError(f"bytes up to {offset + len(data):,} are no part of a blob of {size:,}")
        if time.monotonic() - self._expired_at > _EXPIRE_SECONDS:
            self.expire()
        with self._locked(digest):
            if whole.is_file():
                return Received(size, True)
            path = self._folder / digest
            with storage_errors(path):
                held = _size(path)
                if held > size:  # somebody was wrong about the size; the digest will tell who
                    self._throw_away(digest)
                    held = 0
                fresh = data[held - offset :] if offset <= held else b""
                if fresh:
                    self._extend(digest, held, fresh)
                    held += len(fresh)
                if held == size:
                    self._finish(digest, size, whole)
            return Received(held, held == size, len(fresh))

    def expire(self, now: float | None = None) -> None:
        """Throw away what has not grown for KEPT_SECONDS; `now` is in seconds since the epoch."""
        self._expired_at = time.monotonic()
        oldest = (time.time() if now is None else now) - KEPT_SECONDS
        for path in self._folder.iterdir():
            if not is_digest(path.name):  # nothing of ours
                continue
            with self._locked(path.name), storage_errors(path):
                if path.exists() and path.stat().st_mtime < oldest:
                    _logger.info("%s: no sender came back for it, it is thrown away", path)
                    self._throw_away(path.name)

    @contextmanager
    def _locked(self, digest: str) -> Iterator[None]:
        with self._locks[int(check_digest(digest)[:2], 16)]:
            yield

    def _extend(self, digest: str, held: int, fresh: bytes) -> None:
        path = self._folder / digest
        hashed = self._hashed(digest)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            write_all(descriptor, fresh, held)
            hashed.update(fresh)
            if held // _SYNC_BYTES != (held + len(fresh)) // _SYNC_BYTES:
                sync_data(descriptor)
        finally:
            os.close(descriptor)
        self._remember(digest, hashed)

    def _finish(self, digest: str, size: int, whole: Path) -> None:
        path = self._folder / digest
        if self._hashed(digest).hexdigest() != digest:
            self._throw_away(digest)
            raise UsageError(f"the {size:,} bytes sent do not have the digest {digest}; nothing was kept")
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # made here if it is an empty one
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        make_folder(whole.parent)
        os.replace(path, whole)
        sync_folder(whole.parent)
        self._forget(digest)

    def _throw_away(self, digest: str) -> None:
        (self._folder / digest).unlink(missing_ok=True)
        self._forget(digest)

    def _hashed(self, digest: str) -> Hasher:
        """Return the hash over what is held; reads it where another hub process, or person, wrote it last."""
        path = self._folder / digest
        with self._hashes_lock:
            known = self._hashes.get(digest)
        if known is not None and known.stamp == _stamp(path):
            return known.hash
        fresh = hashlib.sha256()
        if path.exists():
            with path.open("rb") as file:
                while piece := file.read(_READ_BYTES):
                    fresh.update(piece)
        self._remember(digest, fresh)
        return fresh

    def _remember(self, digest: str, hashed: Hasher) -> None:
        stamp = _stamp(self._folder / digest)
        with self._hashes_lock:
            self._hashes[digest] = _Hashed(hashed, stamp)
            self._hashes.move_to_end(digest)
            while len(self._hashes) > _HASHES_KEPT:
                self._hashes.popitem(last=False)

    def _forget(self, digest: str) -> None:
        with self._hashes_lock:
            self._hashes.pop(digest, None)


def _size(path: Path) -> int:
    return _stamp(path)[0]


def _stamp(path: Path) -> tuple[int, int]:
    """Return the size and modification time of a file, zeros where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0, 0
    return found.st_size, found.st_mtime_ns

"""Get a blob from a hub: its digest is checked before it has its name, and what broke off goes on where it was."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runstore.core.manifest import MD5, hasher
from runstore.errors import RemoteConflict, RemoteUnreachable, StorageError
from runstore.syncd.remotes.connection import HubConnection

PARTIAL_FOLDER = "partial"  # below the one of the target, which must be on the same file system
KEPT_SECONDS = 7 * 24 * 3600  # of what broke off, since its last byte came
_READ_BYTES = 1 << 20
_MODE = 0o444  # as all blobs
_BREAKS_MAX = 5  # in one download, as long as each try brings something


class Download:
    """One blob on its way from a hub to the file `target`."""

    def __init__(self, connection: HubConnection, sha256: str, target: Path, md5: str = "") -> None:
        """`md5`, in hexadecimal, is checked where it is given: a log says it, whereas the hub says the SHA-256."""
        self._connection, self._sha256, self._target, self._md5 = connection, sha256, target, md5
        self._partial = target.parent / PARTIAL_FOLDER / sha256

    def run(self) -> None:
        """Bring the whole blob, or what is missing of it since the last time.

        Several processes may do so at once: one downloads, and the others wait. Raises RemoteConflict where the bytes
        are others than those asked for, which are thrown away; RemoteUnreachable, NotFound, and StorageError where the
        disk refuses.
        """
        with self._storage_errors():
            before = _inode(self._target)
            self._partial.parent.mkdir(parents=True, exist_ok=True)
            _remove_old(self._partial.parent)
            while not self._run_alone(before):
                pass  # the file that was waited for is no partial one any more

    def _run_alone(self, before: int) -> bool:
        """Download, alone; return False where another process ended with the partial file, and did not succeed."""
        with self._partial.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            is_current = _inode(self._partial) == os.fstat(file.fileno()).st_ino
            if _inode(self._target) != before:  # another process was faster
                if is_current:
                    self._partial.unlink()
                return True
            if is_current:
                try:
                    self._fill(file)
                finally:
                    if not os.fstat(file.fileno()).st_size:  # nothing came
                        self._partial.unlink(missing_ok=True)
            return is_current

    def _fill(self, file: BinaryIO) -> None:
        resumed = os.fstat(file.fileno()).st_size > 0
        is_right = self._filled(file)
        if not is_right and resumed:  # what lay here from an earlier time may be what is wrong
            file.truncate(0)
            is_right = self._filled(file)
        if not is_right:
            self._partial.unlink()
            raise RemoteConflict(
                f"{self._connection.url}: the bytes that it sent do not have the digest {self._md5 or self._sha256}; "
                "they were thrown away"
            )
        os.fchmod(file.fileno(), _MODE)
        # Not synced: whoever takes bytes from a cache checks their digest, and a power failure costs a download.
        os.replace(self._partial, self._target)

    def _filled(self, file: BinaryIO) -> bool:
        """Append what is missing; return whether the whole has the right digests."""
        sha256, md5 = hashlib.sha256(), hasher(MD5)
        file.seek(0)
        while piece := file.read(_READ_BYTES):
            sha256.update(piece)
            md5.update(piece)
        if sha256.hexdigest() != self._sha256:
            for piece in self._pieces(file.tell()):
                file.write(piece)
                sha256.update(piece)
                md5.update(piece)
            file.flush()
        return sha256.hexdigest() == self._sha256 and self._md5 in ("", md5.hexdigest())

    def _pieces(self, start: int) -> Iterator[bytes]:
        """Yield the bytes from `start` on, coming back some times where the line breaks."""
        for left in reversed(range(_BREAKS_MAX)):
            begun_at = start
            try:
                for piece in self._connection.streamed(f"/v1/blobs/{self._sha256}", start):
                    yield piece
                    start += len(piece)
                return
            except RemoteUnreachable:
                if not left or start == begun_at:
                    raise

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            what = "the disk is full; free space and try again" if full else error.strerror or str(error)
            raise StorageError(f"{self._target}: can't be fetched from {self._connection.url}: {what}") from error


def _inode(path: Path) -> int:
    """Return what tells a file from another one of the same name; 0 where there is none."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0


def _remove_old(folder: Path) -> None:
    """Remove partial files that nobody came back for."""
    oldest = time.time() - KEPT_SECONDS
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process removes or renames it too
            if path.stat().st_mtime < oldest:
                path.unlink()

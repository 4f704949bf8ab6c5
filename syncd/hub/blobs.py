"""Files by content: a blob's name is its SHA-256, and no bytes ever bear a name that is not theirs."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runstore.errors import NotFound, UsageError
from runstore.syncd.hub.disk import make_folder, storage_errors, sync_folder, write_all
from runstore.syncd.hub.partials import Partials, Received
from runstore.syncd.untrusted import check_digest

_WRITERS = 8  # of many small blobs, at a time


class Blobs:
    """The folder `blobs/<first two digits>/<digest>`; `tmp/` and `partial/` are for what is still arriving.

    What comes in one request arrives in `tmp/`, and is gone if that breaks off; what comes in ranges in `partial/`.
    """

    def __init__(self, data: Path) -> None:
        """Make the folders, and throw away what was arriving when the hub was last killed."""
        self._folder = data / "blobs"
        self._arriving = data / "tmp"
        make_folder(self._folder)
        make_folder(self._arriving)
        for leftover in self._arriving.iterdir():
            leftover.unlink()
        self.partials = Partials(data / "partial")

    def path(self, digest: str) -> Path:
        """Return where the blob is or would be. Raises UsageError for what is not a digest."""
        return self._folder / check_digest(digest)[:2] / digest

    def has(self, digest: str) -> bool:
        """Return whether the blob is held."""
        return self.path(digest).is_file()

    def held(self, digest: str) -> Path:
        """Return the path of a held blob. Raises NotFound."""
        path = self.path(digest)
        if not path.is_file():
            raise NotFound(f"no blob {digest} is held here; its run may still be on the way")
        return path

    def append(self, digest: str, offset: int, data: bytes, size: int) -> Received:
        """Take a range of a blob of `size` bytes, or only ask how much of it is held; see Partials.append."""
        return self.partials.append(digest, offset, data, size, self.path(digest))

    def receive(self, digest: str) -> IncomingBlob:
        """Begin to receive a blob; write() its bytes, then keep() or discard() it."""
        return IncomingBlob(digest, self.path(digest), self._arriving / uuid.uuid4().hex)

    def take_all(self, blobs: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Keep small blobs, given with their digests; return of which the bytes are held now: not where they differ.

        Raises StorageFull or StorageError; those before are kept then.
        """
        with ThreadPoolExecutor(min(_WRITERS, len(blobs) or 1)) as writers:  # synced together, as logs are
            return list(writers.map(self._take, blobs))

    def _take(self, given: tuple[str, bytes]) -> bool:
        digest, data = given
        if self.has(digest):
            return True
        blob = self.receive(digest)
        try:
            blob.write(data)
            blob.keep()
        except UsageError:
            return False
        finally:
            blob.discard()
        return True


class IncomingBlob:
    """A blob that is arriving: hashed while it is written, and named only when the digest is right."""

    def __init__(self, digest: str, path: Path, arriving: Path) -> None:
        self._digest, self._path, self._arriving = digest, path, arriving
        self._hash = hashlib.sha256()
        self._size = 0
        with storage_errors(arriving):
            self._descriptor = os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes) -> None:
        """Append bytes. Raises StorageFull or StorageError."""
        with storage_errors(self._arriving):
            write_all(self._descriptor, data, self._size)
        self._hash.update(data)
        self._size += len(data)

    def keep(self) -> int:
        """Make the blob durable under its name and return its size in bytes.

        Raises UsageError where the bytes have another digest; then nothing is kept.
        """
        if self._hash.hexdigest() != self._digest:
            self.discard()
            raise UsageError(f"the {self._size:,} bytes sent do not have the digest {self._digest}; nothing was kept")
        with storage_errors(self._path):
            os.fsync(self._descriptor)
            make_folder(self._path.parent)
            os.replace(self._arriving, self._path)
            sync_folder(self._path.parent)
        self._close()
        return self._size

    def discard(self) -> None:
        """Forget what has arrived; after keep() this does nothing."""
        if self._descriptor >= 0:
            self._arriving.unlink(missing_ok=True)
            self._close()

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1

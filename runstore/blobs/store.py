"""A folder of bytes, each content once, in a file that is named by the SHA-256 of what it holds.

A file under its final name is always whole: it is written under another one and renamed. So a kill leaves at most a
`.partial` file, and two processes that add the same content at once both find it there. Nothing is ever changed in
place, and the files are read-only.

Bytes are read once, hashed and written block by block, in constant memory. Where the file system can share blocks
between files (reflink), nothing is copied, and the clone is what is hashed: a source that changes meanwhile does no
harm.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

_BLOCK_BYTES = 1 << 20
_FICLONE = 0x40049409  # Linux: make a file share another's blocks until one of them is written to
_MODE = 0o444


class Hasher(Protocol):
    """A hash to which all bytes that are stored are added, beside the store's own."""

    def update(self, data: bytes, /) -> object:
        """Add bytes."""


@dataclass(frozen=True)
class Blob:
    """Bytes that lie in a store: their file, the SHA-256 in hexadecimal, which is its name, and their number."""

    path: Path
    sha256: str
    size: int


class BlobStore:
    """The blobs in one folder, which is made when the first is put. Safe to use from many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, data: bytes, *hashers: Hasher) -> Blob:
        """Store bytes. Raises OSError, as the other ways do; nothing half-written stays then."""
        return self.put_stream(io.BytesIO(data), *hashers)

    def put_file(self, source: str | os.PathLike[str], *hashers: Hasher) -> Blob:
        """Store what a file holds now. `hashers` get the same bytes, so that no other pass is needed for them."""
        with open(source, "rb") as file:
            return self.put_stream(file, *hashers)

    def put_stream(self, source: BinaryIO, *hashers: Hasher) -> Blob:
        """Store all bytes from here to the end of `source`."""
        with self._partial() as target:
            if _cloned(source, target):
                digest, size = _through(target, None, hashers)
            else:
                digest, size = _through(source, target, hashers)
            target.flush()  # before it gets its name
            path = self.folder / digest
            if not path.exists():
                os.replace(target.name, path)
        return Blob(path, digest, size)

    def adopt(self, blob: Path) -> Path:
        """Make a blob of another store one of this store too, and return its path here.

        It is linked where both lie on one file system, and copied otherwise.
        """
        path = self.folder / blob.name
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                os.link(blob, path)
            except FileExistsError:
                pass  # another process was faster
            except OSError:
                return self.put_file(blob).path
        return path

    def __contains__(self, sha256: object) -> bool:
        return isinstance(sha256, str) and (self.folder / sha256).is_file()

    @contextlib.contextmanager
    def _partial(self) -> Iterator[BinaryIO]:
        """Open a new file that is gone afterwards, unless it was renamed; read-only for whoever opens it next."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f".partial-{os.getpid()}-{secrets.token_hex(8)}"
        try:
            with open(path, "x+b", opener=_opened_read_only) as file:
                yield file
        finally:
            path.unlink(missing_ok=True)


def _opened_read_only(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)


def _cloned(source: BinaryIO, target: BinaryIO) -> bool:
    """Let `target` share the blocks of `source`, if that is a file, at its beginning, and the file system can."""
    try:
        if source.tell() != 0:
            return False
        fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
    except (OSError, ValueError, AttributeError):  # other file systems; io.UnsupportedOperation is an OSError
        return False
    return True


def _through(source: BinaryIO, target: BinaryIO | None, hashers: tuple[Hasher, ...]) -> tuple[str, int]:
    """Hash all of `source`, writing it to `target` if there is one; return the SHA-256 and the size."""
    own, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK_BYTES):
        own.update(block)
        for hasher in hashers:
            hasher.update(block)
        if target is not None:
            target.write(block)
        size += len(block)
    return own.hexdigest(), size

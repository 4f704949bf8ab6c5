"""The bytes of one upload, again for each try, never more than a piece in memory, and never wrong ones to the end.

Where a digest is known, the last piece is held back until the bytes are known to have it: the storage gets less than
it was promised, and keeps nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runstore.core.manifest import MD5, XXH128, Hasher, hasher, text_of
from runstore.errors import RemoteConflict, UsageError

PIECE_BYTES = 1 << 20


class Body(Protocol):
    """What is sent in one request."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes from the first on. Raises OSError, and RemoteConflict where they are not what they were."""
        ...


@dataclass(frozen=True)
class MadeBody:
    """Bytes that were made here."""

    content: bytes

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content)

    def pieces(self) -> Iterator[bytes]:
        """Yield all bytes at once."""
        yield self.content


@dataclass(frozen=True)
class FileBody:
    """A file, or `size` bytes of it from `start` on, whose digest, as manifests spell it, is known or ""."""

    path: Path
    size: int
    start: int = 0
    digest: str = ""
    algorithm: str = MD5

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes, a piece at once, the last of them only where all have the digest."""
        sum_of_them = checking(self.algorithm) if self.digest else None
        with self.path.open("rb") as file:
            file.seek(self.start)
            left = self.size
            while left:
                piece = file.read(min(left, PIECE_BYTES))
                if not piece:
                    raise OSError(errno.EIO, "it has become shorter while it was sent", str(self.path))
                left -= len(piece)
                if sum_of_them is not None:
                    sum_of_them.update(piece)
                if sum_of_them is not None and not left and text_of(sum_of_them.digest()) != self.digest:
                    raise wrong_bytes(self.path, self.digest)
                yield piece


def of_file(path: Path) -> FileBody:
    """Return a whole file as it is now. Raises OSError."""
    with path.open("rb") as file:
        return FileBody(path, os.fstat(file.fileno()).st_size)


def checking(algorithm: str) -> Hasher | None:
    """Return what computes digests of this kind; None where nothing installed can.

    Raises RemoteConflict for a kind of which nobody knows.
    """
    try:
        return hasher(algorithm)
    except UsageError:
        if algorithm != XXH128:
            raise RemoteConflict(f"nobody knows digests by {algorithm!r}; nothing was committed") from None
        return None


def wrong_bytes(path: Path, digest: str) -> RemoteConflict:
    """Return the error to raise for a file that is not what its log says."""
    return RemoteConflict(
        f"{path}: its bytes do not have the digest {digest} that the log says; nothing was committed. See what is "
        "damaged: runstore verify"
    )


def told(body: Body, progress: Callable[[int], None]) -> Iterator[bytes]:
    """Yield the pieces of a body, and tell how many bytes each has when it was sent."""
    for piece in body.pieces():
        yield piece
        progress(len(piece))

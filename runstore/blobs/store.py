"""A folder of bytes, each content once, in a file that is named by the SHA-256 of what it holds.

A file under its final name is always whole: it is written under another one and renamed. So a kill leaves at most a
`.partial` file, and two processes that add the same content at once both find it there. Nothing is ever changed in
place, and the files are read-only.

Bytes are read once, hashed and written block by block, in constant memory. Where the file system can share blocks
between files (reflink), nothing is copied, and the clone is what is hashed. Only blobs are ever hard-linked: any other
file may change under its name.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import hashlib
import itertools
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from runstore.blobs.cloning import cloned
from runstore.blobs.hashing import Hasher, hashed_aside
from runstore.blobs.writing import write_all

_BLOCK_BYTES = 4 << 20  # with less, threads wait for each other more often than they hash
_WHOLE_BYTES = 1 << 20  # what is no larger is read at once, and hashed without threads
_SAMPLES = 16  # blocks of two files that are looked at before they are taken for alike
_SAMPLE_BYTES = 4096
_MODE = 0o444
_PARTIAL = f".partial-{secrets.token_hex(8)}"  # random once a process: with its number and a count, no name comes twice
_count = itertools.count()


@dataclass(frozen=True)
class Blob:
    """Bytes that lie in a store: their file, the SHA-256 in hexadecimal, which is its name, and their number."""

    path: Path
    sha256: str
    size: int


class SourceChanged(OSError):
    """A file was written to while it was read: what was read may never have been in it as a whole."""

    def __init__(self, source: str | os.PathLike[str]) -> None:
        super().__init__(errno.EBUSY, "it changed while it was read", os.fspath(source))


class BlobStore:
    """The blobs in one folder, which is made when the first is put. Safe to use from many threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __contains__(self, sha256: object) -> bool:
        return isinstance(sha256, str) and (self.folder / sha256).is_file()

    def put(self, data: bytes, *hashers: Hasher) -> Blob:
        """Store bytes. Raises OSError, as the other ways do; nothing half-written stays then."""
        digest = hashlib.sha256(data).hexdigest()
        for hasher in hashers:
            hasher.update(data)
        path = self.folder / digest
        if not path.exists():
            with self._partial() as target:
                write_all(target, data)
                os.replace(target.name, path)
        return Blob(path, digest, len(data))

    def put_file(self, source: str | os.PathLike[str], *hashers: Hasher) -> Blob:
        """Store what a file holds now. `hashers` get the same bytes, so that no other pass is needed for them.

        Raises SourceChanged where the file is written to meanwhile; it may be tried again, with new hashers.
        """
        with open(source, "rb", buffering=0) as file:
            before = os.fstat(file.fileno())
            if before.st_size > _WHOLE_BYTES:
                return self._put_large(file, before, hashers)
            data = file.read(before.st_size + 1)
            if data and not before.st_size:  # one of the kernel's own, whose size nobody knows before
                file.seek(0)
                return self._put_large(file, before, hashers)
            _check_unchanged(file, before, len(data))
        return self.put(data, *hashers)

    def put_stream(self, source: BinaryIO, *hashers: Hasher) -> Blob:
        """Store all bytes from here to the end of `source`."""
        with self._partial() as target:
            digest, size = _through(source, target, hashers)
            return self._named(target, digest, size)

    def put_linked(self, source: str | os.PathLike[str], blob: Path) -> Blob | None:
        """Make a blob of another store one of this, by a link, if that is what a file holds; else return None.

        The file is read and hashed, but nothing is written. A look at some of it mostly tells that it holds something
        else.
        """
        with open(source, "rb", buffering=0) as file:
            if not _look_alike(file, blob):
                return None
            digest, size = _through(file, None, (), os.fstat(file.fileno()).st_size)
        if digest != blob.name or not self._linked(blob):
            return None
        return Blob(self.folder / digest, digest, size)

    def adopt(self, blob: Path) -> Path:
        """Make a blob of another store one of this store too, and return its path here.

        It is linked where both lie on one file system, and copied otherwise.
        """
        return self.folder / blob.name if self._linked(blob) else self.put_file(blob).path

    def share(self, blob: Path) -> None:
        """Let a blob that this store has be the same file as another store's, where a link to that can be had.

        A copy that was made before its twin was known then takes no place any more. All bytes are compared before: a
        twin that was damaged since must not take the place of what is whole.
        """
        path = self.folder / blob.name
        with contextlib.suppress(OSError):
            if not path.samefile(blob) and filecmp.cmp(path, blob, shallow=False):
                partial = self._partial_path()
                os.link(blob, partial)
                os.replace(partial, path)

    def sync(self, names: Iterable[str]) -> None:
        """Bring these blobs, and their names, to the disk: after a power failure they are there."""
        for name in (*names, ""):
            opened = os.open(self.folder / name, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)

    def _linked(self, blob: Path) -> bool:
        """Link a blob of another store, unless it is here already; return False where that can't be done."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            os.link(blob, self.folder / blob.name)
        except FileExistsError:
            return True
        except OSError:
            return False
        return True

    def _put_large(self, source: BinaryIO, before: os.stat_result, hashers: tuple[Hasher, ...]) -> Blob:
        with self._partial() as target:
            if cloned(source.fileno(), target.fileno()):  # as it was at one moment
                digest, size = _through(target, None, hashers)
            else:
                digest, size = _through(source, target, hashers, before.st_size or None)
                _check_unchanged(source, before, size)
            return self._named(target, digest, size)

    def _named(self, target: BinaryIO, digest: str, size: int) -> Blob:
        """Give a file that is written its final name, unless it is here already."""
        if digest in self:
            os.unlink(target.name)
        else:
            os.replace(target.name, self.folder / digest)
        return Blob(self.folder / digest, digest, size)

    @contextlib.contextmanager
    def _partial(self) -> Iterator[BinaryIO]:
        """Open a new file, to be renamed; read-only for whoever opens it next, and gone where anything fails."""
        path = self._partial_path()
        try:
            file = _new_file(path)
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = _new_file(path)
        try:
            with file:
                yield file
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def _partial_path(self) -> str:
        return os.path.join(self.folder, f"{_PARTIAL}-{os.getpid()}-{next(_count)}")


def _new_file(path: str) -> BinaryIO:
    return open(path, "x+b", buffering=0, opener=_opened_read_only)


def _opened_read_only(path: str, flags: int) -> int:
    return os.open(path, flags, _MODE)


def _check_unchanged(source: BinaryIO, before: os.stat_result, size: int) -> None:
    """Raise SourceChanged where a file of which `size` bytes were read is not what it was before."""
    now = os.fstat(source.fileno())
    changed = (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns)
    if changed or (size != now.st_size and now.st_size):
        raise SourceChanged(source.name)


def _look_alike(source: BinaryIO, blob: Path) -> bool:
    """Return whether a file is as large as a blob, and the same where it was looked at."""
    size = os.fstat(source.fileno()).st_size
    try:
        with open(blob, "rb", buffering=0) as other:
            if os.fstat(other.fileno()).st_size != size:
                return False
            offsets = range(0, size, max(size // _SAMPLES, _SAMPLE_BYTES))
            ends = (max(size - _SAMPLE_BYTES, 0), *offsets)
            both = ((os.pread(file.fileno(), _SAMPLE_BYTES, at) for file in (source, other)) for at in ends)
            return all(one == two for one, two in both)
    except OSError:  # gone, or not to be read
        return False


def _through(
    source: BinaryIO, target: BinaryIO | None, hashers: tuple[Hasher, ...], expected: int | None = None
) -> tuple[str, int]:
    """Hash all of `source`, writing it to `target` if there is one; return the SHA-256 and the size.

    Of more than `expected` bytes little is read: a file that grows as fast as it is read would never end.
    """
    own, size = hashlib.sha256(), 0
    with hashed_aside((own, *hashers)) as add:
        while (expected is None or size <= expected) and (block := source.read(_BLOCK_BYTES)):
            add(block)
            if target is not None:
                write_all(target, block)
            size += len(block)
    return own.hexdigest(), size

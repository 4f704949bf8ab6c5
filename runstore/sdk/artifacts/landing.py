"""Write a file of a download: under another name, checked while it is written, and renamed when it is whole.

A process that is killed leaves a partial file. It holds a lock on it as long as it lives, so the next download into
the same folder can tell that nobody writes it any more, and removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from runstore.blobs.cloning import cloned
from runstore.blobs.hashing import hashed_aside
from runstore.blobs.writing import write_all
from runstore.core.manifest import hasher, text_of
from runstore.errors import Error, StorageError

_PREFIX, _SUFFIX = ".runstore-", ".part"
_BLOCK_BYTES = 4 << 20  # as runstore/blobs/store.py has it
_LARGE_BYTES = 16 << 20  # from here on a second thread for hashing pays


class WrongBytes(Error, ValueError):
    """Bytes whose digest is not the one that is recorded of them. A ValueError too, as with W&B's library."""


class DownloadRefused(StorageError, OSError):
    """The disk has no place for what is downloaded, or something else is in it. An OSError too."""

    @classmethod
    def by(cls, error: OSError, target: Path) -> DownloadRefused:
        """Return the error that says what could not be written, and why."""
        refused = cls(f"{target}: can't be written ({error.strerror or error}); files that are there by now are whole")
        refused.errno, refused.strerror, refused.filename = error.errno, error.strerror, str(target)
        return refused

    def __str__(self) -> str:
        return str(self.args[0])


def copy(source: Path, target: Path, digest: str | None, algorithm: str) -> None:
    """Make `target` a copy of `source`, which is never linked, since people edit what they downloaded.

    `digest`, if it is known, is what a manifest says. Raises WrongBytes, and DownloadRefused where `target` can't be
    written; nothing is under its name then that wasn't before. Raises OSError where `source` can't be read.
    """
    with open(source, "rb", buffering=0) as content, landing(target) as file:
        is_cloned = cloned(content.fileno(), file.fileno())
        if is_cloned and digest is None:
            return
        found = _digest_of(file if is_cloned else content, algorithm, None if is_cloned else file)
        if digest is not None and found != digest:
            raise WrongBytes(f"{source}: its digest is {found}, not {digest}, which was recorded")


@contextlib.contextmanager
def landing(target: Path) -> Iterator[BinaryIO]:
    """Open a new file that becomes `target` at the end, replacing what was there, and is gone after an exception."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = _locked_partial(target.parent)
    except OSError as error:
        raise DownloadRefused.by(error, target) from error
    try:
        with file:
            yield file
            try:
                file.flush()
                os.replace(file.name, target)
            except OSError as error:
                raise DownloadRefused.by(error, target) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file.name)


def clear_stale(folder: Path) -> None:
    """Remove partial files in a folder whose writers are gone."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        stale = [entry.path for entry in entries if entry.name.startswith(_PREFIX) and entry.name.endswith(_SUFFIX)]
        for path in stale:
            _remove_if_left(path)


def has_digest(path: Path, digest: str, algorithm: str) -> bool:
    """Return whether there is a file with these bytes."""
    try:
        with open(path, "rb", buffering=0) as file:
            return _digest_of(file, algorithm) == digest
    except OSError:
        return False


def _locked_partial(folder: Path) -> BinaryIO:
    """Return a new file with a lock on it, as long as it is open."""
    while True:
        path = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        file = open(path, "x+b", buffering=0)  # noqa: SIM115 - whoever asked for it closes it
        try:
            with contextlib.suppress(OSError):  # some file systems have no locks; then nobody can take it for left
                fcntl.flock(file, fcntl.LOCK_SH)
            if os.path.exists(file.name):  # between its making and the lock, another may have taken it for left
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _remove_if_left(path: str) -> None:
    with contextlib.suppress(OSError), open(path, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(path)


def _digest_of(source: BinaryIO, algorithm: str, copy_to: BinaryIO | None = None) -> str:
    """Return the digest of all of `source`, writing it to `copy_to` if that is given."""
    digest = hasher(algorithm)
    is_large = os.fstat(source.fileno()).st_size >= _LARGE_BYTES
    with hashed_aside([digest]) if is_large else contextlib.nullcontext(digest.update) as take:
        while block := source.read(_BLOCK_BYTES):
            take(block)
            if copy_to is not None:
                write(copy_to, block)
    return text_of(digest.digest())


def write(file: BinaryIO, block: bytes) -> None:
    """Write all of a block to a file that lands. Raises DownloadRefused where the disk refuses."""
    try:
        write_all(file, block)
    except OSError as error:
        raise DownloadRefused.by(error, Path(file.name)) from error

"""Bring the bytes of one file into a folder of blobs: opened with care, checked while they are read, never half there.

The path comes from a log, which somebody else may have written. So a link is followed once, what is found there is
opened without following another, and what counts is the open file: a regular one, of the user who runs this process.
What is copied gets its name when it is whole; a process that is killed leaves a file that begins with `PARTIAL`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from runstore.blobs.cloning import cloned
from runstore.core.manifest import Hasher

PARTIAL = ".rescue-"
LINKED = ".linked-"  # before the name of a blob: bytes that are safe, but were not checked yet

_BLOCK_BYTES = 1 << 20
# So much of the disk is left to the programs that train; what would take it is tried again later.
SPARED_BYTES = 1 << 30
_STAGING = ("artifacts", "staging")  # the folder in which stock tools keep copies that they never change
_WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class NotSecured(Exception):
    """Why bytes can't be had; `again` where that may change."""

    def __init__(self, reason: str, again: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.again = reason, again


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[int, os.stat_result, Path]]:
    """Yield the descriptor of a regular file of this process's user, its status, and where it really lies.

    Raises NotSecured.
    """
    try:
        real = Path(os.path.realpath(path))
        if not stat.S_ISREG(os.lstat(real).st_mode):  # to open a device may do something
            raise NotSecured("it is no regular file")
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise NotSecured("it was gone before it could be copied") from None
    except (OSError, ValueError) as error:  # ValueError: no path at all, such as one with a NUL in it
        raise NotSecured(f"it can't be read ({getattr(error, 'strerror', None) or error})") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotSecured("it is no regular file")
        if status.st_uid != os.geteuid():
            raise NotSecured("it belongs to another user, who alone can copy it")
        yield descriptor, status, real
    finally:
        os.close(descriptor)


def is_own_file(path: Path) -> bool:
    """Return whether there is a regular file of this process's user at `path`; links are not followed."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def has_size(path: Path, size: int) -> bool:
    """Return whether there is a regular file of this size at `path`; of any size where `size` is -1."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISREG(status.st_mode) and size in (-1, status.st_size)


def linked(source: Path, size: int, folder: Path, blob: str) -> bool:
    """Link a file that can't change under us, as it lies in a staging folder of stock's, into `folder`, unchecked.

    Returns False where that can't be done. Raises NotSecured.
    """
    target, partial = folder / f"{LINKED}{blob}", _partial(folder)
    with opened(source) as (_, status, real):
        if real.parts[-3:-1] != _STAGING or status.st_mode & _WRITABLE or status.st_size != size:
            return False
        try:
            os.link(real, partial, follow_symlinks=False)
            try:
                same = os.path.samestat(os.lstat(partial), status)
                if same:
                    os.replace(partial, target)
            finally:
                partial.unlink(missing_ok=True)
        except OSError:  # another file system, or one without links
            return False
        return same


def checked(source: Path, size: int, digest: str, hasher: Hasher) -> None:
    """Read a file; raises NotSecured where its size or digest, hexadecimal, is another."""
    with opened(source) as (descriptor, status, _):
        _check_size(status, size)
        _read(descriptor, hasher, None)
    _check_digest(hasher, digest)


def copied(source: Path, size: int, digest: str, hasher: Hasher, target: Path) -> None:
    """Copy a file to `target`, if that has this size and digest, hexadecimal. Raises NotSecured, and OSError."""
    with opened(source) as (descriptor, status, _), _new(target, status.st_mode & 0o444) as copy:
        _check_size(status, size)
        if cloned(descriptor, copy):
            _read(copy, hasher, None)
        else:
            _check_space(copy, status.st_size)
            _read(descriptor, hasher, copy)
        _check_digest(hasher, digest)


def copied_as_it_is(source: Path, target: Path, scratch: Path) -> None:
    """Copy a file to `target`, replacing what is there, with its times and mode; `scratch` holds what is not whole yet.

    Raises NotSecured, also where it is written to meanwhile, and OSError.
    """
    with opened(source) as (descriptor, status, _), _new(target, status.st_mode & 0o777, scratch) as copy:
        if status.st_size and not cloned(descriptor, copy):  # files of the kernel's own say 0
            _check_space(copy, status.st_size)
            _read(descriptor, None, copy)
        after = os.fstat(descriptor)
        if (after.st_size, after.st_mtime_ns) != (status.st_size, status.st_mtime_ns):
            raise NotSecured("it is written to just now", again=True)
        os.utime(copy, ns=(status.st_atime_ns, status.st_mtime_ns))


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Make `folder`; yield whether no other process brings files into it. Raises OSError where it can't be written.

    What others left half-done is removed, where locks tell that there are no others.
    """
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks: two that copy the same do no harm
            pass
        else:
            for name in os.listdir(folder):
                if name.startswith(PARTIAL):
                    os.unlink(folder / name)
        yield True
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _new(target: Path, mode: int, scratch: Path | None = None) -> Iterator[int]:
    """Yield the descriptor of a new file, which becomes `target` at the end, and is gone where that is not reached."""
    partial = _partial(scratch or target.parent)
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
        os.fchmod(descriptor, mode)
        os.replace(partial, target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _partial(folder: Path) -> Path:
    return folder / f"{PARTIAL}{os.getpid()}-{secrets.token_hex(8)}"


def _read(source: int, hasher: Hasher | None, target: int | None) -> None:
    offset = 0
    while block := os.pread(source, _BLOCK_BYTES, offset):
        offset += len(block)
        if hasher is not None:
            hasher.update(block)
        view = memoryview(block)
        while target is not None and view:
            view = view[os.write(target, view) :]


def _check_space(target: int, size: int) -> None:
    disk = os.fstatvfs(target)
    if disk.f_bavail * disk.f_frsize - size < SPARED_BYTES:
        raise NotSecured(f"there is no room for {size:,} bytes on the disk", again=True)


def _check_size(status: os.stat_result, size: int) -> None:
    if status.st_size != size:
        raise NotSecured(f"it has changed since: {status.st_size:,} bytes, {size:,} were logged")


def _check_digest(hasher: Hasher, digest: str) -> None:
    if hasher.hexdigest() != digest:
        raise NotSecured("it has changed since: its digest is not the one that was logged")

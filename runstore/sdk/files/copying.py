"""Copy a file into the run directory: at once where the file system shares its blocks, else in constant memory."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from runstore.blobs.cloning import cloned
from runstore.sdk.files.filelist import partial_name

_PIECE_BYTES = 64 << 20


@dataclass(frozen=True)
class Signature:
    """What tells whether a file was written to: two equal ones stand for the same content."""

    device: int
    inode: int
    size: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        """Return the signature in a file's status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def copy(source: Path, target: Path, wanted: Callable[[], bool] = lambda: True) -> Signature:
    """Copy a file to `target`, whole or not at all, making folders as needed; return what the source was like before.

    Links are followed. Where `wanted` is false at the end, the copy is thrown away. Raises OSError, for what is no
    regular file as well.
    """
    with _opened(source) as original:
        signature = Signature.of(os.fstat(original.fileno()))
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_name(target)
        try:
            with open(partial, "wb") as file:
                _fill(file, original)
            if wanted():
                partial.replace(target)
            else:
                partial.unlink()
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise
    return signature


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    # Without O_NONBLOCK, a pipe would wait here for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", str(path))
        yield file


def _fill(target: BinaryIO, source: BinaryIO) -> None:
    if cloned(source.fileno(), target.fileno()):
        return
    with contextlib.suppress(OSError, AttributeError):  # an old kernel, or no Linux
        while os.copy_file_range(source.fileno(), target.fileno(), _PIECE_BYTES):
            pass
    # Whatever the system did not copy, such as files below /proc, which have no size.
    shutil.copyfileobj(source, target, 1 << 20)

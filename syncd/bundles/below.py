"""Read and write below a folder, where no link leads out of it: others may have put one there, or in our way.

Every step of a path is opened by itself, from the folder above, and a link is no step. What a folder's own path leads
through is its owner's business.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from runstore.errors import StorageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # which waits for no pipe
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LINKS = (errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EMLINK, errno.ENXIO, errno.ENOTEMPTY)
_IN_THE_WAY = (*_LINKS, errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)  # which only some file systems take offence at
_NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS)  # of folders, on some file systems


class InTheWay(StorageError):
    """Something lies where a file or folder of a run belongs, and is neither written through nor removed."""


class Below:
    """What lies below one folder; paths are relative to it."""

    def __init__(self, root: Path) -> None:
        """`root` is there."""
        self.root = root

    def reading(self, path: Path) -> BinaryIO:
        """Open a regular file. Raises FileNotFoundError, InTheWay for anything else, and OSError."""
        return self._opened(path, _READING, "rb")

    def appending(self, path: Path) -> BinaryIO:
        """Open a regular file that is there, to write at its end; raises likewise."""
        return self._opened(path, _APPENDING, "ab")

    def place(self, fresh: Path, path: Path) -> None:
        """Give a file, of the same file system, its place, and make the folders above; an older one is replaced.

        Raises InTheWay and OSError.
        """
        with self._above(path, is_made=True) as folder:
            os.replace(fresh, path.name, dst_dir_fd=folder)

    def sync(self, path: Path) -> None:
        """Make a file or folder durable, the folder itself as Path(). Raises InTheWay and OSError."""
        with self._above(path) as folder:
            file = os.open(path.name or ".", _READING, dir_fd=folder)
            try:
                os.fsync(file)
            except OSError as error:
                if error.errno not in _NOT_SYNCED:
                    raise
            finally:
                os.close(file)

    def names(self, folder: str) -> list[str] | None:
        """Return what lies in a folder right below; None where there is nothing of that name. Raises InTheWay."""
        try:
            with self._above(Path(folder, "any")) as opened:
                return os.listdir(opened)
        except FileNotFoundError:
            return None

    def _opened(self, path: Path, flags: int, mode: str) -> BinaryIO:
        with self._above(path) as folder:
            file = os.open(path.name, flags, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise InTheWay(f"{self.root / path}: is no regular file, and lies where one belongs; remove it")
        return cast(BinaryIO, os.fdopen(file, mode))

    @contextlib.contextmanager
    def _above(self, path: Path, *, is_made: bool = False) -> Iterator[int]:
        """Open the folder that a path is in."""
        at = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in path.parent.parts:
                if is_made:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(step, dir_fd=at)
                below = os.open(step, _FOLDER, dir_fd=at)
                os.close(at)
                at = below
            yield at
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            why = f"the file system takes no such name ({error.strerror}); import into another one"
            if error.errno in _LINKS:
                why = "a link, or something else, lies on the way there, through which nothing is read or written; "
                why += "remove it, and import again"
            raise InTheWay(f"{self.root / path}: {why}") from error
        finally:
            os.close(at)

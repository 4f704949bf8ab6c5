"""Asking a file system how a file or folder is, in a way that also serves where another machine answers."""

from __future__ import annotations

import errno
import os
import stat


def look(path: str, *, afresh: bool) -> os.stat_result | None:
    """Return the status of what lies at `path` itself, not behind a link; None where there is nothing.

    Clients of network file systems remember statuses for up to a minute, and ask the server when a file is opened:
    with `afresh` it is. A handle that has become stale (ESTALE) is looked up once more. Raises OSError.
    """
    try:
        return _look(path, afresh)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
    return _look(path, afresh)


def _look(path: str, afresh: bool) -> os.stat_result | None:
    try:
        status = os.lstat(path)
        if not afresh or not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            return status
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return os.lstat(path)
    try:
        return os.fstat(file)
    finally:
        os.close(file)

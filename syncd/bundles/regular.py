"""Open what strangers may have put into a folder: a pipe there would be waited for without an end."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from runstore.syncd.bundles.manifest import WrongBundle


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to be read. Raises WrongBundle for a pipe or a device, and OSError."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # which waits for nobody at a pipe's other end
    try:
        mode = os.fstat(file).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise WrongBundle("is no regular file")
        return os.fdopen(file, "rb")
    except BaseException:
        os.close(file)
        raise

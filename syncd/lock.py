"""One daemon for each home: a lock that ends with the process, however it ends.

What is written in the file is for people alone. Nothing is ever done to a process because its number stands there: by
the time it is read, the number may be another's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import time
from pathlib import Path

from runstore.errors import DaemonError, StorageError

# Who only asks whether the lock is free holds it for an instant: a daemon that starts just then tries again so long.
_PATIENCE_SECONDS = 0.5


class DaemonLock:
    """The lock of `home`; `take` it to be the daemon, or only ask."""

    def __init__(self, home: Path) -> None:
        self._path = home / "daemon.lock"
        self._file = -1

    def take(self) -> None:
        """Take the lock; raises DaemonError, naming the process that has it, and StorageError."""
        file = self._open(os.O_CREAT)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _locked(file, fcntl.LOCK_EX, self._path):
            if time.monotonic() > deadline:
                os.close(file)
                raise DaemonError(
                    f"a daemon ({self.holder()}) runs already; `runstore daemon status` shows what it does"
                )
            time.sleep(0.02)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        self._file = file

    def keep(self) -> None:
        """Make sure that it is still held where others look for it: its file may have been deleted.

        Raises DaemonError where another daemon has begun since, and StorageError.
        """
        try:
            if os.path.samestat(os.fstat(self._file), os.stat(self._path)):
                return
        except OSError:  # it is gone
            pass
        self.release()
        with contextlib.suppress(FileNotFoundError):  # the whole folder is gone, and may come again
            self.take()

    def release(self) -> None:
        """Give the lock back."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def is_free(self) -> bool:
        """Return whether no daemon runs."""
        try:
            file = self._open()
        except FileNotFoundError:
            return True
        try:
            return _locked(file, fcntl.LOCK_SH, self._path)
        finally:
            os.close(file)

    def holder(self) -> str:
        """Return who has, or had, the lock, for people: `pid 12`, and the machine where that is another."""
        try:
            pid, _, host = self._path.read_text(errors="replace").strip().partition(" ")
        except OSError:
            pid, host = "", ""
        known = f"pid {pid}" if pid.isdigit() else "pid unknown"
        return known if host in ("", socket.gethostname()) else f"{known} on {host}"

    def _open(self, flags: int = 0) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(f"{self._path}: can't be used ({error.strerror}); is it yours?") from error


def _locked(file: int, how: int, path: Path) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise StorageError(
            f"{path}: the file system has no locks ({error.strerror}); set RUNSTORE_HOME to a folder on a local disk"
        ) from error
    return True

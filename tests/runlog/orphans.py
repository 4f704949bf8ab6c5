"""Children of a process that has died: when they may take over what was its."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path


def wait_until_left_alone(parent: int, log: Path) -> None:
    """Return once this process's parent is gone, and its lock on a log with it.

    A dying process's children are given to another before the last of its threads has closed its files.
    """
    while os.getppid() == parent or _is_held(log):
        time.sleep(0.01)


def _is_held(log: Path) -> bool:
    with open(log, "rb") as file:  # closing it gives the lock back
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False

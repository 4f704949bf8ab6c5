"""A fork of this process that works beside it, and the line of messages between the two.

A fork begins at once with all that was imported, where a new interpreter takes a third of a second. But it has copies
of locks that other threads hold, and of databases that only one side may go on using: so nothing forks here unless it
has one thread, and whoever calls sees to it that no index is open. The fork ends with the process that it came from,
however that ends: nobody is at the other end of its line then.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, NoReturn

_SLEEP_SECONDS = 0.002


def is_possible() -> bool:
    """Return whether this process may fork: elsewhere than on Linux, libraries of the system don't stand it."""
    return sys.platform == "linux" and threading.active_count() == 1


class Forked:
    """A fork that does `work` with its end of the line, and ends with it. Raises OSError where there can be none.

    `others` are forks that this process has already: the new one lets go of their lines.
    """

    def __init__(self, work: Callable[[Connection], None], others: Sequence[Forked] = ()) -> None:
        self.line, theirs = Pipe()
        try:
            self._pid = os.fork()
        except OSError:
            self.line.close()
            theirs.close()
            raise
        if self._pid == 0:
            _work(work, theirs, [self.line, *(other.line for other in others)])
        theirs.close()
        self.exit_code: int | None = None  # once it has ended; minus the number of the signal where it was one

    def tell(self, message: Any) -> None:
        """Send it a message; one that has ended hears nothing, which shows when it is heard."""
        with contextlib.suppress(OSError):
            self.line.send(message)

    def hear(self) -> list[Any] | None:
        """Return the messages that have come from it; None once there are none, and it is at its end."""
        messages: list[Any] = []
        try:
            while self.line.poll():
                messages.append(self.line.recv())
        except (EOFError, OSError, pickle.UnpicklingError):  # half a message, if an interruption took the other half
            return messages or None
        return messages

    def end(self, until: float) -> None:
        """Wait for it to end, up to a time of time.monotonic(); one that does not is killed."""
        while not self._has_ended():
            if time.monotonic() >= until:
                os.kill(self._pid, signal.SIGKILL)
                until = float("inf")
            time.sleep(_SLEEP_SECONDS)
        self.line.close()

    def _has_ended(self) -> bool:
        if self.exit_code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
        return self.exit_code is not None


def wait_for_news(forks: Sequence[Forked], seconds: float) -> list[Forked]:
    """Return those that have something to hear, once there is one, or so many seconds have passed."""
    lines = wait([fork.line for fork in forks], seconds)
    return [fork for fork in forks if fork.line in lines]


def _work(work: Callable[[Connection], None], line: Connection, not_ours: Sequence[Connection]) -> NoReturn:
    """Be the fork. It never returns into what the process did that it came from."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # terminals tell all of a command; the one that forked says more
        for other in not_ours:
            other.close()
        work(line)
        code = 0
    except Exception:  # the process's outer edge
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(code)

"""Stop a request at a moment of its life, until a test lets it go on: to kill a client just then, for instance.

with server.hold("file_stream", moment="applied") as hold:
    client = subprocess.Popen(...)
    hold.wait()          # the server has applied the first push, and the client doesn't know it yet
    client.kill()
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from types import TracebackType
from typing import TypeAlias

from tests.wandbserver.requests import Moment, Request

WAIT_SECONDS = 60.0  # longer than any client needs to get to its next request

Watcher: TypeAlias = Callable[[Moment, Request], None]
"""Called with each request at each of its moments, on the thread that serves it, without the server's lock."""


class DroppedRequest(Exception):
    """A watcher wants this request's connection to be reset."""


class Hold:
    """A watcher that stops the request after `skip` others of this kind and name ("" is any, patterns as in files)."""

    def __init__(self, kind: str, name: str, moment: Moment, skip: int) -> None:
        self._kind, self._name, self._moment = kind, name or "*", moment
        self._left = skip
        self._lock = threading.Lock()
        self._reached = threading.Event()
        self._released = threading.Event()
        self._drops = False
        self._held: Request | None = None

    def __call__(self, moment: Moment, request: Request) -> None:
        """Stop here if it is this request's turn; raises DroppedRequest where `drop` was called."""
        if not self._is_meant(moment, request):
            return
        self._reached.set()
        self._released.wait(WAIT_SECONDS)
        if self._drops:
            raise DroppedRequest

    def _is_meant(self, moment: Moment, request: Request) -> bool:
        if moment != self._moment or self._kind not in ("", request.kind) or not fnmatchcase(request.name, self._name):
            return False
        with self._lock:
            self._left -= 1
            if self._left != -1:
                return False
            self._held = request
            return True

    def wait(self, timeout: float = WAIT_SECONDS) -> Request:
        """Return the request that is held, once there is one; raises TimeoutError after `timeout` seconds."""
        if not self._reached.wait(timeout) or self._held is None:
            raise TimeoutError(f"no {self._kind or 'request'} {self._name!r} within {timeout} s")
        return self._held

    @property
    def is_reached(self) -> bool:
        """Whether a request is held, or was."""
        return self._reached.is_set()

    def release(self) -> None:
        """Let the request go on, and all others that come."""
        self._released.set()

    def drop(self) -> None:
        """Reset the connection of the request at this moment of its life."""
        self._drops = True
        self.release()

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

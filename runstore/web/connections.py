"""How many connections there may be, and how long one may say nothing.

Anybody on a login node may connect, token or not. Without a limit somebody who opens connections and says nothing
takes all file descriptors: the index could not be opened, and asyncio would print an error for each try to accept.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any, NamedTuple

from uvicorn.protocols.http.auto import AutoHTTPProtocol

_FIRST_REQUEST_S = 20.0  # from the connection to the end of the first request's headers
_RESERVED_FILES = 256  # for the index, files of runs and processes
_FILES_WANTED = 4096


class Room(NamedTuple):
    """How many connections may be open, and how many are accepted at once before they are counted."""

    connections: int
    backlog: int


def room() -> Room:
    """Return for how many connections there is room; asks the system for more files first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    if soft != endless and soft < _FILES_WANTED:
        soft = _FILES_WANTED if hard == endless else min(_FILES_WANTED, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    files = _FILES_WANTED if soft == endless else soft
    reserved = min(_RESERVED_FILES, files // 2)
    return Room(files - reserved, reserved // 2)


def protocol_for(most: int, first_request_s: float = _FIRST_REQUEST_S) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol that closes connections which come when there are `most`, or say nothing."""

    class Limited(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        """Uvicorn's own chooses its base when it is imported."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                transport.abort()
            else:
                self.loop.call_later(first_request_s, self._close_if_silent)

        def _close_if_silent(self) -> None:
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

    return Limited

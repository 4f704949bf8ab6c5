"""Serve an ASGI app with uvicorn until a signal ends it: at an address, or at a Unix socket of this user alone."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from runstore.errors import StorageError
from runstore.web.connections import protocol_for, room

# Indexing is arithmetic in Python. By default it would keep the thread that receives waiting 5 ms for each 64 KiB.
_SWITCH_SECONDS = 0.0005
_SHUTDOWN_S = 5  # for requests under way; their clients send again
_KEEP_ALIVE_S = 60  # longer than a client keeps an idle connection (httpx: 5), or it would send into a closed one


def serve(app: ASGIApp, listening: socket.socket, on_ready: Callable[[], None] = lambda: None) -> None:
    """Serve `app` until SIGTERM or SIGINT, then return; `on_ready` is called once connections are accepted."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    space = room()
    logging.getLogger("uvicorn.error").addFilter(_was_not_cancelled)
    with listening, _signals_end_quietly():
        config = uvicorn.Config(
            app,
            http=protocol_for(space.connections),
            backlog=space.backlog,
            log_level="error",  # of nonsense that anybody sends it would warn each time
            access_log=False,
            lifespan="on",
            ws="none",
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        _Announced(config, on_ready).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 means any free one. Raises StorageError where it can't be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        why = str(error.strerror or error).partition(" (while attempting")[0]
        raise StorageError(f"{host}:{port}: can't listen there ({why}); choose another --host or --port") from error


def listen_at(path: Path) -> socket.socket:
    """Return a socket that listens at a path, of mode 0600 from its first moment. Raises StorageError.

    What a server that was killed left there is taken away; what somebody listens at, or is no socket, is not.
    """
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _take_away_dead(path)
        before = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        listening.listen()
    except OSError as error:
        listening.close()
        why = "somebody listens there already" if error.errno == errno.EADDRINUSE else error.strerror or str(error)
        raise StorageError(f"{path}: can't listen there ({why}); choose another --uds") from error
    return listening


def url_of(listening: socket.socket, host: str) -> str:
    """Return the address that a socket which listens at `host` has for browsers, without a slash at its end."""
    bound = listening.getsockname()[1]
    return f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"


def _take_away_dead(path: Path) -> None:
    if not path.is_socket():
        return
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)


def _was_not_cancelled(record: logging.LogRecord) -> bool:
    """Whether a message is of an error: a request that the end of the server cut off is none."""
    return not record.exc_info or not isinstance(record.exc_info[1], asyncio.CancelledError)


class _Announced(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


@contextlib.contextmanager
def _signals_end_quietly() -> Iterator[None]:
    """Let a signal that uvicorn raises again after its shutdown find no default that kills the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ignore(number: int, frame: FrameType | None) -> None: ...

    before = {number: signal.signal(number, ignore) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)

"""The hub as a program: the routes behind their tokens, and a uvicorn that runs them."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from runstore.errors import RunstoreError, StorageError
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.hub.reader import ArtifactReader, RunReader
from runstore.syncd.hub.traffic import Traffic

try:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
    from starlette.types import ASGIApp, Receive, Scope, Send

    from runstore.syncd.hub.api import Hub, fail, forget, refuse, refuse_http
    from runstore.syncd.hub.pairing import PutsNamesOnAnswers
    from runstore.syncd.hub.requests import Json
except ModuleNotFoundError as missing:
    raise RunstoreError(
        f"the hub needs {missing.name}, which is not installed: pip install 'runstore[hub]'"
    ) from missing

# Indexing is arithmetic in Python. By default it would keep the thread that receives waiting 5 ms for each 64 KiB.
_SWITCH_SECONDS = 0.0005
_SHUTDOWN_S = 5  # for requests under way; their clients send again
_KEEP_ALIVE_S = 60  # longer than a client keeps an idle connection (httpx: 5), or it would send into a closed one
_OPEN_PATHS = frozenset(("/v1/hub",))


class RequireToken:
    """Lets a request through if its bearer token is known. Plain ASGI: bodies stream past untouched."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app = app
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        kind, _, bearer = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        known = kind.lower() == "bearer" and await run_in_threadpool(self._tokens.check, bearer.strip())
        if known:
            await self._app(scope, receive, send)
            return
        refusal = Json({"error": "this hub needs a token that it knows"}, 401, {"WWW-Authenticate": "Bearer"})
        await refusal(scope, receive, send)


def create_app(
    data: Path,
    index_log: Callable[[Path], None],
    reader: RunReader,
    artifacts: ArtifactReader,
    traffic: Traffic | None = None,
) -> Starlette:
    """Return the hub over `data` as an ASGI app; it holds the folder until its lifespan ends.

    `index_log` is called in one background thread with the path of each log that has grown; it may look only at whole
    records, and may find bytes at the end that are not acknowledged yet and can be gone after a crash. Between pieces
    of its work it may let `traffic` go first.
    Raises StorageError where the folder can't be used or another hub uses it.
    """
    hub = Hub(data, index_log, reader, artifacts, traffic or Traffic())
    app = Starlette(
        routes=hub.routes(),
        lifespan=hub.lifespan,
        exception_handlers={RunstoreError: refuse, HTTPException: refuse_http, ClientDisconnect: forget, 500: fail},
    )
    app.add_middleware(RequireToken, tokens=hub.tokens)
    app.add_middleware(PutsNamesOnAnswers)
    return app


def serve(app: Starlette, host: str, port: int, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve `app` until SIGTERM or SIGINT, then return; `on_ready` gets the URL once connections are accepted.

    Port 0 means any free one. Raises StorageError where the address can't be had.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    with _listen(host, port) as listening, _signals_end_quietly():
        bound = listening.getsockname()[1]
        url = f"http://[{host}]:{bound}" if ":" in host else f"http://{host}:{bound}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="on",
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        _Announced(config, lambda: on_ready(url)).run(sockets=[listening])


class _Announced(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StorageError(
            f"{host}:{port}: can't listen there ({error.strerror}); choose another --host or --port"
        ) from error


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

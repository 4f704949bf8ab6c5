"""The hub as a program: the routes behind their tokens, and a uvicorn that runs them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from runstore.errors import RunstoreError
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.hub.reader import ArtifactReader, RunReader
from runstore.syncd.hub.traffic import Traffic

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.exceptions import HTTPException
    from starlette.requests import ClientDisconnect
    from starlette.routing import Mount
    from starlette.types import ASGIApp, Receive, Scope, Send

    from runstore.syncd.hub.api import Hub, fail, forget, refuse, refuse_http
    from runstore.syncd.hub.pages import Pages
    from runstore.syncd.hub.pairing import PutsNamesOnAnswers
    from runstore.syncd.hub.requests import Json
    from runstore.web import serving
    from runstore.web.guard import Hosts
except ModuleNotFoundError as missing:
    raise RunstoreError(
        f"the hub needs {missing.name}, which is not installed: pip install 'runstore[hub]'"
    ) from missing

_PROTOCOL = "/v1/"
_OPEN_PATHS = frozenset(("/v1/hub",))


class RequireToken:
    """Lets a request through if its bearer token is known. Plain ASGI: bodies stream past untouched.

    Pages, where there are some, have a guard of their own.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, has_pages: bool) -> None:
        self._app = app
        self._tokens = tokens
        self._has_pages = has_pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        is_open = scope["path"] in _OPEN_PATHS if scope["type"] == "http" else True
        if is_open or (self._has_pages and not scope["path"].startswith(_PROTOCOL)):
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
    pages: tuple[Path, Hosts] | None = None,
) -> Starlette:
    """Return the hub over `data` as an ASGI app; it holds the folder until its lifespan ends.

    `index_log` is called in one background thread with the path of each log that has grown; it may look only at whole
    records, and may find bytes at the end that are not acknowledged yet and can be gone after a crash. Between pieces
    of its work it may let `traffic` go first. `pages` are an index, of which the hub serves web pages then, and the
    names under which browsers may ask for them.
    Raises StorageError where the folder can't be used or another hub uses it.
    """
    hub = Hub(data, index_log, reader, artifacts, traffic or Traffic())
    shown = None if pages is None else Pages(*pages, hub)
    app = Starlette(
        routes=[*hub.routes(), *([] if shown is None else [Mount("/", shown.app)])],
        lifespan=hub.lifespan if shown is None else shown.lifespan,
        exception_handlers={RunstoreError: refuse, HTTPException: refuse_http, ClientDisconnect: forget, 500: fail},
    )
    app.add_middleware(RequireToken, tokens=hub.tokens, has_pages=shown is not None)
    app.add_middleware(PutsNamesOnAnswers)
    return app


def serve(app: ASGIApp, host: str, port: int, on_ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve `app` until SIGTERM or SIGINT, then return; `on_ready` gets the URL once connections are accepted.

    Port 0 means any free one. Raises StorageError where the address can't be had.
    """
    listening: socket.socket = serving.listen(host, port)
    url = serving.url_of(listening, host)
    serving.serve(app, listening, lambda: on_ready(url))

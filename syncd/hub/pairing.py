"""Say with each answer to which request it is; why, says the other side (remotes/pairing.py)."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runstore.syncd.wire import REQUEST_NAME

_FIELD = REQUEST_NAME.lower().encode()
_BYTES_MAX = 64


class PutsNamesOnAnswers:
    """Copies the name of a request, where it has one, to its answer. Plain ASGI: bodies stream past untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        name = dict(scope["headers"]).get(_FIELD, b"")[:_BYTES_MAX] if scope["type"] == "http" else b""

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (_FIELD, name)]}
            await send(message)

        await self._app(scope, receive, named if name else send)

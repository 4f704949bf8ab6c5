"""Who may ask, and what an answer lets a browser do. Plain ASGI, around all that is served.

1. Host: a request must name a host that is ours. Otherwise any site could point a name of its own at this machine, and
   its scripts would count as ours (DNS rebinding).
2. Token: whatever is below /api/ shows it, on loopback too, where everybody on a login node can reach us.
3. Origin: what is sent from another site's page is refused, whatever it shows. Nothing here ever allows one (CORS).
4. Every answer carries a content security policy: scripts and requests of this origin only, none written in a page.

Pages and their assets hold no data and need no token; bytes of runs have tickets (tickets.py), since an <img> can
show no header.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runstore.web.tickets import made_for

# Who holds a token, by a mark that tickets bear, "" where none is ever revoked; None for a token that does not count.
Check = Callable[[str], Awaitable[str | None]]

_HEADERS = {
    b"content-security-policy": (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:;"
        b" font-src 'self'; connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; base-uri 'self';"
        b" form-action 'none'; frame-ancestors 'none'"
    ),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
}


@dataclass(frozen=True)
class Hosts:
    """The names under which this server is asked: `names`, loopback, and with `any_address` numbers of any network.

    Numbers are safe: no other site can be behind one. `origins` are those of proxies before this server.
    """

    names: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    any_address: bool = False

    @classmethod
    def of(cls, bound: str, own_name: str = "", base_url: str | None = None) -> Hosts:
        """Return those of a server at the address `bound`, on the machine `own_name`, behind the proxy `base_url`."""
        public = urlsplit(base_url or "")
        names = {bound, public.hostname or ""}
        everywhere = _is_everywhere(bound)
        if everywhere:
            names |= {own_name, own_name.partition(".")[0]}
        origin = f"{public.scheme}://{public.netloc}".lower()
        return cls(frozenset(filter(None, map(str.lower, names))), frozenset({origin} - {"://"}), everywhere)

    def include(self, host: str) -> bool:
        """Return whether a Host header names this server."""
        name = _name_of(host)
        if name == "localhost" or name in self.names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.any_address


def one_token(token: str) -> Check:
    """Return a check that knows one token."""
    known = token.encode()

    async def check(shown: str) -> str | None:
        return "" if hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), known) else None

    return check


class Guard:
    """The middleware."""

    def __init__(self, app: ASGIApp, check: Check, hosts: Hosts) -> None:
        self._app = app
        self._check = check
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                message["headers"] += [item for item in _HEADERS.items() if item[0] not in there]
            await send(message)

        holder = await self._holder(scope)
        if isinstance(holder, JSONResponse):
            await holder(scope, receive, send_guarded)
        else:
            with made_for(holder):
                await self._app(scope, receive, send_guarded)

    async def _holder(self, scope: Scope) -> str | JSONResponse:
        """Return who asks; the answer to a request that is not let through."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if not self._hosts.include(host):
            name = f"{_name_of(host)!r:.80}"
            return _refused(
                403, f"this server is not called {name}; where a proxy calls it so, start it with --base-url"
            )
        if not scope["path"].startswith("/api/"):
            return ""
        if not self._is_from_here(headers, host):
            return _refused(403, "pages of other sites may not ask here")
        kind, _, token = headers.get(b"authorization", "").partition(" ")
        holder = await self._check(token.strip()) if kind.lower() == "bearer" else None
        if holder is None:
            return _refused(
                401, "the token is missing or wrong; open the address that the server printed when it was started"
            )
        return holder

    def _is_from_here(self, headers: dict[bytes, str], host: str) -> bool:
        """Whether a page of ours asks, or no page at all. Browsers set these headers; no script can."""
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get(b"origin")  # where a page came by plain http, this is all that a browser says
        if origin is None:
            return True
        return origin.lower() in self._hosts.origins or urlsplit(origin).netloc.lower() == host.lower()


def _refused(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, {"Cache-Control": "no-store"})


def _name_of(host: str) -> str:
    """Return a Host header without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _is_everywhere(bound: str) -> bool:
    try:
        return ipaddress.ip_address(bound).is_unspecified
    except ValueError:
        return not bound

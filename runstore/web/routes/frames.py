"""Frames without an origin, in which figures are drawn by a library that was not written with our policy in mind.

The page around one sends it the figure; it reads nothing else of ours, and loads nothing but its own scripts. Plotly's
own comes from the package `plotly` of this machine, which whoever logs such figures has.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runstore.web import shell
from runstore.web.answering import packed, takes_gzip
from runstore.web.site import Site

_LIBRARY = "plotly.min.js"
_LIBRARY_PLACE = Path("package_data", _LIBRARY)
_TYPES = {
    "plotly.html": "text/html; charset=utf-8",
    "plotly.css": "text/css; charset=utf-8",
    "plotly.js": "text/javascript; charset=utf-8",
    _LIBRARY: "text/javascript; charset=utf-8",
}
# Plotly makes functions and styles of texts. It can reach nobody with them: no origin, no requests, no other frame.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src data: blob:;"
    " worker-src blob:; font-src data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self';"
    " sandbox allow-scripts"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Resource-Policy": "cross-origin",  # to a browser, what has no origin is another site
    "Cache-Control": "private, max-age=3600",
    "Vary": "Accept-Encoding",
}


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""
    return [Route("/frames/{name}", frame, methods=["GET"])]


async def frame(request: Request) -> Response:
    """Answer with one of the files; they hold no data."""
    name = request.path_params["name"]
    path = _place(name) if name in _TYPES else None
    if path is None or not path.is_file():
        raise HTTPException(404, "there is no such file")
    is_packed = takes_gzip(request)
    body = await anyio.to_thread.run_sync(_body, path, path.stat().st_mtime_ns, is_packed)
    headers = {**_HEADERS, "Content-Encoding": "gzip"} if is_packed else _HEADERS
    return Response(body, headers=headers, media_type=_TYPES[name])


def _place(name: str) -> Path | None:
    if name != _LIBRARY:
        return shell.STATIC / "frames" / name
    found = importlib.util.find_spec("plotly")  # without importing it, which takes half a second
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / _LIBRARY_PLACE


@lru_cache(maxsize=8)
def _body(path: Path, mtime_ns: int, is_packed: bool) -> bytes:
    body = path.read_bytes()
    return packed(body) if is_packed else body

"""How answers are sent: as JSON, packed where the browser takes that; errors as a status and one sentence."""

from __future__ import annotations

import gzip
import re

from starlette.requests import Request
from starlette.responses import Response

from runstore.web.asking import refusal_json, status_of
from runstore.web.jsontext import as_json

WORTH_PACKING_BYTES = 500
_LEVEL = 5  # 9 takes three times as long, for 2 % less
_TAKEN = re.compile(r"\s*([\w-]+)\s*(;\s*q=(0\.\d*[1-9]\d*|1(\.0*)?)\s*)?")


def json_answer(request: Request, value: object, status: int = 200) -> Response:
    """Return a value as an answer; nobody keeps it."""
    return rendered_answer(request, as_json(value), status)


def rendered_answer(request: Request, body: bytes, status: int) -> Response:
    """Return JSON as an answer; nobody keeps it."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) >= WORTH_PACKING_BYTES and takes_gzip(request):
        body = packed(body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status, headers, "application/json")


def refusal(request: Request, error: Exception) -> Response:
    """Return the answer to a request over which an error was raised."""
    return json_answer(request, refusal_json(error), status_of(error))


def packed(body: bytes) -> bytes:
    """Return bytes as gzip has them; the same for the same bytes."""
    return gzip.compress(body, _LEVEL, mtime=0)


def takes_gzip(request: Request) -> bool:
    """Return whether the answer to a request may be packed."""
    return takes(request, "gzip")


def takes(request: Request, coding: str) -> bool:
    """Return whether the answer to a request may be coded so, as HTTP names it: `gzip`, `br`."""
    accepted = (_TAKEN.fullmatch(one) for one in request.headers.get("accept-encoding", "").split(","))
    return any(one is not None and one[1].lower() == coding for one in accepted)

"""What the hub's routes read out of requests, and how they answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from runstore.errors import NotFound, StorageError, UsageError
from runstore.syncd import wire
from runstore.syncd.hub.disk import StorageFull
from runstore.syncd.hub.log_files import RangeConflict
from runstore.syncd.untrusted import check_size

_WRITE_BYTES = 1 << 20  # network pieces are 64 KiB; one hop to a thread for sixteen of them


_STATUS = ((RangeConflict, 409), (StorageFull, 507), (StorageError, 500), (NotFound, 404), (UsageError, 400))


def status_of(error: Exception) -> int:
    """Return the status that says what an error means."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


class Json(Response):
    """A value as JSON, NaN and infinities included."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Return the body."""
        return wire.encode(content)


async def whole_body(request: Request, limit: int) -> bytes:
    """Return the whole body. Raises 413 beyond `limit`, after reading it: a client that still sends hears no answer."""
    kept, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size <= limit:
            kept += piece
    if size > limit:
        raise HTTPException(413, f"{size:,} bytes at once are too many; send at most {limit:,}")
    return bytes(kept)


async def pieces(request: Request, size: int = _WRITE_BYTES) -> AsyncIterator[bytes]:
    """Yield the body in pieces of `size` and a little more; where it breaks off, what came of it first."""
    gathered = bytearray()
    try:
        async for piece in request.stream():
            gathered += piece
            if len(gathered) >= size:
                yield bytes(gathered)
                gathered.clear()
    except ClientDisconnect:
        yield bytes(gathered)
        raise
    if gathered:
        yield bytes(gathered)


def text(request: Request, name: str) -> str:
    """Return a parameter. Raises UsageError where it is missing."""
    value = request.query_params.get(name)
    if value is None:
        raise UsageError(f"the parameter {name!r} is missing")
    return value


def number(request: Request, name: str) -> int:
    """Return a parameter that is a number of bytes, or of something else. Raises UsageError where it is none."""
    given = text(request, name)
    # int() would take 1_0, +1 and Arabic digits too
    if not (given.isascii() and given.isdigit() and len(given) < 20):
        raise UsageError(f"{name}={given[:40]!r} is not a number")
    return check_size(int(given))

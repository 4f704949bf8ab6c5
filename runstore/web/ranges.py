"""Which bytes of a file a request asks for, and how they are sent: a player seeks, a download is resumed."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from typing import BinaryIO

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_PIECE_BYTES = 256 << 10
_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


def asked_range(header: str, size: int) -> range | None:
    """Return the bytes that a Range header asks for; an empty range where there are none such, None for: all.

    Of several ranges in one header, and of what is no range, all is the answer that the standard allows.
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return range(max(0, size - int(suffix)), size)
    end = size if last == "" else min(int(last) + 1, size)
    if last != "" and int(last) < int(first):
        return None
    return range(int(first), max(end, int(first))) if int(first) < size else range(0)


def answer_with(request: Request, file: BinaryIO, headers: dict[str, str], media_type: str) -> Response:
    """Answer with a file, or what is asked for of it; the file is closed in the end."""
    status = os.fstat(file.fileno())
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {**headers, "ETag": tag, "Accept-Ranges": "bytes"}
    if request.headers.get("if-none-match") == tag:
        file.close()
        return Response(status_code=304, headers=headers)
    wanted = None
    if request.headers.get("if-range", tag) == tag:
        wanted = asked_range(request.headers.get("range", ""), status.st_size)
    if wanted is not None and not wanted:
        file.close()
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{status.st_size}"})
    part = range(status.st_size) if wanted is None else wanted
    headers["Content-Length"] = str(len(part))
    if wanted is not None:
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{status.st_size}"
    if request.method == "HEAD":
        file.close()
        return Response(None, 200 if wanted is None else 206, headers, media_type)
    return StreamingResponse(_pieces(file, part), 200 if wanted is None else 206, headers, media_type)


async def _pieces(file: BinaryIO, part: range) -> AsyncIterator[bytes]:
    """Yield the bytes of a part. A file that becomes shorter meanwhile breaks the answer off, as it should."""
    try:
        at = part.start
        while at < part.stop:
            piece = await anyio.to_thread.run_sync(os.pread, file.fileno(), min(_PIECE_BYTES, part.stop - at), at)
            if not piece:
                return
            yield piece
            at += len(piece)
    finally:
        file.close()

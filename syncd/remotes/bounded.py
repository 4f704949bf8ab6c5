"""Read an answer to its end, if it has one: what answers in the place of a hub may send for ever."""

from __future__ import annotations

import httpx

# The longest that a hub gives is of a few megabytes: which of 100,000 files it lacks. Bytes of files are streamed.
ANSWER_BYTES = 64 << 20
# What says how the body was sent; of the one that was read it is not so any more.
_OF_THE_TRANSFER = frozenset(("content-encoding", "content-length", "transfer-encoding"))


def whole(response: httpx.Response) -> httpx.Response:
    """Return an answer that is streamed with its body read; raises httpx.RemoteProtocolError where it is too long.

    One that was packed twice is refused: a few bytes of it may be gigabytes.
    """
    if "," in response.headers.get("content-encoding", ""):
        raise httpx.RemoteProtocolError("an answer that was packed more than once", request=response.request)
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > ANSWER_BYTES:
            raise httpx.RemoteProtocolError(f"an answer of more than {ANSWER_BYTES:,} bytes", request=response.request)
        pieces.append(piece)
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in _OF_THE_TRANSFER]
    return httpx.Response(response.status_code, headers=headers, content=b"".join(pieces), request=response.request)

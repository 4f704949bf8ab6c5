"""The routes of blobs: whole in one request, or in ranges that go on where the last one broke off; and back.

PUT  /v1/blobs/SHA256                     all bytes -> {"size"}
PUT  /v1/blobs/SHA256?offset=N&size=ALL   a range -> {"held", "whole"}; an empty range only asks
POST /v1/blobs                            many small ones (batch.py) -> {"held": [...]}
GET  /v1/blobs/SHA256                     the bytes, or a Range of them
"""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from runstore.syncd.hub.batch import blobs_of
from runstore.syncd.hub.blobs import Blobs
from runstore.syncd.hub.counters import Counters
from runstore.syncd.hub.requests import Json, number, pieces, whole_body
from runstore.syncd.hub.traffic import Traffic

_BATCH_BYTES_MAX = 8 << 20
_BATCHES_AT_ONCE = 8  # each is held in memory


class BlobResponse(FileResponse):
    """A file, or a range of it. Each piece is one hop to a thread; the framework's are 64 KiB."""

    chunk_size = 1 << 20


class BlobRoutes:
    """Receive blobs, and give them back."""

    def __init__(self, blobs: Blobs, counters: Counters, traffic: Traffic) -> None:
        self._blobs, self._counters, self._traffic = blobs, counters, traffic
        self._batches = asyncio.Semaphore(_BATCHES_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/v1/blobs", self.post, methods=["POST"]),
            Route("/v1/blobs/{digest}", self.put, methods=["PUT"]),
            Route("/v1/blobs/{digest}", self.get, methods=["GET"]),
        ]

    async def put(self, request: Request) -> Response:
        """Receive bytes; a blob is kept if it has the digest that names it."""
        digest = request.path_params["digest"]
        if "offset" in request.query_params:
            return await self._put_range(request, digest, number(request, "offset"), number(request, "size"))
        return await self._put_whole(request, digest)

    async def post(self, request: Request) -> Response:
        """Receive many small blobs; each is kept if it has the digest that names it."""
        with self._traffic.transfer():
            async with self._batches:
                blobs = blobs_of(await whole_body(request, _BATCH_BYTES_MAX))
                held = await run_in_threadpool(self._blobs.take_all, blobs)
        size = sum(len(data) for _, data in blobs)
        self._counters.add(blob_bytes_received=size)
        kept = [len(data) for (_, data), is_held in zip(blobs, held, strict=True) if is_held]
        self._counters.add(blobs=len(kept), blob_bytes=sum(kept), blob_bytes_accepted=sum(kept))
        return Json({"held": held})

    async def get(self, request: Request) -> Response:
        """Answer with the bytes."""
        path = await run_in_threadpool(self._blobs.held, request.path_params["digest"])
        return BlobResponse(path, media_type="application/octet-stream")

    async def _put_whole(self, request: Request, digest: str) -> Response:
        blob = await run_in_threadpool(self._blobs.receive, digest)
        received = 0
        try:
            async for piece in pieces(request):
                received += len(piece)
                await run_in_threadpool(blob.write, piece)
            size = await run_in_threadpool(blob.keep)
        finally:
            blob.discard()
            self._counters.add(blob_bytes_received=received)
        self._counters.add(blobs=1, blob_bytes=size, blob_bytes_accepted=size)
        return Json({"size": size})

    async def _put_range(self, request: Request, digest: str, offset: int, size: int) -> Response:
        state = await run_in_threadpool(self._blobs.append, digest, offset, b"", size)
        async for piece in pieces(request):
            state = await run_in_threadpool(self._blobs.append, digest, offset, piece, size)
            offset += len(piece)
            self._counters.add(blob_bytes_received=len(piece), blob_bytes_accepted=state.accepted)
            if state.whole and state.accepted:  # of many senders, one brought the last byte
                self._counters.add(blobs=1, blob_bytes=size)
        return Json({"held": state.held, "whole": state.whole})

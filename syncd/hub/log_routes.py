"""The routes of logs: what is held of one, ranges of its bytes, and which files belong to it.

GET  /v1/logs/ID                       the mark
PUT  /v1/logs/ID?offset=N              a range of the log's bytes, 8 MiB at most -> the mark
PUT  /v1/logs/ID?offset=N&streamed=1   as many bytes as there are, kept piece by piece as they come -> the mark
POST /v1/logs                          ranges of many small logs (batch.py) -> their marks
POST /v1/logs/ID/files                 a manifest -> which blobs are missing
POST /v1/files                         manifests of many logs (batch.py) -> which blobs are missing of each

A stream that breaks off has brought whole pieces, and of the next one what was read by then: its sender asks for the
mark, and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runstore.core.segments import Mark
from runstore.errors import RunstoreError, StorageError, UsageError
from runstore.syncd.hub.batch import manifests_of, ranges_of
from runstore.syncd.hub.counters import Counters
from runstore.syncd.hub.indexing import IndexingThread
from runstore.syncd.hub.requests import Json, number, pieces, status_of, whole_body
from runstore.syncd.hub.storage import RANGE_BYTES_MAX, Appended, Storage
from runstore.syncd.hub.traffic import Traffic
from runstore.syncd.untrusted import entries_of

_MANIFEST_BYTES_MAX = 8 << 20
_RANGES_AT_ONCE = 32  # bounds memory at 32 times 8 MiB, however many clients come
# Each is synced to the disk while the next one comes in: long enough that this costs little, and half of a range, so
# that two of them count as one.
_PIECE_BYTES = 4 << 20


class LogRoutes:
    """Receive logs, and say what is held of them."""

    def __init__(self, storage: Storage, counters: Counters, indexing: IndexingThread, traffic: Traffic) -> None:
        self._storage, self._counters, self._indexing, self._traffic = storage, counters, indexing, traffic
        self._ranges = asyncio.Semaphore(_RANGES_AT_ONCE)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/v1/logs", self.post_batch, methods=["POST"]),
            Route("/v1/logs/{log_id}", self.get_mark, methods=["GET"]),
            Route("/v1/logs/{log_id}", self.put_range, methods=["PUT"]),
            Route("/v1/logs/{log_id}/files", self.post_files, methods=["POST"]),
            Route("/v1/files", self.post_manifests, methods=["POST"]),
        ]

    async def get_mark(self, request: Request) -> Response:
        """Answer with a log's mark."""
        return Json(await run_in_threadpool(self._storage.mark, request.path_params["log_id"]))

    async def put_range(self, request: Request) -> Response:
        """Append a range and answer with the mark."""
        log_id, offset = request.path_params["log_id"], number(request, "offset")
        if "streamed" in request.query_params:
            with self._traffic.transfer():
                return Json(await self._streamed(request, log_id, offset))
        async with self._ranges:
            data = await whole_body(request, RANGE_BYTES_MAX)
            return Json(await self._append(log_id, offset, data))

    async def post_batch(self, request: Request) -> Response:
        """Append ranges of many logs and answer with the mark of each, or why it was refused."""
        with self._traffic.transfer():
            async with self._ranges:
                return Json({"logs": await self._batch(request)})

    async def _batch(self, request: Request) -> list[object]:
        ranges = ranges_of(await whole_body(request, RANGE_BYTES_MAX))
        outcomes = await run_in_threadpool(self._storage.append_all, ranges)
        accepted = 0
        for given, outcome in zip(ranges, outcomes, strict=True):
            if isinstance(outcome, Appended) and outcome.accepted:
                accepted += outcome.accepted
                self._indexing.put(given.log_id)
        received = sum(len(given.data) for given in ranges)
        self._counters.add(ranges=len(ranges), log_bytes_received=received, log_bytes_accepted=accepted)
        return [_as_json(outcome) for outcome in outcomes]

    async def post_files(self, request: Request) -> Response:
        """Add to a log's manifest and answer with the digests that are missing."""
        try:
            body = orjson.loads(await whole_body(request, _MANIFEST_BYTES_MAX))
        except ValueError as error:
            raise UsageError("the manifest is not JSON") from error
        log_id = request.path_params["log_id"]
        return Json({"missing": await run_in_threadpool(self._storage.add_files, log_id, entries_of(body))})

    async def post_manifests(self, request: Request) -> Response:
        """Add to the manifests of logs and answer with the digests that are missing of each."""
        manifests = manifests_of(await whole_body(request, _MANIFEST_BYTES_MAX))
        return Json({"missing": await run_in_threadpool(self._storage.add_files_of_all, manifests)})

    async def _streamed(self, request: Request, log_id: str, offset: int) -> Mark:
        """Append a body piece by piece; what can't be kept is refused when all has been read.

        A client that still sends hears no answer.
        """
        stream = _Stream(lambda offset, piece: self._append(log_id, offset, piece), offset)
        incoming = pieces(request, _PIECE_BYTES)
        try:
            while True:
                await self._ranges.acquire()  # for each piece anew: a slow sender must not keep others from their turn
                try:
                    piece = await anext(incoming, b"")
                    if not piece:
                        break
                    await stream.take(piece)
                finally:
                    self._ranges.release()
        finally:
            await stream.settle()
        if stream.mark is None:
            return await run_in_threadpool(self._storage.mark, log_id)
        return stream.mark

    async def _append(self, log_id: str, offset: int, data: bytes) -> Mark:
        appended = await run_in_threadpool(self._storage.append, log_id, offset, data)
        self._counters.add(ranges=1, log_bytes_received=len(data), log_bytes_accepted=appended.accepted)
        if appended.accepted:
            self._indexing.put(log_id)
        return appended.mark


def _as_json(outcome: Appended | StorageError) -> object:
    return outcome.mark if isinstance(outcome, Appended) else {"error": str(outcome), "status": status_of(outcome)}


class _Stream:
    """A body on its way into a log: each piece is stored while the next one comes in, in order."""

    def __init__(self, append: Callable[[int, bytes], Coroutine[Any, Any, Mark]], offset: int) -> None:
        self._append, self._offset = append, offset
        self._under_way: asyncio.Task[Mark] | None = None
        self._refusal: RunstoreError | None = None
        self.mark: Mark | None = None  # after the last piece that was stored

    async def take(self, piece: bytes) -> None:
        """Begin to store a piece, when the one before it is stored; after a refusal it is only passed over."""
        await self._stored()
        if self._refusal is None:
            self._under_way = asyncio.create_task(self._append(self._offset, piece))
        self._offset += len(piece)

    async def settle(self) -> None:
        """Wait for the last piece; raise what refused one."""
        await self._stored()
        if self._refusal is not None:
            raise self._refusal

    async def _stored(self) -> None:
        task, self._under_way = self._under_way, None
        if task is not None:
            try:
                self.mark = await task
            except RunstoreError as error:
                self._refusal = error

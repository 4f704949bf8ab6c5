"""The hub's routes: what arrives as a request is checked here, done by the storage, and answered as JSON.

    GET  /v1/hub                           who is there (the one route without a token)
    GET, PUT /v1/logs/ID, POST .../files   logs: marks, ranges, manifests (log_routes.py)
    PUT, GET /v1/blobs/SHA256              a file's bytes (blob_routes.py)
    GET  /v1/runs, /v1/run, /v1/history    what the index knows, after it has seen every byte acknowledged before
    GET  /v1/artifact...                   artifacts, read back (artifact_routes.py)
    GET  /v1/counters                      what has arrived since the start

Every error is {"error": "one sentence"}. What touches the disk runs in threads; the event loop only moves bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runstore.syncd.hub.artifact_routes import ArtifactRoutes
from runstore.syncd.hub.auth import Tokens
from runstore.syncd.hub.blob_routes import BlobRoutes
from runstore.syncd.hub.counters import Counters
from runstore.syncd.hub.holdings import Holdings
from runstore.syncd.hub.indexing import IndexingThread
from runstore.syncd.hub.log_routes import LogRoutes
from runstore.syncd.hub.reader import ArtifactReader, RunReader
from runstore.syncd.hub.requests import Json, number, status_of, text
from runstore.syncd.hub.storage import Storage
from runstore.syncd.hub.traffic import Traffic
from runstore.version import VERSION

# What clients may count on beyond the first hubs: blobs in ranges, those of artifacts, and artifacts to be read back;
# logs in streams, and many small ones together.
FEATURES = ("artifacts", "streams", "batches")
_READERS_AT_ONCE = 8  # readers wait for the index; they must never take the threads that appends need
_INDEX_WAIT_S = 60.0  # after that a reader gets what is indexed, rather than nothing


class Hub:
    """The routes and what they share."""

    def __init__(
        self,
        data: Path,
        index_log: Callable[[Path], None],
        reader: RunReader,
        artifacts: ArtifactReader,
        traffic: Traffic,
    ) -> None:
        self.storage = Storage(data)
        self.tokens = Tokens(data)
        self.indexing = IndexingThread(self.storage, index_log)
        self._reader = reader
        self._counters = Counters()
        self._logs = LogRoutes(self.storage, self._counters, self.indexing, traffic)
        self._blobs = BlobRoutes(self.storage.blobs, self._counters, traffic)
        self._artifacts = ArtifactRoutes(artifacts, Holdings(self.storage), self._read)
        self._readers = anyio.CapacityLimiter(_READERS_AT_ONCE)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Index while the app runs, and close the data folder after it."""
        await run_in_threadpool(self.indexing.start)
        try:
            yield
        finally:
            await run_in_threadpool(self.indexing.stop)
            self.tokens.close()
            self.storage.close()

    def routes(self) -> list[Route]:
        """Return every route of the hub."""
        return [
            Route("/v1/hub", self.about),
            *self._logs.routes(),
            *self._blobs.routes(),
            *self._artifacts.routes(),
            Route("/v1/runs", self.runs),
            Route("/v1/run", self.run),
            Route("/v1/history", self.history),
            Route("/v1/counters", self.counts),
        ]

    async def about(self, request: Request) -> Response:
        """Say that a hub is here, and which one."""
        return Json({"hub": self.storage.hub_id, "version": VERSION, "features": FEATURES})

    async def counts(self, request: Request) -> Response:
        """Answer with the counters."""
        return Json(self._counters.values())

    async def runs(self, request: Request) -> Response:
        """Answer with every run."""
        return await self._read(self._reader.runs)

    async def run(self, request: Request) -> Response:
        """Answer with the run named by ?path=."""
        path = text(request, "path")
        return await self._read(lambda: self._reader.run(path))

    async def history(self, request: Request) -> Response:
        """Answer with rows of the run named by ?path=; ?keys= as often as there are keys, ?samples= for fewer rows."""
        path, keys = text(request, "path"), request.query_params.getlist("keys")
        samples = number(request, "samples") if "samples" in request.query_params else None
        return await self._read(lambda: self._reader.history(path, keys, samples))

    async def _read(self, question: Callable[[], object]) -> Response:
        def answer() -> Response:
            self.indexing.wait(_INDEX_WAIT_S)
            return Json(question())  # rendered in the thread as well: long histories take a while

        return await anyio.to_thread.run_sync(answer, limiter=self._readers)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer with one of our own errors."""
    return Json({"error": str(error)}, status_of(error))


async def refuse_http(request: Request, error: Exception) -> Response:
    """Answer with what the framework says of a request: no such route, or not with that method."""
    assert isinstance(error, HTTPException)
    return Json({"error": error.detail}, error.status_code, error.headers)


async def forget(request: Request, error: Exception) -> Response:
    """Answer to a client that went away in the middle of a body: nobody hears it, and nothing of it was kept."""
    return Json({"error": "the request broke off"}, 400)


async def fail(request: Request, error: Exception) -> Response:
    """Answer to what nobody expected; the framework raises it again afterwards, so that the log has the trace."""
    return Json({"error": "the hub failed over this request; its log says why"}, 500)

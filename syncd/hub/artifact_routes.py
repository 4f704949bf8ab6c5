"""The routes by which artifacts are read back: what a name means, what is in it, and which blobs have the bytes.

GET /v1/artifact?name=&entity=&project=&type=       the facts of a version
GET /v1/artifact/entries?client_id=&after=&limit=   what is in it, in order of path
GET /v1/artifact/blob?name=                         the digest of a blob that was delivered under a name
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from runstore.core.artifactname import parse_artifact_name
from runstore.syncd.hub.holdings import Holdings
from runstore.syncd.hub.reader import ArtifactReader
from runstore.syncd.hub.requests import number, text

ENTRIES_AT_ONCE = 10_000  # 3 MB of JSON

# Runs a question in a thread, once the index has seen what was acknowledged before.
Ask = Callable[[Callable[[], object]], Awaitable[Response]]


class ArtifactRoutes:
    """Answer questions about artifacts."""

    def __init__(self, reader: ArtifactReader, holdings: Holdings, ask: Ask) -> None:
        self._reader, self._holdings, self._ask = reader, holdings, ask

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/v1/artifact", self.version),
            Route("/v1/artifact/entries", self.entries),
            Route("/v1/artifact/blob", self.blob),
        ]

    async def version(self, request: Request) -> Response:
        """Answer with the facts of the version that ?name= means; ?entity= and ?project= are those of who asks."""
        name, asked = parse_artifact_name(text(request, "name")), request.query_params
        entity, project, kind = asked.get("entity", ""), asked.get("project", ""), asked.get("type")
        return await self._ask(lambda: self._reader.version(name, entity, project, kind))

    async def entries(self, request: Request) -> Response:
        """Answer with entries of the artifact ?client_id=, those behind ?after=."""
        client_id, after = text(request, "client_id"), request.query_params.get("after", "")
        most = min(number(request, "limit"), ENTRIES_AT_ONCE) if "limit" in request.query_params else ENTRIES_AT_ONCE

        def question() -> object:
            found = self._reader.entries(client_id, after, most, self._holdings.delivered)
            return {"entries": list(self._holdings.as_json(found)), "more": len(found) == most > 0}

        return await self._ask(question)

    async def blob(self, request: Request) -> Response:
        """Answer with the digest of the blob that is called ?name=."""
        name = text(request, "name")
        return await self._ask(lambda: self._holdings.named(name))

"""What all routes share, and how they are put together to one ASGI app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import anyio
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runstore.errors import UsageError
from runstore.web.answering import json_answer, rendered_answer
from runstore.web.apart import Apart
from runstore.web.asking import Asked, Question, Refused
from runstore.web.places import Places, RunDirectories
from runstore.web.reading import Reader
from runstore.web.tickets import Tickets
from runstore.web.underway import Lanes, UnderWay
from runstore.web.watching import SomebodyElse, Watch

MOST_BODY_BYTES = 4 << 20
_BODY_SECONDS = 60.0
# Whoever opens a page after a pause waits so long for the index to be caught up, and sees it as it is then.
_FRESH_SECONDS = 1.0
_FRESH_SECONDS_OF_CHANGES = 0.2  # which look at what they change by themselves

T = TypeVar("T")

# Whether a question may take for ever, as what holds an expression may.
IsEndless = Callable[[Asked], bool]

# How far runs are at each target, as `runstore status --json` prints it; asked in a thread.
Standings = Callable[[], dict[str, Any]]


def never(asked: Asked) -> bool:
    """Return False: most questions take a known time."""
    return False


@dataclass
class Site:
    """One set of pages over one index. `standings` is None where nothing is delivered from here, as on a hub."""

    reader: Reader
    is_read_only: bool = False
    standings: Standings | None = None
    watch: Watch = field(default_factory=SomebodyElse)
    places: Places = field(default_factory=RunDirectories)
    tickets: Tickets = field(default_factory=Tickets)
    apart: Apart = field(init=False, repr=False)
    lanes: Lanes = field(default_factory=Lanes)

    def __post_init__(self) -> None:
        self.apart = Apart(self.reader.index)

    def get(self, path: str, question: Question, is_endless: IsEndless = never) -> BaseRoute:
        """Return a route that answers a question; one that may be endless, a function of a module, in a process."""
        return Route(path, self._endpoint(question, is_endless), methods=["GET"])

    def ask(self, path: str, question: Question, is_endless: IsEndless = never) -> BaseRoute:
        """Return a route that answers a question which is too long for a URL; it changes nothing."""
        return Route(path, self._endpoint(question, is_endless), methods=["POST"])

    def change(self, path: str, question: Question) -> BaseRoute:
        """Return a route that changes something. Refused where the site is only for reading."""

        def allowed(*given: Any) -> object:
            if self.is_read_only:
                raise Refused("these pages are read-only; edit with `runstore runs edit`, or start them without that")
            return question(*given)

        return Route(path, self._endpoint(allowed, can_be_stopped=False), methods=["POST"])

    def close(self) -> None:
        """Let the index go, and end the processes that answer."""
        self.apart.close()
        self.reader.close()

    def _endpoint(
        self, question: Question, is_endless: IsEndless = never, can_be_stopped: bool = True
    ) -> Callable[[Request], Any]:
        fresh_seconds = _FRESH_SECONDS if can_be_stopped else _FRESH_SECONDS_OF_CHANGES

        async def endpoint(request: Request) -> Response:
            asked = Asked(request.query_params, await _body(request))

            def answer(under_way: UnderWay) -> Response:
                self.watch.wait(fresh_seconds)
                # Rendered and packed in the thread as well: the loop has others to serve.
                return json_answer(request, self.reader.answer(question, asked, under_way))

            if not can_be_stopped:
                return await self.in_thread(lambda: answer(UnderWay()))
            if not is_endless(asked):
                return await self.lanes.answer(request, answer)
            await self.in_thread(lambda: self.watch.wait(fresh_seconds))
            status, body = await self.apart.answer(request, question, asked)
            return await self.in_thread(lambda: rendered_answer(request, body, status))

        return endpoint

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, which may read the index and files; so many at once, and others wait."""
        return await self.lanes.run(work)


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises UsageError for anything else."""
    if request.method != "POST":
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise UsageError("what is sent here is JSON: Content-Type is application/json")
    pieces = bytearray()
    with anyio.move_on_after(_BODY_SECONDS) as waiting:
        async for piece in request.stream():
            pieces += piece
            if len(pieces) > MOST_BODY_BYTES:
                raise UsageError(f"a request is {MOST_BODY_BYTES:,} bytes at most")
    if waiting.cancelled_caught:
        raise UsageError(f"the body of the request did not come within {_BODY_SECONDS:g} seconds")
    try:
        found = orjson.loads(pieces or b"{}")
    except ValueError:
        raise UsageError("the body of the request is no JSON") from None
    if not isinstance(found, dict):
        raise UsageError("the body of the request is not a JSON object")
    return found


def routes_of(site: Site) -> Sequence[BaseRoute]:
    """Return all routes of the JSON API."""
    from runstore.web.routes import (
        artifactfiles,
        artifacts,
        changes,
        charts,
        columns,
        compare,
        console,
        edits,
        export,
        files,
        frames,
        histograms,
        keys,
        lineage,
        media,
        projects,
        raw,
        run,
        runs,
        sweeps,
        sync,
        tables,
        views,
    )

    return [
        *artifactfiles.routes(site),
        *artifacts.routes(site),
        *changes.routes(site),
        *charts.routes(site),
        *columns.routes(site),
        *compare.routes(site),
        *console.routes(site),
        *edits.routes(site),
        *export.routes(site),
        *files.routes(site),
        *frames.routes(site),
        *histograms.routes(site),
        *keys.routes(site),
        *lineage.routes(site),
        *media.routes(site),
        *projects.routes(site),
        *raw.routes(site),
        *run.routes(site),
        *runs.routes(site),
        *sweeps.routes(site),
        *sync.routes(site),
        *tables.routes(site),
        *views.routes(site),
    ]

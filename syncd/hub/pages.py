"""The web pages over what a hub holds: to be looked at with any of its tokens, and changed by nobody.

Bytes of runs are found by what was delivered with their logs, in the hub's blobs; no path that a log names is opened.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool

from runstore.syncd.hub.api import Hub
from runstore.syncd.hub.delivered import DeliveredFiles
from runstore.web.app import create_app
from runstore.web.guard import Hosts
from runstore.web.reading import Reader
from runstore.web.site import Site
from runstore.web.tickets import Tickets


class Pages:
    """The pages of one hub."""

    def __init__(self, index: Path, hosts: Hosts, hub: Hub) -> None:
        self._hub = hub
        places = DeliveredFiles(hub.storage)
        self._site = Site(
            Reader(index, places.lists),
            is_read_only=True,
            watch=_IndexOf(hub),
            places=places,
            tickets=Tickets(is_good=hub.tokens.is_known),
        )
        self.app = create_app(self._site, self._holder, hosts)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """The hub's own, and the end of the pages' connections."""
        async with self._hub.lifespan(app):
            try:
                yield
            finally:
                await run_in_threadpool(self._site.close)

    async def _holder(self, token: str) -> str | None:
        return await run_in_threadpool(self._hub.tokens.mark, token)


class _IndexOf:
    """A Watch over the hub's index, which the hub itself keeps caught up with what arrives."""

    trouble = ""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def poll(self) -> None:
        """Do nothing."""

    def wait(self, seconds: float) -> None:
        """Wait until what has arrived is indexed."""
        self._hub.indexing.wait(seconds)

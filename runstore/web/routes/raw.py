"""Bytes of runs, at the addresses that tickets are: see `runstore.web.tickets`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from runstore.web.contenttypes import shown_as
from runstore.web.ranges import answer_with
from runstore.web.reading import run_of
from runstore.web.site import Site
from runstore.web.tickets import Ticket

# What was logged under a name may be logged again: browsers ask whether it is still the same.
_CACHING = "private, no-cache"


def routes(site: Site) -> Sequence[BaseRoute]:
    """Return the routes of this module."""

    async def raw(request: Request) -> Response:
        ticket, file = await site.in_thread(lambda: _opened(site, request.path_params["ticket"]))
        # In a tab of its own HTML could lead that to any site, which no policy forbids; pages put it in a frame.
        is_tab = request.headers.get("sec-fetch-dest") == "document"
        shown = shown_as(ticket.name, "download" if ticket.as_ == "frame" and is_tab else ticket.as_)
        headers = {**shown.headers, "Cache-Control": _CACHING}
        return answer_with(request, file, headers, shown.media_type)

    return [Route("/raw/{ticket}/{name:path}", raw, methods=["GET"])]


def _opened(site: Site, address: str) -> tuple[Ticket, BinaryIO]:
    ticket = site.tickets.read(address)
    with site.reader.api() as api:
        return ticket, site.places.open(run_of(api, ticket.run_ref), ticket.kind, ticket.path)

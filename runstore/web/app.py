"""The pages as an ASGI app: the JSON API, the bytes of runs and the front end, behind their guard."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from runstore.errors import RunstoreError
from runstore.web import shell
from runstore.web.answering import json_answer, refusal
from runstore.web.guard import Check, Guard, Hosts, one_token
from runstore.web.site import Site, routes_of


def create_app(site: Site, token: str | Check, hosts: Hosts | None = None) -> ASGIApp:
    """Return the app. Who shows `token`, or one that passes the check, may ask; at `hosts` and loopback alone."""
    check = one_token(token) if isinstance(token, str) else token
    app = Starlette(
        routes=[*routes_of(site), *shell.routes()],
        exception_handlers={
            RunstoreError: _refuse,
            HTTPException: _refuse_http,
            ClientDisconnect: _forget,
            500: _fail,
        },
    )
    # Not as starlette's middleware, which comes inside of what answers to errors that nobody expected.
    return Guard(app, check, hosts or Hosts())


async def _refuse(request: Request, error: Exception) -> Response:
    return refusal(request, error)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return json_answer(request, {"error": error.detail}, error.status_code)


async def _forget(request: Request, error: Exception) -> Response:
    """Answer to a browser that went away in the middle of a body: nobody hears it."""
    return json_answer(request, {"error": "the request broke off"}, 400)


async def _fail(request: Request, error: Exception) -> Response:
    """Answer to what nobody expected; the framework raises it again afterwards, so that it shows in the terminal."""
    return json_answer(request, {"error": "the server failed over this; where it was started stands why"}, 500)

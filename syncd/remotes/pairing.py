"""See to it that an answer is the one to its request.

HTTP tells them by their order alone. Where something between repeats an answer, every later one on that connection is
that to the request before; and "nothing is missing" to another log's files would pass for a proof. So each request
has a name, which a hub puts on its answer, and a connection on which the names differ is not used any more.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import httpx

from runstore.syncd.wire import REQUEST_NAME


def hooks() -> dict[str, list[Callable[..., Any]]]:
    """Return the event hooks of an httpx.Client whose answers are to be told apart.

    What is no answer to its request is no answer at all: httpx.RemoteProtocolError. Hubs that know of no names, and
    what answers in place of a hub, are believed.
    """
    return {"request": [_name], "response": [_check]}


def _name(request: httpx.Request) -> None:
    request.headers[REQUEST_NAME] = secrets.token_hex(8)


def _check(response: httpx.Response) -> None:
    """Raised before the body is read: so httpx closes the connection."""
    if response.headers.get(REQUEST_NAME) not in (None, response.request.headers[REQUEST_NAME]):
        raise httpx.RemoteProtocolError("the answer to another request came", request=response.request)

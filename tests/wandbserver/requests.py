"""One request as faults, holds and the traffic count know it: what kind it is, and what it is about."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

from tests.wandbserver.recorded import JsonObject, parse_object
from tests.wandbserver.refusals import Refused

Kind: TypeAlias = Literal["graphql", "file_stream", "file", "artifact", "manifest", "part", "other"]
"""`file` is the PUT of a run's file, `artifact` that of an artifact's, `part` that of one part of a large one."""

Moment: TypeAlias = Literal["arrived", "applied", "answered"]
"""Of a request: it is here and nothing has been done; it is done and unanswered; the answer is on its way."""


@dataclass(frozen=True)
class Request:
    """A request. `name` is the operation of graphql, the run id of file_stream, and the path of a file."""

    kind: Kind
    name: str
    method: str
    path: str
    count: int
    """How many of this kind and name came before it."""


def path_parts(path: str) -> list[str]:
    """Return the parts of a request's path, without its query and unquoted."""
    return [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]


def key_in(authorization: str) -> str:
    """Return the API key in an Authorization header, "" where there is none in the form that servers take."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return ""
    return key if (scheme, user) == ("Basic", "api") else ""


def parsed_body(body: bytes) -> JsonObject:
    """Return the JSON object that a request consists of. Raises Refused."""
    try:
        return parse_object(body.decode())
    except ValueError as error:
        raise Refused(f"the body: {error}") from None

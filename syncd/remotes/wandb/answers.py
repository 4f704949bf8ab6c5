"""JSON as W&B servers take it, and what they say when they refuse something."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import orjson

_WORDS_MAX = 300  # of a server's own, in a message


def quoted(*parts: str) -> str:
    """Return a path of these parts, whatever is in them."""
    return "/".join(quote(part, safe="") for part in parts)


def encoded(value: object) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # half of a surrogate pair, or a number beyond 64 bits; servers parse leniently
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def json_of(response: httpx.Response) -> dict[str, Any] | None:
    """Return the JSON object in an answer; None where there is none."""
    try:
        value = orjson.loads(response.content)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def messages_of(body: Mapping[str, Any] | None) -> list[str]:
    """Return what GraphQL's `errors` in an answer say, in words; nothing where there are none."""
    errors = (body or {}).get("errors")
    if not isinstance(errors, list):
        return [str(errors)] if errors else []
    return [str(error.get("message", error)) if isinstance(error, dict) else str(error) for error in errors]


def words(response: httpx.Response) -> str:
    """Return a server's own words in a bad answer, in one line."""
    body = json_of(response)
    if body is not None:
        said = body.get("error") or body.get("message") or body.get("detail")
        text = "; ".join(messages_of(body)) or (str(said) if said else "")
    elif "html" in response.headers.get("Content-Type", ""):
        text = ""  # made for a browser
    else:
        text = response.content.decode("utf-8", "replace")  # whatever it says of its letters
        in_xml = re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)  # as S3 says it
        text = in_xml[1] if in_xml else text
    text = " ".join(text.split())
    return text[:_WORDS_MAX] or response.reason_phrase or "no reason was given"

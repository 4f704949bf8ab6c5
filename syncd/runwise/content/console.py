"""The lines of a console as W&B servers take them: each with the time at which the program wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone

import orjson

from runstore.syncd.runwise.content.snapshot import ConsoleText

_END_OF_TIME = 253_402_300_800.0  # seconds since the epoch: the year 10000
_ERROR = "ERROR "  # before what went to stderr


def as_lines(texts: Iterable[ConsoleText], *, is_structured: bool) -> list[str]:
    """Return a line for each text: a JSON object, or the time and the text."""
    return [_structured(one) if is_structured else _plain(one) for one in texts]


def _plain(one: ConsoleText) -> str:
    return f"{_ERROR if one.stream == 'stderr' else ''}{_iso(one.time)} {one.text}"


def _structured(one: ConsoleText) -> str:
    level = {"level": "error"} if one.stream == "stderr" else {}
    return orjson.dumps({**level, "ts": _iso(one.time), "content": one.text}).decode()


def _iso(time: float) -> str:
    """Return a time as servers read it: in UTC, without saying so. One that no calendar has is that of the epoch."""
    moment = time if 0 <= time < _END_OF_TIME else 0.0
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")

"""Ranges of many small logs in one request: one line of JSON that says whose the bytes behind it are. No I/O here.

    {"logs": [{"log_id": ..., "offset": ..., "size": ...}, ...]}\\n<bytes of the first><bytes of the second>...

An entry of size 0 only asks for the mark. The answer has the mark of each log in the same order, or
{"error": sentence, "status": number} where the range of that one was refused.
"""

from __future__ import annotations

from typing import Any

import orjson

from runstore.errors import UsageError
from runstore.syncd.hub.manifest import check_digest, check_size
from runstore.syncd.hub.storage import LogRange

LOGS_MAX = 1000


def ranges_of(body: bytes) -> list[LogRange]:
    """Return the ranges in a body. Raises UsageError where it is no batch, or two are of one log."""
    head, newline, rest = body.partition(b"\n")
    try:
        entries = orjson.loads(head)["logs"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError('a batch begins with a line like {"logs": [{"log_id": ..., "offset": ...}]}') from error
    if not newline or not isinstance(entries, list) or len(entries) > LOGS_MAX:
        raise UsageError(f"a batch is a line of JSON with at most {LOGS_MAX:,} logs, and the bytes of all of them")
    ranges, start = [], 0
    for entry in entries:
        log_id, offset, size = _checked(entry)
        ranges.append(LogRange(log_id, offset, rest[start : start + size]))
        start += size
    if start != len(rest):
        raise UsageError(f"the line of the batch tells of {start:,} bytes, and {len(rest):,} follow")
    if len({given.log_id for given in ranges}) < len(ranges):
        raise UsageError("a batch has one range of each log")
    return ranges


def _checked(entry: Any) -> tuple[str, int, int]:
    if not isinstance(entry, dict):
        raise UsageError("an entry of a batch is an object")
    return check_digest(entry.get("log_id")), check_size(entry.get("offset")), check_size(entry.get("size"))

"""Many small things in one request: one line of JSON that says whose the bytes behind it are. No I/O here.

    {"logs": [{"log_id": ..., "offset": ..., "size": ...}, ...]}\\n<bytes of the first><bytes of the second>...
    {"blobs": [{"sha256": ..., "size": ...}, ...]}\\n<bytes of the first><bytes of the second>...

A range of size 0 only asks for the mark. The answer to ranges has the mark of each log in the same order, or
{"error": sentence, "status": number} where the range of that one was refused; to blobs, whether each is held now.
Manifests of many logs are JSON alone: {"logs": [{"log_id": ..., "files": [...]}, ...]}; the answer has what is missing
of each, null for a log of which nothing is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from runstore.errors import UsageError
from runstore.syncd.hub.storage import LogRange
from runstore.syncd.remotes.base import FileEntry
from runstore.syncd.untrusted import check_digest, check_size, entries_of

ENTRIES_MAX = 1000


def ranges_of(body: bytes) -> list[LogRange]:
    """Return the ranges in a body. Raises UsageError where it is no batch, or two are of one log."""
    parts = _parts(body, "logs")
    ranges = [
        LogRange(check_digest(entry.get("log_id")), check_size(entry.get("offset")), data) for entry, data in parts
    ]
    if len({given.log_id for given in ranges}) < len(ranges):
        raise UsageError("a batch has one range of each log")
    return ranges


def blobs_of(body: bytes) -> list[tuple[str, bytes]]:
    """Return the blobs in a body, each with the digest that it is said to have. Raises UsageError for no batch."""
    return [(check_digest(entry.get("sha256")), data) for entry, data in _parts(body, "blobs")]


def manifests_of(body: bytes) -> list[tuple[str, list[FileEntry]]]:
    """Return log ids, each with entries of its manifest. Raises UsageError where the body is no such thing."""
    return [(check_digest(entry.get("log_id")), entries_of(entry)) for entry in _entries(body, "logs")]


def _parts(body: bytes, name: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield what the line of JSON says of each part, with its bytes."""
    head, newline, rest = body.partition(b"\n")
    entries = _entries(head, name)
    sizes = [check_size(entry.get("size")) for entry in entries]
    if not newline or sum(sizes) != len(rest):
        raise UsageError(f"the line of the batch tells of {sum(sizes):,} bytes, and {len(rest):,} follow")
    start = 0
    for entry, size in zip(entries, sizes, strict=True):
        yield entry, rest[start : start + size]
        start += size


def _entries(text: bytes, name: str) -> list[dict[str, Any]]:
    try:
        entries = orjson.loads(text)[name]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f'a batch begins with JSON like {{"{name}": [...]}}') from error
    if not isinstance(entries, list) or len(entries) > ENTRIES_MAX or not all(isinstance(one, dict) for one in entries):
        raise UsageError(f"a batch has at most {ENTRIES_MAX:,} entries, and each is an object")
    return entries

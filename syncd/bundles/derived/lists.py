"""Lists of an artifact's files that are too long for a record: a line of JSON each, compressed, in a blob."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson


def entries_of_list(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries; none where there is no such list, and those before the damage where it is damaged."""
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                found = orjson.loads(line)
                if isinstance(found, dict):
                    yield found
    except (OSError, ValueError, EOFError, zlib.error):
        return


def rewrite_list(path: Path, to: Path, changed: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Write a list anew with what `changed` makes of each entry; raises OSError. The same list gives the same bytes."""
    with to.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as file:
        for entry in entries_of_list(path):
            file.write(orjson.dumps(changed(entry)) + b"\n")

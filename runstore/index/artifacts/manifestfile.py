"""Read the entries of a manifest that was too large for a record, from the file that the record names.

It is of one line of JSON for each entry, compressed. Whoever wrote the log may have named any file: only regular ones
are opened, and of none is more than a line held at once.
"""

from __future__ import annotations

import gzip
import json
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from runstore.errors import NotFound

_LINE_BYTES = 1 << 20  # of one entry; paths have 4,096 at most, references little more


class ManifestMissing(NotFound, FileNotFoundError):
    """The file that says what is in an artifact is gone, or holds something else. A FileNotFoundError too."""

    def __str__(self) -> str:
        return str(self.args[0])


def entries_in(places: Iterable[Path], named: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries, under W&B's names, from the first of these files that is there; each has a path.

    Raises ManifestMissing, with the path by which the log `named` it, where none is there, or it is damaged.
    """
    for place in places:
        try:
            file = _opened(place)
        except (OSError, ValueError):  # ValueError: a NUL in its name
            continue
        with file:
            yield from _entries(file, place)
        return
    raise ManifestMissing(f"{named}: the list of an artifact's files, too long for its log, is not here")


def _opened(place: Path) -> BinaryIO:
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would be waited for
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(place)
    return os.fdopen(descriptor, "rb")


def _entries(file: BinaryIO, place: Path) -> Iterator[dict[str, Any]]:
    lines = gzip.GzipFile(fileobj=file)
    try:
        while line := lines.readline(_LINE_BYTES):
            yield _entry(json.loads(line))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise ManifestMissing(f"{place}: can't be read as the list of an artifact's files ({error})") from error


def _entry(said: object) -> dict[str, Any]:
    """Return one line. Raises ValueError where it says something else than an entry."""
    known: dict[str, Any] = said if isinstance(said, dict) else {}
    entry = {key: value for key, value in known.items() if value is not None}
    kinds = {"path": str, "digest": str, "ref": str, "local_path": str, "size": int, "extra": dict}
    wrong = [key for key, kind in kinds.items() if not isinstance(entry.get(key, kind()), kind)]
    if wrong or not entry.get("path"):
        raise ValueError(f"a line of it is no entry: {', '.join(wrong) or 'no path'}")
    return entry

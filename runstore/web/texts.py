"""Small text files of runs, read as pages read all files: from where they lie, and from nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from runstore.errors import NotFound
from runstore.query.stored.run import METADATA_FILE, StoredRun
from runstore.web.places import Places, read_begin

# A patch that replaces data files may be of any size; a list of packages or a description of a machine is small.
_MOST_BYTES = 8 << 20


def texts_in(places: Places, most_bytes: int = _MOST_BYTES) -> Callable[[StoredRun, str], str]:
    """Return what reads a file of a run as text, its beginning where it is long; "" where there is none."""

    def text_of(run: StoredRun, name: str) -> str:
        try:
            with places.open(run, "files", name) as file:
                content = read_begin(file, most_bytes)
        except (NotFound, OSError):
            return ""
        return content.decode("utf-8", "replace")

    return text_of


def metadata_of(places: Places, run: StoredRun) -> dict[str, Any] | None:
    """Return what was recorded of machine and program; None where there is nothing."""
    try:
        found = orjson.loads(texts_in(places)(run, METADATA_FILE))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None

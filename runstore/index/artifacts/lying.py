"""Where on this machine the bytes of an artifact's file may be: beside the log that names them, or where it says.

Whoever takes bytes from one of these places checks their digest, and goes on to the next where it is another: a file
that a log of stock's names may have been written to since.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runstore.core.manifest import MD5
from runstore.core.rescued import entry_blob
from runstore.paths import home_folder

BLOBS = "blobs"  # the folder of a run directory, and the one of the cache


@dataclass(frozen=True)
class Wanted:
    """The bytes of one file: their digest as a manifest spells it, their size, and where the log says they lie.

    `run_directory` is where that log is now, "" where nobody knows; `others` are run directories that may hold them.
    """

    digest: str
    size: int | None
    local_path: str
    run_directory: str = ""
    algorithm: str = MD5
    others: Sequence[str] = ()

    @property
    def name(self) -> str | None:
        """Their name where nobody knows the SHA-256 of them, as in the cache; None where the digest is of no bytes."""
        return entry_blob(self.digest, self.algorithm)


def places_here(wanted: Wanted) -> Iterator[Path]:
    """Yield those of them that are on this machine; nobody else is asked."""
    for place in _local_places(wanted):
        if _is_file_of(place, wanted.size):
            yield place


def cache_folder() -> Path:
    """Return the folder of this machine in which bytes are kept that were fetched from elsewhere."""
    return home_folder() / BLOBS


def _local_places(wanted: Wanted) -> Iterator[Path]:
    if wanted.run_directory:
        yield from _blobs_in(wanted.run_directory, wanted)  # run directories are moved
    if os.path.isabs(wanted.local_path):
        yield Path(wanted.local_path)
    if wanted.name is not None:
        yield cache_folder() / wanted.name
    for directory in wanted.others:
        if directory != wanted.run_directory:
            yield from _blobs_in(directory, wanted)


def _blobs_in(directory: str, wanted: Wanted) -> Iterator[Path]:
    name = os.path.basename(wanted.local_path)
    if name not in ("", ".", ".."):
        yield Path(directory, BLOBS, name)
    if wanted.name is not None:
        yield Path(directory, BLOBS, wanted.name)


def _is_file_of(path: Path, size: int | None) -> bool:
    """Whether there is a regular file, of this size where that is known; pipes and devices are never opened."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a NUL in it
        return False
    return stat.S_ISREG(status.st_mode) and size in (None, status.st_size)

"""Where the bytes of an artifact's file are: on this machine (index/artifacts/lying.py), or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runstore.index.artifacts.lying import BLOBS, Wanted, cache_folder, places_here
from runstore.query.artifacts.elsewhere import blob_elsewhere

__all__ = ["BLOBS", "FETCHES", "Fetch", "Wanted", "cache_folder", "places_here", "places_of"]

# Brings the bytes from elsewhere into the folder (which may have to be made), checks their digest, and returns their
# path there; None where they can't be had. Slow ones come last.
Fetch = Callable[[Wanted, Path], Path | None]
FETCHES: list[Fetch] = [blob_elsewhere]


def places_of(wanted: Wanted) -> Iterator[Path]:
    """Yield files that should hold these bytes, the nearest first; those that are no files of this size are left out.

    What is fetched from elsewhere is fetched only when all nearer places are passed by.
    """
    yield from places_here(wanted)
    for fetch in FETCHES:
        fetched = fetch(wanted, cache_folder())
        if fetched is not None:
            yield fetched

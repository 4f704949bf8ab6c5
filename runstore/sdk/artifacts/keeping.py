"""Keep the bytes of what is added to an artifact, and say what they are: the entry of its manifest.

Of a file that is large, and looks like one that the version before has, nothing is copied where it turns out to be the
same: the blob of that version is linked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.blobs.store import Blob, BlobStore, SourceChanged
from runstore.core.manifest import ManifestEntry, hasher, text_of
from runstore.errors import WrongArtifact
from runstore.sdk.artifacts import staging

if TYPE_CHECKING:
    from runstore.sdk.artifacts.claiming import KnownBlob

MAX_READS = 3  # of a file that is written to meanwhile
_LARGE_BYTES = 1 << 20  # below, copying costs less than to look


class EarlierBlobs:
    """The blobs of an artifact's version before this one, by size; looked up once, when the first is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._by_size: dict[int, list[KnownBlob]] | None = None

    def like(self, source: str | Path) -> Sequence[KnownBlob]:
        """Return the blobs that may hold what a file holds; none for a small one."""
        size = os.stat(source).st_size
        recorder = staging.current_recorder()
        if size < _LARGE_BYTES or recorder is None:
            return ()
        if self._by_size is None:
            from runstore.sdk.artifacts.claiming import earlier_blobs

            self._by_size = earlier_blobs(recorder, self._name)
        return self._by_size.get(size, ())


def entry_of(
    source: str | Path | bytes,
    path: str,
    algorithm: str,
    earlier: EarlierBlobs | None = None,
    *,
    skip_cache: bool = False,
) -> ManifestEntry:
    """Keep bytes, or what a file holds now, and return their entry.

    Raises ArtifactRefused where the file can't be read or kept, WrongArtifact where it was written to each time that it
    was read.
    """
    try:
        if isinstance(source, bytes):
            digest = hasher(algorithm)
            blob, text = staging.store().put(source, digest), text_of(digest.digest())
        else:
            blob, text = _kept(source, algorithm, earlier.like(source) if earlier is not None else ())
    except SourceChanged as error:
        raise WrongArtifact(
            f"{os.fspath(error.filename)!r} changed while it was added, {MAX_READS} times; add it when it is complete"
        ) from error
    except OSError as error:
        raise staging.refused(error, f"{path} can't be added") from error
    return ManifestEntry(path, text, size=blob.size, local_path=os.path.abspath(blob.path), skip_cache=skip_cache)


def _kept(source: str | Path, algorithm: str, likely: Sequence[KnownBlob]) -> tuple[Blob, str]:
    """Return the blob of a file's bytes, and their digest; what is stored is always what was hashed."""
    store = staging.store()
    for known in likely:  # what its digest is, that version's manifest says
        linked = store.put_linked(source, known.path) if known.algorithm == algorithm else None
        if linked is not None:
            return linked, known.digest
    for _ in range(MAX_READS - 1):
        try:
            return _copied(store, source, algorithm)
        except SourceChanged:
            pass  # it may be complete by now
    return _copied(store, source, algorithm)


def _copied(store: BlobStore, source: str | Path, algorithm: str) -> tuple[Blob, str]:
    digest = hasher(algorithm)
    return store.put_file(source, digest), text_of(digest.digest())

"""Which bytes of artifacts the hub holds. It knows them by what was delivered, and opens no path that a log names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from runstore.core.manifest import MD5
from runstore.core.rescued import entry_blob
from runstore.errors import NotFound
from runstore.syncd.hub.reader import EntryFacts
from runstore.syncd.hub.storage import Storage
from runstore.syncd.remotes.base import BLOBS, FileEntry
from runstore.syncd.untrusted import is_digest


class Holdings:
    """Finds the blobs of artifacts' entries."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def as_json(self, entries: Iterable[EntryFacts]) -> Iterator[dict[str, Any]]:
        """Yield each entry as clients see it: with the SHA-256 of its bytes, "" where the hub does not hold them."""
        delivered: dict[str, dict[str, FileEntry]] = {}
        for entry in entries:
            if entry.log_id not in delivered:
                blobs = self._storage.files(entry.log_id, BLOBS) if is_digest(entry.log_id) else []
                delivered[entry.log_id] = {blob.path: blob for blob in blobs}
            yield {
                "path": entry.path,
                "digest": entry.digest,
                "size": entry.size,
                "ref": entry.ref,
                "extra": entry.extra,
                "sha256": self._sha256(entry, delivered[entry.log_id]),
            }

    def delivered(self, log_id: str, name: str) -> list[Path]:
        """Return the file, if it is held, that was delivered as `name` beside a log."""
        held = self._storage.held(log_id, name, BLOBS) if is_digest(log_id) else None
        return [] if held is None else [held]

    def named(self, name: str) -> dict[str, Any]:
        """Return the digest and size of a blob that was delivered under this name, as stock tools' are."""
        for blob in self._storage.blobs_named(name):
            if self._storage.blobs.has(blob.sha256):
                return {"sha256": blob.sha256, "size": blob.size}
        raise NotFound(f"no blob {name!r} is held here; its run may still be on the way")

    def _sha256(self, entry: EntryFacts, delivered: dict[str, FileEntry]) -> str:
        if entry.ref:
            return ""
        for name in _names(entry):
            if name in delivered and self._storage.blobs.has(delivered[name].sha256):
                return delivered[name].sha256
            if is_digest(name) and self._storage.blobs.has(name):  # delivered with another run that has the same bytes
                return name
        return ""


def _names(entry: EntryFacts) -> Iterator[str]:
    """Yield the names that the bytes of an entry may have in the blobs folder beside its log."""
    yield PurePosixPath(entry.local_path).name
    rescued = entry_blob(entry.digest, str(entry.extra.get("alg", MD5)))
    if rescued is not None:
        yield rescued

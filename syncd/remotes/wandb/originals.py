"""The files of an artifact as they are here, checked against what its log says of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from runstore.core.manifest import ALGORITHM_KEY, MD5, hasher, text_of
from runstore.errors import RemoteConflict
from runstore.syncd.remotes.runs import ManifestEntry
from runstore.syncd.remotes.wandb.bodies import FileBody, of_file


@dataclass(frozen=True)
class Originals:
    """The files of the artifact `name`. What can't be had of one is a RemoteConflict that names it."""

    name: str

    def body(self, entry: ManifestEntry) -> FileBody:
        """Return the bytes of a file, which are to have the digest that its log says."""
        if entry.source is None:
            raise self.failure(entry, "its bytes can't be had: they are neither with the run nor where it took them")
        with self.reading(entry):
            body = of_file(entry.source)
        if body.size != entry.size:
            raise self.failure(entry, f"{entry.source} has {body.size:,} bytes, and its log says {entry.size:,}")
        return replace(body, digest=entry.digest, algorithm=algorithm_of(entry))

    def body_by_md5(self, entry: ManifestEntry) -> FileBody:
        """Return the same with the MD5 as its digest; all is read for that, where the log says another one."""
        body = self.body(entry)
        if body.algorithm == MD5:
            return body
        whole = hasher(MD5)
        with self.reading(entry):
            for piece in body.pieces():
                whole.update(piece)
        return replace(body, digest=text_of(whole.digest()), algorithm=MD5)

    @contextmanager
    def reading(self, entry: ManifestEntry) -> Iterator[None]:
        """Say which file it was, where one can't be read."""
        try:
            yield
        except OSError as error:
            raise self.failure(entry, f"{entry.source} can't be read ({error.strerror})") from error

    def failure(self, entry: ManifestEntry, why: str) -> RemoteConflict:
        """Return the error to raise for a file."""
        return RemoteConflict(f"artifact {self.name}: {entry.path}: {why}; the artifact was not committed")


def algorithm_of(entry: ManifestEntry) -> str:
    """Return by what the digest of a file is made."""
    return str(entry.extra.get(ALGORITHM_KEY, MD5))


def is_there(entry: ManifestEntry) -> bool:
    """Return whether an entry was taken over from another artifact, with the bytes that the server has of it."""
    return entry.source is None and entry.birth_artifact_id != ""

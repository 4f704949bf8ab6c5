"""What is known of an artifact that was logged by this or another process: its entries, read when they are asked for.

A name is looked up far more often than what is behind it: of an artifact with 10,000 files none is read before somebody
asks for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from runstore.core.manifest import ALGORITHM_KEY, MD5, Manifest, ManifestEntry
from runstore.errors import ArtifactNotLoggedError

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact


SCHEME = "wandb-client-artifact"  # of addresses of entries, in stock's logs too


@dataclass
class StoredEntry(ManifestEntry):
    """An entry of an artifact that was logged. `run_directory` is where the log is that names it; "" if unknown.

    `other_directories` are those of runs that logged the same, and of copies, where its bytes may be, too.
    """

    run_directory: str = ""
    other_directories: tuple[str, ...] = field(default=(), repr=False, compare=False)
    parent: Artifact | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of(cls, entry: ManifestEntry, parent: Artifact) -> StoredEntry:
        """Return the entry as one of an artifact that was logged."""
        known = {each.name: getattr(entry, each.name) for each in fields(entry)}
        return cls(**{**known, "parent": parent})

    def to_json(self) -> dict[str, Any]:
        """Return all that is known of the entry, under W&B's names."""
        return ManifestEntry.to_json(self)

    def parent_artifact(self) -> Artifact:
        """Return the artifact. Raises ArtifactNotLoggedError for an entry that was not asked of one."""
        if self.parent is None:
            raise ArtifactNotLoggedError(f"{self.path}: ask an artifact that was logged for its entry: get_entry(path)")
        return self.parent

    def ref_url(self) -> str:
        """Return an address of this entry, to which entries of other artifacts can refer."""
        return f"{SCHEME}://{self.parent_artifact().client_id}/{self.path}"

    def digest_algorithm(self) -> str:
        """Return MANIFEST_MD5 or MANIFEST_XXH128."""
        return f"MANIFEST_{algorithm_of(self)}"

    def download(self, root: str | None = None, skip_cache: bool | None = None, executor: object = None) -> str:
        """Copy the file to its path below `root`, by default the artifact's own folder; return where it is then.

        A reference is brought there from where it refers to. Otherwise as Artifact.download.
        """
        from runstore.sdk.artifacts.downloading import download_entry

        artifact = self.parent_artifact()
        where = os.path.abspath(root) if root else artifact.default_root()
        return download_entry(self, Path(where), artifact.name)


def entry_at(address: str) -> StoredEntry | None:
    """Return the entry that has this address, by `ref_url`; None where there is none here, or it is no such address."""
    parts = urlsplit(address)
    if parts.scheme != SCHEME:
        return None
    from runstore.query.artifacts.restoring import artifact_of

    artifact = artifact_of(parts.netloc)
    try:
        return None if artifact is None else cast(StoredEntry, artifact.get_entry(parts.path[1:]))
    except KeyError:
        return None


def algorithm_of(entry: ManifestEntry) -> str:
    """Return by which algorithm the digest of an entry's bytes was computed."""
    return str(entry.extra.get(ALGORITHM_KEY, MD5))


class StoredManifest(Manifest):
    """Entries that are read when they are first looked at; what is known before does not need them."""

    def __init__(self, load: Callable[[], Iterable[ManifestEntry]], digest: str, algorithm: str = MD5) -> None:
        # Not by super(): that an algorithm can't be computed here is no reason not to read on.
        self.algorithm, self.storage_region = algorithm, None
        self._load, self._digest = load, digest

    def __getattr__(self, name: str) -> Any:
        if name != "entries":
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        self.entries = {entry.path: entry for entry in self._load()}
        return self.entries

    def digest(self) -> str:
        """Return the digest that the artifact was recorded with."""
        return self._digest

    def __iter__(self) -> Iterator[ManifestEntry]:
        return iter(self.entries.values())

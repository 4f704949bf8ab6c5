"""What is in an artifact, and how to get it: the reading half of Artifact."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from runstore.core.manifest import ManifestEntry, entry_path
from runstore.errors import UsageError
from runstore.sdk.artifacts.names import checked_folder
from runstore.sdk.artifacts.standing import ArtifactStanding
from runstore.sdk.artifacts.stored import StoredEntry
from runstore.sdk.media.base import Media

if TYPE_CHECKING:
    from runstore.query.artifacts.files import ArtifactFiles
    from runstore.sdk.artifacts.artifact import Artifact


class ArtifactReading(ArtifactStanding):
    """Ways to look into an artifact, and to have its files."""

    def __init__(self) -> None:
        super().__init__()
        self._objects: dict[int, tuple[Media, ManifestEntry]] = {}  # by id, which the reference keeps from being reused
        self._added_from: dict[str, str] = {}  # entry by the path of the file that was added

    def get_entry(self, name: str | os.PathLike[str]) -> ManifestEntry:
        """Return the entry at a path, or of the media that were added under this name; raises KeyError for none.

        Of an artifact that was logged, it can be downloaded by itself: `get_entry(path).download(root)`.
        """
        path = entry_path(name)
        entry = self._manifest.get_entry_by_path(path) or self._entry_of_media(path)
        if entry is None:
            raise KeyError(f"{path!r} is not in artifact {self.name}")
        return entry if self.is_draft() else StoredEntry.of(entry, self._itself)

    get_path = get_entry

    def get(self, name: str) -> Media | None:
        """Return the table, picture or other media that were added under this name, or None.

        Where they were added in another process, they are made anew from what the artifact holds.
        """
        path = entry_path(name)
        entry = self._entry_of_media(path)
        if entry is not None:
            return next(obj for obj, added in self._objects.values() if added is entry)
        if self.is_draft():
            return None
        from runstore.sdk.artifacts.media import stored_media

        return stored_media(self._itself, path)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the path that a file has in the artifact which was added from `local_path`, or None."""
        return self._added_from.get(local_path)

    def files(self, names: Sequence[str] | None = None, per_page: int = 50, start: str | None = None) -> ArtifactFiles:
        """Return what is in it, in order of name; with `names`, only these; from the cursor `start` on."""
        self._as_logged("files")
        from runstore.query.artifacts.files import ArtifactFiles

        return ArtifactFiles(self._itself, names, per_page, start)

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return the artifact, whose name tells its version from now on.

        There is nothing to wait for: when log_artifact returned, it is recorded. Raises ArtifactNotLoggedError before.
        """
        self._as_logged("record to wait for")
        self._settled = True
        return self._itself

    # Its files.

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,
    ) -> str:
        """Copy all files to their paths below `root`, several at once, and return where that is.

        `root` is by default a folder with the artifact's name in `./artifacts`, or in WANDB_ARTIFACT_DIR. What else is
        there stays. Each file's digest is checked while it is copied; a file appears when it is whole. References are
        brought from where they refer to; those whose targets are gone are left out with `allow_missing_references`.
        With `path_prefix`, only files whose paths begin so. `skip_cache` and `multipart` mean nothing here.

        Raises ArtifactNotLoggedError; BytesMissing (a FileNotFoundError) and WrongBytes (a ValueError), naming the
        file; DownloadRefused (an OSError) where the disk refuses; WrongArtifact for a record with a path that leads
        out of `root`.
        """
        self._as_logged("files to download")
        where = os.fspath(root) if root else self.default_root()
        prefix = os.fspath(path_prefix or "")
        from runstore.sdk.artifacts.downloading import download

        wanted = [entry for entry in self._manifest if entry.path.startswith(prefix)]
        download(wanted, Path(os.path.abspath(where)), self.source_name, allow_missing_references)
        return where

    def file(self, root: str | None = None) -> str:
        """Download the only file of an artifact, and return its path. Raises WrongFileCount, a ValueError."""
        self._as_logged("file to download")
        entries = list(self._manifest)
        if len(entries) != 1:
            raise WrongFileCount(
                f"artifact {self.name} holds {len(entries):,} files; download() gets them all, "
                "get_entry(path).download() one of them"
            )
        return cast(StoredEntry, self.get_entry(entries[0].path)).download(root)

    def checkout(self, root: str | None = None) -> str:
        """Make `root` hold the artifact's files and nothing else: other files in it are removed.

        `root` is by default a folder with the artifact's name, without the version. Returns where that is; otherwise
        as `download`.
        """
        self._as_logged("files to check out")
        where = root or self.default_root(include_version=False)
        from runstore.sdk.artifacts.checking import remove_others

        remove_others(self._manifest, Path(os.path.abspath(where)))
        return self.download(where)

    def verify(self, root: str | None = None) -> None:
        """Check that `root`, by default where `download` puts it, holds the artifact's files and nothing else.

        Raises WrongBytes (a ValueError), naming a file that is missing, another, or not the artifact's.
        """
        self._as_logged("files to verify")
        from runstore.sdk.artifacts.checking import verify

        unchecked = verify(self._manifest, Path(os.path.abspath(root or self.default_root())), self.name)
        if unchecked:
            from runstore.sdk.functions import termwarn

            termwarn(f"artifact {self.name}: {unchecked:,} references are not verified")

    def default_root(self, include_version: bool = True) -> str:
        """Return where `download` puts the files if nothing is said.

        Raises WrongArtifact for a name that leads elsewhere: a log that somebody else wrote can say any.
        """
        above = os.environ.get("WANDB_ARTIFACT_DIR") or os.path.join(".", "artifacts")
        source = self._source()
        checked_folder(source.name)
        return os.path.join(os.path.abspath(above), source.versioned if include_version else source.name)

    @property
    def _itself(self) -> Artifact:
        return cast("Artifact", self)

    def _entry_of_media(self, name: str) -> ManifestEntry | None:
        for obj, entry in self._objects.values():
            if entry.path in (name, with_suffix(name, obj)):
                return entry
        return None


class WrongFileCount(UsageError, ValueError):
    """The one file of an artifact that holds none, or several. A ValueError too, as with W&B's library."""


def with_suffix(name: str, obj: Any) -> str:
    """Return the name of the entry that media have in an artifact: with what tells their kind."""
    suffix = f"{obj.log_type}.json"
    return name if name.endswith(suffix) else f"{name}.{suffix}"

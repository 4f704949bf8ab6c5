"""Media of an artifact that was logged, made anew from its JSON and its files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.core.manifest import ManifestEntry
from runstore.sdk.artifacts.downloading import download_to
from runstore.sdk.artifacts.landing import clear_stale
from runstore.sdk.artifacts.stored import entry_at
from runstore.sdk.media.base import Media
from runstore.sdk.media.restoring import TYPES, restored_media

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact


def stored_media(artifact: Artifact, name: str) -> Media | None:
    """Return the media that were added under this name; None where there are none.

    Files of theirs are downloaded to where `download` puts the artifact. Raises what that raises, and WrongMedia.
    """
    for kind in TYPES:
        suffix = f"{kind}.json"
        entry = artifact.manifest.get_entry_by_path(name if name.endswith(suffix) else f"{name}.{suffix}")
        if entry is not None:
            return _Folder(artifact).media(entry.path)
    return None


class _Folder:
    """An artifact as media see it that are made anew: its files are brought here when they are asked for."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._root = Path(artifact.default_root())
        self._cleared: set[Path] = set()
        self._made: dict[str, Media] = {}

    def file(self, path: str) -> Path:
        """Return where the file at `path` lies."""
        entry = self._entry(path)
        target = self._root / entry.path
        if target.parent not in self._cleared:  # once a folder: one may hold thousands of pictures
            clear_stale(target.parent)
            self._cleared.add(target.parent)
        download_to(entry, target, name=self._artifact.name)
        return target

    def address(self, path: str) -> str | None:
        """Return what is referred to at `path`."""
        return self._entry(path).ref

    def media(self, path: str) -> Media:
        """Return the media whose JSON is at `path`, each once; of a reference, the other artifact's."""
        entry = self._entry(path)
        if entry.path not in self._made:
            elsewhere = _referred(entry)
            self._made[entry.path] = elsewhere if elsewhere is not None else self._anew(entry)
        return self._made[entry.path]

    def _anew(self, entry: ManifestEntry) -> Media:
        said = json.loads(self.file(entry.path).read_bytes())
        made = restored_media(said, self)
        made.__dict__["kept_in"] = self._artifact, entry.path
        return made

    def _entry(self, path: str) -> ManifestEntry:
        return self._artifact.get_entry(os.fspath(path))


def _referred(entry: ManifestEntry) -> Media | None:
    """Return the media that an entry refers to in another artifact; None for an entry with bytes of its own."""
    other = entry_at(entry.ref or "")
    return None if other is None else stored_media(other.parent_artifact(), other.path)

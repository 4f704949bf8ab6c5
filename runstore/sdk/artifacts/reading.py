"""What is in an artifact, and what can be asked of it once it was logged: the reading half of Artifact."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runstore.core.manifest import ManifestEntry, entry_path
from runstore.sdk.artifacts.facts import ArtifactFacts
from runstore.sdk.media.base import Media

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact


class ArtifactReading(ArtifactFacts):
    """Ways to look into an artifact."""

    def __init__(self) -> None:
        super().__init__()
        self._objects: dict[int, tuple[Media, ManifestEntry]] = {}  # by id, which the reference keeps from being reused
        self._added_from: dict[str, str] = {}  # entry by the path of the file that was added

    def get_entry(self, name: str | os.PathLike[str]) -> ManifestEntry:
        """Return the entry at a path, or of the media that were added under this name. Raises KeyError for none."""
        path = entry_path(name)
        entry = self._manifest.get_entry_by_path(path) or self._entry_of_media(path)
        if entry is None:
            raise KeyError(f"{path!r} is not in artifact {self.name}")
        return entry

    get_path = get_entry

    def get(self, name: str) -> Media | None:
        """Return the media that were added under this name, or None."""
        entry = self._entry_of_media(entry_path(name))
        return next((obj for obj, added in self._objects.values() if added is entry), None)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the path that a file has in the artifact which was added from `local_path`, or None."""
        return self._added_from.get(local_path)

    def wait(self, timeout: int | None = None) -> Artifact:
        """Return the artifact: when log_artifact returned, it is recorded. Raises ArtifactNotLoggedError before."""
        self._as_logged("record to wait for")
        return self  # type: ignore[return-value]

    def _entry_of_media(self, name: str) -> ManifestEntry | None:
        for obj, entry in self._objects.values():
            if entry.path in (name, with_suffix(name, obj)):
                return entry
        return None


def with_suffix(name: str, obj: Media) -> str:
    """Return the name of the entry that media have in an artifact: with what tells their kind."""
    suffix = f"{obj.log_type}.json"
    return name if name.endswith(suffix) else f"{name}.{suffix}"

"""The part of `runstore.Api` that is about artifacts: by name, of a collection, of a type."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from runstore.core.artifactname import parse_artifact_name
from runstore.core.moves import CollectionPath
from runstore.errors import ArtifactNotFound, UsageError
from runstore.index.database import index_path
from runstore.query.artifacts.collections import (
    ArtifactCollection,
    ArtifactCollections,
    Artifacts,
    ArtifactType,
    ArtifactTypes,
    collection_named,
    types_of,
)
from runstore.query.artifacts.registry import Registry
from runstore.query.artifacts.restoring import artifact_in

if TYPE_CHECKING:
    from pathlib import Path

    from runstore.index.indexer import Indexer
    from runstore.sdk.artifacts.artifact import Artifact


class ArtifactApi:
    """What can be asked of artifacts. Names without an entity or project mean those of the settings."""

    settings: dict[str, str | None]
    _indexer: Indexer

    def artifact(self, name: str, type: str | None = None) -> Artifact:  # noqa: A002 - W&B's name for it
        """Return one version, "[[entity/]project/]name[:alias]", with an alias such as latest (the default) or v3.

        Raises ArtifactNotFound (a CommError), naming the nearest, and WrongArtifact (a ValueError) for what is no name,
        or of another `type`.
        """
        return artifact_in(self._registry(), name, *self._defaults(), type, self._index)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:  # noqa: A002
        """Return whether there is such a version; otherwise as `artifact`."""
        try:
            self.artifact(name, type)
        except ArtifactNotFound:
            return False
        return True

    def artifacts(
        self,
        type_name: str,
        name: str,
        order: str | None = None,
        per_page: int = 50,
        tags: list[str] | None = None,
        start: str | None = None,
    ) -> Artifacts:
        """Return the versions of "[[entity/]project/]name", the newest first; last with an `order` like +createdAt.

        With `tags`, only those that have all of them; from the cursor `start` on. Raises ArtifactNotFound.
        """
        path = self.artifact_collection(type_name, name).path
        newest_first = not (order or "-").startswith("+")
        return Artifacts(path, per_page, tags or (), start, newest_first, self._index)

    def artifact_versions(self, type_name: str, name: str, per_page: int = 50) -> Artifacts:
        """Return the versions of a collection; the older name of `artifacts`."""
        return self.artifacts(type_name, name, per_page=per_page)

    def artifact_collection(self, type_name: str, name: str) -> ArtifactCollection:
        """Return the collection "[[entity/]project/]name". Raises ArtifactNotFound."""
        return collection_named(self._collection_path(name), type_name, self._index)

    def artifact_collection_exists(self, name: str, type: str) -> bool:  # noqa: A002
        """Return whether there is such a collection."""
        try:
            self.artifact_collection(type, name)
        except ArtifactNotFound:
            return False
        return True

    def artifact_collections(
        self,
        project_name: str,
        type_name: str,
        order: str | None = None,
        per_page: int = 50,
        start: str | None = None,
    ) -> ArtifactCollections:
        """Return the collections of one type in a project, "[entity/]project"."""
        return self.artifact_type(type_name, project_name).collections(None, order, per_page, start)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Return one type of artifacts in a project, "[entity/]project"."""
        entity, project = self._project_path(project)
        return ArtifactType(entity, project, type_name, self._index)

    def artifact_types(self, project: str | None = None, start: str | None = None) -> ArtifactTypes:
        """Return the types of artifacts in a project, in order of name."""
        entity, project = self._project_path(project)
        return types_of(entity, project, start=start, index=self._index)

    def _registry(self) -> Registry:
        """Return what is known now."""
        known = Registry(self._indexer)
        known.catch_up()
        return known

    @property
    def _index(self) -> Path | None:
        """The index that was asked for; None: this machine's, beside which hubs may be asked."""
        return None if self._indexer.path == index_path() else self._indexer.path

    def _defaults(self) -> tuple[str, str]:
        """Return the entity and project of names that name none."""
        entity = self.settings["entity"] or os.environ.get("WANDB_ENTITY") or ""
        return entity, self.settings["project"] or os.environ.get("WANDB_PROJECT") or ""

    def _project_path(self, path: str | None) -> tuple[str, str]:
        parts = [part for part in (path or "").split("/") if part]
        if len(parts) > 2:
            raise UsageError(f"{path!r} is no project's path; write entity/project or project")
        entity, project = self._defaults()
        entity, project = [*(entity, project)[: 2 - len(parts)], *parts]
        return CollectionPath.of(entity, project, "")[:2]

    def _collection_path(self, name: str) -> CollectionPath:
        wanted = parse_artifact_name(name.partition(":")[0])
        entity, project = self._defaults()
        return CollectionPath.of(wanted.entity or entity, wanted.project or project, wanted.collection)

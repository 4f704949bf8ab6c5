"""Types of artifacts and collections of versions, as W&B's API shows them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from runstore.core.moves import CollectionPath
from runstore.errors import ArtifactNotFound, UsageError
from runstore.query.artifacts.registry import Registry, Version
from runstore.query.artifacts.restoring import registry, restored
from runstore.query.artifacts.standing import iso
from runstore.query.stored.pages import Pages, loaded

if TYPE_CHECKING:
    from runstore.sdk.artifacts.artifact import Artifact


class Artifacts(Pages["Artifact"]):
    """Versions of one collection, the newest first."""

    def __init__(
        self, path: CollectionPath, per_page: int, tags: Collection[str] = (), start: str | None = None,
        newest_first: bool = True, index: Path | None = None,
    ) -> None:  # fmt: skip
        self.collection = path.name
        self._path, self._tags, self._start = path, set(tags), int(start or 0)
        self._newest_first, self._index = newest_first, index
        super().__init__(self._versions, self._artifacts, per_page)

    def _versions(self) -> Sequence[Version]:
        with registry(self._index) as known:
            found = known.versions(self._path)
            if self._tags:
                found = [each for each in found if self._tags <= set(restored(known, each).tags)]
        return (found if self._newest_first else found[::-1])[self._start :]

    def _artifacts(self, versions: Sequence[Version]) -> list[Artifact]:
        with registry(self._index) as known:
            return [restored(known, version, self._index) for version in versions]

    def __repr__(self) -> str:
        return f"<Artifacts {self._path} ({len(self)})>"


class ArtifactCollection:
    """All versions of one name in a project. What is said of it is that of its versions."""

    def __init__(self, path: CollectionPath, kind: str, index: Path | None = None) -> None:
        self._path, self._kind, self._index = path, kind, index

    @property
    def path(self) -> CollectionPath:
        """Entity, project and name."""
        return self._path

    @property
    def id(self) -> str:
        """What names the collection among all."""
        return str(self._path)

    @property
    def name(self) -> str:
        """The name, without a version."""
        return self._path.name

    @property
    def entity(self) -> str:
        """The entity; "" where none was given."""
        return self._path.entity

    @property
    def project(self) -> str:
        """The project."""
        return self._path.project

    @property
    def type(self) -> str:
        """Such as "dataset" or "model"."""
        return self._kind

    @property
    def aliases(self) -> list[str]:
        """All aliases of its versions, in order."""
        return sorted({alias for version in self._versions for alias in version.aliases})

    @property
    def tags(self) -> list[str]:
        """All tags of its versions, in order."""
        return sorted({tag for artifact in self.artifacts() for tag in artifact.tags})

    @property
    def description(self) -> str | None:
        """The description of its newest version."""
        newest = next(iter(self.artifacts()), None)
        return None if newest is None else newest.description

    @property
    def created_at(self) -> str:
        """When its first version was made: ISO 8601, UTC."""
        return iso(self._versions[-1].created_ns)

    @property
    def updated_at(self) -> str | None:
        """When its newest version was made: ISO 8601, UTC."""
        return iso(self._versions[0].created_ns)

    def is_sequence(self) -> bool:
        """Whether its versions were logged to it; else they were linked."""
        return not all(version.linked for version in self._versions)

    def artifacts(self, per_page: int = 50, start: str | None = None) -> Artifacts:
        """Return its versions, the newest first."""
        return Artifacts(self._path, per_page, start=start, index=self._index)

    versions = artifacts

    def delete(self) -> None:
        """Take out all of its versions; their numbers stay taken, their bytes stay in the runs that logged them."""
        for artifact in self.artifacts():
            artifact.delete(delete_aliases=True)
        self.__dict__.pop("_versions", None)

    @cached_property
    def _versions(self) -> list[Version]:
        with registry(self._index) as known:
            found = known.versions(self._path)
        if not found:
            raise ArtifactNotFound(f"artifact collection {self._path} has no versions (any more)")
        return found

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name} ({self.type})>"


class ArtifactCollections(Pages[ArtifactCollection]):
    """Collections in order of name."""

    def __init__(self, found: Sequence[ArtifactCollection], per_page: int) -> None:
        super().__init__(*loaded(found, per_page))


class ArtifactType:
    """The collections of one type in a project."""

    def __init__(self, entity: str, project: str, kind: str, index: Path | None = None) -> None:
        self.entity, self.project, self.type, self._index = entity, project, kind, index

    @property
    def id(self) -> str:
        """What names the type among all."""
        return "/".join(part for part in (self.entity, self.project, self.type) if part)

    @property
    def name(self) -> str:
        """Such as "dataset" or "model"."""
        return self.type

    def collections(
        self, filters: object = None, order: str | None = None, per_page: int = 50, start: str | None = None
    ) -> ArtifactCollections:
        """Return the collections in order of name, or backwards with an `order` that begins with -.

        Raises UsageError for `filters`, which only W&B's servers know.
        """
        return collections_of(self.entity, self.project, self.type, filters, order, per_page, start, self._index)

    def collection(self, name: str) -> ArtifactCollection:
        """Return one collection. Raises ArtifactNotFound."""
        return collection_named(CollectionPath.of(self.entity, self.project, name), self.type, self._index)

    def __repr__(self) -> str:
        return f"<ArtifactType {self.type}>"


class ArtifactTypes(Pages[ArtifactType]):
    """Types in order of name."""

    def __init__(self, found: Sequence[ArtifactType], per_page: int = 50) -> None:
        super().__init__(*loaded(found, per_page))


def types_of(
    entity: str, project: str, per_page: int = 50, start: str | None = None, index: Path | None = None
) -> ArtifactTypes:
    """Return the types of a project's artifacts, in order of name, from the cursor `start` on."""
    with registry(index) as known:
        found = known.types(entity, project)[int(start or 0) :]
    return ArtifactTypes([ArtifactType(entity, project, kind, index) for kind in found], per_page)


def collections_of(
    entity: str,
    project: str,
    kind: str | None,
    filters: object = None,
    order: str | None = None,
    per_page: int = 50,
    start: str | None = None,
    index: Path | None = None,
) -> ArtifactCollections:
    """Return the collections of a project, of one type or of all; see ArtifactType.collections."""
    if filters:
        raise UsageError("collections are not filtered here: leave `filters` out, and choose among them")
    with registry(index) as known:
        paths = known.collections(entity, project, kind)
        found = [ArtifactCollection(path, kind or _type_of(known, path), index) for path in paths]
    if order and order.startswith("-"):
        found.reverse()
    return ArtifactCollections(found[int(start or 0) :], per_page)


def collection_named(path: CollectionPath, kind: str | None, index: Path | None) -> ArtifactCollection:
    """Return a collection; raises ArtifactNotFound where there is none of this type, naming those that there are."""
    with registry(index) as known:
        path = _of_any_entity(known.connection, path)
        found = known.versions(path)
        others = [str(other) for other in known.collections(path.entity, path.project, kind)]
    if not found or (kind is not None and found[-1].type != kind):
        there = f"; there are {', '.join(others[:5])}" if others else ""
        raise ArtifactNotFound(f"there is no artifact collection {path} of type {kind!r}{there}")
    return ArtifactCollection(path, found[-1].type, index)


def _of_any_entity(connection: sqlite3.Connection, path: CollectionPath) -> CollectionPath:
    """Return the only collection with this project and name, where no entity is given."""
    if path.entity:
        return path
    query = "SELECT entity FROM collections WHERE project = ? AND name = ?"
    found = [entity for (entity,) in connection.execute(query, (path.project, path.name))]
    return path._replace(entity=found[0]) if len(found) == 1 else path


def _type_of(known: Registry, path: CollectionPath) -> str:
    return next((version.type for version in known.versions(path)), "")

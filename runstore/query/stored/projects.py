"""The projects that runs are in."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runstore.core.times import iso
from runstore.index.connection import IndexConnection

if TYPE_CHECKING:
    from runstore.query.artifacts.collections import ArtifactCollections, ArtifactTypes


@dataclass(frozen=True)
class Project:
    """One project of one entity; `created_at` is when its first run was begun."""

    entity: str
    name: str
    created_at: str
    run_count: int
    index: Path | None = field(default=None, repr=False, compare=False)  # that knows it; None: this machine's

    @property
    def id(self) -> str:
        """What names the project among all."""
        return "/".join(self.path)

    @property
    def path(self) -> list[str]:
        """Entity and name, without an empty entity."""
        return [part for part in (self.entity, self.name) if part]

    def artifacts_types(self, per_page: int = 50) -> ArtifactTypes:
        """Return the types of the project's artifacts, in order of name."""
        from runstore.query.artifacts.collections import types_of

        return types_of(self.entity, self.name, per_page, index=self.index)

    def collections(
        self, filters: Mapping[str, Any] | None = None, order: str | None = None, per_page: int = 50
    ) -> ArtifactCollections:
        """Return the project's collections of artifacts, of whatever type; see ArtifactType.collections."""
        from runstore.query.artifacts.collections import collections_of

        return collections_of(self.entity, self.name, None, filters, order, per_page, index=self.index)

    def __repr__(self) -> str:
        return f"<Project {self.id}>"


def projects_of(connection: sqlite3.Connection, entity: str | None = None) -> list[Project]:
    """Return the projects of an entity, or of all (None), in order of name."""
    where = "" if entity is None else " WHERE entity = ?"
    found = connection.execute(
        f"SELECT entity, project, min(created_at), count(*) FROM runs{where} GROUP BY entity, project"
        " ORDER BY entity, project",
        () if entity is None else (entity,),
    )
    index = connection.path if isinstance(connection, IndexConnection) else None
    return [Project(entity, name, iso(began), count, index) for entity, name, began, count in found]

"""The projects that runs are in."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from runstore.core.times import iso


@dataclass(frozen=True)
class Project:
    """One project of one entity; `created_at` is when its first run was begun."""

    entity: str
    name: str
    created_at: str
    run_count: int

    @property
    def id(self) -> str:
        """What names the project among all."""
        return "/".join(self.path)

    @property
    def path(self) -> list[str]:
        """Entity and name, without an empty entity."""
        return [part for part in (self.entity, self.name) if part]

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
    return [Project(entity, name, iso(began), count) for entity, name, began, count in found]

"""What the index says of one version of a collection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runstore.core.identity import RunPath
from runstore.core.moves import CollectionPath


@dataclass(frozen=True)
class Version:
    """One version of a collection; `log`, `place` and `path` say where its facts are: rows, and the run log.

    `aliases` are in order, without `v3`; `run` logged it first, and is called `run_name`. `linked` says that it belongs
    to another collection.
    """

    collection: CollectionPath
    number: int
    type: str
    client_id: str
    digest: str
    created_ns: int
    aliases: tuple[str, ...]
    linked: bool
    log: int
    place: int
    path: Path
    run: RunPath
    run_name: str

    @property
    def name(self) -> str:
        """Such as `model:v3`."""
        return f"{self.collection.name}:v{self.number}"

    @property
    def qualified_name(self) -> str:
        """Such as `entity/project/model:v3`."""
        return f"{self.collection}:v{self.number}"


_VERSIONS = (
    "SELECT c.entity, c.project, c.name, v.number, v.type, v.client_id, v.digest, v.created_ns, v.linked, v.log,"
    " v.place, l.path, r.entity, r.project, r.run_id, r.name, v.collection"
    " FROM versions AS v JOIN collections AS c ON c.id = v.collection JOIN logs AS l ON l.id = v.log"
    " JOIN runs AS r ON r.id = l.run WHERE v.removed = 0 AND "
)
# Aliases of so many versions are read one by one; of more, those of the collection at once.
_FEW = 8


def versions_where(connection: sqlite3.Connection, where: str, arguments: Sequence[object]) -> list[Version]:
    """Return the versions, none that were removed, that fulfil a condition on `v` (of the table `versions`)."""
    rows = connection.execute(_VERSIONS + where, tuple(arguments)).fetchall()
    by_version = _aliases(connection, [(row[16], row[3]) for row in rows])
    return [
        Version(
            CollectionPath(row[0], row[1], row[2]),
            *(row[3], row[4], row[5], row[6], row[7]),
            tuple(sorted(by_version.get((row[16], row[3]), ()))),
            bool(row[8]),
            *(row[9], row[10]),
            Path(row[11]),
            RunPath(row[12], row[13], row[14]),
            row[15] or row[14],
        )
        for row in rows
    ]


def versions_of(connection: sqlite3.Connection, client_id: str) -> list[Version]:
    """Return the versions that an artifact is: the one that it was logged as, and then those that it was linked as."""
    members = connection.execute("SELECT collection, number FROM members WHERE client_id = ?", (client_id,)).fetchall()
    where = "v.collection = ? AND v.number = ?"
    found = [version for key in members for version in versions_where(connection, where, key)]
    return sorted(found, key=lambda version: (version.linked, version.created_ns, version.collection))


def _aliases(connection: sqlite3.Connection, versions: list[tuple[int, int]]) -> dict[tuple[int, int], list[str]]:
    """Return the aliases of versions, by row of the collection and number."""
    found: dict[tuple[int, int], list[str]] = {}
    if len(versions) <= _FEW:
        for key in versions:
            said = connection.execute("SELECT alias FROM aliases WHERE collection = ? AND number = ?", key)
            found[key] = [alias for (alias,) in said]
        return found
    for collection in {collection for collection, _ in versions}:
        said = connection.execute("SELECT number, alias FROM aliases WHERE collection = ?", (collection,))
        for number, alias in said:
            found.setdefault((collection, number), []).append(alias)
    return found
